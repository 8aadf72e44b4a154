/** What the editor tells other panels of its model. */

import { likeness } from './slle.js';

/** @typedef {import('./model.js').Model} Model */

/**
 * The candidates for the filmstrip.
 * @param {Model} model
 * @returns {import('../web/shared/events.js').Frame[]}
 */
export function framesOf({ theGuide, theFused, weights, chosen }) {
  const { film, urls, outlines } = theGuide,
    { iou, consensus } = theFused;
  return weights.map((weight, i) => ({
    id: film.neighbours[i].id,
    similarity: film.neighbours[i].similarity,
    weight,
    iou: iou[i],
    draft: urls[i],
    outline: outlines[i],
    size: film.size,
    consensus: i === consensus,
    chosen: i === chosen,
  }));
}

/**
 * The drafted shape for the filmstrip, where there is one.
 * @param {Model} model
 */
export function draftedOf({ theGuide, theFused, theDoc }) {
  return theGuide.drafted?.frame(theFused.mean, theDoc.source === 'drafted') ?? null;
}

/**
 * How like e the embedding ê is, now and at α = 1.
 * @param {Model} model
 */
export function mixOf({ theGuide: { film }, weights, settings }) {
  return { likeness: likeness(film, weights, settings.alpha), all: likeness(film, weights, 1) };
}
