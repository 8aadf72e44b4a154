"""The kinds of garment that can be drawn, with the ranges of their measures."""

from ragdiffusion.garments.patterns import ranges
from ragdiffusion.garments.patterns.kind import Kind, build_kind

KINDS: dict[str, Kind] = {
    kind.key: kind
    for kind in (
        # The 27 categories of Table 6, some in several forms.
        build_kind("t_shirt", "T-shirt", "set_in hem none none", ranges.TEE),
        build_kind("longsleeve", "T-shirt", "set_in hem none none", ranges.LONG),
        build_kind(
            "cap_sleeve_top",
            "T-shirt",
            "cap hem none none",
            {**ranges.TEE, "sleeve_length": (3, 8, 20), "sleeve_angle": (20, 55, 88), "armhole_depth": (12, 20, 32)},
        ),
        build_kind(
            "hoodie", "Hoodie", "set_in hem hood none",
            {**ranges.KNIT, "chest": (34, 56, 80)},
            pockets="kangaroo",
        ),
        build_kind(
            "zip_hoodie", "Hoodie", "set_in hem hood zip",
            {**ranges.KNIT, "chest": (34, 56, 80)},
            pockets="slant",
        ),
        build_kind("shirt", "Shirt", "set_in hem shirt buttons", ranges.SHIRT, pockets="chest"),
        build_kind(
            "blouse",
            "Shirt",
            "set_in hem none none",
            {
                **ranges.LONG, "sleeve_length": (16, 56, 76), "cuff": (7, 12, 56), "sleeve_puff": (-1, 2, 12),
                "biceps": (9, 18, 44),
            },
        ),
        build_kind(
            "polo",
            "Polo",
            "set_in hem shirt polo",
            {
                **ranges.TEE, "collar_height": (2, 4, 7), "collar_spread": (0, 2, 6), "placket": (8, 14, 24),
                "overlap": (2, 3, 4), "neck_width": (12, 17, 24), "neck_drop_back": (0, 1, 3),
                "sleeve_length": (11, 22, 70),
            },
        ),
        build_kind("tank", "Tank", "armhole hem none none", ranges.TANK),
        build_kind("camisole", "Tank", "strap hem none none", ranges.STRAP),
        build_kind(
            "vest",
            "Vest",
            "armhole hem none none",
            {
                **ranges.TANK, "rib": (1, 5, 10), "rib_gather": (0, 0.5, 4), "shoulder_width": (30, 40, 60),
                "chest": (38, 50, 72), "neck_drop_front": (5, 18, 32),
            },
        ),
        build_kind(
            "swimsuit",
            "Swimsuit",
            "strap brief none none",
            {**ranges.STRAP, **ranges.BRIEF, "neck_drop_front": (0, 5, 18), "strap_width": (0.6, 3, 7)},
        ),
        build_kind(
            "bodysuit", "Innerwear", "set_in brief none none",
            {**ranges.LONG, **ranges.BRIEF, "sleeve_length": (12, 50, 72)},
        ),
        build_kind("sweater", "Sweater", "set_in hem none none", ranges.KNIT),
        build_kind(
            "turtleneck",
            "Sweater",
            "set_in hem stand none",
            {
                **ranges.KNIT, "collar_height": (3, 9, 20), "neck_width": (13, 17, 26), "neck_drop_back": (0, 1, 4),
                "collar_spread": (0, 0.5, 6),
            },
        ),
        build_kind("innerwear", "Innerwear", "strap hem none none", {**ranges.STRAP, "body_length": (40, 62, 85)}),
        build_kind(
            "windbreaker",
            "Windbreaker",
            "set_in hem stand zip",
            {**ranges.JACKET, "rib": (0, 4, 8), "rib_gather": (0, 1, 5)},
            pockets="slant",
        ),
        build_kind("hooded_windbreaker", "Windbreaker", "set_in hem hood zip", ranges.JACKET, pockets="slant"),
        build_kind(
            "down_jacket",
            "Down Jacket",
            "set_in hem stand zip",
            {
                **ranges.JACKET, "biceps": (12, 20, 42), "rib": (0, 3, 8), "rib_gather": (0, 1, 5),
                "collar_height": (4, 8, 14),
            },
            pockets="slant",
        ),
        build_kind(
            "hooded_down_jacket",
            "Down Jacket",
            "set_in hem hood zip",
            {**ranges.JACKET, "body_length": (52, 76, 120), "biceps": (12, 20, 42)},
            pockets="slant",
        ),
        build_kind(
            "down_vest",
            "Down Jacket",
            "armhole hem stand zip",
            {
                **ranges.TANK, "shoulder_width": (32, 42, 56), "chest": (42, 52, 72), "collar_height": (3, 7, 12),
                "neck_width": (13, 18, 26), "neck_drop_front": (5, 8, 14), "neck_drop_back": (0, 1, 3),
            },
            pockets="slant",
        ),
        build_kind(
            "jacket",
            "Jacket",
            "set_in hem stand zip",
            {**ranges.JACKET, "rib": (0, 5, 10), "rib_gather": (0, 1, 6)},
            pockets="slant",
        ),
        build_kind(
            "suit",
            "Suit",
            "set_in hem lapel buttons",
            {**ranges.JACKET, **ranges.LAPEL, "body_length": (60, 73, 92)},
            pockets="flap chest",
        ),
        build_kind(
            "waistcoat",
            "Waistcoat",
            "armhole hem none buttons",
            {
                **ranges.TANK, "neck_drop_front": (14, 26, 40), "neck_shape": (0, 0.1, 0.3),
                "neck_drop_back": (0, 1.5, 5), "hem_curve": (0, 6, 14), "body_length": (48, 60, 78),
                "overlap": (1.5, 2.5, 5), "shoulder_width": (28, 37, 50),
            },
            pockets="flap",
        ),
        build_kind(
            "shawl",
            "Shawl",
            "cape hem none none",
            {
                "body_length": (40, 62, 90), "hem": (70, 105, 160), "hem_curve": (-6, 4, 16),
                "shoulder_width": (32, 44, 70), "neck_width": (14, 22, 34), "neck_drop_front": (3, 14, 32),
                "neck_drop_back": (0, 2, 6), "shoulder_slope": (10, 22, 40),
            },
        ),
        build_kind("dress", "Dress", "set_in hem none none", ranges.DRESS, skirt=True),
        build_kind(
            "cap_sleeve_dress",
            "Dress",
            "cap hem none none",
            {**ranges.DRESS, "sleeve_length": (3, 8, 18), "sleeve_angle": (20, 55, 88)},
            skirt=True,
        ),
        build_kind("sleeveless_dress", "Dress", "armhole hem none none", ranges.SLEEVELESS_DRESS, skirt=True),
        build_kind("strap_dress", "Dress", "strap hem none none", ranges.STRAP_DRESS, skirt=True),
        build_kind(
            "bandeau_dress",
            "Dress",
            "strapless hem none none",
            {
                **ranges.DRESS, "body_length": (55, 76, 135), "chest": (30, 39, 54), "neck_drop_front": (0, 2, 10),
                "neck_drop_back": (0, 1, 10),
            },
            skirt=True,
        ),
        build_kind(
            "off_shoulder_dress",
            "Dress",
            "off_shoulder hem none none",
            {
                **ranges.DRESS, "body_length": (64, 86, 148), "shoulder_width": (38, 50, 64),
                "armhole_depth": (8, 14, 22), "neck_drop_front": (0, 3, 8), "neck_drop_back": (0, 2, 6),
            },
            skirt=True,
        ),
        build_kind(
            "shirt_dress",
            "Dress",
            "set_in hem shirt buttons",
            {
                **ranges.DRESS, "collar_height": (2, 4, 8), "overlap": (2, 3, 5), "neck_width": (12, 16, 24),
                "neck_drop_front": (5, 8, 14), "neck_drop_back": (0, 1, 3), "collar_spread": (0, 2, 6),
            },
            skirt=True,
        ),
        build_kind(
            "wrap_dress",
            "Dress",
            "set_in hem none wrap",
            {
                **ranges.DRESS, "neck_drop_front": (14, 24, 34), "neck_shape": (0, 0.1, 0.3), "overlap": (4, 16, 28),
                "tie_length": (0, 0, 45), "tie_width": (1.5, 3, 7),
            },
            skirt=True,
        ),
        build_kind(
            "skirt",
            "Skirt",
            "waist hem none none",
            {
                "waist": (26, 36, 66), "hip": (32, 47, 110), "hip_at": (0.12, 0.35, 0.7), "hem": (30, 58, 175),
                "waistband": (0, 4, 8),
            },
        ),
        build_kind(
            "knitted_coat", "Knitted Coat", "set_in hem lapel buttons",
            {**ranges.COAT, **ranges.LAPEL},
            pockets="flap",
        ),
        build_kind(
            "leather_short_coat",
            "Leather Short Coat",
            "set_in hem lapel buttons",
            {**ranges.COAT, **ranges.LAPEL, "body_length": (64, 78, 92)},
            pockets="flap",
        ),
        build_kind(
            "leather_long_coat",
            "Leather Long Coat",
            "set_in hem lapel buttons",
            {**ranges.COAT, **ranges.LAPEL, "body_length": (92, 112, 138)},
            pockets="flap",
        ),
        build_kind(
            "denim_jacket",
            "Denim Jacket",
            "set_in hem shirt buttons",
            {
                **ranges.JACKET, "body_length": (42, 60, 76), "rib": (2, 4, 6), "rib_gather": (0, 1, 4),
                "collar_height": (3, 5, 9), "collar_leaf": (5, 8, 11), "overlap": (2, 4, 6),
            },
            pockets="chest slant",
        ),
        build_kind(
            "robe",
            "Robe",
            "set_in hem lapel wrap",
            {
                **ranges.COAT, "chest": (48, 62, 80), "overlap": (8, 18, 30), "collar_height": (1, 3, 6),
                "cuff": (14, 20, 34), "biceps": (16, 21, 42), "shoulder_width": (42, 54, 70),
                "neck_drop_front": (20, 34, 45),
            },
            pockets="flap",
        ),
        build_kind(
            "loungewear_top",
            "Loungewear Top",
            "set_in hem shirt buttons",
            {
                **ranges.SHIRT, "body_length": (52, 70, 84), "chest": (44, 56, 72), "hem_curve": (-2, 1, 8),
                "collar_leaf": (5, 8, 12),
            },
            pockets="chest",
        ),
        build_kind(
            "loungewear_dress",
            "Loungewear Dress",
            "set_in hem none none",
            {**ranges.DRESS, "chest": (38, 52, 68), "waist": (36, 52, 72), "waist_corner": (0, 0, 0.3)},
            skirt=True,
        ),
        build_kind(
            "slip", "Loungewear Dress", "strap hem none none",
            {**ranges.STRAP_DRESS, "waist_corner": (0, 0, 0.3)},
            skirt=True,
        ),
        build_kind(
            "sports_jacket",
            "Sports Jacket",
            "set_in hem stand zip",
            {**ranges.JACKET, "rib": (2, 5, 8), "rib_gather": (0, 1, 5), "collar_height": (3, 5, 9)},
            pockets="slant",
        ),
        build_kind(
            "knitted_cardigan",
            "Knitted Cardigan",
            "set_in hem none buttons",
            {
                **ranges.KNIT, "neck_drop_front": (5, 22, 36), "neck_shape": (0, 0.2, 0.55),
                "neck_drop_back": (0, 1.5, 4), "overlap": (1.5, 3, 6), "body_length": (42, 64, 105),
            },
        ),
        build_kind(
            "leather_jacket",
            "Leather Jacket",
            "set_in hem lapel zip",
            {
                **ranges.JACKET, **ranges.LAPEL, "body_length": (44, 60, 74), "neck_drop_front": (8, 16, 28),
                "rib": (0, 3, 6), "rib_gather": (0, 0.5, 3),
            },
            pockets="slant",
        ),
        # What the table has no category for, and more forms of tops.
        build_kind("trousers", None, "waist legs none none", ranges.TROUSERS, pockets="side"),
        build_kind("shorts", None, "waist legs none none", ranges.SHORTS, pockets="side"),
        build_kind(
            "jumpsuit",
            None,
            "set_in legs none zip",
            {**ranges.LONG, **ranges.ONE_PIECE, "sleeve_length": (14, 50, 72)},
            pockets="slant",
        ),
        build_kind(
            "sleeveless_jumpsuit",
            None,
            "armhole legs none none",
            {**ranges.TANK, **ranges.ONE_PIECE, "neck_drop_front": (4, 12, 28)},
        ),
        build_kind("strap_jumpsuit", None, "strap legs none none", {**ranges.STRAP, **ranges.ONE_PIECE}),
        build_kind(
            "dungarees",
            None,
            "strap legs none none",
            {
                **ranges.ONE_PIECE, "waist_length": (44, 52, 60), "chest": (34, 44, 56), "waist": (34, 44, 60),
                "strap_width": (2, 3.5, 6), "strap_length": (10, 20, 30), "strap_spread": (-4, 2, 8),
                "neck_width": (12, 17, 24), "neck_drop_front": (0, 0, 2), "neck_drop_back": (0, 0, 2),
                "armhole_depth": (26, 44, 50), "armhole_shape": (0.3, 0.6, 0.9),
            },
            pockets="chest side",
        ),
        build_kind("cropped_top", "T-shirt", "set_in hem none none", {**ranges.TEE, **ranges.CROPPED}),
        build_kind("cropped_tank", "Tank", "armhole hem none none", {**ranges.TANK, **ranges.CROPPED}),
        build_kind("cropped_camisole", "Tank", "strap hem none none", {**ranges.STRAP, **ranges.CROPPED}),
        build_kind(
            "wrap_top",
            "Shirt",
            "set_in hem none wrap",
            {
                **ranges.LONG, "sleeve_length": (14, 48, 74), "neck_drop_front": (14, 24, 34),
                "neck_shape": (0, 0.1, 0.3), "overlap": (4, 14, 24), "body_length": (40, 58, 74),
                "tie_length": (0, 12, 45), "tie_width": (1.5, 3, 7), "biceps": (9, 18, 40), "cuff": (7, 12, 48),
            },
        ),
        build_kind(
            "off_shoulder_top",
            "T-shirt",
            "off_shoulder hem none none",
            {
                **ranges.LONG, "body_length": (36, 52, 70), "sleeve_length": (14, 40, 62),
                "shoulder_width": (40, 52, 66), "armhole_depth": (8, 15, 24), "neck_drop_front": (0, 3, 8),
                "neck_drop_back": (0, 2, 6), "cuff": (7, 16, 48), "biceps": (10, 19, 40),
            },
        ),
        build_kind(
            "one_shoulder_top",
            "Tank",
            "one_shoulder hem none none",
            {**ranges.TANK, "shoulder_width": (26, 34, 44), "neck_width": (12, 20, 28), "neck_drop_front": (0, 3, 8)},
        ),
        build_kind(
            "bandeau",
            "Tank",
            "strapless hem none none",
            {
                **ranges.TEE, "body_length": (14, 30, 55), "chest": (30, 40, 56), "waist": (28, 38, 56),
                "hem": (30, 39, 64), "neck_drop_front": (0, 1.5, 8), "neck_drop_back": (0, 1, 8),
                "hem_curve": (-2, 0.5, 4), "slit": (0, 0, 4),
            },
        ),
    )
}
"""Every kind, by key."""
