"""Fingerprints: what they are made of, what moves them and what does not."""

from __future__ import annotations

import hashlib

import pytest
import torch
from safetensors.torch import save_file

from ragdiffusion.fingerprint import ENCODER_PARTS, fingerprint


@pytest.fixture
def checkpoint(tmp_path):
    for part in ("structure_net", "unet"):
        (tmp_path / part).mkdir()
        save_file({"weight": torch.arange(4.0)}, tmp_path / part / "model.safetensors")
        (tmp_path / part / "config.json").write_text("{}")
    return tmp_path


def test_by_hand(checkpoint):
    weights = (checkpoint / "structure_net" / "model.safetensors").read_bytes()
    wanted = hashlib.sha256(b"structure_net/model.safetensors" + weights).hexdigest()[:12]
    assert fingerprint(checkpoint, ENCODER_PARTS) == wanted


def test_only_weights_of_the_parts_asked_for_count(checkpoint):
    encoder, everything = fingerprint(checkpoint, ENCODER_PARTS), fingerprint(checkpoint)
    assert encoder != everything
    (checkpoint / "structure_net" / "config.json").write_text('{"a": 1}')
    save_file({"weight": torch.arange(4.0) + 1}, checkpoint / "unet" / "model.safetensors")
    assert fingerprint(checkpoint, ENCODER_PARTS) == encoder
    assert fingerprint(checkpoint) != everything
    save_file({"weight": torch.tensor([0.0, 1.0, 2.0, 3.0001])}, checkpoint / "structure_net" / "model.safetensors")
    assert fingerprint(checkpoint, ENCODER_PARTS) != encoder


def test_the_place_of_the_folder_does_not_count_names_inside_do(checkpoint, tmp_path_factory):
    before = fingerprint(checkpoint)
    moved = checkpoint.rename(tmp_path_factory.mktemp("elsewhere") / "checkpoint")
    assert fingerprint(moved) == before
    (moved / "unet").rename(moved / "reference_net")
    assert fingerprint(moved) != before


def test_a_folder_without_weights_is_refused(checkpoint, tmp_path_factory):
    empty = tmp_path_factory.mktemp("empty")
    with pytest.raises(ValueError, match="no weights .* give the folder of a checkpoint"):
        fingerprint(empty)
    with pytest.raises(ValueError, match="no weights"):
        fingerprint(checkpoint, ("vae",))
