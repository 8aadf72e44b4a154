"""The people engine: same index same shot; labels, instances, flat-lays and flow agree."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ragdiffusion.garments.patterns import draft


def test_a_shot_depends_on_its_index_alone(engine, shots):
    from ragdiffusion.garments.people.engine import PeopleEngine

    other = PeopleEngine(engine.height)
    other.shot(17)
    again = other.shot(2)
    assert np.array_equal(again.photo, shots[2].photo)
    assert np.array_equal(again.labels, shots[2].labels)
    assert all(np.array_equal(a.flow, b.flow) for a, b in zip(again.garments, shots[2].garments, strict=True))
    assert not np.array_equal(shots[2].photo, shots[3].photo)


def test_held_out_shots_are_others(engine, shots):
    from ragdiffusion.garments.people.engine import PeopleEngine

    assert not np.array_equal(PeopleEngine(engine.height, held_out=True).shot(2).photo, shots[2].photo)


def test_labels_and_instances_say_the_same(shots):
    from ragdiffusion.garments.people.labels import GARMENT_LABELS, LABELS

    for shot in shots:
        assert shot.labels.max() < len(LABELS)
        assert np.array_equal(shot.instances >= 0, np.isin(shot.labels, GARMENT_LABELS))
        for i, garment in enumerate(shot.garments):
            assert np.array_equal(garment.mask == 255, shot.instances == i)
            assert set(np.unique(shot.labels[shot.instances == i])) <= {garment.label}


def test_every_person_shows_garments_and_skin_or_hair(shots):
    for shot in shots:
        assert any((garment.mask > 0).mean() > 0.005 for garment in shot.garments)
        assert np.isin(shot.labels, (6, 7)).any()


def test_flat_lays_are_their_patterns_outlines(shots):
    for shot in shots:
        for garment in shot.garments:
            assert np.array_equal(garment.silhouette, draft(garment.kind, garment.measures).rasterise(96))
            assert (garment.standard[garment.silhouette == 0] == 255).all()
            assert (garment.visible[garment.silhouette <= 127] == 0).all()


def test_photo_pixels_come_back_to_themselves_through_the_flat_lay(engine):
    from ragdiffusion.garments.people.flatlay import flat_lay
    from ragdiffusion.garments.people.recut import places_in, recut

    errors = []
    for index in range(4):
        take = engine._take(index, plain=True)
        for g in range(len(take.garments)):
            flat = flat_lay(take, g, 96, 1.0)
            rows, columns = np.nonzero((take.instance == g) & take.front & (take.panel >= 0))
            if len(rows) < 200:
                continue
            scale, origin = take.patterns[g].frame(96)
            worn = (take.flat[rows, columns] * scale + origin - 0.5).astype(np.float32)
            place = recut(places_in(take.standards[g], take.patterns[g], 96), worn[None])[0]
            back = cv2.remap(flat.flow, place[:, 0].reshape(1, -1), place[:, 1].reshape(1, -1), cv2.INTER_LINEAR)[0]
            errors.append(np.hypot(back[:, 0] - columns, back[:, 1] - rows))
    found = np.concatenate(errors)
    assert np.median(found) < 0.35
    assert np.quantile(found, 0.85) < 1.0


def test_unlit_cloth_has_the_flat_lays_colours(engine):
    from ragdiffusion.garments.people.flatlay import flat_lay

    own, astray = [], []
    for index in range(6):
        take = engine._take(index, plain=True)
        for g, garment in enumerate(take.garments):
            flat = flat_lay(take, g, 96, 1.0)
            seen = flat.visible > 0
            if seen.sum() < 300 or garment.sheer > 0:
                continue
            wrong = np.roll(take.photo, take.photo.shape[0] // 2, 0)
            for photo, errors in ((take.photo, own), (wrong, astray)):
                found = cv2.remap(photo, flat.flow, None, cv2.INTER_LINEAR).astype(float)
                errors.append(np.median(np.abs(found - flat.standard)[seen].mean(-1)))
    assert len(own) >= 4
    assert np.median(own) < 6 < np.median(astray) / 3


def test_a_pair_shows_one_garment_of_its_shot(engine, shots):
    pair = engine.pair(1)
    assert pair.photo.shape == (96, 96, 3) and pair.photo_mask.shape == (96, 96)
    assert np.array_equal(pair.photo[:, 12:84], shots[1].photo)
    match = [g for g in shots[1].garments if np.array_equal(g.standard, pair.standard)]
    assert len(match) == 1
    assert np.array_equal(pair.photo_mask[:, 12:84], match[0].mask)
    assert np.allclose(pair.flow, match[0].flow + [12, 0], atol=1e-3)


def test_attributes_are_table_6s(shots):
    from ragdiffusion.attributes import validate

    for shot in shots:
        for garment in shot.garments:
            validate(garment.attributes)
            if garment.kind in ("t_shirt", "shirt", "longsleeve"):
                assert garment.attributes["sleeve_length"] in ("Short", "Mid", "Long")


def test_what_cannot_be_is_refused(engine, tmp_path):
    from ragdiffusion.garments.people.engine import PeopleEngine

    with pytest.raises(ValueError, match="index must be 0 or more, got -1"):
        engine.shot(-1)
    with pytest.raises(ValueError, match="height must be 64"):
        PeopleEngine(32)
    with pytest.raises(ValueError, match=r"has no train\.csv"):
        PeopleEngine(64, tmp_path)
