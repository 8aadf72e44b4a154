"""What each category is made of: which sleeves, collars, fronts, lengths and fabrics it can have."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Spec:
    """Construction of a category; tuples are drawn from evenly.

    Attributes:
        weight: how often it is drawn.
        kind: "top", "dress", "skirt", "pants" or "shorts".
        sleeves, collars, fabrics: values of Table 6.
        lengths: (value of Table 6, factor on the length below the armpit); empty says the length that is drawn.
        front: "none", "buttons", "zip", "polo" or "wrap".
        pockets: of "kangaroo", "chest", "flap", "slant".
        rib: ribbed hem and cuffs. cuffs: sewn cuffs.
        outer: worn over something; drawn from the outlines of outerwear.
        flare: widening towards the hem. fits: odds of slim, regular, loose.
        surface: value of Surface Texture. child, female: odds.
        solid: odds of a plain colour.
    """

    weight: float
    kind: str = "top"
    sleeves: tuple[str, ...] = ("Long",)
    collars: tuple[str, ...] = ("Round",)
    fabrics: tuple[str, ...] = ("Synthetic", "Stretch", "Mixed")
    lengths: tuple[tuple[str, float], ...] = ()
    front: str = "none"
    pockets: tuple[str, ...] = ()
    rib: bool = False
    cuffs: bool = False
    outer: bool = False
    flare: float = 0.0
    fits: tuple[float, float, float] = (0.25, 0.5, 0.25)
    surface: str = "No Craft"
    child: float = 0.12
    female: float = 0.5
    solid: float = 0.5


_COAT = (("Medium", 1.1), ("Long", 1.5))

CATALOGUE: dict[str, Spec] = {
    "T-shirt": Spec(
        10,
        sleeves=("Short", "Short", "Short", "Short", "Mid", "Long"),
        collars=("Round", "Round", "Round", "Round", "V-neck", "Square", "Neckline"),
        solid=0.3,
        fabrics=("Stretch", "Synthetic", "Knitting", "Linen", "Mixed"),
    ),
    "Hoodie": Spec(
        4,
        collars=("Hooded",),
        fabrics=("Fleece", "Knitting", "Mixed"),
        pockets=("kangaroo",),
        rib=True,
        fits=(0.1, 0.5, 0.4),
        outer=True,
    ),
    "Shirt": Spec(
        6,
        sleeves=("Long", "Long", "Short", "Mid"),
        collars=("Shirt", "Shirt", "Shirt", "Stand-up"),
        fabrics=("Linen", "Synthetic", "Denim", "Silk", "Chiffon"),
        front="buttons",
        pockets=("chest",),
        cuffs=True,
        solid=0.35,
    ),
    "Polo": Spec(
        3,
        sleeves=("Short", "Short", "Long"),
        collars=("Polo",),
        front="polo",
        fabrics=("Knitting", "Stretch"),
        female=0.3,
    ),
    "Tank": Spec(
        3,
        sleeves=("Sleeveless",),
        collars=("Round", "Round", "V-neck", "Square"),
        fabrics=("Stretch", "Knit", "Silk", "Synthetic"),
        female=0.7,
        flare=0.06,
    ),
    "Vest": Spec(
        2,
        sleeves=("Sleeveless",),
        collars=("V-neck", "Round", "Stand-up"),
        fabrics=("Knit", "Wool", "Fleece"),
        rib=True,
    ),
    "Swimsuit": Spec(
        0.6,
        sleeves=("Sleeveless",),
        collars=("Round", "Square", "V-neck"),
        fabrics=("Stretch",),
        fits=(1, 0, 0),
        lengths=(("Short", 0.8),),
        female=1,
    ),
    "Sweater": Spec(
        5,
        collars=("Round", "Round", "V-neck", "Stand-up"),
        fabrics=("Knit", "Wool", "Knitting", "Fur Blend"),
        rib=True,
        surface="Knit Rib",
    ),
    "Innerwear": Spec(
        1,
        sleeves=("Sleeveless", "Short"),
        collars=("Square", "Round", "V-neck"),
        fabrics=("Lace", "Silk", "Stretch"),
        lengths=(("Short", 0.75), ("Medium", 1.0)),
        female=0.8,
    ),
    "Windbreaker": Spec(
        1.5,
        collars=("Stand-up", "Hooded"),
        fabrics=("Coated", "Synthetic", "PVC"),
        front="zip",
        pockets=("slant",),
        outer=True,
        cuffs=True,
        solid=0.5,
    ),
    "Down Jacket": Spec(
        2,
        collars=("Stand-up", "Hooded"),
        sleeves=("Long", "Long", "Sleeveless"),
        front="zip",
        fabrics=("Synthetic", "Coated"),
        pockets=("slant",),
        outer=True,
        surface="Quilted",
        solid=0.85,
        lengths=(("Medium", 1.0), ("Medium", 1.0), *_COAT),
    ),
    "Jacket": Spec(
        3,
        collars=("Stand-up", "Shirt", "Baseball"),
        front="zip",
        pockets=("slant", "chest"),
        outer=True,
        fabrics=("Synthetic", "Micro-Suede", "Corduroy", "Coated", "Mixed"),
        solid=0.7,
        rib=True,
    ),
    "Suit": Spec(
        2,
        collars=("Suit", "Notched"),
        fabrics=("Wool", "Linen", "Tweed", "Velvet"),
        front="buttons",
        pockets=("flap", "chest"),
        outer=True,
        lengths=(("Medium", 1.1),),
        solid=0.65,
    ),
    "Waistcoat": Spec(
        1,
        sleeves=("Sleeveless",),
        collars=("V-neck",),
        fabrics=("Wool", "Tweed", "Linen"),
        front="buttons",
        pockets=("flap",),
        female=0.2,
        solid=0.65,
    ),
    "Shawl": Spec(
        0.5,
        sleeves=("Mid",),
        collars=("Neckline", "V-neck"),
        fabrics=("Wool", "Knit", "Fur"),
        flare=0.4,
        fits=(0, 0, 1),
        female=0.9,
        surface="Frayed",
    ),
    "Dress": Spec(
        6,
        "dress",
        sleeves=("Sleeveless", "Sleeveless", "Short", "Short", "Mid", "Long"),
        collars=("Round", "Round", "V-neck", "Square", "Ruffled", "Neckline"),
        flare=0.7,
        female=1,
        solid=0.3,
        fabrics=("Silk", "Chiffon", "Lace", "Linen", "Stretch", "Gauze", "Velvet"),
    ),
    "Skirt": Spec(
        4,
        "skirt",
        fabrics=("Denim", "Linen", "Silk", "Wool", "Leather"),
        female=1,
        solid=0.45,
    ),
    "Knitted Coat": Spec(
        1,
        collars=("Suit", "V-neck"),
        fabrics=("Knit", "Wool"),
        front="buttons",
        outer=True,
        lengths=(("Long", 1.5), ("Extra Long", 1.8)),
        pockets=("flap",),
        solid=0.8,
    ),
    "Leather Short Coat": Spec(
        0.7,
        collars=("Suit", "Shirt"),
        fabrics=("Leather",),
        front="buttons",
        outer=True,
        pockets=("flap",),
        solid=1.0,
        lengths=(("Short", 0.9),),
    ),
    "Leather Long Coat": Spec(
        0.7,
        collars=("Suit", "Notched"),
        fabrics=("Leather",),
        front="buttons",
        outer=True,
        pockets=("flap",),
        solid=1.0,
        lengths=(("Long", 1.7), ("Extra Long", 2.0)),
    ),
    "Denim Jacket": Spec(
        1.5,
        collars=("Shirt",),
        fabrics=("Denim",),
        front="buttons",
        outer=True,
        cuffs=True,
        pockets=("chest", "slant"),
        solid=1.0,
        surface="Contrast Stitching",
    ),
    "Robe": Spec(
        0.7,
        collars=("V-neck",),
        fabrics=("Fleece", "Silk", "Velvet"),
        front="wrap",
        outer=True,
        lengths=(("Long", 1.7),),
        fits=(0, 0.3, 0.7),
    ),
    "Loungewear Top": Spec(
        1,
        sleeves=("Long", "Short"),
        collars=("Round", "Shirt"),
        fabrics=("Silk", "Fleece", "Knitting"),
        front="buttons",
        fits=(0, 0.4, 0.6),
    ),
    "Loungewear Dress": Spec(
        0.8,
        "dress",
        sleeves=("Short", "Sleeveless", "Long"),
        collars=("Round", "V-neck"),
        fabrics=("Silk", "Knitting", "Lace"),
        flare=0.3,
        female=1,
    ),
    "Sports Jacket": Spec(
        1.5,
        collars=("Stand-up", "Baseball"),
        fabrics=("Synthetic", "Stretch"),
        front="zip",
        outer=True,
        rib=True,
        pockets=("slant",),
        solid=0.35,
    ),
    "Knitted Cardigan": Spec(
        2,
        collars=("V-neck", "V-neck", "Round"),
        fabrics=("Knit", "Wool", "Knitting"),
        rib=True,
        front="buttons",
        outer=True,
        female=0.7,
        solid=0.7,
    ),
    "Leather Jacket": Spec(
        1.2,
        collars=("Stand-up", "Notched", "Shirt"),
        fabrics=("Leather",),
        front="zip",
        outer=True,
        pockets=("slant",),
        solid=1.0,
    ),
    "Trousers": Spec(
        5,
        "pants",
        fabrics=("Denim", "Denim", "Linen", "Wool", "Synthetic", "Corduroy"),
        pockets=("slant",),
        solid=0.85,
    ),
    "Shorts": Spec(
        3, "shorts", fabrics=("Denim", "Linen", "Synthetic", "Stretch"), pockets=("slant",), solid=0.6
    ),
}
"""The 27 categories of Table 6, and trousers and shorts, for which it has no value."""
