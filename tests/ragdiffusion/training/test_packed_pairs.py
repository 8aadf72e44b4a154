"""Packed pairs: what is read is what was written, and what is no pack says so."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from ragdiffusion.garments.people.disk import render
from ragdiffusion.garments.people.engine import PeopleEngine
from ragdiffusion.training.packed_pairs import INDEX, PackedPairs, pack_pairs
from ragdiffusion.training.people_pairs import PeoplePairs
from ragdiffusion.training.sources import open_source

SIZE = 64


@pytest.fixture(scope="module")
def people(tmp_path_factory) -> PeoplePairs:
    folder = tmp_path_factory.mktemp("people")
    render(PeopleEngine(128), folder, range(2), arrays=True)
    return PeoplePairs(folder, SIZE)


@pytest.fixture
def pairs(people: PeoplePairs):
    return [pair for index in range(len(people)) for pair in people.pairs(index)]


def test_pairs_are_read_as_they_were_packed(pairs, tmp_path) -> None:
    assert pack_pairs(iter(pairs), tmp_path, SIZE) == len(pairs) >= 2
    packed = PackedPairs(tmp_path, SIZE)
    assert len(packed) == len(pairs)
    for index, pair in enumerate(pairs):
        read = packed.pair(index)
        for name in ("photo", "standard", "silhouette", "photo_mask", "labels"):
            np.testing.assert_array_equal(getattr(read, name), getattr(pair, name))
        np.testing.assert_allclose(read.visible, pair.visible, atol=0.51 / 255)
        near = np.abs(pair.flow) < 500
        np.testing.assert_allclose(read.flow[near], pair.flow[near], atol=0.51 / 64)
        assert (read.category, read.structure, read.attributes) == (pair.category, pair.structure, pair.attributes)
        assert read.chosen


def test_what_a_parser_found_is_kept_beside_the_truth(pairs, tmp_path) -> None:
    rng = np.random.default_rng(0)
    found = rng.integers(0, 256, (SIZE, SIZE), np.uint8)
    parsed = rng.integers(0, 256, (9, SIZE // 2, SIZE // 2), np.uint8)
    pack_pairs([pairs[0], replace(pairs[1], found=found, parsed=parsed), pairs[0]], tmp_path, SIZE)
    packed = PackedPairs(tmp_path, SIZE)
    assert packed.pair(0).found is None and packed.pair(2).parsed is None
    read = packed.pair(1)
    np.testing.assert_array_equal(read.found, found)
    np.testing.assert_array_equal(read.parsed, parsed)
    np.testing.assert_array_equal(read.mirrored().parsed[:, :, 0], parsed[:, :, -1])


def test_a_source_draws_from_a_pack(pairs, tmp_path) -> None:
    pack_pairs(pairs, tmp_path, SIZE)
    source = open_source(None, SIZE, synthetic=1.0, people=[tmp_path], held_out_people=tmp_path, people_share=1.0)
    known = {pair.structure for pair in pairs}
    drawn = source.draw_silhouettes(np.random.default_rng(0), 8) + source.held_out_worn(2)
    assert {pair.structure.rstrip("~") for pair in drawn} <= known
    assert any(pair.structure.endswith("~") for pair in drawn)


def test_what_is_no_pack_says_so(pairs, tmp_path) -> None:
    with pytest.raises(ValueError, match="no packed pairs"):
        PackedPairs(tmp_path, SIZE)
    pack_pairs(pairs, tmp_path, SIZE)
    with pytest.raises(ValueError, match="pairs of 64 pixels, 32 wanted"):
        PackedPairs(tmp_path, 32)
    (tmp_path / "photo.raw").write_bytes(b"short")
    with pytest.raises(ValueError, match="damaged"):
        PackedPairs(tmp_path, SIZE)
    (tmp_path / INDEX).write_text(json.dumps({"size": SIZE}))
    with pytest.raises(ValueError, match="no packed pairs"):
        PackedPairs(tmp_path, SIZE)
    with pytest.raises(ValueError, match="32 wanted"):
        pack_pairs(pairs, tmp_path, 32)
    assert not (tmp_path / INDEX).exists()


def test_pairs_without_labels_are_refused(pairs, tmp_path) -> None:
    with pytest.raises(ValueError, match="has no labels"):
        pack_pairs([replace(pairs[0], labels=None)], tmp_path, SIZE)
