/**
 * Affine maps of the plane as [a, b, c, d, e, f]: (x, y) goes to (a x + c y + e, b x + d y + f), as in SVG.
 */

/** @typedef {[number, number]} Point  x and y; which unit, the user says. */
/** @typedef {[number, number, number, number, number, number]} Affine */

/** @type {Readonly<Affine>} */
export const IDENTITY = [1, 0, 0, 1, 0, 0];

/**
 * @param {number} x
 * @param {number} y
 * @returns {Affine}
 */
export const translation = (x, y) => [1, 0, 0, 1, x, y];

/**
 * @param {number} x
 * @param {number} [y]
 * @returns {Affine}
 */
export const scaling = (x, y = x) => [x, 0, 0, y, 0, 0];

/**
 * Positive angles turn x towards y: clockwise, where y goes down.
 * @param {number} degrees
 * @returns {Affine}
 */
export function rotation(degrees) {
  const angle = (degrees * Math.PI) / 180,
    cos = Math.cos(angle),
    sin = Math.sin(angle);
  return [cos, sin, -sin, cos, 0, 0];
}

/**
 * @param {number} degreesX
 * @param {number} degreesY
 * @returns {Affine}
 */
export const skewing = (degreesX, degreesY) => [
  1,
  Math.tan((degreesY * Math.PI) / 180),
  Math.tan((degreesX * Math.PI) / 180),
  1,
  0,
  0,
];

/**
 * One map after others: the last one given is applied first.
 * @param {...Readonly<Affine>} maps
 * @returns {Affine}
 */
export function compose(...maps) {
  return maps.reduce(
    (/** @type {Affine} */ [a, b, c, d, e, f], [p, q, r, s, t, u]) => [
      a * p + c * q,
      b * p + d * q,
      a * r + c * s,
      b * r + d * s,
      a * t + c * u + e,
      b * t + d * u + f,
    ],
    [...IDENTITY],
  );
}

/**
 * A map with a point that stays in its place.
 * @param {Readonly<Point>} centre
 * @param {Readonly<Affine>} map
 */
export const about = ([x, y], map) => compose(translation(x, y), map, translation(-x, -y));

/**
 * @param {Readonly<Affine>} map
 * @returns {Affine}
 */
export function inverse([a, b, c, d, e, f]) {
  const determinant = a * d - b * c;
  return [
    d / determinant,
    -b / determinant,
    -c / determinant,
    a / determinant,
    (c * f - d * e) / determinant,
    (b * e - a * f) / determinant,
  ];
}

/**
 * @param {Readonly<Affine>} map
 * @param {Readonly<Point>} point
 * @returns {Point}
 */
export const apply = ([a, b, c, d, e, f], [x, y]) => [a * x + c * y + e, b * x + d * y + f];

/**
 * @param {Readonly<Point>} p
 * @param {Readonly<Point>} q
 */
export const distance = (p, q) => Math.hypot(p[0] - q[0], p[1] - q[1]);
