"""A garment as a person wears it."""

from __future__ import annotations

from dataclasses import dataclass, field

from ragdiffusion.garments.people.fitting import Fitting


@dataclass
class Garment:
    """One garment as it is worn.

    Attributes:
        kind: the drafter's kind.
        label: of `labels`.
        upper: how it hangs: "sleeved", "armhole", "strap", "strapless", "one_shoulder", "halter" (only while being
            drawn) or "waist".
        measures: cm, by the drafter's keys (and `shoulder_drop`, `stand`, `edge_rise`, `edge_dip`).
        loose: 0 skin-tight to 1 boxy.
        order: garments of higher order are worn over those of lower.
        gap: of an open front: width at the hem, at the neck, shift, cm.
        sleeve: how far down the arm it reaches, 0 shoulder, 1 wrist; below zero: no sleeves.
        full_sleeve: how far it would reach if it were not rolled up.
        origin_y: depth in cm of its flat frame's origin below the neck's base.
        bell: by how much sleeves widen, metres per metre.
        puff: by how much sleeves stand off, metres.
        leg: how far down the leg it reaches; below -5: no legs.
        top_y: depth in cm where a garment that hangs from the waist begins; None for others.
        skirt_y: depth in cm from which on it is a skirt; None for no skirt.
        flare: of a skirt, metres per metre.
        taper: of a skirt.
        folds: of a skirt.
        ruffle: depth of a ruffle at its hem, metres.
        collar: "none", "shirt", "stand", "lapel", "hood", "ruffle", "scarf".
        front: "none", "buttons", "zip", "polo".
        tucked: whether its hem is tucked in.
        rolled: whether its sleeves are rolled up.
        cloth: what it is made of, a key of `cloth`'s families.
        sheer: 0 opaque to 1 clear, of sleeves; `sheer_body` of the rest.
        sheer_body: as above.
        tie: colour index or None.
        belt: whether a belt is worn on it.
        attributes: Table 6.
    """

    kind: str
    label: int
    upper: str
    measures: dict[str, float]
    loose: float = 0.3
    order: int = 2
    gap: tuple[float, float, float] | None = None
    sleeve: float = -1.0
    full_sleeve: float = -1.0
    origin_y: float = 0.0
    bell: float = 0.0
    puff: float = 0.0
    leg: float = -9.0
    top_y: float | None = None
    skirt_y: float | None = None
    flare: float = 0.0
    taper: float = 0.3
    folds: float = 0.0
    ruffle: float = 0.0
    collar: str = "none"
    front: str = "none"
    tucked: bool = False
    rolled: bool = False
    cloth: str = "any"
    sheer: float = 0.0
    sheer_body: float = 0.0
    tie: bool = False
    belt: bool = False
    attributes: dict[str, str] = field(default_factory=dict)


def name_sleeve(garment: Garment) -> None:
    """Say its sleeve length in Table 6's terms; a rolled sleeve is long."""
    s = garment.sleeve
    garment.attributes["sleeve_length"] = (
        "Sleeveless" if s < 0 else "Long" if s > 0.8 or garment.rolled else "Mid" if s > 0.45 else "Short"
    )


def name_length(garment: Garment, body: Fitting) -> None:
    if garment.sleeve < 0:
        garment.attributes["sleeve_length"] = "Sleeveless"
    y = garment.measures["body_length"]
    garment.attributes["length"] = (
        "Extra Short"
        if y < body.waist_y - 8
        else "Short"
        if y < body.waist_y + 3
        else "Medium"
        if y < body.crotch_y + 6
        else "Long"
        if y < body.crotch_y + 45
        else "Extra Long"
    )
