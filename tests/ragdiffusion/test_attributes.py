"""Table 6: its content, its codes, what people write, and the caption."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragdiffusion import attributes as table
from ragdiffusion.attributes import ATTRIBUTES, EMBEDDED, UNKNOWN

_ANY = st.fixed_dictionaries({}, optional={a.key: st.sampled_from((UNKNOWN, *a.values)) for a in ATTRIBUTES})


def test_table_6_as_printed() -> None:
    counts = {a.key: len(a.values) for a in ATTRIBUTES}
    assert counts == {
        "category": 27,
        "fit": 3,
        "collar": 17,
        "sleeve_length": 5,
        "fabric": 23,
        "print": 28,  # 29 in print, "Floral" twice
        "surface_texture": 30,
        "age": 2,
        "gender": 2,
        "length": 6,
        "with_inner_wear": 2,
        "sleeves_rolled_up": 2,
        "top_open": 2,
        "top_tuck_in": 2,
    }
    not_embedded = {a.key for a in ATTRIBUTES} - {a.key for a in EMBEDDED}
    assert not_embedded == {"print", "surface_texture", "age", "gender"} and len(EMBEDDED) == 10
    assert [a for a in ATTRIBUTES if a.embedded] == list(EMBEDDED)
    for attribute in ATTRIBUTES:
        assert len(set(attribute.values)) == len(attribute.values)
        assert all(v == v.strip() and v and v != UNKNOWN and "- " not in v for v in attribute.values)
    by_name = {a.name: a.values for a in ATTRIBUTES}
    assert by_name["Sleeve Length"] == ("Sleeveless", "Short", "Mid", "Long", "Extra Long")
    assert by_name["Category"][10] == "Down Jacket" and by_name["Category"][-1] == "Leather Jacket"
    assert "Hand-painted" in by_name["Print"] and "Micro-Suede" in by_name["Fabric"]


def test_validate_completes_and_respells() -> None:
    result = table.validate({"collar": "POLO", "Sleeve Length": "extra-long", "category": "t_shirt", "fit": None})
    assert list(result) == [a.key for a in ATTRIBUTES]
    assert result["collar"] == "Polo" and result["sleeve_length"] == "Extra Long"
    assert result["category"] == "T-shirt" and result["fit"] == UNKNOWN and result["gender"] == UNKNOWN
    assert table.validate({"fit": "unknown"})["fit"] == UNKNOWN


@given(_ANY)
def test_validate_is_stable_and_codes_invert(given_values: dict[str, str]) -> None:
    full = table.validate(given_values)
    assert table.validate(full) == full
    assert table.validate({k: v.upper() for k, v in full.items()}) == full
    codes = table.encode_all(full)
    assert [(UNKNOWN, *a.values)[c] for a, c in zip(ATTRIBUTES, codes, strict=True)] == list(full.values())
    assert table.encode(full) == [c for a, c in zip(ATTRIBUTES, codes, strict=True) if a.embedded]


def test_codes_by_hand() -> None:
    assert table.encode({}) == [0] * 10
    codes = table.encode({"category": "Hoodie", "fit": "Loose", "top_tuck_in": "No", "gender": "Male"})
    assert codes == [2, 1, 0, 0, 0, 0, 0, 0, 0, 2]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"collar": "Poloo"}, r"^collar cannot be 'Poloo': choose from Unknown, Suit, Shirt, .*Baseball$"),
        ({"colour": "red"}, r"^there is no attribute 'colour': choose from category, fit, .*top_tuck_in$"),
        ({"fit": 3}, r"^fit cannot be 3: choose from Unknown, Loose"),
        ({"fit": "Slim", "Fit": "Loose"}, r"^the attribute fit is given twice"),
        ({3: "Slim"}, r"^there is no attribute 3"),
    ],
)
def test_wrong_attributes_are_named_with_their_choices(values: dict, message: str) -> None:
    for function in (table.validate, table.encode, table.encode_all, table.caption):
        with pytest.raises(ValueError, match=message):
            function(values)


def test_assignments_and_files(tmp_path: Path) -> None:
    expected = {"collar": "Polo", "sleeve_length": "Short"}
    assert table.parse_assignments(["collar=polo", "Sleeve Length = short"]) == expected
    assert table.parse_assignments("collar=Polo") == {"collar": "Polo"}
    assert table.parse_assignments([]) == {}
    path = tmp_path / "garment.json"
    path.write_text(json.dumps({"collar": "Polo", "sleeve length": "SHORT", "fit": ""}), encoding="utf-8")
    for source in (path, str(path), [str(path)]):
        assert table.parse_assignments(source) == expected


def test_bad_assignments(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'Polo' is not an assignment: write for example collar=Polo"):
        table.parse_assignments(["fit=Slim", "Polo"])
    with pytest.raises(ValueError, match="the attribute 'fit' is given twice"):
        table.parse_assignments(["fit=Slim", "fit=Loose"])
    with pytest.raises(ValueError, match=r"none.json' is neither an assignment .* \(No such file"):
        table.parse_assignments([str(tmp_path / "none.json")])
    path = tmp_path / "a.json"
    path.write_text("{", encoding="utf-8")
    with pytest.raises(ValueError, match="a.json is not valid JSON .*: write an object"):
        table.parse_assignments(path)
    path.write_text("[1]", encoding="utf-8")
    with pytest.raises(ValueError, match="a.json holds a list: write an object"):
        table.parse_assignments(path)
    for content in (b"\xff\xfe\x00", b"[" * 100_000):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="a.json is not valid JSON"):
            table.parse_assignments(path)


def test_captions_by_hand() -> None:
    assert table.caption({}) == "a flat-lay photo of a garment"
    simple = {"category": "T-shirt", "fit": "Loose", "sleeve_length": "Short", "print": "Striped"}
    assert table.caption({**simple, "fabric": "Wool", "collar": "Round"}) == (
        "a flat-lay photo of a loose short sleeve striped wool T-shirt with a round collar"
    )
    rich = {
        "category": "Dress",
        "length": "Extra Long",
        "collar": "Off-shoulder",
        "surface_texture": "Embroidered",
        "age": "Child",
        "gender": "Female",
        "with_inner_wear": "Yes",
        "top_open": "Yes",
        "top_tuck_in": "No",
    }
    assert table.caption(rich) == (
        "a flat-lay photo of an extra long length dress for girls with an off-shoulder neckline and an "
        "embroidered surface and inner wear, open at the front"
    )


@settings(deadline=None)
@given(_ANY)
def test_captions_stay_in_the_vocabulary_and_read_well(values: dict[str, str]) -> None:
    caption = table.caption(values)
    assert set(table.words(caption)) <= set(table.vocabulary())
    assert "  " not in caption and "unknown" not in caption.lower() and caption.startswith("a flat-lay photo of a")
    without_unknown = {k: v for k, v in values.items() if v != UNKNOWN}
    assert table.caption(without_unknown) == caption


def test_every_value_but_those_with_nothing_to_say_changes_the_caption() -> None:
    for attribute in ATTRIBUTES:
        captions = [table.caption({attribute.key: value}) for value in (UNKNOWN, *attribute.values)]
        silent = sum(value in ("No", "Uncertain") for value in attribute.values)
        assert len(set(captions)) == len(captions) - silent, attribute.key


def test_vocabulary_is_sorted_and_words_split() -> None:
    vocabulary = table.vocabulary()
    assert list(vocabulary) == sorted(set(vocabulary)) and all(w == w.lower() for w in vocabulary)
    assert {"t-shirt", "pvc", "3d", "and", "an", "girls", "v-neck"} <= set(vocabulary)
    assert table.words("A 3D Floral T-shirt, open") == ["a", "3d", "floral", "t-shirt", "open"]


def test_every_kind_of_garment_is_sound_and_speaks_of_its_group() -> None:
    for name, kind in table.GARMENT_KINDS.items():
        known = table.known_of(name)
        assert {**table.validate(known), **known} == table.validate(known), "Table 6's own spelling"
        assert table.group_of(known) == kind.group and kind.group in table.GROUPS
        assert all(table.cannot_have(key, known) for key in kind.lacking)
        assert not set(kind.lacking) & set(known)
    assert table.garment_kind("Trousers") is table.GARMENT_KINDS["pants"]
    assert table.garment_kind("my own tops") is None and table.known_of("my own tops") == {}


@pytest.mark.parametrize(
    ("known", "lacking"),
    [
        ({"category": "Skirt"}, {"collar", "sleeve_length"}),
        ({"length": "Short"}, {"category", "collar", "sleeve_length"}),
        ({"category": "Shirt"}, set()),
        ({"sleeve_length": "Long"}, set()),
        ({}, set()),
        ({"category": "Unknown"}, set()),
    ],
)
def test_what_a_garment_cannot_have(known: dict, lacking: set) -> None:
    assert {a.key for a in table.ATTRIBUTES if table.cannot_have(a.key, known)} == lacking
