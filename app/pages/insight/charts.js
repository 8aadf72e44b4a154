/**
 * The four charts: similarity to the bank, the landmark under each K, ê under each α, the time of the latest runs.
 */

import { fixed, makeSvg } from '../../web/shared/dom.js';
import { Chart, showNothing, titled } from './chart.js';

/** @typedef {import('../../web/shared/views.js').Insight} Insight */
/** @typedef {import('../../web/shared/views.js').Timing} Timing */
/**
 * @typedef {{ box: Element, say: (text: string) => void }} Pane  where a chart goes, and its line of words.
 */

export const NO_PHOTO = 'Place a photo on the Design page, then come back.';
const NO_RUNS = 'Press Generate on the Design page: each run’s time is kept and shown here.';
const STAGES = ['retrieve', 'prepare', 'denoise', 'decode', 'other'];
const SOURCES = {
  consensus: 'the consensus',
  candidate: 'the picked candidate',
  drafted: 'the drafted shape',
  edited: 'your own outline',
};

/** @param {number} ms */
export const seconds = (ms) => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(ms < 10000 ? 1 : 0)} s`);

/**
 * @param {Pane} pane
 * @param {string} text
 */
function nothing({ box, say }, text) {
  say('');
  showNothing(box, text);
}

/**
 * @param {Pane} pane
 * @param {Insight} value
 */
export function drawSimilarity(pane, { similarity: found, nearest, map }) {
  if (!found || !nearest || !map) return nothing(pane, NO_PHOTO);
  const { low, high, counts, mean } = found,
    most = Math.max(...counts),
    step = (high - low) / counts.length;
  const likes = nearest.map((item) => item.similarity);
  pane.say(`mean ${fixed(mean)}, neighbours ${fixed(Math.min(...likes))} to ${fixed(Math.max(...likes))}`);
  const chart = new Chart(
    pane.box,
    [low, high],
    [0, most],
    `Cosine similarity of the photo to ${map.ids.length} entries: from ${fixed(low)} to ${fixed(high)}, ` +
      `mean ${fixed(mean)}`,
  );
  chart.levels([most], String);
  counts.forEach((count, i) => {
    const from = low + i * step,
      x = chart.across(from),
      width = Math.max(chart.across(from + step) - x - 1, 0.5);
    chart.column('column', x, width, count, `${count} entries from ${fixed(from)} to ${fixed(from + step)}`);
  });
  likes.forEach((like, i) => {
    const x = chart.across(like),
      tick = makeSvg('line', { class: 'tick', x1: x, x2: x, y1: chart.base, y2: chart.up(most * 0.4) });
    chart.add(tick, `neighbour ${i + 1}: ${fixed(like, 3)}`);
  });
  chart.mark(chart.across(low), fixed(low), 'start');
  chart.mark(chart.across((low + high) / 2), fixed((low + high) / 2));
  chart.mark(chart.across(high), fixed(high), 'end');
}

/**
 * @param {Pane} pane
 * @param {Insight} value
 */
export function drawK(pane, { by_k: rows, k, source }) {
  if (!rows) return nothing(pane, NO_PHOTO);
  pane.say(`IoU with ${SOURCES[source]}`);
  const words = rows.map((row) => `K ${row.k}: candidate ${row.choice + 1}, IoU ${fixed(row.iou)}`).join('; ');
  const chart = new Chart(pane.box, [0.5, rows.length + 0.5], [0, 1], words);
  const wide = Math.min(30, (chart.across(2) - chart.across(1)) * 0.7);
  chart.levels([0.5, 1], (level) => fixed(level, 1));
  for (const row of rows) {
    const x = chart.across(row.k),
      title = `the consensus is candidate ${row.choice + 1} (entry ${row.id}), IoU ${fixed(row.iou)}`;
    chart.column(row.k === k ? 'column now' : 'column', x - wide / 2, wide, row.iou, `K ${row.k}: ${title}`);
    chart.text(x, chart.base - 5, `#${row.choice + 1}`, 'middle', 'in');
    chart.mark(x, String(row.k));
  }
}

/**
 * @param {Pane} pane
 * @param {Insight} value
 */
export function drawAlpha(pane, { by_alpha: rows, alpha: present }) {
  if (!rows) return nothing(pane, NO_PHOTO);
  const lowest = Math.min(...rows.map(([, likeness]) => likeness));
  const floor = lowest > 0.9 ? Math.floor(lowest * 50 - 0.01) / 50 : Math.floor(lowest * 10) / 10;
  const now = rows.reduce((best, row) => (Math.abs(row[0] - present) < Math.abs(best[0] - present) ? row : best));
  pane.say(`cos(e, ê), ${fixed(now[1])} at α ${present}`);
  const words = rows
    .filter((_, i) => i % 5 === 0)
    .map(([alpha, likeness]) => `α ${alpha}: ${fixed(likeness)}`)
    .join('; ');
  const chart = new Chart(pane.box, [0, 1], [floor, 1], words);
  const points = rows.map(([alpha, likeness]) => `${chart.across(alpha)},${chart.up(likeness)}`).join(' ');
  chart.levels([floor, 1], (level) => fixed(level));
  chart.svg.append(makeSvg('polyline', { class: 'curve', points }));
  for (const [alpha, likeness] of rows) {
    const is = alpha === now[0],
      at = { cx: chart.across(alpha), cy: chart.up(likeness), r: is ? 5 : 2.5 };
    chart.add(makeSvg('circle', { class: is ? 'node now' : 'node', ...at }), `α ${alpha}: ${fixed(likeness, 3)}`);
  }
  for (const alpha of [0, 0.5, 1]) chart.mark(chart.across(alpha), String(alpha));
}

/**
 * @param {Pane} pane
 * @param {Insight} value
 */
export function drawTime(pane, { timings: rows }) {
  if (!rows.length) return nothing(pane, NO_RUNS);
  const most = Math.max(1, ...rows.map((run) => run.total));
  const median = [...rows].sort((a, b) => a.total - b.total)[Math.floor(rows.length / 2)].total;
  pane.say(`${rows.length} runs, median ${seconds(median)}`);
  const words = rows
    .slice(-8)
    .map((run) => `run ${run.run}: ${seconds(run.total)}`)
    .join('; ');
  const chart = new Chart(pane.box, [-0.5, Math.max(rows.length, 12) - 0.5], [0, most], words);
  chart.levels([most], seconds);
  rows.forEach((run, i) => chart.svg.append(stagesOf(run, i, chart)));
  const every = Math.ceil(rows.length / 12);
  rows.forEach((run, i) => {
    if (i % every === 0) chart.mark(chart.across(i), String(run.run));
  });
}

/**
 * A run's stages, one on the other.
 * @param {Timing} run
 * @param {number} i
 * @param {Chart} chart
 */
function stagesOf(run, i, chart) {
  const wide = Math.max(chart.across(1) - chart.across(0), 1),
    bar = Math.max(Math.min(wide * 0.8, 26), 1);
  const times = STAGES.map((name) => `${name} ${seconds(run[name])}`).join(', ');
  const group = titled(
    makeSvg('g'),
    `run ${run.run}, ${run.when}, ${run.steps} steps: ${times}, total ${seconds(run.total)}`,
  );
  let below = 0;
  STAGES.forEach((name, stage) => {
    const y = chart.up(below + run[name]),
      height = Math.max(chart.up(below) - y, 0);
    group.append(makeSvg('rect', { class: `stage-${stage}`, x: chart.across(i) - bar / 2, y, width: bar, height }));
    below += run[name];
  });
  return group;
}
