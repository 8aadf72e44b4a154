"""Collars and pockets of synthetic garments, in units of half the body's width (y down, neck near 0)."""

from __future__ import annotations

import numpy as np

from ragdiffusion.garments.synthetic.catalogue import Spec
from ragdiffusion.garments.synthetic.structure import Piece


def arc(start: np.ndarray, end: np.ndarray, depth: float, power: float, count: int = 13) -> np.ndarray:
    """A neckline from one neck point to the other: power 2 is round, 1 a V, 6 a square."""
    t = np.linspace(-1, 1, count)
    base = start + (end - start) * ((t + 1) / 2)[:, None]
    base[:, 1] += depth * (1 - np.abs(t) ** power)
    return base


def collar_pieces(
    rng: np.random.Generator, collar: str, place: dict, front: np.ndarray, back: np.ndarray, spec: Spec
) -> list[Piece]:
    """Pieces of a collar, laid over the neck."""
    neck_r, neck_l = place["r", "neck"], place["l", "neck"]
    middle = front[len(front) // 2]
    half = float(neck_r[0])
    out: list[Piece] = []
    mirror = np.array([-1.0, 1.0])
    if collar in ("Shirt", "Polo", "Rounded"):
        stand = rng.uniform(0.1, 0.17)
        band = np.concatenate([arc(neck_l + [0.02, -stand], neck_r + [-0.02, -stand], 0.05, 2.0), back[::-1]])
        out.append(Piece("collar_back", band, 0.0, "main"))
        drop, spread = rng.uniform(0.2, 0.36), rng.uniform(0.3, 0.75)
        leaf = np.array(
            [
                [half - 0.03, neck_r[1] - stand],
                [half + 0.09, neck_r[1] - 0.02],
                [half * spread + 0.16, middle[1] + drop * 0.62],
                [0.015, middle[1] - 0.02],
                [half * 0.5, (middle[1] + neck_r[1] - stand) / 2 + 0.01],
            ]
        )
        if collar == "Rounded":
            leaf = np.concatenate(
                [leaf[:2], arc(leaf[1] + [0.02, 0.1], leaf[3] + [0.02, 0.08], 0.14, 2.0), leaf[3:]]
            )
        out += [Piece("collar_r", leaf, 0.5, "main"), Piece("collar_l", leaf * mirror, -0.5, "main")]
    elif collar in ("Suit", "Notched", "Naval"):
        width = rng.uniform(0.16, 0.26)
        notch = middle[1] * 0.45 + neck_r[1] * 0.55
        lapel = np.array(
            [
                [half - 0.04, neck_r[1] - 0.05],
                [half + 0.07, neck_r[1] + 0.02],
                [half * 0.75 + width + 0.05, notch - 0.05],
                [half * 0.72 + 0.06, notch + 0.01],
                [half * 0.7 + width, notch + 0.05],
                [0.02, middle[1] + 0.06],
                [0.0, middle[1] - 0.02],
                [half * 0.45, notch],
            ]
        )
        if collar == "Naval":
            lapel = lapel[[0, 1, 2, 5, 6, 7]]
        band = np.concatenate([back + [0, -0.07], back[::-1]])
        out.append(Piece("collar_back", band, 0.0, "trim" if collar == "Naval" else "main"))
        out += [Piece("lapel_r", lapel, 0.4, "main"), Piece("lapel_l", lapel * mirror, -0.4, "main")]
    elif collar in ("Stand-up", "Baseball"):
        height = rng.uniform(0.16, 0.36) if collar == "Stand-up" else 0.07
        top = arc(neck_l * [0.9, 1] + [0, -height], neck_r * [0.9, 1] + [0, -height], 0.05, 2.0)
        out.append(
            Piece(
                "collar_band",
                np.concatenate([top, front[::-1]]),
                0.0,
                "trim" if collar == "Baseball" else "main",
            )
        )
        hole = np.concatenate(
            [top + [0, 0.015], (top + [0, 0.015 + 0.4 * height * (collar == "Baseball")])[::-1]]
        )
        out.append(Piece("collar_inside", hole, 0.0, "inside", outline=False))
    elif collar == "Hooded":
        height, wide = rng.uniform(0.5, 0.75), rng.uniform(1.4, 1.8)
        t = np.linspace(-2.2, 2.2, 19)
        dome = np.stack([half * wide * np.sin(t), neck_r[1] - height * (0.4 + 0.6 * np.cos(t))], axis=1)
        hood = np.concatenate([dome, front[::-1]])
        inner = np.concatenate(
            [
                arc(
                    np.array([-half * 0.62, neck_r[1] - 0.05]),
                    np.array([half * 0.62, neck_r[1] - 0.05]),
                    -height * 0.72,
                    2.4,
                ),
                front[2:-2][::-1] - [0, 0.02],
            ]
        )
        out += [Piece("hood", hood, 0.0, "main"), Piece("hood_inside", inner, 0.0, "inside", outline=False)]
        for side in (0.28, -0.28):
            x = half * side
            length = rng.uniform(0.35, 0.6)
            string = np.array(
                [
                    [x - 0.012, middle[1] - 0.03],
                    [x + 0.012, middle[1] - 0.03],
                    [x * 1.2 + 0.012, middle[1] + length],
                    [x * 1.2 - 0.012, middle[1] + length],
                ]
            )
            if spec.front != "buttons":
                out.append(Piece("string", string, 0.0, "trim", outline=False))
    elif collar == "Ruffled":
        wave = front.copy()
        wave[:, 1] += 0.1 + 0.03 * np.cos(np.arange(len(front)) * np.pi)
        out.append(Piece("ruffle", np.concatenate([front, wave[::-1]]), 0.0, "main", outline=False))
    return out


def pocket_pieces(rng: np.random.Generator, spec: Spec, chest: float, hem: float) -> list[Piece]:
    """Pieces of the pockets that a category can have, between chest and hem heights."""
    out: list[Piece] = []
    mirror = np.array([-1.0, 1.0])
    for kind in spec.pockets:
        if rng.random() < 0.3:
            continue
        if kind == "kangaroo":
            y, w, h = hem - 0.3 * (hem - chest), rng.uniform(0.5, 0.62), rng.uniform(0.42, 0.55)
            out.append(
                Piece(
                    "pocket",
                    np.array(
                        [
                            [-w * 0.6, y - h / 2],
                            [w * 0.6, y - h / 2],
                            [w, y + h * 0.2],
                            [w, y + h / 2],
                            [-w, y + h / 2],
                            [-w, y + h * 0.2],
                        ]
                    ),
                    outline=False,
                )
            )
        elif kind == "chest":
            w, h, x, y = (
                rng.uniform(0.24, 0.34),
                rng.uniform(0.28, 0.38),
                rng.uniform(0.25, 0.34),
                chest - 0.1,
            )
            patch = np.array(
                [[x, y], [x + w, y], [x + w, y + h * 0.85], [x + w / 2, y + h], [x, y + h * 0.85]]
            )
            out.append(Piece("pocket", patch, outline=False))
            if rng.random() < 0.4:
                out.append(Piece("pocket", patch * mirror, outline=False))
        elif kind == "flap":
            w, h, x, y = rng.uniform(0.32, 0.42), 0.1, rng.uniform(0.3, 0.38), chest + 0.62 * (hem - chest)
            flap = np.array([[x, y], [x + w, y - 0.02], [x + w, y + h], [x, y + h]])
            out += [Piece("flap", flap, outline=False), Piece("flap", flap * mirror, outline=False)]
        elif kind == "slant":
            x, y = rng.uniform(0.5, 0.62), chest + 0.6 * (hem - chest)
            slit = np.array([[x, y], [x + 0.03, y], [x + 0.16, y + 0.34], [x + 0.12, y + 0.34]])
            out += [
                Piece("slit", slit, outline=False, colour="inside"),
                Piece("slit", slit * mirror, outline=False, colour="inside"),
            ]
    return out
