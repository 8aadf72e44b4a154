"""One label a region: votes, fragments, specks, and garments in pieces."""

from __future__ import annotations

import numpy as np

from ragdiffusion.parsing.labels import LABEL
from ragdiffusion.parsing.regions import components, pieces, settled, top_below_jacket
from tests.ragdiffusion.parsing.conftest import drawn, sure_of


def _named(probabilities: np.ndarray) -> set[int]:
    return set(np.unique(probabilities.argmax(0)).tolist())


def test_a_dress_read_as_a_top_in_places_is_a_dress() -> None:
    likely = sure_of(drawn(dress=(10, 20, 30, 55)))
    likely[:, 10:20, 10:30] = 0
    likely[LABEL["upper"], 10:20, 10:30], likely[LABEL["dress"], 10:20, 10:30] = 0.55, 0.45
    found = settled(likely)
    assert _named(found) == {0, LABEL["dress"]}
    np.testing.assert_allclose(found[LABEL["dress"]][12:18, 12:28], 1, atol=1e-6)  # the mass moved with the name
    np.testing.assert_allclose(found.sum(0), 1, atol=1e-5)


def test_a_top_and_skirt_read_as_a_dress_in_places_are_top_and_skirt() -> None:
    likely = sure_of(drawn(upper=(10, 5, 30, 25), lower=(10, 25, 30, 55)))
    likely[:, 22:30, 10:30] = 0
    likely[LABEL["dress"], 22:30, 10:30] = 0.5
    likely[LABEL["upper"], 22:26, 10:30] = likely[LABEL["lower"], 26:30, 10:30] = 0.4
    likely[0, 22:30, 10:30] = 0.1
    found = settled(likely).argmax(0)
    assert (found[22:26, 12:28] == LABEL["upper"]).all() and (found[26:30, 12:28] == LABEL["lower"]).all()


def test_a_top_under_dungarees_stays_since_the_network_is_sure_of_both() -> None:
    labels = drawn(upper=(10, 5, 30, 15), dress=(10, 15, 30, 55))
    assert np.array_equal(settled(sure_of(labels)).argmax(0), labels)


def test_a_suit_stays_as_it_is() -> None:
    labels = drawn(outer=(5, 5, 35, 35), inner=(17, 5, 23, 25), lower=(8, 35, 32, 58))
    assert np.array_equal(settled(sure_of(labels)).argmax(0), labels)


def test_a_small_part_that_the_network_doubts_joins_what_it_lies_on() -> None:
    labels = drawn(lower=(10, 10, 30, 50), upper=(18, 25, 22, 29))
    labels[2:10, 18:24] = LABEL["skin"]
    doubtful, sure = sure_of(labels), sure_of(labels)
    doubtful[:, 25:29, 18:22] *= 0.6
    doubtful[LABEL["lower"], 25:29, 18:22] += 0.4
    assert _named(settled(doubtful)) == {0, LABEL["lower"], LABEL["skin"]}
    assert _named(settled(sure)) == {0, LABEL["lower"], LABEL["upper"], LABEL["skin"]}  # a badge


def test_cuffs_of_a_laid_jumper_are_no_trousers_but_trousers_that_a_person_wears_are() -> None:
    laid = drawn(upper=(8, 10, 32, 40), lower=(8, 40, 14, 56))
    worn = laid.copy()
    worn[2:10, 16:24] = LABEL["skin"]
    assert _named(settled(sure_of(laid, sure=0.8))) == {0, LABEL["upper"]}
    assert _named(settled(sure_of(worn, sure=0.8))) == {0, LABEL["upper"], LABEL["lower"], LABEL["skin"]}


def test_specks_are_ground() -> None:
    likely = sure_of(drawn(size=(100, 100), upper=(20, 20, 60, 60), dress=(90, 90, 92, 92)))
    found = settled(likely)
    assert _named(found) == {0, LABEL["upper"]}
    np.testing.assert_allclose(found.sum(0), 1, atol=1e-5)


def test_cloth_like_ground_beside_a_garment_is_ground_but_a_small_person_is_not() -> None:
    labels = drawn(size=(100, 100), lower=(10, 10, 60, 60), upper=(80, 80, 94, 94))
    assert _named(settled(sure_of(labels))) == {0, LABEL["lower"]}
    labels[76:80, 84:90] = LABEL["hair"]
    assert _named(settled(sure_of(labels))) == {0, LABEL["lower"], LABEL["upper"], LABEL["hair"]}


def test_parts_that_an_arm_divides_are_one_garment_and_two_people_wear_two() -> None:
    labels = drawn(size=(100, 200), upper=(10, 20, 50, 70))
    labels[40:43, 10:50] = LABEL["skin"]  # a forearm across
    labels[20:70, 140:170] = LABEL["upper"]  # someone else
    found = pieces(labels)
    assert [(name, int(region.sum())) for name, region in found] == [("upper", 40 * 47), ("upper", 30 * 50)]


def test_halves_of_an_open_jacket_are_one_and_two_people_wear_two() -> None:
    labels = drawn(size=(200, 200), outer=(20, 40, 80, 190))
    labels[40:190, 80:120] = LABEL["inner"]
    labels[40:190, 120:180] = LABEL["outer"]
    assert [name for name, _ in pieces(labels)] == ["outer", "inner"]
    labels[90:130, 60:140] = LABEL["skin"]  # hands before it
    assert [name for name, _ in pieces(labels)] == ["outer", "inner"]
    for between in ("ground", "skin"):  # someone else, some way off or arm to arm
        labels[labels == LABEL["inner"]] = LABEL[between]
        assert [name for name, _ in pieces(labels)] == ["outer", "outer"]
        labels[labels == LABEL[between]] = LABEL["inner"]


def test_what_lies_above_and_below_a_hand_is_one_and_a_top_is_no_second_one() -> None:
    labels = drawn(size=(200, 200), inner=(80, 20, 120, 80))
    labels[80:100, 60:140] = LABEL["skin"]
    labels[100:160, 80:120] = LABEL["inner"]
    assert [(name, int(region.sum())) for name, region in pieces(labels)] == [("inner", 2 * 40 * 60)]
    labels[80:100] = LABEL["ground"]
    assert [name for name, _ in pieces(labels)] == ["inner", "inner"]


def test_largest_first_and_crumbs_left_out() -> None:
    labels = drawn(size=(200, 200), lower=(10, 100, 150, 190), upper=(20, 10, 120, 90))
    labels[195:198, 190:199] = LABEL["upper"]  # less than a fiftieth of the top
    assert [name for name, _ in pieces(labels)] == ["lower", "upper"]


def test_components_come_largest_first() -> None:
    mask = np.zeros((10, 10), bool)
    mask[:2, :2], mask[5:, 5:] = True, True
    assert [int(part.sum()) for part in components(mask)] == [25, 4]
    assert [int(part.sum()) for part in components(mask, least=5)] == [25]


def test_a_top_that_touches_a_jacket_is_the_top_under_it() -> None:
    labels = drawn(size=(60, 80), outer=(5, 5, 30, 40), upper=(14, 5, 20, 30))
    labels[5:40, 50:70] = LABEL["upper"]  # another person's
    found = top_below_jacket(sure_of(labels)).argmax(0)
    assert (found[5:30, 14:20] == LABEL["inner"]).all() and (found[5:40, 50:70] == LABEL["upper"]).all()
