/** Seeds are whole numbers from 0 to 2^63 - 1, kept as digits: a number of JavaScript is exact up to 2^53 only. */

export const MOST_SEED = 2n ** 63n - 1n;

/**
 * A seed as it is typed, without leading zeros; null if it is none.
 * @param {string} text
 * @returns {string | null}
 */
export function readSeed(text) {
  const digits = text.trim();
  if (!/^\d+$/.test(digits)) return null;
  const seed = BigInt(digits);
  return seed <= MOST_SEED ? String(seed) : null;
}

/**
 * The seed before or after, within the range.
 * @param {string} seed
 * @param {1 | -1} by
 */
export function nextSeed(seed, by) {
  const next = BigInt(seed) + BigInt(by);
  return String(next < 0n ? 0n : next > MOST_SEED ? MOST_SEED : next);
}
