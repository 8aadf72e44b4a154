"""The 14 clothing attributes of the paper's Table 6, their values, codes and captions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

UNKNOWN = "Unknown"
"""A value of every attribute: what could not be read or was not said."""


@dataclass(frozen=True)
class Attribute:
    """One clothing attribute.

    Args:
        key: name in code, files and on the command line, snake_case.
        name: name as printed in Table 6.
        values: the choices of Table 6 in its order, without ``UNKNOWN``.
        embedded: whether it feeds the structure embedding (the star in Table 6).
    """

    key: str
    name: str
    values: tuple[str, ...]
    embedded: bool


def _attribute(name: str, values: str) -> Attribute:
    """Read one row of the table as the paper prints it: a star marks what feeds the embedding."""
    plain = name.rstrip("*")
    return Attribute(plain.lower().replace(" ", "_"), plain, tuple(values.split(", ")), name.endswith("*"))


ATTRIBUTES: tuple[Attribute, ...] = (
    _attribute(
        "Category*",
        "T-shirt, Hoodie, Shirt, Polo, Tank, Vest, Swimsuit, Sweater, Innerwear, Windbreaker, Down "
        "Jacket, Jacket, Suit, Waistcoat, Shawl, Dress, Skirt, Knitted Coat, Leather Short Coat, Leather "
        "Long Coat, Denim Jacket, Robe, Loungewear Top, Loungewear Dress, Sports Jacket, Knitted "
        "Cardigan, Leather Jacket",
    ),
    _attribute("Fit*", "Loose, Regular, Slim"),
    _attribute(
        "Collar*",
        "Suit, Shirt, Notched, Rounded, Ruffled, Naval, Hooded, Polo, V-neck, Square, Round, Strapless, "
        "One-shoulder, Off-shoulder, Neckline, Stand-up, Baseball",
    ),
    _attribute("Sleeve Length*", "Sleeveless, Short, Mid, Long, Extra Long"),
    _attribute(
        "Fabric*",
        "Gauze, Tweed, Fur, Chiffon, Denim, PVC, Micro-Suede, Fleece, Corduroy, Knit, Lace, Synthetic, "
        "Stretch, Linen, Wool, Silk, Knitting, Leather, Velvet, Fur Blend, Coated, Mixed, Special Fabric",
    ),
    _attribute(
        "Print",
        "Floral, Animal, Skull, Character, Paisley, Baroque, Traditional, Cartoon, Artistic, Tech, "
        "Hand-painted, Striped, Plaid, Heart, Polka Dot, Star, Tie-dye, Camouflage, Linear, Text, Logo, "
        "Geometric, Color Block, Mixed, 3D Floral, Solid Color, Nature Scene, Objects",
    ),
    _attribute(
        "Surface Texture",
        "Layered, Tied, Slit, Cutout, Ruched, Pleated, Spliced, Ruffle, Contrast Stitching, Quilted, "
        "Gathered, Applique, Overlay, Hand Decorated, Beaded, Washed, Dyed, Distressed, Frayed, Printed, "
        "Splatter, Foil, Rhinestone, Flocked, Embroidered, Edge Decoration, Embossed, Punched, Knit Rib, "
        "No Craft",
    ),
    _attribute("Age", "Adult, Child"),
    _attribute("Gender", "Female, Male"),
    _attribute("Length*", "Extra Short, Short, Medium, Long, Extra Long, Uncertain"),
    _attribute("With Inner Wear*", "Yes, No"),
    _attribute("Sleeves Rolled Up*", "Yes, No"),
    _attribute("Top Open*", "Yes, No"),
    _attribute("Top Tuck In*", "Yes, No"),
)
"""Table 6 in its order; the print "Floral", listed twice there, stands once."""

VALUES = {a.key: a.values for a in ATTRIBUTES}
"""The values of each attribute by key, in the order in which heads know them."""

EMBEDDED: tuple[Attribute, ...] = tuple(a for a in ATTRIBUTES if a.embedded)
"""The 10 attributes that feed the structure embedding, in table order."""

TOP_ONLY = ("collar", "sleeve_length")
"""The attributes that no garment worn below the waist has."""


@dataclass(frozen=True)
class GarmentKind:
    """A kind of garment as data sets call it, in the terms of Table 6.

    Attributes:
        group: "upper", "lower" or "dress".
        known: what the kind says for sure.
        lacking: keys of the attributes that it cannot have; Table 6 has no category for trousers and shorts.
    """

    group: str
    known: Mapping[str, str]
    lacking: tuple[str, ...] = ()


GROUPS = ("upper", "lower", "dress")
GARMENT_KINDS: dict[str, GarmentKind] = {
    "t-shirt": GarmentKind("upper", {"category": "T-shirt", "sleeve_length": "Short"}),
    "longsleeve": GarmentKind("upper", {"sleeve_length": "Long"}),
    "shirt": GarmentKind("upper", {"category": "Shirt", "collar": "Shirt"}),
    "outwear": GarmentKind("upper", {"category": "Jacket", "sleeve_length": "Long"}),
    "dress": GarmentKind("dress", {"category": "Dress"}),
    "skirt": GarmentKind("lower", {"category": "Skirt"}, TOP_ONLY),
    "pants": GarmentKind("lower", {"length": "Long"}, ("category", *TOP_ONLY)),
    "shorts": GarmentKind("lower", {"length": "Short"}, ("category", *TOP_ONLY)),
}
"""The kinds of garments that real photos are labelled with: which has which attribute, in one place."""
_ALIASES = {"trousers": "pants"}
_DRESSES = frozenset({"Dress", "Loungewear Dress"})
_LOWER = frozenset({"Skirt"})


def garment_kind(name: str) -> GarmentKind | None:
    """The kind of garment of a name, in any case; None for names that data sets of their own use."""
    folded = name.lower()
    return GARMENT_KINDS.get(_ALIASES.get(folded, folded))


def known_of(name: str) -> dict[str, str]:
    """What a kind of garment says for sure; nothing for a kind that is not in the table."""
    kind = garment_kind(name)
    return {} if kind is None else dict(kind.known)


def group_of(values: Mapping[str, str]) -> str:
    """The group that attributes speak of.

    A garment without category, collar and sleeves is a lower one if anything at all is known of it. With sleeves or a
    collar but no category, it is taken for an upper one.

    Args:
        values: Table 6 values by key; missing ones are unknown.

    Returns:
        One of `GROUPS`, or "Unknown".
    """
    known = {key: value for key, value in values.items() if value != UNKNOWN}
    if "category" in known:
        return "dress" if known["category"] in _DRESSES else "lower" if known["category"] in _LOWER else "upper"
    if any(key in known for key in TOP_ONLY):
        return "upper"
    return "lower" if known else UNKNOWN


def cannot_have(key: str, known: Mapping[str, str]) -> bool:
    """Whether a garment of which this is known is a lower one, and so has no value of an attribute.

    Args:
        key: of the attribute.
        known: Table 6 values; missing ones are unknown.
    """
    if group_of(known) != "lower":
        return False
    has_category = known.get("category", UNKNOWN) != UNKNOWN
    return key in GARMENT_KINDS["skirt" if has_category else "pants"].lacking


def _fold(text: str) -> str:
    return re.sub(r"[\s_-]+", " ", text).strip().casefold()


_BY_NAME = {_fold(a.key): a for a in ATTRIBUTES}
_CHOICES = {a.key: {_fold(v): v for v in (UNKNOWN, *a.values)} for a in ATTRIBUTES}


def validate(attributes: Mapping[str, str | None]) -> dict[str, str]:
    """Check attributes and complete them.

    Args:
        attributes: values by key or printed name; letter case, spaces, hyphens and underscores do not matter.
            None and "" count as missing.

    Returns:
        All 14 in table order under their keys, in Table 6's spelling; what is missing is ``UNKNOWN``.

    Raises:
        ValueError: an attribute or a value that Table 6 does not have, or an attribute given twice.
    """
    known = _canonical(attributes)
    return {a.key: known.get(a.key, UNKNOWN) for a in ATTRIBUTES}


def encode(attributes: Mapping[str, str | None]) -> list[int]:
    """Number the 10 embedded attributes for the structure embedding.

    Args:
        attributes: as for ``validate``.

    Returns:
        One code per attribute of ``EMBEDDED``: 0 is unknown, 1 is the first value of Table 6, and so on.

    Raises:
        ValueError: as for ``validate``.
    """
    return _codes(attributes, EMBEDDED)


def encode_all(attributes: Mapping[str, str | None]) -> list[int]:
    """Number all 14 attributes in table order; codes and errors as for ``encode``."""
    return _codes(attributes, ATTRIBUTES)


def decode_all(codes: Sequence[int]) -> dict[str, str]:
    """The inverse of `encode_all`: 14 codes to 14 values."""
    return {
        attribute.key: attribute.values[code - 1] if code else UNKNOWN
        for attribute, code in zip(ATTRIBUTES, codes, strict=True)
    }


def parse_assignments(source: str | Path | Sequence[str]) -> dict[str, str]:
    """Read what a person wrote on the command line: assignments, or one JSON file.

    Args:
        source: ``["collar=Polo", "fit=loose"]``, or a path (alone or as the only item) to a JSON object.

    Returns:
        Only the attributes given, under their keys, in Table 6's spelling.

    Raises:
        ValueError: no such file, not a JSON object of words, an item without "=", or as for ``validate``.
    """
    items = [str(source)] if isinstance(source, str | Path) else list(source)
    if len(items) == 1 and "=" not in items[0]:
        return _canonical(_read_json(Path(items[0])))
    given: dict[str, str] = {}
    for item in items:
        name, equals, value = item.partition("=")
        if not equals:
            raise ValueError(f"{item!r} is not an assignment: write for example collar=Polo")
        if name.strip() in given:
            raise ValueError(f"the attribute {name.strip()!r} is given twice: give it once")
        given[name.strip()] = value
    return _canonical(given)


def caption(attributes: Mapping[str, str | None]) -> str:
    """Describe a garment in one sentence from its attributes alone; what is unknown is not mentioned.

    Args:
        attributes: as for ``validate``.

    Returns:
        For example "a flat-lay photo of a loose short sleeve striped wool T-shirt with a round collar".

    Raises:
        ValueError: as for ``validate``.
    """
    known = {key: value for key, value in validate(attributes).items() if value != UNKNOWN}
    phrases = {key: _phrase(key, value) for key, value in known.items()}
    order = ("fit", "length", "sleeve_length", "print", "fabric", "category")
    noun = " ".join(phrases[key] for key in order if phrases.get(key))
    if "category" not in known:
        noun = f"{noun} garment".lstrip()
    sentence = f"a flat-lay photo of {_with_article(noun)}"
    if wearer := _WEARERS.get((known.get("age", UNKNOWN), known.get("gender", UNKNOWN))):
        sentence += f" for {wearer}"
    details = [phrases[key] for key in ("collar", "surface_texture", "with_inner_wear") if phrases.get(key)]
    if details:
        sentence += " with " + " and ".join(details)
    states = [phrases[key] for key in ("sleeves_rolled_up", "top_open", "top_tuck_in") if phrases.get(key)]
    return ", ".join([sentence, *states])


def words(text: str) -> list[str]:
    """Split a caption into the lower-case words that ``vocabulary`` lists; hyphens join, punctuation goes."""
    return re.findall(r"[a-z0-9]+(?:-[a-z0-9]+)*", text.lower())


@lru_cache(maxsize=1)
def vocabulary() -> tuple[str, ...]:
    """List every word that ``caption`` can write, sorted; the word-level tokenizer is built on it."""
    captions = [caption({a.key: value}) for a in ATTRIBUTES for value in (UNKNOWN, *a.values)]
    captions += [caption({"age": age, "gender": gender}) for age, gender in _WEARERS]
    captions += [caption({"collar": "Round", "surface_texture": "Beaded"})]  # two details are joined by a word
    return tuple(sorted({word for text in captions for word in words(text)}))


def _canonical(attributes: Mapping[str, str | None]) -> dict[str, str]:
    result: dict[str, str] = {}
    for name, value in attributes.items():
        attribute = _BY_NAME.get(_fold(str(name)))
        if attribute is None:
            raise ValueError(f"there is no attribute {name!r}: choose from {_listed(a.key for a in ATTRIBUTES)}")
        if value is None or value == "":
            continue
        if attribute.key in result:
            raise ValueError(f"the attribute {attribute.key} is given twice: give it once")
        choices = _CHOICES[attribute.key]
        if not isinstance(value, str) or _fold(value) not in choices:
            raise ValueError(f"{attribute.key} cannot be {value!r}: choose from {_listed(choices.values())}")
        result[attribute.key] = choices[_fold(value)]
    return result


def _listed(choices: Iterable[str]) -> str:
    return ", ".join(choices)


def _codes(attributes: Mapping[str, str | None], wanted: Iterable[Attribute]) -> list[int]:
    full = validate(attributes)
    return [(UNKNOWN, *a.values).index(full[a.key]) for a in wanted]


_JSON_EXAMPLE = 'an object such as {"collar": "Polo"}'


def _read_json(path: Path) -> dict[str, str | None]:
    try:
        loaded = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        problem = f"neither an assignment such as collar=Polo nor a readable JSON file ({error.strerror})"
        raise ValueError(f"{str(path)!r} is {problem}") from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path.name} is not valid JSON ({error}): write {_JSON_EXAMPLE}") from error
    if not isinstance(loaded, dict):
        raise ValueError(f"{path.name} holds a {type(loaded).__name__}: write {_JSON_EXAMPLE}")
    return loaded


_WEARERS = {
    ("Adult", "Female"): "women",
    ("Adult", "Male"): "men",
    ("Adult", UNKNOWN): "adults",
    ("Child", "Female"): "girls",
    ("Child", "Male"): "boys",
    ("Child", UNKNOWN): "children",
    (UNKNOWN, "Female"): "women",
    (UNKNOWN, "Male"): "men",
}
# Values whose phrase does not follow the rule of their attribute; an empty phrase says nothing.
_EXCEPTIONS = {
    "sleeve_length": {"Sleeveless": "sleeveless"},
    "length": {"Uncertain": ""},
    "fabric": {"PVC": "PVC", "Mixed": "mixed fabric"},
    "category": {"T-shirt": "T-shirt", "Tank": "tank top"},
    "collar": {
        "Hooded": "a hood",
        "V-neck": "a V-neck",
        "Neckline": "a plain neckline",
        "Strapless": "a strapless neckline",
        "One-shoulder": "a one-shoulder neckline",
        "Off-shoulder": "an off-shoulder neckline",
    },
    "print": {
        value: value.lower()
        for value in (
            "Floral",
            "Hand-painted",
            "Striped",
            "Plaid",
            "Tie-dye",
            "Camouflage",
            "Solid Color",
            "Color Block",
        )
    },
    "surface_texture": {"No Craft": "a plain surface"},
}
_RULES = {
    "sleeve_length": "{} sleeve",
    "length": "{} length",
    "print": "{} print",
    "collar": "a {} collar",
    "surface_texture": "a {} surface",
}
_YES = {
    "with_inner_wear": "inner wear",
    "sleeves_rolled_up": "sleeves rolled up",
    "top_open": "open at the front",
    "top_tuck_in": "tucked in",
}


def _phrase(key: str, value: str) -> str:
    if key in _YES:
        return _YES[key] if value == "Yes" else ""
    exception = _EXCEPTIONS.get(key, {}).get(value)
    if exception is not None:
        return exception
    phrase = _RULES.get(key, "{}").format(value.lower())
    return _with_article(phrase[2:]) if phrase.startswith("a ") else phrase


def _with_article(noun: str) -> str:
    return f"an {noun}" if noun[0].lower() in "aeiou" else f"a {noun}"
