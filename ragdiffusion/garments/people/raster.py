"""Z-buffer rasteriser: meshes whose cover is cut per pixel, so that hems, necklines and straps are crisp.

A garment's mesh is a pushed-out body surface or a loft. What of it is cloth is decided at each pixel by `cover`, from
the vertex attributes below: the trunk by a signed distance field drawn in the garment's *flat frame* (its pattern's:
x across and y down in cm), limbs by how far along them the cloth reaches.
"""

from __future__ import annotations

import numpy as np

from ragdiffusion.garments.people.kernels import kernel

X, Y, Z, ARM, ARM_ROUND, TRUNK_ROUND, LEG, LEG_ROUND, HEAD, TEX_U, TEX_V = range(11)
ATTRIBUTES = 11
"""Per vertex: rest position (metres), body coordinates of `charts`, share of the head, texture place (metres)."""

BODY, GARMENT, CAP, SHOE, MESH = range(5)
KIND, ORIGIN_Z, ARMPIT_Z, EDGE, FIELD, SLEEVE, ARM_LENGTH, LEG_END, LEG_LENGTH, TOP_Z, SLEEVE_END, WAIST_Y = range(12)
LENGTH, GAP_TOP, GAP_HEM, GAP_X, GAP_LENGTH, C0, C1, C2, C3, C4, C5, C6 = range(12, 24)
PARAMETERS = 24
"""Per layer. ORIGIN_Z: height in metres of the flat frame's origin. EDGE, FIELD: index of its table and its cut. SLEEVE
and LEG_END: how far cloth reaches along the limb (below zero: none), SLEEVE_END: how far an unrolled sleeve would.
TOP_Z, in metres, cuts trousers. WAIST_Y: where legs begin, LENGTH: how long they are, GAP_*: an open front, all in cm.
C0.. belong to caps of hair and to shoes."""

CELL = 1 / 3
FIELD_X, FIELD_Y = 30.0, 12.0
FIELD_SHAPE = (480, 181)
"""Distance fields: cells of a third of a centimetre, x from -30, y from -12 cm."""
EDGE_ROWS = 200
"""Tables of a pattern's left and right edge: a row a centimetre, from y = -12 cm."""

TRUNK, LEFT_SLEEVE, RIGHT_SLEEVE, LEFT_LEG, RIGHT_LEG = range(5)
SEAM = 0.03
HIDES = 0.006
"""How many metres inside a garment's edge what is worn below it is taken for hidden."""


@kernel(inline="always")
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


@kernel()
def half_width(p, edges, left, y):
    """Distance in cm from the axis to the pattern's edge at a height."""
    table = edges[int(p[EDGE]), 0 if left else 1]
    v = min(EDGE_ROWS - 1.001, max(0.0, y + FIELD_Y))
    i = int(v)
    return table[i] * (1 - v + i) + table[i + 1] * (v - i)


@kernel()
def block(p, a, edges):
    """Place in the flat frame (x, y in cm) of the trunk's cloth, worn closed, and whether at the front."""
    across, front = folded(a[TRUNK_ROUND])
    y = (p[ORIGIN_Z] - a[Z]) * 100
    girth = across * half_width(p, edges, across < 0, y)
    up = min(1.0, max(0.0, (a[Z] - p[ARMPIT_Z] + 0.03) / 0.1))
    return girth * (1 - up) + a[X] * 100 * up, y, front


@kernel()
def field_at(fields, index, side, x, y):
    """Distance in cm to the cut's edge at a place of the flat frame, positive inside."""
    rows, columns = FIELD_SHAPE
    u = min(columns - 1.001, max(0.0, (x + FIELD_X) / CELL))
    v = min(rows - 1.001, max(0.0, (y + FIELD_Y) / CELL))
    i, j = int(u), int(v)
    fu, fv = u - i, v - j
    f = fields[index, side]
    return (f[j, i] * (1 - fu) + f[j, i + 1] * fu) * (1 - fv) + (f[j + 1, i] * (1 - fu) + f[j + 1, i + 1] * fu) * fv


@kernel()
def cover(p, a, fields, edges):
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
            x, y, front = block(p, a, edges)
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
        f = (a[LEG] - p[C0]) * p[LEG_LENGTH]
        if p[C1] != 0:  # a pump: toes and a rim above the sole
            f = min(f, max(p[C1] - a[Z], p[C2] - a[Y]))
        return f
    return 0.05


@kernel()
def unwrapped(A, i, j, k, out):
    """The attributes of a triangle's corners (3, ATTRIBUTES), round coordinates made continuous across it."""
    for c in range(ATTRIBUTES):
        out[0, c], out[1, c], out[2, c] = A[i, c], A[j, c], A[k, c]
    for c in (ARM_ROUND, TRUNK_ROUND, LEG_ROUND):
        if max(out[0, c], out[1, c], out[2, c]) - min(out[0, c], out[1, c], out[2, c]) > 2:
            for r in range(3):
                if out[r, c] < 0:
                    out[r, c] += 4


@kernel()
def rasterise(P, F, layer, A, parameters, on_body, charted, order, bias, fields, edges, H, W):
    """Which triangle is seen at each pixel.

    Args:
        P: (N, 3), x and y in pixels, depth in metres.
        F: (F, 3), triangles.
        layer: (F,), layer of each triangle.
        A: (N, ATTRIBUTES).
        parameters: (L, PARAMETERS).
        on_body: (L,), whether a layer is a pushed-out body surface.
        charted: (L,), whether a layer has body coordinates: well inside an `on_body` layer of higher order it is
            hidden.
        order: (L,).
        bias: (L,), metres that a layer is drawn nearer.
        fields: (K, 2, *FIELD_SHAPE), cuts of front and back.
        edges: (E, 2, EDGE_ROWS), distances in cm from the axis to the left and the right edge.
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
                if cover(parameters[L], a, fields, edges) < 0:
                    continue
                hidden = False
                if charted[L]:
                    for m in range(layers):
                        if on_body[m] and order[m] > order[L] and cover(parameters[m], a, fields, edges) > HIDES:
                            hidden = True
                            break
                if hidden:
                    continue
                depth[yy, xx] = z
                seen[yy, xx] = f
                bary[yy, xx, 0] = w1
                bary[yy, xx, 1] = w2
    return seen, bary, depth


@kernel()
def panel_place(p, a, edges):
    """Panel, place on it and whether it is a front panel.

    The place is (x, y) in cm of the flat frame on the trunk, (u, v) in [-1, 1] x [0, 1] on sleeves and legs.
    """
    left = a[X] < 0
    if a[ARM] > SEAM and p[SLEEVE] > 0:
        u, front = folded(a[ARM_ROUND])
        v = (a[ARM] - SEAM) / max(p[SLEEVE_END] - SEAM, 1e-3)
        return (LEFT_SLEEVE if left else RIGHT_SLEEVE), (-u if left else u), v, front
    x, y, front = block(p, a, edges)
    if p[LEG_END] > -5 and y > p[WAIST_Y]:
        across, front = folded(a[TRUNK_ROUND])
        u = 2 * abs(across) - 1
        if a[LEG] > -0.5:
            on_leg, front_leg = folded(a[LEG_ROUND])
            w = min(1.0, max(0.0, a[LEG] / 0.12))
            u = u * (1 - w) + on_leg * w
            if w > 0.5:
                front = front_leg
        return (LEFT_LEG if left else RIGHT_LEG), (-u if left else u), (y - p[WAIST_Y]) / p[LENGTH], front
    if p[GAP_LENGTH] > 0 and front:  # the fronts have moved apart: their edges lie at the axis of the pattern
        t = min(1.0, max(0.0, y / p[GAP_LENGTH]))
        gap = max(0.0, 0.5 * (p[GAP_TOP] * (1 - t) + p[GAP_HEM] * t))
        off = x - p[GAP_X]
        half = half_width(p, edges, off < 0, y)
        moved = max(0.0, abs(off) - gap) * half / max(half - gap, 1.0)
        x = moved if off > 0 else -moved
    return TRUNK, x, y, front


@kernel()
def gather(seen, bary, F, layer, A, N, parameters, fields, edges):
    """What is known of each seen pixel.

    Returns:
        attributes (H, W, ATTRIBUTES), unit normals (H, W, 3), layer or -1, cover in metres, panel, place on it
        (H, W, 2) as `panel_place` says, whether it is a front panel, and its place on a closed trunk in the flat frame,
        x and y (H, W), cm.
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
            inside[y, x] = cover(parameters[L], a, fields, edges)
            if parameters[L, KIND] == MESH and parameters[L, ORIGIN_Z] != 0:  # a collar, seen as it lies
                panel[y, x], place[y, x, 0], place[y, x, 1] = TRUNK, a[X] * 100, (parameters[L, ORIGIN_Z] - a[Z]) * 100
                front[y, x] = a[Y] < 0.02
            if parameters[L, KIND] == GARMENT:
                panel[y, x], place[y, x, 0], place[y, x, 1], front[y, x] = panel_place(parameters[L], a, edges)
                across[y, x], down[y, x], _ = block(parameters[L], a, edges)
    return attributes, normal, which, inside, panel, place, front, across, down
