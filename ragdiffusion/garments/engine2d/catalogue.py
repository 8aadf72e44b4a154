"""What each category is made of: its cloth, bands and cuffs, and who wears it. Its shape is its patterns' business."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Spec:
    """Making of a category.

    Attributes:
        weight: how often it is drawn.
        fabrics: values of Table 6, drawn from evenly.
        rib: ribbed hem and cuffs. cuffs: sewn cuffs.
        surface: value of Surface Texture. child, female: odds.
        solid: odds of a plain colour.
    """

    weight: float
    fabrics: tuple[str, ...] = ("Synthetic", "Stretch", "Mixed")
    rib: bool = False
    cuffs: bool = False
    surface: str = "No Craft"
    child: float = 0.12
    female: float = 0.5
    solid: float = 0.5


CATALOGUE: dict[str, Spec] = {
    "T-shirt": Spec(10, fabrics=("Stretch", "Synthetic", "Knitting", "Linen", "Mixed"), solid=0.3),
    "Hoodie": Spec(4, fabrics=("Fleece", "Knitting", "Mixed"), rib=True),
    "Shirt": Spec(6, fabrics=("Linen", "Synthetic", "Denim", "Silk", "Chiffon"), cuffs=True, solid=0.35),
    "Polo": Spec(3, fabrics=("Knitting", "Stretch"), female=0.3),
    "Tank": Spec(3, fabrics=("Stretch", "Knit", "Silk", "Synthetic"), female=0.7),
    "Vest": Spec(2, fabrics=("Knit", "Wool", "Fleece"), rib=True),
    "Swimsuit": Spec(0.6, fabrics=("Stretch",), female=1),
    "Sweater": Spec(5, fabrics=("Knit", "Wool", "Knitting", "Fur Blend"), rib=True, surface="Knit Rib"),
    "Innerwear": Spec(1, fabrics=("Lace", "Silk", "Stretch"), female=0.8),
    "Windbreaker": Spec(1.5, fabrics=("Coated", "Synthetic", "PVC"), cuffs=True),
    "Down Jacket": Spec(2, fabrics=("Synthetic", "Coated"), surface="Quilted", solid=0.85),
    "Jacket": Spec(3, fabrics=("Synthetic", "Micro-Suede", "Corduroy", "Coated", "Mixed"), rib=True, solid=0.7),
    "Suit": Spec(2, fabrics=("Wool", "Linen", "Tweed", "Velvet"), solid=0.65),
    "Waistcoat": Spec(1, fabrics=("Wool", "Tweed", "Linen"), female=0.2, solid=0.65),
    "Shawl": Spec(0.5, fabrics=("Wool", "Knit", "Fur"), surface="Frayed", female=0.9),
    "Dress": Spec(6, fabrics=("Silk", "Chiffon", "Lace", "Linen", "Stretch", "Gauze", "Velvet"), female=1, solid=0.3),
    "Skirt": Spec(4, fabrics=("Denim", "Linen", "Silk", "Wool", "Leather"), female=1, solid=0.45),
    "Knitted Coat": Spec(1, fabrics=("Knit", "Wool"), solid=0.8),
    "Leather Short Coat": Spec(0.7, fabrics=("Leather",), solid=1.0),
    "Leather Long Coat": Spec(0.7, fabrics=("Leather",), solid=1.0),
    "Denim Jacket": Spec(1.5, fabrics=("Denim",), cuffs=True, surface="Contrast Stitching", solid=1.0),
    "Robe": Spec(0.7, fabrics=("Fleece", "Silk", "Velvet")),
    "Loungewear Top": Spec(1, fabrics=("Silk", "Fleece", "Knitting")),
    "Loungewear Dress": Spec(0.8, fabrics=("Silk", "Knitting", "Lace"), female=1),
    "Sports Jacket": Spec(1.5, fabrics=("Synthetic", "Stretch"), rib=True, solid=0.35),
    "Knitted Cardigan": Spec(2, fabrics=("Knit", "Wool", "Knitting"), rib=True, female=0.7, solid=0.7),
    "Leather Jacket": Spec(1.2, fabrics=("Leather",), solid=1.0),
    "Trousers": Spec(5, fabrics=("Denim", "Denim", "Linen", "Wool", "Synthetic", "Corduroy"), solid=0.85),
    "Shorts": Spec(3, fabrics=("Denim", "Linen", "Synthetic", "Stretch"), solid=0.6),
}
"""The 27 categories of Table 6, and trousers and shorts, for which it has no value."""
