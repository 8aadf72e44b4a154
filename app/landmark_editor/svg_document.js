/**
 * SVG import: only shapes are read. The text is parsed as an inert document, which runs no script and loads nothing.
 */

import { apply, compose } from './affine.js';
import { countCrossings } from './contours.js';
import { MOST_POINTS, numbers, parseTransform, shapeLoops, tooManyPoints } from './svg.js';

/** @typedef {import('./affine.js').Affine} Affine */
/** @typedef {import('./contours.js').Loop} Loop */

export const MOST_BYTES = 5e6;
const MOST_CROSSINGS = 2e6; // of the lines that a filled outline is sampled on: a second's work
const PATIENCE = 3000; // milliseconds for which a drawing is read
const SHAPES = 'path,polygon,polyline,rect,circle,ellipse';
const UNSHOWN = 'defs,clipPath,mask,symbol,pattern,marker';

/**
 * @param {string} text
 * @param {number} size  side of the mask that the drawing is fitted into, pixels.
 * @returns {Loop[]} at least one, each of three points or more.
 * @throws {Error} there is nothing to use in it, with what to do about that.
 */
export function svgLoops(text, size) {
  if (text.length > MOST_BYTES) throw tooLarge(text.length);
  const root = new DOMParser().parseFromString(text, 'image/svg+xml').documentElement,
    fit = fitted(root, size);
  const loops = [],
    started = performance.now();
  let points = 0;
  for (const node of root.querySelectorAll(SHAPES)) {
    if (performance.now() - started > PATIENCE) throw new Error('this SVG takes too long to read: simplify it first');
    if (node.closest(UNSHOWN)) continue;
    const map = compose(fit, ...transforms(node, root));
    const found = shapeLoops(node.localName, (name) => node.getAttribute(name) ?? '');
    points += found.reduce((sum, loop) => sum + loop.length, 0);
    if (points > MOST_POINTS) throw tooManyPoints();
    for (const loop of found) loops.push(loop.map((point) => apply(map, point)));
  }
  const usable = loops.filter((loop) => loop.length > 2 && loop.flat().every(Number.isFinite));
  if (!usable.length) throw nothingIn(loops);
  if (countCrossings(usable, size) > MOST_CROSSINGS) {
    throw new Error('the outline in this SVG goes up and down too often: simplify it first');
  }
  return usable;
}

/** @param {number} bytes */
export function tooLarge(bytes) {
  return new Error(`it has ${(bytes / 1e6).toFixed(1)} MB, and 5 MB is the most: simplify it first`);
}

/** @param {Loop[]} loops */
function nothingIn(loops) {
  return new Error(
    loops.length
      ? 'the outline in this SVG has fewer than three points and encloses nothing: draw a closed shape'
      : 'this SVG holds no path, polygon, rectangle or ellipse: convert its shapes to paths',
  );
}

/**
 * The map of its viewBox into the middle of the mask.
 * @param {Element} root
 * @param {number} size
 * @returns {Affine}
 */
function fitted(root, size) {
  if (root.localName !== 'svg')
    throw new Error('this file is no SVG that can be read: export it as plain SVG, or bring a PNG');
  const side = (/** @type {string} */ name) => Number.parseFloat(root.getAttribute(name) ?? '') || 0;
  const box = numbers(root.getAttribute('viewBox') ?? ''),
    given = box.length === 4 && box.every(Number.isFinite);
  const [left, top, width, height] = given ? box : [0, 0, side('width'), side('height')];
  if (!(width > 0 && height > 0)) throw new Error('this SVG does not say how large it is: give it a viewBox');
  const scale = size / Math.max(width, height);
  return [scale, 0, 0, scale, (size - width * scale) / 2 - left * scale, (size - height * scale) / 2 - top * scale];
}

/**
 * The transforms from the root down to a shape.
 * @param {Element} node
 * @param {Element} root
 * @returns {Affine[]}
 */
function transforms(node, root) {
  const chain = [];
  for (let up = /** @type {Element | null} */ (node); up && up !== root; up = up.parentElement) {
    chain.unshift(parseTransform(up.getAttribute('transform') ?? ''));
  }
  return chain;
}
