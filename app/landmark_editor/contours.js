/**
 * A mask's border at one half as closed loops of points, the garment on the right hand of their direction; and loops
 * back into a mask. Coordinates count edges: pixel i covers [i, i + 1].
 */

/** @typedef {import('./affine.js').Point} Point */
/** @typedef {Point[]} Loop  closed: the last point is joined to the first. */
/** @typedef {[number, number, number, number]} Box  left, top, right, bottom. */

const ROWS = 4; // of samples in each pixel, when loops are filled

/**
 * Marching squares' links between the edges of a cell, by which of its corners are garment (left above: 1, right above:
 * 2, right below: 4, left below: 8).
 * @type {Record<number, string>}
 */
const LINKS = {
  1: 'tl',
  2: 'rt',
  3: 'rl',
  4: 'br',
  5: 'tlbr',
  6: 'bt',
  7: 'bl',
  8: 'lb',
  9: 'tb',
  10: 'rtlb',
  11: 'rb',
  12: 'lr',
  13: 'tr',
  14: 'lt',
};

/**
 * @param {Uint8Array | Uint8ClampedArray} mask
 * @param {number} size
 * @returns {Loop[]}
 */
export function traceLoops(mask, size) {
  const wide = size + 2,
    padded = new Uint8Array(wide * wide);
  for (let y = 0; y < size; y += 1) padded.set(mask.subarray(y * size, (y + 1) * size), (y + 1) * wide + 1);
  const next = linkedEdges(padded, wide),
    loops = [];
  while (next.size) {
    /** @type {Loop} */
    const loop = [];
    for (let edge = next.keys().next().value ?? 0, after; (after = next.get(edge)) !== undefined; edge = after) {
      loop.push(crossing(padded, wide, edge));
      next.delete(edge);
    }
    if (loop.length > 2) loops.push(loop);
  }
  return loops;
}

/**
 * Which edge of the grid follows on which. Edges by number: 2 * cell is the one above a cell, one more the one left.
 * @param {Uint8Array} padded
 * @param {number} wide
 */
function linkedEdges(padded, wide) {
  /** @type {Map<number, number>} */
  const next = new Map();
  const inside = (/** @type {number} */ cell) => Number(padded[cell] > 127);
  for (let y = 0; y < wide - 1; y += 1) {
    for (let x = 0; x < wide - 1; x += 1) {
      const cell = y * wide + x;
      const kind = inside(cell) | (inside(cell + 1) << 1) | (inside(cell + wide + 1) << 2) | (inside(cell + wide) << 3);
      const links = LINKS[kind];
      if (!links) continue; // all of it is garment, or none
      /** @type {Record<string, number>} */
      const edges = { t: 2 * cell, l: 2 * cell + 1, b: 2 * (cell + wide), r: 2 * (cell + 1) + 1 };
      for (let i = 0; i < links.length; i += 2) next.set(edges[links[i]], edges[links[i + 1]]);
    }
  }
  return next;
}

/**
 * Where the border crosses an edge.
 * @param {Uint8Array} padded
 * @param {number} wide
 * @param {number} edge
 * @returns {Point}
 */
function crossing(padded, wide, edge) {
  const cell = edge >> 1,
    x = cell % wide,
    y = (cell - x) / wide,
    down = edge & 1;
  const a = padded[cell],
    b = padded[cell + (down ? wide : 1)],
    t = (127.5 - a) / (b - a);
  return down ? [x - 0.5, y - 0.5 + t] : [x - 0.5 + t, y - 0.5];
}

/**
 * Fill loops by the non-zero rule, with soft edges.
 * @param {Loop[]} loops
 * @param {number} size
 * @param {Uint8Array} out  is written to, inside of the box alone.
 * @param {Box} [box]  in whole pixels.
 */
export function fillLoops(loops, size, out, box = [0, 0, size, size]) {
  const lines = sampleLines(loops, box),
    cover = new Float32Array(size);
  for (let y = box[1]; y < box[3]; y += 1) {
    cover.fill(0);
    for (let s = y * ROWS; s < (y + 1) * ROWS; s += 1) {
      const crossings = (lines.get(s) ?? []).sort((p, q) => p[0] - q[0]);
      let winding = 0,
        from = 0;
      for (const [x, way] of crossings) {
        if (!winding) from = x;
        winding += way;
        if (!winding) addSpan(cover, from, x);
      }
    }
    for (let x = box[0]; x < box[2]; x += 1) out[y * size + x] = Math.round(255 * Math.min(1, cover[x] / ROWS));
  }
  return out;
}

/**
 * How often loops cross the sampled lines of a square, within a line or so: what filling them costs.
 * @param {Loop[]} loops
 * @param {number} size
 */
export function countCrossings(loops, size) {
  const within = (/** @type {number} */ y) => Math.min(Math.max(y, 0), size);
  let height = 0;
  for (const loop of loops) {
    loop.forEach(([, y], i) => {
      height += Math.abs(within(loop[(i + 1) % loop.length][1]) - within(y));
    });
  }
  return ROWS * height;
}

/**
 * Where the loops cross each sampled line, and whether downwards (1) or upwards (-1).
 * @param {Loop[]} loops
 * @param {Box} box
 */
function sampleLines(loops, box) {
  /** @type {Map<number, [number, number][]>} */
  const lines = new Map();
  for (const loop of loops) {
    loop.forEach(([ax, ay], i) => {
      const [bx, by] = loop[(i + 1) % loop.length];
      if (ay === by) return;
      const last = Math.min(Math.ceil(Math.max(ay, by) * ROWS - 0.5), box[3] * ROWS);
      for (let s = Math.max(Math.ceil(Math.min(ay, by) * ROWS - 0.5), box[1] * ROWS); s < last; s += 1) {
        const y = (s + 0.5) / ROWS,
          line = lines.get(s) ?? [];
        lines.set(s, line);
        line.push([ax + ((bx - ax) * (y - ay)) / (by - ay), by > ay ? 1 : -1]);
      }
    });
  }
  return lines;
}

/**
 * @param {Float32Array} cover  of a row's pixels, is added to.
 * @param {number} from
 * @param {number} to
 */
function addSpan(cover, from, to) {
  const start = Math.max(0, from),
    end = Math.min(cover.length, to);
  if (end <= start) return;
  const first = Math.floor(start),
    last = Math.min(cover.length - 1, Math.floor(end));
  if (first === last) {
    cover[first] += end - start;
    return;
  }
  cover[first] += first + 1 - start;
  for (let x = first + 1; x < last; x += 1) cover[x] += 1;
  cover[last] += end - last;
}

/**
 * @param {Loop[]} loops
 * @param {number} size  an empty box, turned inside out, if there is no loop.
 * @returns {Box}
 */
export function loopsBox(loops, size) {
  /** @type {Box} */
  const box = [size, size, 0, 0];
  for (const [x, y] of loops.flat()) {
    box[0] = Math.min(box[0], x);
    box[1] = Math.min(box[1], y);
    box[2] = Math.max(box[2], x);
    box[3] = Math.max(box[3], y);
  }
  return box;
}

/**
 * On which side of the line from p to q a point lies, by the sign.
 * @param {Point} p
 * @param {Point} q
 * @param {Point} r
 */
function side(p, q, r) {
  return (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0]);
}

/**
 * Whether a loop crosses itself, looked at in at most some 240 points.
 * @param {Loop} loop
 */
export function crosses(loop) {
  const thin = loop.filter((_, i) => i % Math.max(1, Math.floor(loop.length / 240)) === 0),
    n = thin.length;
  for (let i = 0; i < n; i += 1) {
    for (let j = i + 2; j < (i === 0 ? n - 1 : n); j += 1) {
      const [a, b, c, d] = [thin[i], thin[i + 1], thin[j], thin[(j + 1) % n]];
      if (side(a, b, c) * side(a, b, d) < 0 && side(c, d, a) * side(c, d, b) < 0) return true;
    }
  }
  return false;
}
