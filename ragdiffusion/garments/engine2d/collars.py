"""Necklines, collars and pockets of synthetic garments, in units of half the body's width (y down, neck near 0)."""

from __future__ import annotations

import numpy as np

from ragdiffusion.garments.engine2d.structure import Piece

_MIRROR = np.array([-1.0, 1.0])


def arc(start: np.ndarray, end: np.ndarray, depth: float, power: float, count: int = 13) -> np.ndarray:
    """A neckline from one neck point to the other: power 2 is round, 1 a V, 6 a square."""
    t = np.linspace(-1, 1, count)
    base = start + (end - start) * ((t + 1) / 2)[:, None]
    base[:, 1] += depth * (1 - np.abs(t) ** power)
    return base


def rounded(points: np.ndarray, count: int = 6) -> np.ndarray:
    """A smooth open curve through points (N, 2) (Catmull-Rom), `count` points to each stretch."""
    p = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    t = np.linspace(0, 1, count, endpoint=False)[:, None]
    parts = [
        0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
        for a, b, c, d in zip(p, p[1:], p[2:], p[3:], strict=False)
    ]
    return np.concatenate([*parts, points[-1:]])


def collar_pieces(
    rng: np.random.Generator,
    collar: str,
    front: np.ndarray,
    back: np.ndarray,
    bases: tuple[np.ndarray, np.ndarray],
    buttons: bool,
    rise: float,
) -> list[Piece]:
    """Pieces of a collar, laid over the neck.

    Args:
        rng: source of randomness.
        collar: value of Table 6.
        front, back: the neck hole's edges, from left to right.
        bases: right and left point where the neck meets the shoulder.
        buttons: whether the front is buttoned: a hood has no strings then.
        rise: how far the outline's own collar or hood stands above the shoulders.
    """
    if collar in ("Shirt", "Polo", "Rounded"):
        return _shirt_collar(rng, collar, front, back, bases, rise)
    if collar in ("Suit", "Notched", "Naval"):
        return _lapels(rng, collar, front, back)
    if collar in ("Stand-up", "Baseball"):
        return _stand(rng, collar, front, back, bases, rise)
    if collar == "Hooded":
        return _hood(rng, front, back, bases, buttons, rise)
    if collar == "Ruffled":
        wave = front.copy()
        wave[:, 1] += 0.1 + 0.03 * np.cos(np.arange(len(front)) * np.pi)
        return [Piece("ruffle", np.concatenate([front, wave[::-1]]), 0.0, "main", outline=False)]
    return []


def _shirt_collar(
    rng: np.random.Generator,
    collar: str,
    front: np.ndarray,
    back: np.ndarray,
    bases: tuple[np.ndarray, np.ndarray],
    rise: float,
) -> list[Piece]:
    """A stand behind the neck, and two leaves that fall to the front."""
    out = []
    right, left, middle = back[-1], back[0], front[len(front) // 2]
    if rise < 0.05:  # the outline has no collar of its own: one is set on
        stand = rng.uniform(0.08, 0.15)
        left, right = left + [0.03, -stand], right + [-0.03, -stand]
        back = np.concatenate([arc(left, right, 0.05, 2.0)])
        out.append(Piece("collar_back", np.concatenate([back, front[::-1]])))
    band = np.concatenate([back, (back + [0, rng.uniform(0.07, 0.12)])[::-1]])
    out.append(Piece("collar_band", band, outline=False))
    drop, spread = rng.uniform(0.2, 0.34), rng.uniform(0.3, 0.7)
    for name, neck, base, flip in (("collar_r", right, bases[0], 1), ("collar_l", left, bases[1], -1)):
        half = abs(float(neck[0]))
        edge = np.array([flip * max(half + 0.07, abs(float(base[0])) + 0.02), max(base[1], neck[1] + 0.06) + 0.03])
        point = np.array([flip * (half * spread + 0.17), middle[1] + drop * 0.62])
        inner = np.array([flip * 0.015, middle[1] - 0.02])
        if collar == "Rounded":
            lower = arc(edge + [0.02 * flip, 0.1], inner + [0.02 * flip, 0.08], 0.14, 2.0)
            leaf = np.concatenate([neck[None], edge[None], lower, inner[None]])
        else:
            leaf = np.stack([neck, edge, point, inner])
        hollow = np.stack([inner * 0.5 + neck * 0.5 + [0, 0.02]])
        out.append(Piece(name, np.concatenate([leaf, hollow]), 0.5 * flip, outline=False))
    return out


def _lapels(rng: np.random.Generator, collar: str, front: np.ndarray, back: np.ndarray) -> list[Piece]:
    """A collar behind the neck that runs into lapels."""
    right, left, middle = back[-1], back[0], front[len(front) // 2]
    width = rng.uniform(0.16, 0.26)
    out = [
        Piece(
            "collar_band",
            np.concatenate([back, (back + [0, 0.1])[::-1]]),
            0.0,
            "trim" if collar == "Naval" else "main",
            outline=False,
        )
    ]
    for name, neck, flip in (("lapel_r", right, 1), ("lapel_l", left, -1)):
        half = abs(float(neck[0]))
        notch = middle[1] * 0.45 + neck[1] * 0.55
        x = np.array(
            [
                half - 0.02,
                half + 0.08,
                half * 0.75 + width + 0.05,
                half * 0.72 + 0.06,
                half * 0.7 + width,
                0.02,
                0.0,
                half * 0.45,
            ]
        )
        y = np.array(
            [
                neck[1],
                neck[1] + 0.07,
                notch - 0.05,
                notch + 0.01,
                notch + 0.05,
                middle[1] + 0.06,
                middle[1] - 0.02,
                notch,
            ]
        )
        lapel = np.stack([flip * x, y], 1)
        if collar == "Naval":
            lapel = lapel[[0, 1, 2, 5, 6, 7]]
        out.append(Piece(name, lapel, 0.4 * flip, outline=False))
    return out


def _stand(
    rng: np.random.Generator,
    collar: str,
    front: np.ndarray,
    back: np.ndarray,
    bases: tuple[np.ndarray, np.ndarray],
    rise: float,
) -> list[Piece]:
    """A band round the neck: the outline's own where it stands up, else one set on."""
    colour = "trim" if collar == "Baseball" else "main"
    if collar == "Stand-up" and rise >= 0.05:
        low = arc(bases[1], bases[0], rng.uniform(0.06, 0.14), 2.0)
        band = np.concatenate([back, low[::-1]])
        hole = np.concatenate([back, (back + [0, rng.uniform(0.03, 0.08)])[::-1]])
        return [
            Piece("collar_band", band, 0.0, colour, outline=False),
            Piece("collar_inside", hole, 0.0, "inside", outline=False),
        ]
    height = rng.uniform(0.14, 0.3) if collar == "Stand-up" else 0.07
    left, right = back[0] * [0.94, 1] + [0, -height], back[-1] * [0.94, 1] + [0, -height]
    top = arc(left, right, 0.05, 2.0)
    hole = np.concatenate([top + [0, 0.015], (arc(left, right, 0.05 + 0.35 * height, 2.0))[::-1]])
    return [
        Piece("collar_band", np.concatenate([top, front[::-1]]), 0.0, colour),
        Piece("collar_inside", hole, 0.0, "inside", outline=False),
    ]


def _hood(
    rng: np.random.Generator,
    front: np.ndarray,
    back: np.ndarray,
    bases: tuple[np.ndarray, np.ndarray],
    buttons: bool,
    rise: float,
) -> list[Piece]:
    """A hood thrown flat above the shoulders: the outline's own where it has one, else one set on."""
    middle = front[len(front) // 2]
    if rise > 0.3:
        shell = np.concatenate([back, [bases[0]], arc(bases[0], bases[1], 0.16, 2.0)])
        top, half = float(back[:, 1].min()), abs(float(bases[0][0] - bases[1][0])) / 2
        low = float(bases[0][1]) + 0.1
    else:
        half, tall = abs(float(back[-1, 0])) * rng.uniform(1.2, 1.5), rng.uniform(0.55, 0.8)
        low, top = float(middle[1]), float(back[-1, 1]) - tall
        lean = rng.normal(0, 0.05)
        side = np.array([[1.0, 0.02], [1.16, -0.3 * tall], [1.02, -0.68 * tall], [0.6, -0.94 * tall]]) * [half, 1]
        side[:, 1] += back[-1, 1]
        crest = np.array([[lean, top]])
        shell = rounded(np.concatenate([side, crest, (side * _MIRROR)[::-1]]) + rng.normal(0, 0.012, (9, 2)))
        shell = np.concatenate([shell, front])
    face = np.array([[0.34, 0.1], [0.46, 0.34], [0.42, 0.56], [0.22, 0.7]]) * [half, 1]
    face[:, 1] = low - face[:, 1] * (low - top)
    tip = np.array([[0.0, low - 0.75 * (low - top)]])
    inside = rounded(np.concatenate([[[0.0, low - 0.01]], face, tip, (face * _MIRROR)[::-1]]))
    seam = np.concatenate([arc(bases[1], bases[0], 0.13, 2.0), arc(bases[0], bases[1], 0.155, 2.0)])
    out = [
        Piece("hood", shell, outline=rise <= 0.3),
        Piece("hood_inside", inside, 0.0, "inside", outline=False),
        Piece("seam", seam, 0.0, "inside", outline=False),
    ]
    if not buttons:
        for side in (0.28, -0.28):
            x, length = half * side, rng.uniform(0.3, 0.55)
            string = np.array(
                [
                    [x - 0.014, low - 0.03],
                    [x + 0.014, low - 0.03],
                    [x * 1.2 + 0.014, low + length],
                    [x * 1.2 - 0.014, low + length],
                ]
            )
            out.append(Piece("string", string, 0.0, "trim", outline=False))
    return out


def pocket_pieces(rng: np.random.Generator, pockets: tuple[str, ...], chest: float, hem: float) -> list[Piece]:
    """Pieces of the pockets that a category can have, between chest and hem heights."""
    out: list[Piece] = []
    for kind in pockets:
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
            patch = np.array([[x, y], [x + w, y], [x + w, y + h * 0.85], [x + w / 2, y + h], [x, y + h * 0.85]])
            out.append(Piece("pocket", patch, outline=False))
            if rng.random() < 0.4:
                out.append(Piece("pocket", patch * _MIRROR, outline=False))
        elif kind == "flap":
            w, h, x, y = rng.uniform(0.32, 0.42), 0.1, rng.uniform(0.3, 0.38), chest + 0.62 * (hem - chest)
            flap = np.array([[x, y], [x + w, y - 0.02], [x + w, y + h], [x, y + h]])
            out += [Piece("flap", flap, outline=False), Piece("flap", flap * _MIRROR, outline=False)]
        elif kind == "slant":
            x, y = rng.uniform(0.5, 0.62), chest + 0.6 * (hem - chest)
            slit = np.array([[x, y], [x + 0.03, y], [x + 0.16, y + 0.34], [x + 0.12, y + 0.34]])
            out += [
                Piece("slit", slit, outline=False, colour="inside"),
                Piece("slit", slit * _MIRROR, outline=False, colour="inside"),
            ]
    return out
