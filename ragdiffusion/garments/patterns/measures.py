"""What a pattern is made of: measures in garment makers' terms, each with its unit, its range and a sentence."""

from __future__ import annotations

from dataclasses import dataclass, replace


class MeasureError(ValueError):
    """A measure that is unknown, out of range, or contradicts another; the message names it."""


@dataclass(frozen=True)
class Measure:
    """One measure of a kind of garment.

    Attributes:
        key: its name in code, files and on the command line, snake_case.
        unit: "cm", "degrees" or "ratio".
        low, high: the range that is allowed.
        default: what a typical garment of the kind has.
        sentence: what it is, in one sentence.
    """

    key: str
    unit: str
    low: float
    high: float
    default: float
    sentence: str

    @property
    def step(self) -> float:
        """The least that makes a difference to a garment maker, in the unit: a millimetre, a tenth of a degree."""
        return 0.01 if self.unit == "ratio" else 0.1

    def rounded(self, value: float) -> float:
        """A value in whole steps, within the range."""
        digits = 2 if self.unit == "ratio" else 1
        return min(max(round(float(value), digits), self.low), self.high)

    def within(self, low: float, default: float, high: float) -> Measure:
        """The same measure with another kind's range."""
        return replace(self, low=float(low), high=float(high), default=float(default))


def _measure(key: str, unit: str, low: float, default: float, high: float, sentence: str) -> Measure:
    return Measure(key, unit, float(low), float(high), float(default), sentence)


MEASURES: dict[str, Measure] = {
    m.key: m
    for m in (
        # The body of tops, dresses and one-pieces. Widths are of the garment laid flat.
        _measure(
            "body_length", "cm", 14, 70, 160, "From the neck point straight down to the height of the hem at the sides."
        ),
        _measure("chest", "cm", 30, 52, 80, "Width from armpit to armpit."),
        _measure("waist", "cm", 22, 49, 85, "Width at the waist."),
        _measure("waist_at", "ratio", 0.1, 0.45, 0.75, "Height of the waist: its share of the way from armpit to hem."),
        _measure(
            "waist_length",
            "cm",
            12,
            42,
            60,
            "From the neck point (or what the garment has as its top) straight down to the waist seam.",
        ),
        _measure(
            "waist_corner",
            "ratio",
            0,
            0,
            1,
            "How sharply the side turns at the waist: 0 is a curve, 1 a seam's corner.",
        ),
        _measure("hip", "cm", 30, 52, 110, "Width at the hips."),
        _measure(
            "hip_at",
            "ratio",
            0.1,
            0.35,
            0.85,
            "Height of the hips: their share of the way from waist to hem or crotch.",
        ),
        _measure("hem", "cm", 24, 51, 180, "Width of the hem."),
        _measure("hem_curve", "cm", -8, 1, 16, "How far the hem's middle lies below its ends; a shirt tail has much."),
        _measure("hem_slant", "cm", -20, 0, 20, "How far the hem lies lower on the right than on the left."),
        _measure("rib", "cm", 0, 6, 14, "Height of the ribbed band at the hem."),
        _measure("rib_gather", "cm", 0, 1, 8, "How far the body hangs over the ribbed band on either side."),
        _measure("slit", "cm", 0, 0, 70, "Height of a slit in the hem."),
        _measure("slit_opening", "cm", 0, 0, 14, "How far the slit gapes at the hem."),
        _measure(
            "slit_at", "ratio", 0.1, 0.55, 0.9, "Where the slit is: its share of the way from the middle to the side."
        ),
        # Shoulders and neck.
        _measure("shoulder_width", "cm", 16, 44, 70, "From one shoulder tip to the other."),
        _measure(
            "shoulder_slope", "degrees", 0, 19, 45, "How steeply the shoulder falls from the neck point to its tip."
        ),
        _measure("neck_width", "cm", 8, 18, 52, "From one neck point to the other."),
        _measure(
            "neck_drop_front",
            "cm",
            0,
            9,
            45,
            "How deep the front neckline (its band's seam) lies below the neck points.",
        ),
        _measure(
            "neck_drop_back", "cm", 0, 2, 40, "How deep the back neckline (its band's seam) lies below the neck points."
        ),
        _measure("neck_shape", "ratio", 0, 0.5, 1, "Shape of the front neckline: 0 is a V, 0.5 round, 1 square."),
        _measure(
            "neck_band",
            "cm",
            0,
            0,
            4,
            "Height of a band or rib round the neckline, which stands above the neck points.",
        ),
        _measure("collar_height", "cm", 0, 4, 22, "How far the collar stands above the neck points."),
        _measure("collar_spread", "cm", 0, 2, 10, "How far along the shoulder the collar covers it."),
        _measure(
            "collar_taper",
            "cm",
            -4,
            1.5,
            8,
            "How far either side of the collar leans in from the neck point to its edge.",
        ),
        _measure("collar_dip", "cm", -0.5, 1, 3, "How far the middle of the collar's edge lies below its ends."),
        _measure("collar_leaf", "cm", 3, 7, 14, "Length of the collar's points, or width of the lapels."),
        _measure("hood_height", "cm", 8, 26, 42, "From the neck points up to the crest of the hood."),
        _measure("hood_width", "cm", 16, 30, 56, "Greatest width of the hood."),
        # Armholes, sleeves and straps.
        _measure("armhole_depth", "cm", 8, 23, 50, "From the shoulder tip straight down to the height of the armpit."),
        _measure("armhole_hollow", "cm", -4, 1, 8, "How far the armhole is cut in towards the body."),
        _measure("armhole_shape", "ratio", 0, 0.5, 1, "Shape of the open armhole: 0 is straight, 0.5 round, 1 square."),
        _measure(
            "sleeve_length", "cm", 3, 60, 85, "From the shoulder tip, or the neckline where there is none, to the cuff."
        ),
        _measure(
            "sleeve_angle", "degrees", 0, 25, 90, "How far the sleeve is lifted: 0 hangs straight down, 90 lies level."
        ),
        _measure("sleeve_puff", "cm", -3, 1.5, 12, "How far the sleeve's head swells above the shoulder tip."),
        _measure("sleeve_bow", "cm", -6, 0, 6, "How far the sleeve bends outward at the elbow."),
        _measure("biceps", "cm", 6, 19, 44, "Width of the sleeve a quarter down from the armpit to the cuff."),
        _measure("cuff", "cm", 5, 11, 60, "Width of the sleeve at its end."),
        _measure(
            "cuff_slant",
            "degrees",
            -18,
            0,
            18,
            "How far the sleeve's end is turned from square; more shortens its inner edge.",
        ),
        _measure("cuff_band", "cm", 0, 4, 12, "Height of the sleeve's cuff or rib."),
        _measure("strap_width", "cm", 0.6, 2, 14, "Width of a strap."),
        _measure("strap_length", "cm", 3, 12, 34, "From the top of a strap down to the edge it is sewn to."),
        _measure(
            "strap_spread", "cm", -8, 1, 10, "How much farther from the middle a strap is at its foot than at its top."
        ),
        _measure("drape", "ratio", 0, 0.5, 1, "How roundly a cape falls off the shoulders: 0 is straight, 1 full."),
        # Openings and trimmings.
        _measure("overlap", "cm", 0, 3, 30, "How far one front laps over the other."),
        _measure("placket", "cm", 0, 14, 40, "Length of a short opening below the neckline."),
        _measure("tie_length", "cm", 0, 0, 50, "Length of the end of a tie that hangs at the right side of the waist."),
        _measure("tie_width", "cm", 1.5, 3, 8, "Width of that end."),
        # Skirts and trousers.
        _measure(
            "skirt_length",
            "cm",
            22,
            60,
            115,
            "From the upper edge of the waistband to the height of the hem at the sides.",
        ),
        _measure("waist_dip", "cm", -3, 1, 6, "How far the middle of the waist's edge lies below its ends."),
        _measure("waistband", "cm", 0, 4, 12, "Height of the waistband."),
        _measure(
            "rise",
            "cm",
            16,
            27,
            48,
            "From the upper edge of the waistband, or the waist seam, straight down to the crotch.",
        ),
        _measure("inseam", "cm", 3, 78, 95, "From the crotch straight down to the height of the hem."),
        _measure("thigh", "cm", 16, 30, 50, "Width of a leg at the height of the crotch."),
        _measure("knee", "cm", 10, 22, 52, "Width of a leg half-way down the inseam."),
        _measure("leg_hem", "cm", 8, 19, 60, "Width of a leg at its hem."),
        _measure("leg_gap", "cm", 0.4, 6, 60, "From one leg to the other, at their hems."),
        _measure(
            "crotch_curve",
            "ratio",
            0.1,
            0.5,
            0.95,
            "How soon the legs part: 0.5 straight, less keeps them together longer.",
        ),
        _measure(
            "leg_slant", "cm", -6, 0, 8, "How much lower a leg's hem lies at its inner edge than at its outer one."
        ),
        _measure("leg_cut", "cm", 4, 14, 34, "How high a bodysuit's leg is cut above its crotch."),
        _measure("crotch", "cm", 5, 9, 18, "Width of a bodysuit between the legs."),
    )
}
"""Every measure there is, with the widest range it has in any kind."""
