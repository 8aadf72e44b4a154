/**
 * Handles: those points of a loop that carry its shape. What lies between two handles keeps its detail and goes along.
 */

import { distance } from './affine.js';
import { clamp } from './mask.js';
import { loopsBox, traceLoops } from './contours.js';

/** @typedef {import('./affine.js').Point} Point */
/** @typedef {import('./contours.js').Loop} Loop */
/** @typedef {import('./contours.js').Box} Box */
/**
 * @typedef {{ loop: Loop, handles: number[] }} Part  one loop with its handles, as ascending indices of its points.
 */
/** @typedef {[number, number]} Vertex  a point by the index of its part and its own in the loop. */

const DETAIL = 0.009; // of the mask's side: what strays farther from a straight line gets a handle
const LONGEST = 0.3; // of the mask's side: so many points at most lie between two handles

/**
 * @param {Uint8Array} mask
 * @param {number} size
 * @returns {Part[]}
 */
export function makeParts(mask, size) {
  return traceLoops(mask, size).map((loop) => ({ loop, handles: pickHandles(loop, size) }));
}

/**
 * By Ramer, Douglas and Peucker, from two points far apart.
 * @param {Loop} loop
 * @param {number} size
 */
export function pickHandles(loop, size) {
  const start = farthest(loop, 0),
    end = farthest(loop, start),
    n = loop.length,
    kept = new Set([start, end]);
  const split = (/** @type {number} */ from, /** @type {number} */ to) => {
    const apart = splitAt(loop, from, to, size);
    if (apart < 0) return;
    kept.add(apart);
    split(from, apart);
    split(apart, to);
  };
  split(start, end);
  split(end, start);
  if (kept.size < 3) kept.add((start + Math.max(1, ((end - start + n) % n) >> 1)) % n);
  return [...kept].sort((a, b) => a - b);
}

/**
 * @param {Loop} loop
 * @param {number} from
 */
function farthest(loop, from) {
  return loop.reduce((best, p, i) => (distance(p, loop[from]) > distance(loop[best], loop[from]) ? i : best), from);
}

/**
 * The point between two others that needs a handle; -1 if none does.
 * @param {Loop} loop
 * @param {number} from
 * @param {number} to
 * @param {number} size
 */
function splitAt(loop, from, to, size) {
  const n = loop.length,
    count = (to - from + n) % n,
    a = loop[from],
    b = loop[to];
  const length = distance(a, b) || 1e-9;
  let worst = 0,
    at = -1;
  for (let s = 1; s < count; s += 1) {
    const p = loop[(from + s) % n];
    const away = Math.abs((b[0] - a[0]) * (a[1] - p[1]) - (a[0] - p[0]) * (b[1] - a[1])) / length;
    if (away > worst) [worst, at] = [away, (from + s) % n];
  }
  if (worst > size * DETAIL) return at;
  return count > size * LONGEST ? (from + (count >> 1)) % n : -1;
}

/**
 * Move handles; between handles the shift goes over linearly, so straight stays straight.
 * @param {Part[]} parts
 * @param {{ part: number, handle: number, by: Point }[]} moves  `handle` is an index into the part's handles.
 * @returns {Part[]}
 */
export function moveHandles(parts, moves) {
  return parts.map((part, index) => {
    const mine = moves.filter((move) => move.part === index);
    return mine.length ? movePart(part, mine) : part;
  });
}

/**
 * @param {Part} part
 * @param {{ handle: number, by: Point }[]} moves
 * @returns {Part}
 */
function movePart({ loop, handles }, moves) {
  const n = loop.length,
    moved = loop.slice();
  /** @type {Point[]} */
  const shifts = handles.map(() => [0, 0]);
  for (const { handle, by } of moves) shifts[handle] = by;
  handles.forEach((from, h) => {
    const after = (h + 1) % handles.length,
      s = shifts[h],
      e = shifts[after];
    if (!s[0] && !s[1] && !e[0] && !e[1]) return;
    const count = (handles[after] - from + n) % n || n;
    for (let step = 0; step < count; step += 1) {
      const t = step / count,
        i = (from + step) % n,
        p = loop[i];
      moved[i] = [p[0] + s[0] * (1 - t) + e[0] * t, p[1] + s[1] * (1 - t) + e[1] * t];
    }
  });
  return { loop: moved, handles };
}

/**
 * Take a handle away: what it carried becomes straight.
 * @param {Part} part
 * @param {number} h
 * @returns {Part}
 */
export function removeHandle({ loop, handles }, h) {
  const n = loop.length,
    count = handles.length;
  const from = handles[(h + count - 1) % count],
    to = handles[(h + 1) % count],
    span = (to - from + n) % n || n;
  const straight = loop.slice();
  for (let s = 1; s < span; s += 1) {
    const t = s / span;
    straight[(from + s) % n] = [loop[from][0] * (1 - t) + loop[to][0] * t, loop[from][1] * (1 - t) + loop[to][1] * t];
  }
  return { loop: straight, handles: handles.filter((_, i) => i !== h) };
}

/**
 * The parts with a point as a handle.
 * @param {Part[]} parts
 * @param {Vertex} vertex
 * @returns {Part[]}
 */
export function withHandle(parts, [p, at]) {
  return parts.map((part, i) =>
    i !== p || part.handles.includes(at)
      ? part
      : { loop: part.loop, handles: [...part.handles, at].sort((a, b) => a - b) },
  );
}

/**
 * @param {Part[]} parts
 * @param {Point} place
 * @param {number} reach
 * @returns {Vertex | null}
 */
export function nearestHandle(parts, place, reach) {
  return nearest(parts, place, reach, ({ handles }) => handles);
}

/**
 * @param {Part[]} parts
 * @param {Point} place
 * @param {number} reach
 * @returns {Vertex | null}
 */
export function nearestVertex(parts, place, reach) {
  return nearest(parts, place, reach, ({ loop }) => loop.keys());
}

/**
 * @param {Part[]} parts
 * @param {Point} place
 * @param {number} reach
 * @param {(part: Part) => Iterable<number>} among
 */
function nearest(parts, place, reach, among) {
  /** @type {Vertex | null} */
  let best = null;
  let least = reach;
  parts.forEach((part, p) => {
    for (const at of among(part)) {
      const away = distance(part.loop[at], place);
      if (away < least) [least, best] = [away, [p, at]];
    }
  });
  return best;
}

/**
 * Where two versions of the parts differ, in whole pixels; null if nowhere.
 * @param {Part[]} before
 * @param {Part[]} after
 * @param {number} size
 * @returns {Box | null}
 */
export function changedBox(before, after, size) {
  /** @type {Loop} */
  const touched = [];
  after.forEach(({ loop }, i) => {
    const old = before[i].loop,
      n = loop.length;
    loop.forEach((p, j) => {
      if (p !== old[j]) touched.push(p, old[j], loop[(j + 1) % n], loop[(j + n - 1) % n]);
    });
  });
  if (!touched.length) return null;
  const [left, top, right, bottom] = loopsBox([touched], size),
    within = (/** @type {number} */ v) => clamp(v, 0, size);
  return [
    within(Math.floor(left) - 2),
    within(Math.floor(top) - 2),
    within(Math.ceil(right) + 2),
    within(Math.ceil(bottom) + 2),
  ];
}
