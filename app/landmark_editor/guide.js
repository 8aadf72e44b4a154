// The guide, weighed and fused here as `ragdiffusion/slle.py` does it, so that K and α follow a slider without asking Python.
const RIDGE = 1e-3, COINCIDENCE = 1e-5;

function weigh({ gram, length }, k) {
  const near = [];
  for (let i = 0; i < k; i += 1) if (gram[i][i] <= COINCIDENCE ** 2 * length) near.push(i);
  if (near.length) return Array.from({ length: k }, (_, i) => (near.includes(i) ? 1 / near.length : 0));
  let trace = 0;
  for (let i = 0; i < k; i += 1) trace += gram[i][i];
  const rows = Array.from({ length: k }, (_, i) => [...Array.from({ length: k }, (__, j) => gram[i][j] / (trace || 1) + (i === j ? RIDGE : 0)), 1]);
  for (let i = 0; i < k; i += 1) {           // the matrix is positive definite: no pivots are needed
    for (let j = i + 1; j < k; j += 1) {
      const share = rows[j][i] / rows[i][i];
      for (let c = i; c <= k; c += 1) rows[j][c] -= share * rows[i][c];
    }
  }
  const solution = new Array(k).fill(0);
  for (let i = k - 1; i >= 0; i -= 1) {
    let rest = rows[i][k];
    for (let j = i + 1; j < k; j += 1) rest -= rows[i][j] * solution[j];
    solution[i] = rest / rows[i][i];
  }
  const sum = solution.reduce((a, b) => a + b, 0);
  return solution.map((value) => value / sum);
}
function fuse(silhouettes, weights) {
  const mean = new Float32Array(silhouettes[0].length);
  weights.forEach((weight, i) => { const s = silhouettes[i]; for (let p = 0; p < mean.length; p += 1) mean[p] += weight * s[p]; });
  const iou = weights.map((_, i) => {
    const s = silhouettes[i];
    let both = 0, either = 0;
    for (let p = 0; p < mean.length; p += 1) {
      const a = s[p] > 127, b = mean[p] > 127.5;
      both += a && b;
      either += a || b;
    }
    return both / Math.max(1, either);
  });
  const best = Math.max(...iou);
  let consensus = -1;
  iou.forEach((value, i) => { if (value === best && (consensus < 0 || weights[i] > weights[consensus])) consensus = i; });
  return { mean, iou, consensus };
}
// What α does: ê = e + α r, r being the reconstruction less e. Returns the cosine of e and ê.
function likeness({ gram, along, length }, weights, alpha) {
  let square = 0, forward = 0;
  weights.forEach((w, i) => { forward += w * along[i]; weights.forEach((v, j) => { square += w * v * gram[i][j]; }); });
  return (length + alpha * forward) / Math.sqrt(length * (length + 2 * alpha * forward + alpha * alpha * square));
}
