"""What one rendered photo of a person is, with all that is known of it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class WornGarment:
    """One garment of a shot.

    Attributes:
        kind: the pattern drafter's kind.
        label: its value in the label map.
        measures: of its pattern in catalogue proportions, by the drafter's keys.
        attributes: Table 6 values; unknown ones are missing.
        mask: uint8 (H, W), 255 where it is seen.
        standard: uint8 (N, N, 3) RGB, its flat-lay on white in the canonical frame, without folds and light.
        silhouette: uint8 (N, N), soft mask of the flat-lay: its pattern's outline.
        flow: float32 (N, N, 2): for each flat-lay pixel its (x, y) in the photo.
        visible: float32 (N, N) in [0, 1]: whether that place is seen in the photo.
    """

    kind: str
    label: int
    measures: dict[str, float]
    attributes: dict[str, str]
    mask: np.ndarray = field(repr=False)
    standard: np.ndarray = field(repr=False)
    silhouette: np.ndarray = field(repr=False)
    flow: np.ndarray = field(repr=False)
    visible: np.ndarray = field(repr=False)


@dataclass(frozen=True)
class Shot:
    """A photo of a person.

    Attributes:
        index: of the engine's shot.
        photo: uint8 (H, W, 3) RGB.
        labels: uint8 (H, W), values of `labels.LABELS`.
        instances: int8 (H, W), which of `garments` is seen, -1 for none.
        garments: what is worn, innermost first.
        pose: names of the left and right arm's pose and of the legs' stance.
        yaw: degrees that the person is turned, positive to the viewer's left.
        framing: "full", "knee", "thigh" or "waist".
        female: the body's sex.
    """

    index: int
    photo: np.ndarray = field(repr=False)
    labels: np.ndarray = field(repr=False)
    instances: np.ndarray = field(repr=False)
    garments: tuple[WornGarment, ...]
    pose: tuple[str, str, str]
    yaw: float
    framing: str
    female: bool

    def summary(self) -> dict[str, object]:
        """All but the pictures, ready for JSON."""
        return {
            "index": self.index,
            "pose": list(self.pose),
            "yaw": round(self.yaw, 1),
            "framing": self.framing,
            "female": self.female,
            "garments": [
                {
                    "kind": g.kind,
                    "label": g.label,
                    "attributes": g.attributes,
                    "measures": {k: round(float(v), 2) for k, v in g.measures.items()},
                    "pixels": int((g.mask > 127).sum()),
                }
                for g in self.garments
            ],
        }
