"""The weights and the bank that ship: they must do the job on garments they never saw."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ragdiffusion.bank import Bank
from ragdiffusion.colour import delta_e_2000, mean_colour, srgb_to_lab
from ragdiffusion.metrics.image import foreground_of, mask_iou

ROOT = Path(__file__).resolve().parent.parent
CHECKPOINT = ROOT / "assets" / "checkpoints" / "studio"
SEEDS = range(5_000_000_000_000, 5_000_000_000_012)  # of drawn garments, far from those of training and bank

pytestmark = pytest.mark.skipif(not CHECKPOINT.is_dir(), reason="the bundled checkpoint is not in this checkout")


@pytest.fixture(scope="module")
def model():
    from ragdiffusion import RAGDiffusion

    return RAGDiffusion.from_pretrained(device="cpu")


@pytest.fixture(scope="module")
def pairs():
    from ragdiffusion.garments import GarmentEngine

    engine = GarmentEngine(256)
    found = []
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        structure = engine.structure(rng)
        flat = engine.flat_lay(structure, engine.texture(rng, structure))
        found.append((flat, engine.photo(flat, rng, "laid")))
    return found


def test_what_ships_is_small_and_safe():
    weights = list(CHECKPOINT.rglob("*.safetensors"))
    assert sum(file.stat().st_size for file in weights) <= 70e6
    assert not [file for file in CHECKPOINT.rglob("*") if file.suffix in (".bin", ".pt", ".pth", ".pkl", ".ckpt")]
    assert (CHECKPOINT / "bank.sqlite3").stat().st_size <= 12e6


def test_the_bank_is_large_enough_and_holds_no_pictures(model):
    assert len(model.bank) >= 1000
    assert all(entry.thumbnail is None for entry in model.bank.entries())


def test_a_bank_entry_asked_for_itself_is_found_with_all_the_weight(model):
    from ragdiffusion.retrieval.slle import barycentric_weights

    entry = next(iter(model.bank.entries()))
    query = torch.as_tensor(entry.embedding).float()
    found = model.bank.search(query, 4)
    assert found.ids[0] == entry.id
    weights = barycentric_weights(query[None], found.embeddings[None])[0]
    assert weights[0] == pytest.approx(1, abs=1e-3)


def test_the_draft_in_its_own_silhouette_beats_a_plain_fill(model, pairs):
    """Carried pixels must be nearer the truth than the garment's mean colour is."""
    drawn, plain = [], []
    for flat, photo in pairs:
        mask = flat.silhouette > 127
        draft = np.asarray(
            model.draft(Image.fromarray(photo.image), torch.from_numpy(flat.silhouette / 255.0).float()).images[0]
        ).astype(float)
        truth = flat.image.astype(float)
        fill = photo.image[photo.mask > 127].mean(0)  # light and shadow of the photo are in both
        drawn.append(np.abs(draft - truth)[mask].mean())
        plain.append(np.abs(fill - truth)[mask].mean())
    assert np.mean(drawn) < np.mean(plain)


def _tensor(picture: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 127.5 - 1


def test_the_garment_is_found_in_the_photo(model, pairs):
    overlap = []
    for _, photo in pairs:
        found = model.see(Image.fromarray(photo.image)).garment_tensor()
        found = torch.nn.functional.interpolate(found, size=(256, 256), mode="bilinear")[:, 0]
        overlap.append(float(mask_iou(found, torch.from_numpy(photo.mask)[None] / 255)))
    assert np.median(overlap) > 0.8


def test_the_picture_keeps_to_its_landmark_and_to_the_garments_colour(model, pairs):
    overlap, colours = [], []
    for _, photo in pairs[:3]:
        image = Image.fromarray(photo.image)
        guide = model.retrieve(image)
        result = model.generate(image, guide, seed=0, steps=10)
        picture = _tensor(np.array(result.image))
        foreground = foreground_of(picture).float()
        overlap.append(float(mask_iou(foreground, result.landmark[None])))
        own = mean_colour(srgb_to_lab(picture), foreground)
        seen = mean_colour(srgb_to_lab(_tensor(photo.image)), torch.from_numpy(photo.mask)[None] / 255)
        colours.append(float(delta_e_2000(own, seen)))
    assert np.mean(overlap) > 0.9
    assert np.median(colours) < 8


def test_its_bank_opens_for_reading_and_leaves_nothing_beside_it(tmp_path):
    bank = Path(shutil.copy(CHECKPOINT / "bank.sqlite3", tmp_path))
    before = bank.read_bytes()
    with Bank.open(bank, read_only=True) as opened:
        assert opened.read_only and len(opened) >= 1000
        assert [path.name for path in tmp_path.iterdir()] == [bank.name]
    assert [path.name for path in tmp_path.iterdir()] == [bank.name] and bank.read_bytes() == before
