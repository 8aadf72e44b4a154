"""Z-buffer rasteriser: meshes whose cover is cut per pixel, so that hems, necklines and straps are crisp.

A garment's mesh is a pushed-out body surface or a loft. What of it is cloth is decided at each pixel by `cover`, from
the vertex attributes below: the trunk by a signed distance field drawn in the *block frame* (x across in cm, 0 at the
centre; y down in cm, 0 where the shoulders meet the neck), limbs by how far along them the cloth reaches.
"""

from __future__ import annotations

import numpy as np
from numba import njit

X, Y, Z, ARM, ARM_ROUND, TRUNK_ROUND, LEG, LEG_ROUND, HEAD, TEX_U, TEX_V = range(11)
ATTRIBUTES = 11
"""Per vertex: rest position (metres), body coordinates of `charts`, share of the head, texture place (metres)."""

BODY, GARMENT, CAP, SHOE, MESH = range(5)
KIND, NECK_Z, ARMPIT_Z, HALF, FIELD, SLEEVE, ARM_LENGTH, LEG_END, LEG_LENGTH, TOP_Z, TIP_X, TIP_Y, ARMPIT_Y = range(13)
LENGTH, C0, C1, C2, C3, C4, C5, C6 = range(13, 21)
PARAMETERS = 21
"""Per layer. TIP_X, TIP_Y, ARMPIT_Y, HALF, LENGTH in cm of the block frame; SLEEVE and LEG_END along the limb (below
zero: none); TOP_Z, in metres, cuts trousers; C0.. belong to caps of hair and shoes."""

CELL = 1 / 3
FIELD_X, FIELD_Y = 30.0, 12.0
FIELD_SHAPE = (330, 181)
"""Distance fields: cells of a third of a centimetre, x from -30, y from -12 cm."""

TRUNK, LEFT_SLEEVE, RIGHT_SLEEVE, LEFT_LEG, RIGHT_LEG = range(5)
SEAM = 0.03
HIDES = 0.006
"""How many metres inside a garment's edge what is worn below it is taken for hidden."""


@njit(cache=True, fastmath=True, inline="always")
def folded(turn):
    """A round coordinate folded flat: (across in [-1, 1], whether it lies at the front)."""
    if turn > 2:
        turn -= 4
    elif turn < -2:
        turn += 4
    if turn > 1:
        return 2 - turn, False
    if turn < -1:
        return -2 - turn, False
    return turn, True


@njit(cache=True, fastmath=True)
def block(p, a):
    """Place in the block frame (x, y in cm) and whether at the front."""
    across, front = folded(a[TRUNK_ROUND])
    girth = across * p[HALF]
    up = min(1.0, max(0.0, (a[Z] - p[ARMPIT_Z] + 0.03) / 0.1))
    return girth * (1 - up) + a[X] * 100 * up, (p[NECK_Z] - a[Z]) * 100, front


@njit(cache=True, fastmath=True)
def field_at(fields, index, side, x, y):
    """Distance in cm to the cut's edge at a place of the block frame, positive inside."""
    rows, columns = FIELD_SHAPE
    u = min(columns - 1.001, max(0.0, (x + FIELD_X) / CELL))
    v = min(rows - 1.001, max(0.0, (y + FIELD_Y) / CELL))
    i, j = int(u), int(v)
    fu, fv = u - i, v - j
    f = fields[index, side]
    return ((f[j, i] * (1 - fu) + f[j, i + 1] * fu) * (1 - fv) + (f[j + 1, i] * (1 - fu) + f[j + 1, i + 1] * fu) * fv)


@njit(cache=True, fastmath=True)
def cover(p, a, fields):
    """How many metres a point lies inside a layer's material; negative outside."""
    kind = int(p[KIND])
    if kind == GARMENT:
        f = 0.05
        arm = a[ARM]
        if arm > SEAM and p[SLEEVE] > 0:
            return min(f, (p[SLEEVE] - arm) * p[ARM_LENGTH])
        if arm > 0.14:
            return -0.05
        if a[HEAD] > 0.5:
            return -0.05
        if a[LEG] > -0.5:
            if p[LEG_END] > -5:
                f = min(f, (p[LEG_END] - a[LEG]) * p[LEG_LENGTH])
        if p[TOP_Z] < 90:
            if arm > 0.03:
                return -0.05
            f = min(f, p[TOP_Z] - a[Z])
        if p[FIELD] >= 0:
            x, y, front = block(p, a)
            f = min(f, field_at(fields, int(p[FIELD]), 0 if front else 1, x, y) * 0.01)
        return f
    if kind == CAP:
        t = (a[Y] - p[C2]) / p[C3]
        if t < 0.45:
            line = p[C0] + (p[C4] - p[C0]) * max(0.0, t) / 0.45
        else:
            line = p[C4] + (p[C1] - p[C4]) * min(1.0, (t - 0.45) / 0.3)
        line += p[C5] * abs(a[X]) + 0.006 * np.sin(a[X] * 170 + p[C0] * 900) * np.sin(a[Y] * 140 + a[Z] * 60)
        line += 0.004 * np.sin(a[X] * 420) * np.sin(a[Z] * 300 + a[Y] * 380)
        return min(0.05, a[Z] - p[C6] - line)
    if kind == SHOE:
        return (a[LEG] - p[C0]) * p[LEG_LENGTH]
    return 0.05


@njit(cache=True, fastmath=True)
def unwrapped(A, i, j, k, out):
    """The attributes of a triangle's corners (3, ATTRIBUTES), round coordinates made continuous across it."""
    for c in range(ATTRIBUTES):
        out[0, c], out[1, c], out[2, c] = A[i, c], A[j, c], A[k, c]
    for c in (ARM_ROUND, TRUNK_ROUND, LEG_ROUND):
        if max(out[0, c], out[1, c], out[2, c]) - min(out[0, c], out[1, c], out[2, c]) > 2:
            for r in range(3):
                if out[r, c] < 0:
                    out[r, c] += 4


@njit(cache=True, fastmath=True)
def rasterise(P, F, layer, A, parameters, on_body, charted, order, bias, fields, H, W):
    """Which triangle is seen at each pixel.

    Args:
        P: (N, 3), x and y in pixels, depth in metres.
        F: (F, 3), triangles.
        layer: (F,), layer of each triangle.
        A: (N, ATTRIBUTES).
        parameters: (L, PARAMETERS).
        on_body: (L,), whether a layer is a pushed-out body surface.
        charted: (L,), whether a layer has body coordinates: it is hidden well inside an `on_body` layer of higher order.
        order: (L,).
        bias: (L,), metres that a layer is drawn nearer.
        fields: (K, 2, *FIELD_SHAPE), cuts of front and back.
        H: rows.
        W: columns.

    Returns:
        triangle (H, W) or -1, barycentric weights of its 2nd and 3rd corner (H, W, 2), depth (H, W).
    """
    depth = np.full((H, W), 1e9, np.float32)
    seen = np.full((H, W), -1, np.int32)
    bary = np.zeros((H, W, 2), np.float32)
    a = np.zeros(ATTRIBUTES)
    corner = np.zeros((3, ATTRIBUTES))
    layers = len(parameters)
    for f in range(len(F)):
        i, j, k = F[f]
        x0, y0, x1, y1, x2, y2 = P[i, 0], P[i, 1], P[j, 0], P[j, 1], P[k, 0], P[k, 1]
        ya, yb = max(0, int(np.ceil(min(y0, y1, y2)))), min(H - 1, int(np.floor(max(y0, y1, y2))))
        xa, xb = max(0, int(np.ceil(min(x0, x1, x2)))), min(W - 1, int(np.floor(max(x0, x1, x2))))
        if ya > yb or xa > xb:
            continue
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if abs(area) < 1e-9:
            continue
        L = layer[f]
        ready = False
        for yy in range(ya, yb + 1):
            for xx in range(xa, xb + 1):
                w1 = ((xx - x0) * (y2 - y0) - (x2 - x0) * (yy - y0)) / area
                w2 = ((x1 - x0) * (yy - y0) - (xx - x0) * (y1 - y0)) / area
                w0 = 1 - w1 - w2
                if w0 < -1e-6 or w1 < -1e-6 or w2 < -1e-6:
                    continue
                z = w0 * P[i, 2] + w1 * P[j, 2] + w2 * P[k, 2] - bias[L]
                if z >= depth[yy, xx]:
                    continue
                if not ready:
                    unwrapped(A, i, j, k, corner)
                    ready = True
                for c in range(ATTRIBUTES):
                    a[c] = w0 * corner[0, c] + w1 * corner[1, c] + w2 * corner[2, c]
                if cover(parameters[L], a, fields) < 0:
                    continue
                hidden = False
                if charted[L]:
                    for m in range(layers):
                        if on_body[m] and order[m] > order[L] and cover(parameters[m], a, fields) > HIDES:
                            hidden = True
                            break
                if hidden:
                    continue
                depth[yy, xx] = z
                seen[yy, xx] = f
                bary[yy, xx, 0] = w1
                bary[yy, xx, 1] = w2
    return seen, bary, depth


@njit(cache=True, fastmath=True)
def panel_place(p, a):
    """Panel, place on it (u across in [-1, 1], v down from 0 to 1) and whether it is a front panel."""
    left = a[X] >= 0
    if a[ARM] > SEAM and p[SLEEVE] > 0:
        u, front = folded(a[ARM_ROUND])
        return (LEFT_SLEEVE if left else RIGHT_SLEEVE), u, (a[ARM] - SEAM) / max(p[SLEEVE] - SEAM, 1e-3), front
    if a[LEG] > -0.5 and p[LEG_END] > -5 and a[LEG] > 0.02:
        u, front = folded(a[LEG_ROUND])
        return (LEFT_LEG if left else RIGHT_LEG), u, (p[TOP_Z] - a[Z]) * 100 / p[LENGTH], front
    x, y, front = block(p, a)
    edge = p[HALF]
    if y < p[ARMPIT_Y]:
        t = min(1.0, max(0.0, (y - p[TIP_Y]) / (p[ARMPIT_Y] - p[TIP_Y])))
        edge = p[TIP_X] + (p[HALF] - p[TIP_X]) * t * t
    u = min(1.0, max(-1.0, x / edge))
    if p[TOP_Z] < 90:
        return TRUNK, u, (p[TOP_Z] - a[Z]) * 100 / p[LENGTH], front
    return TRUNK, u, y / p[LENGTH], front


@njit(cache=True, fastmath=True)
def gather(seen, bary, F, layer, A, N, parameters, fields):
    """What is known of each seen pixel.

    Returns:
        attributes (H, W, ATTRIBUTES), unit normals (H, W, 3), layer or -1, cover in metres, panel, u and v on it
        (H, W, 2), whether it is a front panel, and place in the block frame (cm), x and y.
    """
    H, W = seen.shape
    attributes = np.zeros((H, W, ATTRIBUTES), np.float32)
    normal = np.zeros((H, W, 3), np.float32)
    which = np.full((H, W), -1, np.int32)
    inside = np.zeros((H, W), np.float32)
    panel = np.full((H, W), -1, np.int8)
    place = np.zeros((H, W, 2), np.float32)
    front = np.zeros((H, W), np.bool_)
    across = np.zeros((H, W), np.float32)
    down = np.zeros((H, W), np.float32)
    a = np.zeros(ATTRIBUTES)
    corner = np.zeros((3, ATTRIBUTES))
    for y in range(H):
        for x in range(W):
            f = seen[y, x]
            if f < 0:
                continue
            i, j, k = F[f]
            w1, w2 = bary[y, x]
            w0 = 1 - w1 - w2
            unwrapped(A, i, j, k, corner)
            for c in range(ATTRIBUTES):
                a[c] = w0 * corner[0, c] + w1 * corner[1, c] + w2 * corner[2, c]
                attributes[y, x, c] = a[c]
            total = 0.0
            for c in range(3):
                normal[y, x, c] = w0 * N[i, c] + w1 * N[j, c] + w2 * N[k, c]
                total += normal[y, x, c] ** 2
            total = np.sqrt(total) + 1e-9
            for c in range(3):
                normal[y, x, c] /= total
            L = layer[f]
            which[y, x] = L
            inside[y, x] = cover(parameters[L], a, fields)
            if parameters[L, KIND] == GARMENT:
                panel[y, x], place[y, x, 0], place[y, x, 1], front[y, x] = panel_place(parameters[L], a)
                across[y, x], down[y, x], _ = block(parameters[L], a)
    return attributes, normal, which, inside, panel, place, front, across, down
