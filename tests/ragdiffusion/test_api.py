"""The model as its user holds it, over tiny random weights."""

from __future__ import annotations

import shutil
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from ragdiffusion.api import KEPT_NEIGHBOURS, GenerationCancelled, RAGDiffusion
from ragdiffusion.attributes import ATTRIBUTES, UNKNOWN
from ragdiffusion.bank import Bank, NewEntry
from ragdiffusion.bank.patterns import PatternSpec
from ragdiffusion.bank.shape_bits import bits_overlap, mirror_symmetry, shape_bits
from ragdiffusion.garments.patterns import draft
from ragdiffusion.images import decode_silhouettes, encode_silhouette, load_photo, photo_to_array
from ragdiffusion.retrieval.ranking import (
    LAID_WEIGHTS,
    RANKED_DEPTH,
    SYMMETRY_WEIGHT,
)
from ragdiffusion.structure.framing import laid_over, silhouette_frame


def _pixels(result) -> np.ndarray:
    return np.asarray(result.image).astype(int)


@pytest.fixture(scope="module")
def photo(make_photo) -> Image.Image:
    return make_photo(3)


@pytest.fixture(scope="module")
def guide(tiny_model, photo):
    return tiny_model.retrieve(photo)


def test_the_five_lines(tiny_checkpoint, photo_path, tmp_path) -> None:
    from ragdiffusion import RAGDiffusion

    model = RAGDiffusion.from_pretrained(tiny_checkpoint)
    guide = model.retrieve(str(photo_path), k=4, alpha=0.5)
    result = model.generate(str(photo_path), guide, seed=0)
    result.image.save(tmp_path / "flat.png")
    with Image.open(tmp_path / "flat.png") as flat:
        assert flat.size == (64, 64) and flat.mode == "RGB"


def test_a_landmark_drawn_from_a_pattern_keeps_its_edge_at_any_size(tiny_checkpoint, photo, tmp_path) -> None:
    skirt = draft("skirt", {"hem": 80})
    stored = encode_silhouette(torch.from_numpy(skirt.rasterise(512)).float() / 255)
    shutil.copy(tiny_checkpoint / "bank.sqlite3", tmp_path / "bank.sqlite3")
    model = RAGDiffusion.from_pretrained(tiny_checkpoint, bank=tmp_path / "bank.sqlite3")
    plain = model.retrieve(photo)
    assert model.pattern(plain) is None
    (added,) = model.bank.add([NewEntry(plain.query, stored, {}, pattern=PatternSpec("skirt", skirt.measures))])
    guide = model.retrieve(photo, k=len(model.bank))
    guide = guide.pick(guide.neighbours.ids.index(added))
    pattern = model.pattern(guide)
    large = np.asarray(model.silhouette(guide.landmark, 300, pattern)).astype(int)
    assert np.abs(large - skirt.rasterise(300)).max() <= 3  # measures are stored to a tenth of a millimetre
    assert model.pattern(guide.edit(guide.landmark)) is None


# ---- retrieval


def test_retrieval_is_the_brute_force_nearest_ranked_by_shape(tiny_model, guide, photo) -> None:
    ids, embeddings = tiny_model.bank.embeddings()
    assert len(ids) <= RANKED_DEPTH  # so every entry is ranked
    similarity = embeddings @ guide.query
    shapes = shape_bits(decode_silhouettes([tiny_model.bank.entry(i).silhouette for i in ids], 64))
    score = similarity + SYMMETRY_WEIGHT * torch.from_numpy(mirror_symmetry(shapes))
    for mask, weight in (
        (tiny_model.photo_outline(photo), LAID_WEIGHTS.outline),
        (_drawn_silhouette(tiny_model, photo), LAID_WEIGHTS.expected),
    ):
        score = score + weight * torch.from_numpy(bits_overlap(shape_bits(mask[None])[0], shapes))
    nearest = score.argsort(descending=True)[: guide.k]
    assert [c.id for c in guide.candidates] == [ids[i] for i in nearest.tolist()]
    np.testing.assert_allclose([c.similarity for c in guide.candidates], similarity[nearest], atol=1e-5)
    assert sum(c.weight for c in guide.candidates) == pytest.approx(1)
    assert guide.landmark.shape == (64, 64)
    torch.testing.assert_close(guide.landmark, guide.candidates[guide.consensus].silhouette)


def _drawn_silhouette(model, photo) -> torch.Tensor:
    """What SilhouetteNet says at its own size, put together by hand."""
    net, picture = model.pipeline.silhouette_net, load_photo(photo)
    mask = model.see(picture).garment.mask
    seen, framed = laid_over(photo_to_array(picture, 128), mask, silhouette_frame(mask), 32)
    with torch.no_grad():
        return net(
            torch.from_numpy(seen).permute(2, 0, 1)[None] / 127.5 - 1, torch.from_numpy(framed)[None, None]
        ).silhouette.sigmoid()[0, 0]


def test_the_expected_silhouette_is_at_the_guides_size_and_needs_a_garment(tiny_model, tiny_checkpoint, photo) -> None:
    found, drawn = tiny_model.expected_silhouette(photo), _drawn_silhouette(tiny_model, photo)
    assert found.shape == (64, 64) and drawn.shape == (16, 16)
    torch.testing.assert_close(F.avg_pool2d(found[None, None], 4)[0, 0], drawn, atol=0.1, rtol=0)
    torch.testing.assert_close(found, found.flip(-1))
    nothing = np.zeros(photo.size[::-1], np.float32)
    with pytest.raises(ValueError, match="no garment is found"):
        tiny_model.expected_silhouette(tiny_model.see(photo, nothing))
    pipeline = RAGDiffusion.from_pretrained(tiny_checkpoint).pipeline
    pipeline.silhouette_net = None
    without = RAGDiffusion(pipeline, tiny_model.bank, tiny_model.checkpoint)
    with pytest.raises(RuntimeError, match="no SilhouetteNet"):
        without.expected_silhouette(photo)
    by_outline = without.retrieve(photo)  # what is left ranks
    assert by_outline.k == 4 and by_outline.candidates[0].id != tiny_model.retrieve(photo).candidates[0].id


def test_k_and_alpha_are_those_asked_for(tiny_model, photo) -> None:
    wide = tiny_model.retrieve(photo, k=9, alpha=1.0)
    assert (wide.k, wide.alpha, len(wide.candidates)) == (9, 1.0, 9)
    torch.testing.assert_close(
        wide.embedding.double(), wide.weights @ wide.neighbours.embeddings[:9].double(), atol=1e-5, rtol=0
    )
    alone = tiny_model.retrieve(photo, alpha=0.0)
    torch.testing.assert_close(alone.embedding, alone.query)
    assert len(alone.neighbours.ids) == KEPT_NEIGHBOURS
    assert len(tiny_model.retrieve(photo, k=30).candidates) == 30


def test_every_source_of_a_photo_gives_the_same_guide(tiny_model, photo, photo_path, guide) -> None:
    for source in (photo_path, str(photo_path), photo_path.read_bytes()):
        torch.testing.assert_close(tiny_model.retrieve(source).query, guide.query, atol=1e-6, rtol=0)


def test_attributes_override_what_is_read_and_move_the_embedding(tiny_model, photo, guide) -> None:
    read = tiny_model.read_attributes(photo).values
    assert list(read) == [a.key for a in ATTRIBUTES]
    assert all(read[a.key] in (*a.values, UNKNOWN) for a in ATTRIBUTES)
    given = tiny_model.retrieve(photo, attributes={"collar": "polo", "sleeve_length": "Long"})
    assert given.attributes == {**read, "collar": "Polo", "sleeve_length": "Long"}
    assert not torch.allclose(given.query, guide.query)
    unsaid = tiny_model.retrieve(photo, attributes={"collar": UNKNOWN})
    torch.testing.assert_close(unsaid.query, guide.query)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"k": 0}, "at least 1, got 0"),
        ({"k": -3}, "at least 1, got -3"),
        ({"k": 2.5}, "got 2.5"),
        ({"k": 31}, "the bank holds 30 enabled entries, K=31 asked: lower K to at most 30"),
        ({"alpha": 1.01}, "1.01"),
        ({"alpha": -0.1}, "-0.1"),
        ({"alpha": float("nan")}, "nan"),
        ({"attributes": {"collar": "Square-ish"}}, "collar cannot be 'Square-ish': choose from"),
        ({"attributes": {"colour": "Red"}}, "there is no attribute 'colour': choose from"),
    ],
    ids=str,
)
def test_retrieval_refuses(tiny_model, photo, wrong: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tiny_model.retrieve(photo, **wrong)


# ---- generation


def test_the_same_seed_gives_the_same_pixels_and_another_seed_others(tiny_model, photo, guide) -> None:
    first, again, other = (tiny_model.generate(photo, guide, seed=seed, steps=4) for seed in (7, 7, 8))
    np.testing.assert_array_equal(_pixels(first), _pixels(again))
    assert (_pixels(first) != _pixels(other)).mean() > 0.1
    assert (first.seed, first.steps) == (7, 4)


def test_torchs_global_generator_is_neither_used_nor_moved(tiny_model, photo, guide) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        state, first = torch.get_rng_state(), tiny_model.generate(photo, guide, steps=2)
        assert torch.equal(torch.get_rng_state(), state)
        torch.manual_seed(2)
        np.testing.assert_array_equal(_pixels(first), _pixels(tiny_model.generate(photo, guide, steps=2)))


def test_the_landmark_decides_the_outline_and_changes_the_inside(tiny_model, photo, guide) -> None:
    index = min(range(guide.k), key=lambda i: guide.candidates[i].iou)
    assert index != guide.consensus
    before, after = (tiny_model.generate(photo, g, steps=4) for g in (guide, guide.pick(index)))
    for result, landmark in ((before, guide.landmark), (after, guide.candidates[index].silhouette)):
        assert (_pixels(result)[landmark.numpy() == 0] == 255).all()
        torch.testing.assert_close(result.landmark, landmark)
    both = ((guide.landmark == 1) & (guide.candidates[index].silhouette == 1)).numpy()
    assert (_pixels(before)[both] != _pixels(after)[both]).any()
    assert after.guide.landmark_source == "candidate" and after.guide.choice == index


def test_alpha_reaches_the_picture(tiny_model, photo, guide) -> None:
    """The landmark is kept, so the difference can only come by the EP-Adapter."""
    kept = guide.pick(0)
    one, other = (tiny_model.generate(photo, kept.retune(alpha=alpha), steps=4) for alpha in (0.0, 1.0))
    torch.testing.assert_close(one.landmark, other.landmark)
    assert (_pixels(one) != _pixels(other)).any()


def test_an_edited_landmark_is_obeyed(tiny_model, photo, guide, make_mask) -> None:
    mask = tiny_model.landmark_from_mask(make_mask(11))
    result = tiny_model.generate(photo, guide.edit(mask), steps=2)
    torch.testing.assert_close(result.landmark, mask)
    assert (_pixels(result)[mask.numpy() == 0] == 255).all()
    assert result.guide.landmark_source == "edited"


def test_without_a_guide_it_retrieves_one(tiny_model, photo, guide) -> None:
    np.testing.assert_array_equal(
        _pixels(tiny_model.generate(photo, steps=2)), _pixels(tiny_model.generate(photo, guide, steps=2))
    )


def test_timings_add_up(tiny_model, photo, guide) -> None:
    parts = {"encode", "search", "slle", "fuse", "reference", "denoise", "decode"}
    for given in (None, guide):
        timings = tiny_model.generate(photo, given, steps=2).timings_ms
        assert set(timings) == parts | {"total"}
        assert timings["total"] >= sum(timings[part] for part in parts) > 0


def test_listener_sees_every_step_and_previews(tiny_model, photo, guide) -> None:
    seen, previews = [], []

    def listen(step: int, count: int, preview) -> None:
        seen.append((step, count))
        previews.append(preview())

    result = tiny_model.generate(photo, guide, steps=6, strength=1.0, on_step=listen)
    assert seen == [(i, 6) for i in range(1, 7)]
    assert {p.size for p in previews} == {(64, 64)}
    silent = tiny_model.generate(photo, guide, steps=6, strength=1.0)
    np.testing.assert_array_equal(_pixels(result), _pixels(silent))


def test_strength_runs_its_share_of_the_steps(tiny_model, photo, guide) -> None:
    counts = []
    for strength in (0.5, 1.0):
        tiny_model.generate(photo, guide, steps=8, strength=strength, on_step=lambda _, count, __: counts.append(count))
    assert counts == [4] * 4 + [8] * 8


def test_cancel_stops_within_a_step(tiny_model, photo, guide) -> None:
    seen = []

    def listen(step: int, count: int, preview) -> None:
        seen.append(step)
        if step == 3:
            raise GenerationCancelled

    with pytest.raises(GenerationCancelled):
        tiny_model.generate(photo, guide, steps=20, strength=1.0, on_step=listen)
    assert seen == [1, 2, 3]
    assert tiny_model.generate(photo, guide, steps=2).image.size == (64, 64), "the model goes on working"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"steps": 0}, "steps is 0, 1 to 1000 wanted"),
        ({"steps": 1001}, "steps is 1001"),
        ({"guidance": float("nan")}, "guidance is nan"),
        ({"guidance": -1}, "guidance is -1"),
        ({"strength": 0}, "strength is 0"),
        ({"strength": 1.5}, "strength is 1.5"),
        ({"strength": float("nan")}, "strength is nan"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": 2**64}, "seed is 18446744073709551616"),
        ({"seed": 0.5}, "seed is 0.5"),
    ],
    ids=str,
)
def test_generation_refuses(tiny_model, photo, guide, wrong: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tiny_model.generate(photo, guide, **wrong)


def test_guidance_changes_the_picture(tiny_model, photo, guide) -> None:
    plain, guided = (tiny_model.generate(photo, guide, steps=4, guidance=scale) for scale in (1.0, 4.0))
    assert (_pixels(plain) != _pixels(guided)).any()


# ---- draft


def test_drafts_lie_in_their_landmarks(tiny_model, photo, guide) -> None:
    silhouettes = torch.stack([c.silhouette for c in guide.candidates])
    drafts = tiny_model.draft(photo, silhouettes)
    assert len(drafts.images) == guide.k
    for picture, silhouette, seen in zip(drafts.images, silhouettes, drafts.visibility, strict=True):
        outside = silhouette.numpy() == 0
        assert (np.asarray(picture)[outside] == 255).all() and float(seen[torch.from_numpy(outside)].max()) == 0
    large = tiny_model.draft(photo, guide.landmark, size=160)
    assert large.images[0].size == (160, 160) and large.visibility.shape == (1, 160, 160)


# ---- landmarks from files


@pytest.mark.parametrize(("width", "height"), [(128, 96), (40, 40)])
def test_landmark_of_a_wrong_size(tiny_model, make_mask, tmp_path, width: int, height: int) -> None:
    path = tmp_path / "mask.png"
    path.write_bytes(make_mask(0, width, height))
    with pytest.raises(ValueError, match=f"mask.png is {width}x{height}: a landmark must be square and at least 64x64"):
        tiny_model.landmark_from_mask(path)


# ---- checkpoints


def test_save_and_load_round_trip(tiny_model, photo, guide, tmp_path, tiny_checkpoint) -> None:
    tiny_model.pipeline.save_pretrained(tmp_path / "copy")
    loaded = RAGDiffusion.from_pretrained(tmp_path / "copy", bank=tiny_checkpoint / "bank.sqlite3")
    assert loaded.checkpoint == tiny_model.checkpoint and loaded.defaults == tiny_model.defaults
    again = loaded.retrieve(photo)
    torch.testing.assert_close(again.query, guide.query, atol=0, rtol=0)
    np.testing.assert_array_equal(
        _pixels(loaded.generate(photo, again, seed=3, steps=4)),
        _pixels(tiny_model.generate(photo, guide, seed=3, steps=4)),
    )


def test_another_bank_is_searched_for_one_retrieval(tiny_model, photo, guide, tmp_path, other_checkpoint) -> None:
    own, about = tiny_model.bank, {"fingerprint": tiny_model.bank.fingerprint, "dimension": tiny_model.bank.dimension}
    with Bank.create(tmp_path / "spring.sqlite3", name="spring", **about) as spring:
        spring.add([NewEntry(each.embedding, each.silhouette, {}) for each in list(own.entries())[-6:]])
        found = [tiny_model.retrieve(photo, bank=bank) for bank in (spring, tmp_path / "spring.sqlite3")]
        assert [each.bank_version for each in found] == [spring.version] * 2 != [guide.bank_version] * 2
        assert found[0].neighbours.ids == found[1].neighbours.ids and set(found[0].neighbours.ids) <= set(range(1, 7))
        spring.delete(found[0].neighbours.ids[:1])
        later = tiny_model.retrieve(photo, bank=tmp_path / "spring.sqlite3").neighbours.ids
        assert found[0].neighbours.ids[0] not in later, "as it is now"
    assert tiny_model.bank is own and tiny_model.retrieve(photo).neighbours.ids == guide.neighbours.ids
    with pytest.raises(ValueError, match="was made with encoder"):
        tiny_model.retrieve(photo, bank=other_checkpoint / "bank.sqlite3")


def test_a_bank_of_another_encoder_is_refused(tiny_checkpoint, other_checkpoint) -> None:
    with pytest.raises(ValueError, match="was made with encoder .* encode the bank again"):
        RAGDiffusion.from_pretrained(tiny_checkpoint, bank=other_checkpoint / "bank.sqlite3")


def test_checkpoints_that_cannot_be_loaded(tiny_checkpoint, tmp_path) -> None:
    with pytest.raises(ValueError, match="nowhere' not found: give a folder"):
        RAGDiffusion.from_pretrained(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="model_index.json is missing"):
        RAGDiffusion.from_pretrained(tmp_path)
    (tmp_path / "model_index.json").write_text('{"_class_name": "StableDiffusionPipeline"}')
    with pytest.raises(ValueError, match="a checkpoint of StableDiffusionPipeline, RAGDiffusionPipeline wanted"):
        RAGDiffusion.from_pretrained(tmp_path)
    with pytest.raises(ValueError, match="unknown preset 'huge': choose one of studio, sdxl"):
        RAGDiffusion.from_pretrained(tiny_checkpoint, preset="huge")
    with pytest.raises(ValueError, match="a checkpoint of the preset 'studio', 'sdxl' was asked for"):
        RAGDiffusion.from_pretrained(tiny_checkpoint, preset="sdxl")
    with pytest.raises(ValueError, match="device 'cuda:99' can't be used"):
        RAGDiffusion.from_pretrained(tiny_checkpoint, device="cuda:99")


@contextmanager
def _garment_everywhere(model, bias: float):
    """The appearance flow says one thing of every pixel."""
    last = model.pipeline.appearance_flow.finder.head
    weight, old = last.weight.detach().clone(), last.bias.detach().clone()
    with torch.no_grad():
        last.weight.zero_()
        last.bias.fill_(bias)
    try:
        yield
    finally:
        with torch.no_grad():
            last.weight.copy_(weight)
            last.bias.copy_(old)


def test_photo_outline_centres_what_the_flow_finds_in_its_frame(tiny_model, photo) -> None:
    with _garment_everywhere(tiny_model, 8.0):
        outline = tiny_model.photo_outline(photo)
    size = tiny_model.image_size
    assert outline.shape == (size, size)
    torch.testing.assert_close(outline, outline.flip(1))
    rows = torch.nonzero((outline > 0.5).any(1))[:, 0]
    assert (rows[0] + rows[-1] + 1) / 2 == pytest.approx(size / 2, abs=1)
    assert (rows[-1] - rows[0] + 1) == pytest.approx(size / 1.12, abs=2)


def test_photo_outline_says_when_there_is_no_garment(tiny_model, photo) -> None:
    with _garment_everywhere(tiny_model, -8.0), pytest.raises(ValueError, match="no garment is found"):
        tiny_model.photo_outline(photo)
