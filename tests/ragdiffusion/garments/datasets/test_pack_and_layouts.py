"""The one interface over all stores: real folder, table, pack, drawn garments; and what is wrong with a store."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from ragdiffusion.garments.datasets import SyntheticDataset, garments_of, open_dataset, unpack, write_pack
from ragdiffusion.garments.datasets.duplicates import first_of_each, picture_hash, same_picture
from ragdiffusion.garments.datasets.layouts import table
from ragdiffusion.garments.datasets.summary import contact_sheet, counts
from ragdiffusion.garments.garment import load_garments
from ragdiffusion.garments.real import RealPairs


@pytest.fixture(scope="module")
def real(shop, tmp_path_factory):
    """A folder like that of the real garments: photo and mask of one size."""
    root = tmp_path_factory.mktemp("garments")
    rows = ["split,category,id,width,height,box_x,box_y,box_w,box_h,symmetry"]
    for seed in range(5):
        pair = shop.drawn(seed)
        shop.save(root / "train" / "dress" / f"g{seed}.jpg", shop.upright(pair.standard, 200))
        shop.save(root / "train" / "dress" / f"g{seed}.png", shop.upright(pair.silhouette, 0))
        rows.append(f"train,dress,g{seed},128,170,0,0,1,1,0.9{seed}")
    (root / "train.csv").write_text("\n".join(rows) + "\n")
    return root


def test_real_garments_are_those_of_the_folders_own_reader(real):
    ours, theirs = list(garments_of(real, 96)), load_garments(real, "train", 96)
    assert len(ours) == 5
    for a, b in zip(ours, theirs, strict=True):
        assert (a.name, a.category, a.symmetry) == (b.name, b.category, b.symmetry)
        for key in ("cloth", "alpha", "photo", "photo_mask"):
            assert np.abs(getattr(a, key).astype(int) - getattr(b, key)).max() <= 2, key
        np.testing.assert_allclose(a.photo_map, b.photo_map, atol=1e-4)
    sample = open_dataset(real, 96)[2]
    assert sample.attributes == {"category": "Dress"} and "dress" in sample.caption
    assert [g.name for g in garments_of(real, 96, limit=2)] == ["g0", "g4"]


def test_a_pack_carries_everything_in_small_shards(real, tmp_path):
    source = open_dataset(real, 96)
    done = write_pack(source, tmp_path / "pack", shard_bytes=40_000)
    shards = sorted((tmp_path / "pack").glob("shard-*.tar"))
    assert done.pairs == 5 and done.shards == len(shards) > 1
    assert all(path.stat().st_size <= 40_000 for path in shards)
    packed = open_dataset(tmp_path / "pack", 96)
    for a, b in zip(source, packed, strict=True):
        assert (a.name, a.attributes, a.caption) == (b.name, b.attributes, b.caption)
        assert np.array_equal(a.photo, b.photo) and np.array_equal(a.standard, b.standard)
    pairs = RealPairs(list(garments_of(tmp_path / "pack", 96)))
    assert pairs.sample(np.random.default_rng(0)).photo.shape == (96, 96, 3)
    assert unpack(tmp_path / "pack", tmp_path / "folder") == 5
    for a, b in zip(source, open_dataset(tmp_path / "folder", 96), strict=True):
        assert np.array_equal(a.standard, b.standard) and np.array_equal(a.silhouette, b.silhouette)


def test_a_smaller_pack_holds_smaller_pictures(real, tmp_path):
    write_pack(open_dataset(real, 96), tmp_path / "pack", side=64)
    packed = open_dataset(tmp_path / "pack", 96)
    content = np.frombuffer(packed.read(packed.records[0].photo), np.uint8)
    assert max(cv2.imdecode(content, cv2.IMREAD_COLOR).shape[:2]) == 64


def test_a_damaged_or_half_written_pack_is_refused(real, tmp_path):
    out = tmp_path / "pack"
    write_pack(open_dataset(real, 96), out)
    with pytest.raises(ValueError, match="holds manifest.json already"):
        write_pack(open_dataset(real, 96), out)
    shard = out / "shard-00000.tar"
    whole = shard.read_bytes()
    shard.write_bytes(whole[:3000] + b"!" + whole[3001:])
    with pytest.raises(ValueError, match="shard-00000.tar is damaged"):
        open_dataset(out, 96)
    (out / "manifest.json").unlink()
    with pytest.raises(ValueError, match="holds no dataset that is known"):
        open_dataset(out, 96)
    assert write_pack(open_dataset(real, 96), out).pairs == 5  # what an interruption left is begun anew
    with pytest.raises(ValueError, match="MiB, a shard 0.0: pack it smaller"):
        write_pack(open_dataset(real, 96), tmp_path / "tiny", shard_bytes=12_000)


def test_drawn_garments_are_the_same_for_the_same_number():
    a, b = SyntheticDataset(64, length=5), SyntheticDataset(64)
    assert len(a) == 5 and len(b) == 1 << 40 and a.name(3) == "synthetic-3"
    assert np.array_equal(a[3].photo, b[3].photo) and a[3].caption == b[3].caption
    assert SyntheticDataset(64, "test").name(0) == f"synthetic-{1 << 41}"
    with pytest.raises(IndexError, match="no sample 5"):
        a[5]
    with pytest.raises(ValueError, match="no split 'val'"):
        SyntheticDataset(64, "val")


def test_a_table_of_pairs_with_its_wrong_rows(shop, tmp_path):
    shop.table(
        tmp_path,
        [
            {
                "photo": "ä 1 worn.jpg",
                "standard": "ä 1 flat.png",
                "category": "Polo",
                "collar": "polo",
                "split": "test",
            },
            {"photo": "ä 1 worn.jpg", "standard": "gone.png", "name": "b"},
            {"photo": "ä 1 worn.jpg", "name": "c"},
            {"photo": "ä 1 worn.jpg", "standard": "ä 1 flat.png", "name": "d", "collar": "Round-ish"},
            {"photo": "ä 1 worn.jpg", "standard": "ä 1 flat.png", "category": "my tops"},
        ],
        {"ä 1": 2},
    )
    listing = table(tmp_path)
    reasons = {problem.file: problem.reason for problem in listing.problems}
    assert set(reasons) == {"gone.png", "pairs.csv, line 4", "pairs.csv, line 5", "ä 1 worn.jpg"}
    assert reasons["gone.png"] == "missing; pairs.csv, line 3 names it"
    assert "one half only" in reasons["pairs.csv, line 4"] and "'Round-ish'" in reasons["pairs.csv, line 5"]
    assert "a second pair is named 'ä 1 worn'" in reasons["ä 1 worn.jpg"]
    (record,) = listing.records
    assert record.attributes == {"category": "Polo", "collar": "Polo"} and record.split == "test"
    sample = open_dataset(tmp_path, 96, split="test")[0]
    assert sample.category == "Polo" and sample.silhouette.max() == 255 and "polo" in sample.caption
    with pytest.raises(ValueError, match="no pairs in the split 'val'; splits there: test"):
        open_dataset(tmp_path, 96, split="val")


def test_a_table_with_an_unknown_column_or_line_is_refused_or_named(tmp_path):
    (tmp_path / "pairs.csv").write_text("photo,standart\na.jpg,b.jpg\n")
    with pytest.raises(ValueError, match=r"unknown columns \['standart'\]"):
        table(tmp_path)
    rows = ["{", json.dumps({"photo": 3}), json.dumps([]), json.dumps({"photo": "a", "attributes": "red"})]
    rows.append("[" * 100_000)
    (tmp_path / "t.jsonl").write_text("\n".join(rows))
    reasons = [problem.reason for problem in table(tmp_path / "t.jsonl").problems]
    assert "not JSON" in reasons[0] and reasons[1] == "photo is 3: a text was wanted"
    assert "object was wanted" in reasons[2] and "attributes is a str" in reasons[3] and "not JSON" in reasons[4]


def test_an_index_that_names_files_outside_is_refused(tmp_path):
    row = {"name": "a", "split": "train", "category": "x", "photo": "../../secret.jpg"}
    (tmp_path / "index.jsonl").write_text(json.dumps(row) + "\n")
    (tmp_path / "dataset.json").write_text(json.dumps({"schema": 1, "pairs": 1}))
    with pytest.raises(ValueError, match="lies outside the dataset"):
        open_dataset(tmp_path, 64)


def test_hashes_and_pixels_tell_the_same_from_the_alike(shop):
    a = cv2.resize(shop.drawn(1).standard, (96, 96), interpolation=cv2.INTER_AREA)
    noisy = np.clip(a + np.random.default_rng(0).normal(size=a.shape) * 3, 0, 255).astype(np.uint8)
    other_colour = a.copy()
    other_colour[(a < 250).any(-1), 0] += 128  # half-way round
    distance = int(np.unpackbits(picture_hash(a) ^ picture_hash(noisy)).sum())
    assert distance < 30 and same_picture(a, noisy)
    assert not same_picture(a, other_colour) and not same_picture(a, shop.drawn(2).standard[:96, :96])
    assert first_of_each([(0, 4), (2, 3), (3, 4), (7, 8)]) == {2: 0, 3: 0, 4: 0, 8: 7}


def test_counts_and_the_contact_sheet(real):
    dataset = open_dataset(real, 64)
    found = counts(dataset.records)
    assert found["pairs"] == 5 and found["splits"] == {"train": 5} and found["categories"] == {"dress": 5}
    assert found["attributes"] == {"category": {"Dress": 5}} and found["silhouettes"] == {"cut out": 5}
    assert found["straight"] == 1.0 and found["photo_masks"] == 5
    sheet = contact_sheet(dataset, cell=64, columns=2)
    assert sheet.size == (2 * (192 + 6) + 6, 3 * (64 + 15 + 6) + 6)
    assert np.array_equal(np.asarray(sheet)[6:70, 70:134], dataset[0].standard)
    with pytest.raises(ValueError, match="sheet of 0 samples"):
        contact_sheet([], cell=64, columns=2)
