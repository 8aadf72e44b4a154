"""Where a sleeve lies over the body: the outline of both together."""

from __future__ import annotations

import numpy as np

from ragdiffusion.garments.patterns.curves import flattened, split

_STEPS = 14
_ROUNDS = 3


def merged(sleeve: np.ndarray, body: np.ndarray) -> np.ndarray:
    """The outline of a sleeve and the body's edge below it.

    Args:
        sleeve: (K, 4, 2) from the shoulder tip round the cuff to the armpit.
        body: (L, 4, 2) from the armpit round to the mirror axis.

    Returns:
        (N, 4, 2): the sleeve up to where it first meets the body's edge, then that edge; both whole where they meet
        only in the armpit. What a sleeve and the body enclose between them is within.
    """
    found = crossings(sleeve, body)
    if not len(found):
        return np.concatenate([sleeve, body])
    s, b = found[0]
    return np.concatenate([until(sleeve, s), beyond(body, b)])


def inner_edge(edge: np.ndarray, body: np.ndarray) -> np.ndarray:
    """A sleeve's inner edge from the armpit to the cuff, without a gap to the body above where they meet.

    Args:
        edge: (K, 4, 2) from the armpit.
        body: (L, 4, 2) from the armpit.
    """
    found = crossings(edge, body)
    if not len(found):
        return edge
    s, b = found[-1]
    return np.concatenate([until(body, b), beyond(edge, s)])


def crossings(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Where two chains of segments cross, their common ends left out.

    Returns:
        (N, 2): parameters on `one` and `other` (segment number plus its t), in the order of travel along `one`.
    """
    p, q = flattened(one, _STEPS), flattened(other, _STEPS)
    a, b = p[:-1, None], q[None, :-1]
    da, db = np.diff(p, axis=0)[:, None], np.diff(q, axis=0)[None]
    cross = da[..., 0] * db[..., 1] - da[..., 1] * db[..., 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        between = b - a
        s = (between[..., 0] * db[..., 1] - between[..., 1] * db[..., 0]) / cross
        t = (between[..., 0] * da[..., 1] - between[..., 1] * da[..., 0]) / cross
    hit = (s >= 0) & (s < 1) & (t >= 0) & (t < 1) & np.isfinite(s) & np.isfinite(t)
    i, j = np.nonzero(hit)
    found = np.stack([(i + s[hit]) / _STEPS, (j + t[hit]) / _STEPS], axis=1)
    found = np.array([_refined(one, other, pair) for pair in found]).reshape(-1, 2)
    ends = ((found[:, 0] < 1e-3) | (found[:, 0] > len(one) - 1e-3)) & (found[:, 1] < 1e-3)
    found = found[~ends]
    return found[np.argsort(found[:, 0])]


def _refined(one: np.ndarray, other: np.ndarray, pair: np.ndarray) -> np.ndarray:
    """Newton's steps from the crossing of two chords to that of two curves."""
    for _ in range(_ROUNDS):
        p, dp = _evaluate(one, pair[0])
        q, dq = _evaluate(other, pair[1])
        matrix = np.stack([dp, -dq], axis=1)
        if abs(np.linalg.det(matrix)) < 1e-9:
            break
        moved = pair + np.linalg.solve(matrix, q - p)
        if (np.floor(moved) != np.floor(pair)).any():
            break
        pair = moved
    return pair


def _evaluate(chain: np.ndarray, at: float) -> tuple[np.ndarray, np.ndarray]:
    """Point and derivative at a parameter."""
    k = min(int(at), len(chain) - 1)
    t = at - k
    a, b, c, d = chain[k]
    value = (1 - t) ** 3 * a + 3 * t * (1 - t) ** 2 * b + 3 * t**2 * (1 - t) * c + t**3 * d
    return value, 3 * ((1 - t) ** 2 * (b - a) + 2 * t * (1 - t) * (c - b) + t**2 * (d - c))


def until(chain: np.ndarray, at: float) -> np.ndarray:
    """The part of a chain before a parameter."""
    k = min(int(at), len(chain) - 1)
    return np.concatenate([chain[:k], split(chain[k], at - k)[0][None]])


def beyond(chain: np.ndarray, at: float) -> np.ndarray:
    """The part of a chain after a parameter."""
    k = min(int(at), len(chain) - 1)
    return np.concatenate([split(chain[k], at - k)[1][None], chain[k + 1 :]])


def crosses_itself(points: np.ndarray) -> tuple[int, int] | None:
    """The first two sides of a closed polygon (N, 2) that cross, by number; None if none do."""
    following = np.roll(points, -1, axis=0)
    d = following - points
    cross = d[:, None, 0] * d[None, :, 1] - d[:, None, 1] * d[None, :, 0]
    between = points[None] - points[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        s = (between[..., 0] * d[None, :, 1] - between[..., 1] * d[None, :, 0]) / cross
        t = (between[..., 0] * d[:, None, 1] - between[..., 1] * d[:, None, 0]) / cross
    eps = 1e-9
    hit = (s > eps) & (s < 1 - eps) & (t > eps) & (t < 1 - eps) & np.isfinite(s) & np.isfinite(t)
    number = np.arange(len(points))
    apart = (number[None] - number[:, None]) % len(points)
    hit &= (apart > 1) & (apart < len(points) - 1)
    i, j = np.nonzero(hit)
    return (int(i[0]), int(j[0])) if len(i) else None
