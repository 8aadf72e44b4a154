/**
 * Masks as texts: records of a value and a 16-bit run length, in base 64, as `rle.py` reads and writes them.
 */

const LONGEST_RUN = 0xffff;

/**
 * @param {string} text
 * @param {number} width  of the mask, pixels.
 * @param {number} [height]  a square's is its width.
 * @returns {Uint8Array} width * height values from 0 to 255, row by row.
 */
export function decodeMask(text, width, height = width) {
  const bytes = atob(text),
    mask = new Uint8Array(width * height);
  for (let i = 0, at = 0; i < bytes.length; i += 3) {
    const length = bytes.charCodeAt(i + 1) | (bytes.charCodeAt(i + 2) << 8);
    mask.fill(bytes.charCodeAt(i), at, at + length);
    at += length;
  }
  return mask;
}

/**
 * @param {Uint8Array} mask
 * @returns {string}
 */
export function encodeMask(mask) {
  const records = [];
  for (let i = 0; i < mask.length;) {
    let length = 1;
    while (length < LONGEST_RUN && i + length < mask.length && mask[i + length] === mask[i]) length += 1;
    records.push(String.fromCharCode(mask[i], length & 255, length >> 8));
    i += length;
  }
  return btoa(records.join(''));
}
