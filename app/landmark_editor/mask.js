/** Masks: Uint8Array of size * size pixels, row by row; 255 is garment, 0 is ground, between lies an edge. */

/** @typedef {import('./affine.js').Point} Point */
/** @typedef {import('./affine.js').Affine} Affine */

/**
 * @param {Uint8Array} mask
 * @param {number} size
 * @returns {{ share: number, border: boolean }} the garment's share of all pixels; whether it touches the border.
 */
export function maskFacts(mask, size) {
  let inside = 0,
    border = false;
  for (let i = 0; i < mask.length; i += 1) {
    if (mask[i] < 128) continue;
    inside += 1;
    const x = i % size;
    border ||= x === 0 || x === size - 1 || i < size || i >= mask.length - size;
  }
  return { share: inside / mask.length, border };
}

/**
 * @param {Uint8Array} a
 * @param {Uint8Array} b
 */
export function sameMask(a, b) {
  return a === b || (a.length === b.length && a.every((value, i) => value === b[i]));
}

/**
 * Paint or erase along a line, in place. A brush of one pixel is hard, any other has an edge of one pixel.
 * @param {Uint8Array} mask
 * @param {number} width  of the mask, pixels.
 * @param {Point} from  in pixels; a pixel's middle lies at one half.
 * @param {Point} to
 * @param {number} diameter  pixels.
 * @param {boolean} erase
 * @param {number} [height]  of the mask; a square's is its width.
 */
export function stampLine(mask, width, from, to, diameter, erase, height = width) {
  if (diameter < 1.5) {
    stampPixels(mask, [width, height], from, to, erase ? 0 : 255);
    return;
  }
  const radius = diameter / 2,
    reach = radius + 1;
  const first = (/** @type {0 | 1} */ axis) => Math.max(0, Math.floor(Math.min(from[axis], to[axis]) - reach));
  const last = (/** @type {0 | 1} */ axis, /** @type {number} */ side) =>
    Math.min(side - 1, Math.ceil(Math.max(from[axis], to[axis]) + reach));
  const dx = to[0] - from[0],
    dy = to[1] - from[1],
    square = dx * dx + dy * dy || 1;
  const [left, right, bottom] = [first(0), last(0, width), last(1, height)];
  for (let y = first(1); y <= bottom; y += 1) {
    for (let x = left; x <= right; x += 1) {
      const px = x + 0.5 - from[0],
        py = y + 0.5 - from[1],
        t = clamp((px * dx + py * dy) / square, 0, 1);
      const away = Math.hypot(px - t * dx, py - t * dy),
        i = y * width + x;
      const cover = Math.round(255 * clamp(radius + 0.5 - away, 0, 1));
      mask[i] = erase ? Math.min(mask[i], 255 - cover) : Math.max(mask[i], cover);
    }
  }
}

/**
 * @param {Uint8Array} mask
 * @param {Point} size  width and height, pixels.
 * @param {Point} from
 * @param {Point} to
 * @param {number} value
 */
function stampPixels(mask, [width, height], from, to, value) {
  const steps = Math.max(1, Math.ceil(Math.max(Math.abs(to[0] - from[0]), Math.abs(to[1] - from[1]))));
  for (let s = 0; s <= steps; s += 1) {
    const x = Math.floor(from[0] + ((to[0] - from[0]) * s) / steps),
      y = Math.floor(from[1] + ((to[1] - from[1]) * s) / steps);
    if (x >= 0 && y >= 0 && x < width && y < height) mask[y * width + x] = value;
  }
}

/**
 * Left and right exchanged.
 * @param {Uint8Array} mask
 * @param {number} size
 */
export function mirrored(mask, size) {
  return eachPixel(size, (x, y) => mask[y * size + size - 1 - x]);
}

/**
 * The left half, and its mirror image on the right.
 * @param {Uint8Array} mask
 * @param {number} size
 */
export function leftOnBothSides(mask, size) {
  return eachPixel(size, (x, y) => mask[y * size + (x < size / 2 ? x : size - 1 - x)]);
}

/**
 * A mask under an affine map, bilinear; what comes from outside is ground.
 * @param {Uint8Array} mask
 * @param {number} size
 * @param {Readonly<Affine>} map  takes a point of the mask to its new place, in pixels.
 */
export function transformed(mask, size, [a, b, c, d, e, f]) {
  const det = a * d - b * c;
  const at = (/** @type {number} */ x, /** @type {number} */ y) =>
    x < 0 || y < 0 || x >= size || y >= size ? 0 : mask[y * size + x];
  return eachPixel(size, (x, y) => {
    const u = x + 0.5 - e,
      v = y + 0.5 - f,
      sx = (d * u - c * v) / det - 0.5,
      sy = (a * v - b * u) / det - 0.5;
    const ix = Math.floor(sx),
      iy = Math.floor(sy),
      fx = sx - ix,
      fy = sy - iy;
    if (ix < -1 || iy < -1 || ix >= size || iy >= size) return 0;
    const above = at(ix, iy) * (1 - fx) + at(ix + 1, iy) * fx;
    const below = at(ix, iy + 1) * (1 - fx) + at(ix + 1, iy + 1) * fx;
    return Math.round(above * (1 - fy) + below * fy);
  });
}

/**
 * @param {number} size
 * @param {(x: number, y: number) => number} value
 */
function eachPixel(size, value) {
  const out = new Uint8Array(size * size);
  for (let y = 0; y < size; y += 1) for (let x = 0; x < size; x += 1) out[y * size + x] = value(x, y);
  return out;
}

/**
 * @param {number} value
 * @param {number} least
 * @param {number} most
 */
export const clamp = (value, least, most) => Math.min(most, Math.max(least, value));
