/** The drafted shape of a photo: as it is predicted, and as a person's measures have it now. */

import { traceLoops } from './contours.js';
import { decodeMask } from './rle.js';
import { overlap } from './slle.js';
import { pathData } from './svg.js';

/** @typedef {import('../web/shared/views.js').Drafted} View */
/** @typedef {import('../web/shared/views.js').Pattern} Pattern */
/** @typedef {import('./model.js').Draft} Draft */
/** @typedef {import('./model.js').Model} Model */
/** @typedef {{ pattern: Pattern, mask: Uint8Array, outline: string, draft?: Draft, url?: string }} Shape */

/** Stands for it where candidates have their index. */
export const DRAFTED = 'drafted';

/**
 * @param {Pattern | null} one
 * @param {Pattern | null} other
 */
export function samePattern(one, other) {
  if (!one || !other || one.kind !== other.kind) return one === other;
  const keys = new Set([...Object.keys(one.measures), ...Object.keys(other.measures)]);
  return [...keys].every((key) => one.measures[key] === other.measures[key]);
}

export class DraftedShape {
  /**
   * @param {View} view
   * @param {number} size  side of the silhouettes, pixels.
   */
  constructor(view, size) {
    this.view = view;
    this.size = size;
    /** @type {Shape} */
    this.predicted = this.shapeOf({ kind: view.kind, measures: view.measures }, decodeMask(view.mask, size));
    /** @type {Shape} what is taken when the shape is picked. */
    this.now = this.predicted;
  }

  /**
   * @param {Pattern} pattern
   * @param {Uint8Array} mask
   * @returns {Shape}
   */
  shapeOf(pattern, mask) {
    return { pattern, mask, outline: pathData(traceLoops(mask, this.size)) };
  }

  /**
   * It is the landmark, perhaps with other measures.
   * @param {Pattern} pattern
   * @param {Uint8Array} mask
   */
  become(pattern, mask) {
    if (samePattern(pattern, this.predicted.pattern)) this.now = this.predicted;
    else if (!samePattern(pattern, this.now.pattern)) this.now = this.shapeOf(pattern, mask);
    return this.now;
  }

  /**
   * The garment is laid into it.
   * @param {Shape} shape
   * @param {Draft} draft
   * @param {string} url
   */
  laid(shape, draft, url) {
    Object.assign(shape, { draft, url });
  }

  /** How many measures are not as predicted; of another kind of garment, all. */
  get moves() {
    const { kind, measures } = this.now.pattern,
      { predicted } = this;
    const keys = Object.keys(measures);
    if (kind !== predicted.pattern.kind) return keys.length;
    return keys.filter((key) => measures[key] !== predicted.pattern.measures[key]).length;
  }

  /**
   * Its frame of the filmstrip.
   * @param {Float32Array} mean  the fused mask.
   * @param {boolean} chosen
   * @returns {import('../web/shared/events.js').DraftedFrame}
   */
  frame(mean, chosen) {
    const { kind } = this.now.pattern;
    return {
      kind,
      fit: this.moves ? null : this.view.overlap,
      iou: overlap(this.now.mask, mean),
      moves: this.moves,
      draft: this.now.url,
      outline: this.now.outline,
      size: this.size,
      chosen,
    };
  }
}

/**
 * Make the drafted shape the landmark, as its measures were left.
 * @param {Model} model
 */
export function pickDrafted(model) {
  const shape = model.guide?.drafted?.now;
  if (!shape || !model.doc || model.editing || model.doc.source === 'drafted') return;
  const { pattern, mask, draft = null } = shape;
  model.commit({ label: 'the drafted shape', source: 'drafted', choice: null, mask, pattern }, { draft });
  model.hearers.said('The drafted shape is the landmark; its measures are beside the canvas');
}

/**
 * Show what measures draw while they move.
 * @param {Model} model
 * @param {Pattern} pattern
 * @param {Uint8Array} mask
 */
export function showMeasures(model, pattern, mask) {
  if (model.doc?.source !== 'drafted') return;
  model.editing = { ...model.editing, mask, pattern };
  model.touch();
}

/**
 * Make what measures draw the newest step.
 * @param {Model} model
 * @param {string} label
 * @returns {boolean} whether it is another shape than before.
 */
export function takeMeasures(model, label) {
  const { pattern, mask } = model.editing ?? {};
  if (!pattern || !mask) return false;
  if (samePattern(pattern, model.theDoc.pattern)) {
    model.editing = null;
    model.touch();
    return false;
  }
  const draft = model.guide?.drafted?.become(pattern, mask).draft ?? null;
  model.commit({ label, source: 'drafted', choice: null, mask, pattern }, { draft }, `measure ${label}`);
  return true;
}
