/** Rectangles that are drawn, moved and sized over a photo: pure geometry in shares of its sides. */

/** @typedef {[number, number, number, number]} Rectangle  left, top, right and bottom, each from 0 to 1. */
/** @typedef {[number, number]} Place  across and down, shares of the photo's sides. */

/** @type {Rectangle} */
export const WHOLE = [0, 0, 1, 1];
const LEAST = 0.02; // side of a rectangle

const within = (/** @type {number} */ value, low = 0, high = 1) => Math.min(high, Math.max(low, value));

/**
 * The rectangle between two corners.
 * @param {Place} from
 * @param {Place} to
 * @returns {Rectangle}
 */
export function between([x0, y0], [x1, y1]) {
  return [within(Math.min(x0, x1)), within(Math.min(y0, y1)), within(Math.max(x0, x1)), within(Math.max(y0, y1))];
}

/**
 * A rectangle moved as far as the photo reaches; its size stays.
 * @param {Rectangle} rectangle
 * @param {Place} by
 * @returns {Rectangle}
 */
export function moved([left, top, right, bottom], [across, down]) {
  const dx = within(across, -left, 1 - right),
    dy = within(down, -top, 1 - bottom);
  return [left + dx, top + dy, right + dx, bottom + dy];
}

/**
 * A rectangle with some of its edges moved; it keeps a least size and stays in the photo.
 * @param {Rectangle} rectangle
 * @param {string} grip  which edges: letters of "n", "e", "s" and "w".
 * @param {Place} by
 * @returns {Rectangle}
 */
export function sized([left, top, right, bottom], grip, [across, down]) {
  return [
    grip.includes('w') ? within(left + across, 0, right - LEAST) : left,
    grip.includes('n') ? within(top + down, 0, bottom - LEAST) : top,
    grip.includes('e') ? within(right + across, left + LEAST, 1) : right,
    grip.includes('s') ? within(bottom + down, top + LEAST, 1) : bottom,
  ];
}

/**
 * Whether it is large enough to be meant.
 * @param {Rectangle} rectangle
 */
export function isMeant([left, top, right, bottom]) {
  return right - left >= LEAST && bottom - top >= LEAST;
}

/**
 * @param {Rectangle} a
 * @param {Rectangle} b
 */
export function isSame(a, b) {
  return a.every((share, i) => Math.abs(share - b[i]) < 1e-6);
}

/**
 * The rectangle around what a mask marks, with some room; the whole where it marks nothing.
 * @param {Uint8Array} mask
 * @param {number} width
 * @param {number} height
 * @returns {Rectangle}
 */
export function around(mask, width, height) {
  let [left, top, right, bottom] = [width, height, 0, 0];
  for (let i = 0; i < mask.length; i += 1) {
    if (mask[i] < 128) continue;
    const x = i % width,
      y = (i - x) / width;
    [left, top] = [Math.min(left, x), Math.min(top, y)];
    [right, bottom] = [Math.max(right, x + 1), Math.max(bottom, y + 1)];
  }
  if (right <= left) return WHOLE;
  const room = 0.15 * Math.max(right - left, bottom - top);
  return between([(left - room) / width, (top - room) / height], [(right + room) / width, (bottom + room) / height]);
}

/**
 * A rectangle of a part, as one of the whole.
 * @param {Rectangle} rectangle
 * @param {Rectangle} part
 * @returns {Rectangle}
 */
export function outOf([left, top, right, bottom], [x0, y0, x1, y1]) {
  const across = x1 - x0,
    down = y1 - y0;
  return [x0 + left * across, y0 + top * down, x0 + right * across, y0 + bottom * down];
}
