/**
 * The guide, weighed and fused as `ragdiffusion` does it (Eq. 2, 3; 9.3), so that K and α follow a slider.
 */

/** @typedef {import('../web/shared/views.js').Film} Film */

const RIDGE = 0.03; // of the Gram matrix's trace
const SUPPORT_SHARE = 0.9; // of what ranking knows of the shape, in the choice of the consensus
const COINCIDENCE = 1e-5; // distance from the photo's embedding, in lengths of it, below which an entry is the photo

/**
 * Barycentric weights of the K nearest entries.
 * @param {Pick<Film, 'gram' | 'length'>} film
 * @param {number} k
 * @returns {number[]} they sum to one.
 */
export function weigh({ gram, length }, k) {
  const near = gram.slice(0, k).map((row, i) => row[i] <= COINCIDENCE ** 2 * length),
    equal = near.filter(Boolean).length;
  if (equal) return near.map((is) => (is ? 1 / equal : 0));
  let trace = 0;
  for (let i = 0; i < k; i += 1) trace += gram[i][i];
  const rows = Array.from({ length: k }, (_, i) => [
    ...gram[i].slice(0, k).map((value, j) => value / (trace || 1) + (i === j ? RIDGE : 0)),
    1,
  ]);
  const solution = solve(rows),
    sum = solution.reduce((a, b) => a + b, 0);
  return solution.map((value) => value / sum);
}

/**
 * Gauss's elimination, in place; without pivots, as the matrix is positive definite.
 * @param {number[][]} rows  [A | b].
 */
function solve(rows) {
  const n = rows.length,
    solution = new Array(n).fill(0);
  for (let i = 0; i < n; i += 1) {
    for (let j = i + 1; j < n; j += 1) {
      const share = rows[j][i] / rows[i][i];
      for (let c = i; c <= n; c += 1) rows[j][c] -= share * rows[i][c];
    }
  }
  for (let i = n - 1; i >= 0; i -= 1) {
    let rest = rows[i][n];
    for (let j = i + 1; j < n; j += 1) rest -= rows[i][j] * solution[j];
    solution[i] = rest / rows[i][i];
  }
  return solution;
}

/**
 * The fused mask, and the candidate that is most like it and like what the photo shows.
 * @param {Uint8Array[]} silhouettes
 * @param {number[]} weights
 * @param {number[] | null} support  how well each fits what the photo shows of the shape; null: nothing is known.
 * @returns {{ mean: Float32Array, iou: number[], consensus: number }} mean: from 0 to 255, beyond it where a weight is
 *   negative; iou: with the mean at one half.
 */
export function fuse(silhouettes, weights, support) {
  const mean = new Float32Array(silhouettes[0].length);
  weights.forEach((weight, i) => {
    const silhouette = silhouettes[i];
    for (let p = 0; p < mean.length; p += 1) mean[p] += weight * silhouette[p];
  });
  const iou = weights.map((_, i) => overlap(silhouettes[i], mean)),
    score = support ? iou.map((value, i) => (1 - SUPPORT_SHARE) * value + SUPPORT_SHARE * support[i]) : iou,
    best = Math.max(...score);
  let consensus = -1;
  score.forEach((value, i) => {
    if (value === best && (consensus < 0 || weights[i] > weights[consensus])) consensus = i;
  });
  return { mean, iou, consensus };
}

/**
 * IoU of a silhouette and the fused mask at one half.
 * @param {Uint8Array} silhouette
 * @param {Float32Array} mean
 */
export function overlap(silhouette, mean) {
  let both = 0,
    either = 0;
  for (let p = 0; p < mean.length; p += 1) {
    const a = silhouette[p] > 127,
      b = mean[p] > 127.5;
    both += Number(a && b);
    either += Number(a || b);
  }
  return both / Math.max(1, either);
}

/**
 * The cosine of e and ê = e + α r, r being the reconstruction less e (Eq. 3).
 * @param {Pick<Film, 'gram' | 'along' | 'length'>} film
 * @param {number[]} weights
 * @param {number} alpha
 */
export function likeness({ gram, along, length }, weights, alpha) {
  let square = 0,
    forward = 0;
  weights.forEach((w, i) => {
    forward += w * along[i];
    weights.forEach((v, j) => {
      square += w * v * gram[i][j];
    });
  });
  return (length + alpha * forward) / Math.sqrt(length * (length + 2 * alpha * forward + alpha * alpha * square));
}
