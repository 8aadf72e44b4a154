/** What strip and grid of runs have in common: the picture of a run, or a sign that stands for it. */

import { make } from './dom.js';

/** @typedef {import('./views.js').Card} Card */
/** @typedef {import('./views.js').RunState} RunState */

/** @type {Partial<Record<RunState, string>>} */
const SIGNS = { queued: '…', running: '…', failed: '!', cancelled: '×', interrupted: '×' };

/**
 * Why a run has no picture.
 * @type {Partial<Record<RunState, string>>}
 */
export const ENDED = {
  failed: 'This run failed',
  cancelled: 'Cancelled',
  interrupted: 'Cut off: the studio was closed meanwhile',
};

/**
 * Whether a run is still to end.
 * @param {RunState} state
 */
export const going = (state) => state === 'queued' || state === 'running';

/**
 * Whether a run can be tried again.
 * @param {RunState} state
 */
export const fell = (state) => state in ENDED;

/**
 * @param {Card} card
 * @returns {HTMLElement}
 */
export function cardFace({ image, status }) {
  if (!image) return make('span', 'sign', SIGNS[status]);
  const face = make('img');
  face.src = image;
  face.alt = '';
  face.loading = 'lazy';
  return face;
}
