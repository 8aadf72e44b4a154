/** Outlines as SVG, and SVG's shapes, path data and transforms as outlines; texts and numbers only. */

import { IDENTITY, compose, distance, rotation, scaling, skewing, translation } from './affine.js';

/** @typedef {import('./affine.js').Affine} Affine */
/** @typedef {import('./affine.js').Point} Point */
/** @typedef {import('./contours.js').Loop} Loop */

const CURVE_STEPS = 32; // chords of a Bézier curve
const TURN_STEPS = 96; // chords of a whole ellipse
export const MOST_POINTS = 200_000;
export const tooManyPoints = () =>
  new Error(`the outline in this SVG has more than ${MOST_POINTS} points: simplify it first`);

/**
 * @param {Loop[]} loops
 * @returns {string} for the attribute `d`.
 */
export function pathData(loops) {
  return loops.map((loop) => `M${loop.map(([x, y]) => `${+x.toFixed(2)},${+y.toFixed(2)}`).join('L')}Z`).join('');
}

/**
 * @param {Loop[]} loops
 * @param {number} size
 */
export function loopsToSvg(loops, size) {
  const frame = `xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size} ${size}" width="${size}" height="${size}"`;
  return `<svg ${frame}><path fill="#000" d="${pathData(loops)}"/></svg>\n`;
}

/**
 * The numbers of a list that is separated by blanks or commas.
 * @param {string} text
 */
export const numbers = (text) =>
  text
    .trim()
    .split(/[\s,]+/)
    .map(Number);

/**
 * @param {string} text  an attribute `transform`; what cannot be read in it is passed over.
 * @returns {Affine}
 */
export function parseTransform(text) {
  /** @type {Affine} */
  let map = [...IDENTITY];
  for (const [, name, values] of text.matchAll(/(matrix|translate|scale|rotate|skewX|skewY)\s*\(([^)]*)\)/g)) {
    const v = numbers(values);
    if (v.every(Number.isFinite)) map = compose(map, oneTransform(name, v));
  }
  return map;
}

/**
 * @param {string} name
 * @param {number[]} v
 * @returns {Readonly<Affine>}
 */
function oneTransform(name, v) {
  if (name === 'matrix') return v.length === 6 ? /** @type {Affine} */ (v) : IDENTITY;
  if (name === 'translate') return translation(v[0], v[1] ?? 0);
  if (name === 'scale') return scaling(v[0], v[1] ?? v[0]);
  if (name === 'skewX') return skewing(v[0], 0);
  if (name === 'skewY') return skewing(0, v[0]);
  const [x, y] = [v[1] ?? 0, v[2] ?? 0];
  return compose(translation(x, y), rotation(v[0]), translation(-x, -y));
}

/**
 * The outlines of one shape, in its own coordinates.
 * @param {string} kind  path, rect, circle, ellipse, polygon or polyline.
 * @param {(name: string) => string} attribute  its text; "" where there is none.
 * @returns {Loop[]}
 */
export function shapeLoops(kind, attribute) {
  const get = (/** @type {string} */ name) => Number.parseFloat(attribute(name)) || 0;
  if (kind === 'path') return pathLoops(attribute('d'));
  if (kind === 'circle') return [ellipse([get('cx'), get('cy')], get('r'), get('r'))];
  if (kind === 'ellipse') return [ellipse([get('cx'), get('cy')], get('rx'), get('ry'))];
  if (kind === 'rect') {
    const [x, y, width, height] = ['x', 'y', 'width', 'height'].map(get);
    return [
      [
        [x, y],
        [x + width, y],
        [x + width, y + height],
        [x, y + height],
      ],
    ];
  }
  const v = numbers(attribute('points'));
  return [Array.from({ length: v.length >> 1 }, (_, i) => /** @type {Point} */ ([v[2 * i], v[2 * i + 1]]))];
}

/**
 * @param {Point} centre
 * @param {number} rx
 * @param {number} ry
 * @returns {Loop}
 */
function ellipse([cx, cy], rx, ry) {
  const angle = (2 * Math.PI) / TURN_STEPS;
  return Array.from({ length: TURN_STEPS }, (_, i) => [cx + rx * Math.cos(i * angle), cy + ry * Math.sin(i * angle)]);
}

/**
 * The loops that a path draws. What encloses nothing comes back as its first two points, so that it can be told from
 * no path at all.
 * @param {string} data  of the attribute `d`, read up to its first fault.
 * @returns {Loop[]}
 * @throws {Error} it has too many points.
 */
export function pathLoops(data) {
  return new PathReader(data)
    .read()
    .filter((loop) => loop.length > 1)
    .map((loop) => (flat(loop) ? loop.slice(0, 2) : loop));
}

/**
 * Whether all points lie on a line.
 * @param {Loop} loop
 */
export function flat(loop) {
  const start = loop[0],
    far = loop.reduce((best, p) => (distance(p, start) > distance(best, start) ? p : best));
  const dx = far[0] - start[0],
    dy = far[1] - start[1],
    square = dx * dx + dy * dy;
  return loop.every(([x, y]) => Math.abs((x - start[0]) * dy - (y - start[1]) * dx) <= 1e-4 * square);
}

const COUNTS = /** @type {Record<string, number>} */ ({ M: 2, L: 2, H: 1, V: 1, C: 6, S: 4, Q: 4, T: 2, A: 7, Z: 0 });
const NUMBER = /[\s,]*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)/y;
const FLAG = /[\s,]*([01])/y;
const COMMAND = /[\s,]*([a-zA-Z])/y;

/** Walks along path data, turning curves into chords. */
class PathReader {
  /** @param {string} data */
  constructor(data) {
    this.data = data;
    this.at = 0;
    /** @type {Loop[]} */
    this.loops = [];
    this.points = 0;
    /** @type {Point} */
    this.here = [0, 0];
    /** @type {Point} where the subpath began. */
    this.start = [0, 0];
    /** @type {Point} the last control point of a curve; else the present point. */
    this.control = [0, 0];
    /** the kind of curve that it belongs to. */
    this.curve = '';
    this.closed = false;
  }

  read() {
    for (let command = this.scan(COMMAND); command; command = this.scan(COMMAND)) {
      if (!(command.toUpperCase() in COUNTS) || !this.follow(command)) break;
    }
    return this.loops;
  }

  /**
   * Do a command with as many rounds of numbers as come; false at a fault.
   * @param {string} command
   */
  follow(command) {
    const kind = command.toUpperCase(),
      relative = command !== kind,
      count = COUNTS[kind];
    if (!count) {
      this.here = this.start;
      this.curve = '';
      this.closed = true;
      return true;
    }
    for (let round = 0; ; round += 1) {
      const values = this.values(kind, count);
      if (!values) return round > 0;
      this.perform(kind === 'M' && round ? 'L' : kind, values, relative);
    }
  }

  /**
   * @param {string} kind
   * @param {number} count
   * @returns {number[] | null}
   */
  values(kind, count) {
    const found = [];
    for (let i = 0; i < count; i += 1) {
      const text = this.scan(kind === 'A' && (i === 3 || i === 4) ? FLAG : NUMBER);
      if (text === null) return null;
      found.push(Number(text));
    }
    return found;
  }

  /**
   * @param {RegExp} pattern
   * @returns {string | null}
   */
  scan(pattern) {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.data);
    if (!found) return null;
    this.at = pattern.lastIndex;
    return found[1];
  }

  /**
   * @param {string} kind
   * @param {number[]} v
   * @param {boolean} relative
   */
  perform(kind, v, relative) {
    const [ox, oy] = relative ? this.here : [0, 0];
    const point = (/** @type {number} */ i) => /** @type {Point} */ ([v[i] + ox, v[i + 1] + oy]);
    const mirror = (/** @type {string} */ curve) =>
      /** @type {Point} */ (
        this.curve !== curve ? this.here : [2 * this.here[0] - this.control[0], 2 * this.here[1] - this.control[1]]
      );
    if (kind === 'M') this.begin(point(0));
    else if (kind === 'L') this.lineTo(point(0));
    else if (kind === 'H') this.lineTo([v[0] + ox, this.here[1]]);
    else if (kind === 'V') this.lineTo([this.here[0], v[0] + oy]);
    else if (kind === 'C') this.curveTo('cubic', [point(0), point(2), point(4)]);
    else if (kind === 'S') this.curveTo('cubic', [mirror('cubic'), point(0), point(2)]);
    else if (kind === 'Q') this.curveTo('quadratic', [point(0), point(2)]);
    else if (kind === 'T') this.curveTo('quadratic', [mirror('quadratic'), point(0)]);
    else this.arcTo(v, point(5));
  }

  /** @param {Point} point */
  begin(point) {
    this.loops.push([]);
    this.start = point;
    this.closed = false;
    this.lineTo(point);
  }

  /**
   * After a closed subpath, what follows without a move begins at the same point.
   * @param {Point} point
   */
  lineTo(point) {
    if (!this.loops.length)
      throw new Error('the path in this SVG does not begin with a move (M): export it as plain SVG');
    if ((this.points += 1) > MOST_POINTS) throw tooManyPoints();
    if (this.closed) this.loops.push([this.start]);
    this.closed = false;
    this.loops[this.loops.length - 1].push(point);
    this.here = point;
    this.curve = '';
  }

  /**
   * @param {'cubic' | 'quadratic'} curve
   * @param {Point[]} points  control points and the end.
   */
  curveTo(curve, points) {
    const all = [this.here, ...points];
    for (let s = 1; s <= CURVE_STEPS; s += 1) this.lineTo(deCasteljau(all, s / CURVE_STEPS));
    this.control = points[points.length - 2];
    this.curve = curve;
  }

  /**
   * @param {number[]} arc  rx, ry, rotation in degrees, large, sweep.
   * @param {Point} end
   */
  arcTo([rx, ry, turn, large, sweep], end) {
    for (const point of arcPoints(this.here, end, Math.abs(rx), Math.abs(ry), turn, Boolean(large), Boolean(sweep)))
      this.lineTo(point);
  }
}

/**
 * A point of a Bézier curve.
 * @param {Point[]} points
 * @param {number} t  from 0 to 1.
 * @returns {Point}
 */
function deCasteljau(points, t) {
  if (points.length === 1) return points[0];
  const between = points
    .slice(1)
    .map(([x, y], i) => /** @type {Point} */ ([points[i][0] * (1 - t) + x * t, points[i][1] * (1 - t) + y * t]));
  return deCasteljau(between, t);
}

/**
 * Points of an elliptic arc without its first one, from SVG's endpoint form by way of the ellipse's centre.
 * @param {Point} from
 * @param {Point} to
 * @param {number} rx
 * @param {number} ry
 * @param {number} turn  degrees.
 * @param {boolean} large
 * @param {boolean} sweep
 * @returns {Point[]}
 */
function arcPoints(from, to, rx, ry, turn, large, sweep) {
  if (!rx || !ry || distance(from, to) === 0) return [to];
  const cos = Math.cos((turn * Math.PI) / 180),
    sin = Math.sin((turn * Math.PI) / 180);
  const hx = (from[0] - to[0]) / 2,
    hy = (from[1] - to[1]) / 2,
    x = cos * hx + sin * hy,
    y = cos * hy - sin * hx;
  const grow = Math.max(1, Math.sqrt((x / rx) ** 2 + (y / ry) ** 2)),
    a = rx * grow,
    b = ry * grow;
  const rest = Math.max(0, (a * b) ** 2 - (a * y) ** 2 - (b * x) ** 2) / ((a * y) ** 2 + (b * x) ** 2);
  const root = (large === sweep ? -1 : 1) * Math.sqrt(rest),
    cx = (root * a * y) / b,
    cy = (-root * b * x) / a;
  const first = Math.atan2((y - cy) / b, (x - cx) / a),
    last = Math.atan2((-y - cy) / b, (-x - cx) / a),
    full = 2 * Math.PI;
  const way = sweep ? (last - first + full) % full : -((first - last + full) % full);
  const steps = Math.max(1, Math.ceil((Math.abs(way) / full) * TURN_STEPS));
  return Array.from({ length: steps }, (_, i) => {
    if (i === steps - 1) return to;
    const angle = first + (way * (i + 1)) / steps,
      u = cx + a * Math.cos(angle),
      v = cy + b * Math.sin(angle);
    return [cos * u - sin * v + (from[0] + to[0]) / 2, sin * u + cos * v + (from[1] + to[1]) / 2];
  });
}
