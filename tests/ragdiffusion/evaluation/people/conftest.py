"""Real pairs and rendered shots, written by hand: boxes of one colour each."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from ragdiffusion.parsing.labels import LABEL


def write_pair(folder: Path, name: str, box: tuple[int, int, int, int] = (20, 30, 100, 150)) -> None:
    """A blue garment that lies in a box of a white picture, and somebody who wears it."""
    for part in ("worn", "flat"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    flat = np.full((240, 200, 3), 255, np.uint8)
    flat[box[1] : box[3], box[0] : box[2]] = (20, 40, 160)
    Image.fromarray(flat).save(folder / "flat" / f"{name}.png")
    Image.fromarray(np.full((90, 60, 3), 128, np.uint8)).save(folder / "worn" / f"{name}.jpg")


def write_shot(folder: Path, index: int, worn: dict[str, tuple[int, int, int, int]]) -> None:
    """A shot of 60 x 80 pixels as `data render people --arrays` writes it: boxes of garments by kind, skin between.

    Each flat-lay of 16 x 16 is its box as it stands in the photo.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stem = folder / f"{index:07d}"
    labels, instances = np.zeros((80, 60), np.uint8), np.full((80, 60), -1, np.int8)
    labels[10:70, 15:45] = LABEL["skin"]
    photo = np.where(labels[..., None] > 0, np.array([120, 150, 200], np.uint8), np.uint8(230))
    arrays, told = {}, []
    for number, (kind, (left, top, right, bottom)) in enumerate(worn.items()):
        label = LABEL["lower" if kind == "trousers" else "upper"]
        box = np.s_[top:bottom, left:right]
        labels[box], instances[box], photo[box] = label, number, (200 - 90 * number, 60, 40)
        y, x = np.meshgrid(*[(np.arange(16) + 0.5) / 16] * 2, indexing="ij")
        flow = np.stack([left + x * (right - left) - 0.5, top + y * (bottom - top) - 0.5], -1)
        arrays |= {
            f"standard_{number}": np.full((16, 16, 3), (40, 60, 200 - 90 * number), np.uint8),
            f"silhouette_{number}": np.full((16, 16), 255, np.uint8),
            f"visible_{number}": np.full((16, 16), 255, np.uint8),
            f"flow_{number}": flow.astype(np.float16),
        }
        told.append(
            {
                "kind": kind,
                "label": label,
                "attributes": {"sleeve_length": "Short"} if kind == "t_shirt" else {},
                "measures": {},
                "pixels": (right - left) * (bottom - top),
            }
        )
    about = {"index": index, "pose": ["down", "down", "straight"], "yaw": -20.0, "framing": "full", "female": True}
    stem.with_suffix(".json").write_text(json.dumps({**about, "garments": told}))
    np.savez_compressed(stem.with_suffix(".npz"), instances=instances, **arrays)
    cv2.imwrite(str(stem.with_suffix(".png")), labels)
    cv2.imwrite(str(stem.with_suffix(".jpg")), photo)
