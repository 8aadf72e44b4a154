"""Fingerprints: what they are made of, what moves them and what does not."""

from __future__ import annotations

import hashlib
import json
import os

import pytest
import torch
from safetensors.torch import save_file

import ragdiffusion.fingerprint
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


# ---- of large checkpoints, kept beside the weights


@pytest.fixture
def hashed(monkeypatch) -> list[int]:
    """All checkpoints are large; how many files each hashing read."""
    read, real = [], ragdiffusion.fingerprint._hash
    monkeypatch.setattr(ragdiffusion.fingerprint, "_LARGE", 0)
    monkeypatch.setattr(
        ragdiffusion.fingerprint, "_hash", lambda folder, files: read.append(len(files)) or real(folder, files)
    )
    return read


def test_a_small_checkpoint_keeps_nothing(checkpoint):
    fingerprint(checkpoint)
    assert not list(checkpoint.glob("*.json"))


def test_weights_are_hashed_once_until_they_change(checkpoint, hashed):
    encoder, everything = fingerprint(checkpoint, ENCODER_PARTS), fingerprint(checkpoint)
    assert (fingerprint(checkpoint, ENCODER_PARTS), fingerprint(checkpoint)) == (encoder, everything)
    assert hashed == [1, 2]
    weights = checkpoint / "unet" / "model.safetensors"
    before = weights.stat()
    save_file({"weight": torch.arange(4.0) + 1}, weights)  # as many bytes
    os.utime(weights, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert fingerprint(checkpoint) != everything
    assert fingerprint(checkpoint, ENCODER_PARTS) == encoder
    assert hashed == [1, 2, 2]


@pytest.mark.parametrize("content", ["", "[]", '{"version": 2}', '{"version": 1, "fingerprints": [1]}', "\0"])
def test_what_is_kept_and_damaged_is_made_anew(checkpoint, hashed, content):
    (checkpoint / "fingerprints.json").write_text(content)
    wanted = fingerprint(checkpoint)
    assert json.loads((checkpoint / "fingerprints.json").read_text())["fingerprints"].popitem()[1] == wanted


def test_a_folder_that_cannot_be_written_goes_without(checkpoint, hashed, monkeypatch):
    def refuse(*_):
        raise PermissionError("read-only")

    monkeypatch.setattr(ragdiffusion.fingerprint.os, "replace", refuse)
    assert fingerprint(checkpoint) == fingerprint(checkpoint)
    assert hashed == [2, 2]
