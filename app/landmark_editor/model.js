/**
 * What the editor holds: the guide, K and α, the landmark with its history, and what is being dragged.
 *
 * A document is one state of the landmark. Documents are never changed once they are in the history, but for what
 * hangs on their mask: the points found on it and the draft laid into it.
 */

import { traceLoops } from './contours.js';
import { DraftedShape } from './drafted.js';
import { makeParts } from './handles.js';
import { maskFacts } from './mask.js';
import { decodeMask } from './rle.js';
import { fuse, weigh } from './slle.js';
import { pathData } from './svg.js';

/** @typedef {import('../web/shared/views.js').Film} Film */
/** @typedef {import('../web/shared/views.js').Pattern} Pattern */
/** @typedef {import('../web/shared/views.js').Source} Source */
/** @typedef {import('./affine.js').Affine} Affine */
/** @typedef {import('./handles.js').Part} Part */
/**
 * @typedef {{ pixels: Uint8ClampedArray, mask: Uint8Array }} Draft  RGBA of the garment, and the mask it is laid into.
 */
/**
 * @typedef {{ base: Uint8Array, map: Affine }} Transform  of the shape that it began with, so that two turns blur
 *   once.
 */

/**
 * @typedef {object} Document
 * @property {string} label  what made it.
 * @property {Source} source
 * @property {number | null} choice  index of a picked candidate.
 * @property {Uint8Array} mask
 * @property {Pattern | null} pattern  what a drafted one is drawn from.
 * @property {Part[] | null} parts  its outline, when it was asked for.
 * @property {Transform | null} transform
 * @property {Draft | null} draft  of a drawn landmark, when it is laid.
 * @property {string | null} merge  changes in a row of the same name are one step.
 * @property {number} at  when it was made, milliseconds.
 */
/**
 * What a drag shows before it is a document.
 * @typedef {object} Editing
 * @property {Uint8Array} mask
 * @property {Pattern} [pattern]  of measures that move.
 * @property {Part[]} [parts]
 * @property {Transform} [transform]
 * @property {Draft} [draft]
 */
/**
 * @typedef {object} Guide
 * @property {Film} film
 * @property {Uint8Array[]} silhouettes
 * @property {string[]} outlines  path data.
 * @property {(Draft | undefined)[]} drafts
 * @property {(string | undefined)[]} urls  of the drafts.
 * @property {DraftedShape | null} drafted
 */
/** @typedef {ReturnType<typeof fuse> & { k: number, guide: Guide }} Fused */
/**
 * @typedef {{ label: string, source: Source, choice: number | null, mask: Uint8Array, pattern?: Pattern | null }}
 *   Beginning  of a document.
 */

/**
 * Those who hear of changes.
 * @typedef {object} Hearers
 * @property {() => void} shown  the board must be drawn anew.
 * @property {() => void} adopted  another document, K or α.
 * @property {() => void} changed  Python must hear of it.
 * @property {(text: string, loud?: boolean) => void} said
 */

const LONGEST_HISTORY = 200;
const MERGED_WITHIN = 1500; // milliseconds
/** Shares of the canvas that a landmark may cover; the same as Python's. */
export const LEAST_SHARE = 0.002;
export const MOST_SHARE = 0.98;

/**
 * Whether a landmark is one that a picture can follow.
 * @param {number} share  of the canvas.
 */
export const usable = (share) => share >= LEAST_SHARE && share <= MOST_SHARE;

/**
 * Whether a landmark is no entry of the bank.
 * @param {{ source: Source } | null} doc
 */
export const isOwn = (doc) => doc?.source === 'edited' || doc?.source === 'drafted';

/**
 * What a shape is once its candidates are gone.
 * @param {Document} doc
 * @returns {Source}
 */
const ownSource = (doc) => (isOwn(doc) ? doc.source : 'edited');

export class Model {
  /** @param {Hearers} hearers */
  constructor(hearers) {
    this.hearers = hearers;
    /** @type {Guide | null} */
    this.guide = null;
    /** @type {Fused | null} */
    this.fused = null;
    this.settings = { k: 4, alpha: 0.5 };
    /** @type {number[]} */
    this.weights = [];
    /** @type {Document | null} */
    this.doc = null;
    /** @type {Document[]} */
    this.past = [];
    /** @type {Document[]} */
    this.future = [];
    /** @type {Editing | null} */
    this.editing = null;
    /** @type {Draft | null} the newest draft that fits more or less, until the right one is there. */
    this.nearDraft = null;
    /** grows with whatever changes what is shown. */
    this.version = 0;
  }

  // ---- what is there, once there is a photo

  get size() {
    return this.theGuide.film.size;
  }

  get theGuide() {
    return there(this.guide);
  }

  get theDoc() {
    return there(this.doc);
  }

  get theFused() {
    return there(this.fused);
  }

  /** The mask that is shown. */
  get mask() {
    return this.editing?.mask ?? this.theDoc.mask;
  }

  /**
   * Its outline with handles.
   * @returns {Part[]}
   */
  get parts() {
    const doc = this.theDoc;
    return this.editing?.parts ?? (doc.parts ??= makeParts(doc.mask, this.size));
  }

  /**
   * Where the whole lies, in terms of the shape that it began with.
   * @returns {Transform}
   */
  get transform() {
    return this.editing?.transform ?? this.theDoc.transform ?? { base: this.theDoc.mask, map: [1, 0, 0, 1, 0, 0] };
  }

  /**
   * The garment to show in it.
   * @returns {Draft | null}
   */
  get draft() {
    const doc = this.theDoc,
      { drafts } = this.theGuide;
    const own = this.editing?.draft ?? (isOwn(doc) ? doc.draft : drafts[this.chosen]);
    this.nearDraft = own ?? this.nearDraft;
    return this.nearDraft;
  }

  /** Index of the candidate that is the landmark; -1 where it was drawn. */
  get chosen() {
    const { source, choice } = this.theDoc;
    return isOwn(this.theDoc) ? -1 : source === 'candidate' ? (choice ?? 0) : this.theFused.consensus;
  }

  /**
   * @param {Source} source
   * @param {number | null} choice
   */
  silhouette(source, choice) {
    return this.theGuide.silhouettes[source === 'candidate' ? (choice ?? 0) : this.theFused.consensus];
  }

  /** Share of the canvas, and whether the border is touched. */
  facts() {
    return maskFacts(this.mask, this.size);
  }

  touch() {
    this.version += 1;
    this.hearers.shown();
  }

  // ---- history

  /**
   * Make a drawn landmark the newest step.
   * @param {string} label
   * @param {Uint8Array} mask
   * @param {Partial<Document>} [more]
   * @param {string | null} [merge]
   */
  edit(label, mask, more = {}, merge = null) {
    this.commit({ label, source: 'edited', choice: null, mask }, more, merge);
  }

  /**
   * Make a candidate the landmark, or the consensus.
   * @param {number} index  -1 is the consensus.
   */
  pick(index) {
    const doc = this.doc,
      source = index < 0 ? 'consensus' : 'candidate',
      choice = index < 0 ? null : index;
    if (!doc || this.editing || index >= this.settings.k || (doc.source === source && doc.choice === choice)) return;
    const label = index < 0 ? 'back to the consensus' : `candidate ${index + 1}`;
    this.commit({ label, source, choice, mask: this.silhouette(source, choice) });
    this.hearers.said(`${index < 0 ? 'The consensus' : `Candidate ${index + 1}`} is the landmark`);
  }

  /**
   * @param {Beginning} next
   * @param {Partial<Document>} [more]
   * @param {string | null} [merge]
   */
  commit(next, more = {}, merge = null) {
    const doc = this.theDoc,
      now = performance.now();
    if (!merge || merge !== doc.merge || now - doc.at > MERGED_WITHIN) this.past.push(doc);
    if (this.past.length > LONGEST_HISTORY) this.past.shift();
    this.future = [];
    this.editing = null;
    this.adopt({ ...begun(next), ...more, merge, at: now });
    this.hearers.changed();
  }

  undo() {
    this.step(this.past, this.future, 'Undone');
  }

  redo() {
    this.step(this.future, this.past, 'Done again');
  }

  /**
   * @param {Document[]} from
   * @param {Document[]} to
   * @param {string} word
   */
  step(from, to, word) {
    const left = this.theDoc,
      next = this.editing ? undefined : from.pop();
    if (!next) return;
    to.push(left);
    this.adopt(this.fitting(next));
    this.hearers.changed();
    this.hearers.said(`${word}: ${left.label}`);
  }

  /**
   * A document of the history under the present K.
   * @param {Document} doc
   * @returns {Document}
   */
  fitting(doc) {
    if (doc.source === 'candidate' && (doc.choice ?? 0) >= this.settings.k) return { ...doc, source: 'edited' };
    if (doc.source === 'consensus') return { ...doc, mask: this.silhouette('consensus', null), parts: null };
    return doc;
  }

  /** @param {Document} doc */
  adopt(doc) {
    this.doc = doc;
    if (doc.pattern) this.guide?.drafted?.become(doc.pattern, doc.mask);
    this.touch();
    this.hearers.adopted();
  }

  // ---- K and α

  /**
   * Weigh and fuse anew as far as it takes.
   * @param {number} k
   * @param {number} alpha
   */
  retune(k, alpha) {
    const guide = this.theGuide;
    this.settings = { k: Math.min(k, guide.silhouettes.length), alpha };
    if (this.fused?.k !== this.settings.k || this.fused.guide !== guide) {
      this.weights = weigh(guide.film, this.settings.k);
      this.fused = { ...fuse(guide.silhouettes, this.weights, guide.film.support), k: this.settings.k, guide };
    }
    if (!this.doc) return;
    const { source, choice } = this.doc;
    if (source === 'candidate' && (choice ?? 0) >= this.settings.k)
      this.doc = { ...this.doc, source: 'consensus', choice: null };
    const consensus = this.silhouette('consensus', null);
    if (this.doc.source === 'consensus' && this.doc.mask !== consensus)
      this.doc = { ...this.doc, mask: consensus, parts: null };
    this.touch();
    this.hearers.adopted();
  }

  // ---- what Python brings

  /**
   * Take the neighbours of another photo, or of another reading of the same.
   * @param {Film} film
   */
  take(film) {
    const silhouettes = film.neighbours.map(({ mask }) => decodeMask(mask, film.size));
    const outlines = silhouettes.map((mask) => pathData(traceLoops(mask, film.size)));
    // Another embedding has other candidates: what was chosen before stays in the history as a shape of its own.
    const before = this.doc && this.guide?.film.photo === film.photo ? [...this.past, this.doc] : [];
    this.past = before.map((old) => ({ ...old, source: ownSource(old), choice: null, merge: null }));
    this.future = [];
    this.editing = this.doc = this.nearDraft = this.fused = null;
    const drafted = film.drafted && new DraftedShape(film.drafted, film.size);
    this.guide = { film, silhouettes, outlines, drafts: [], urls: [], drafted };
    return this.guide;
  }

  /** Forget the landmark, the guide and all steps. */
  clear() {
    this.past = [];
    this.future = [];
    this.guide = this.fused = this.doc = this.editing = this.nearDraft = null;
    this.touch();
  }

  /**
   * Begin with a landmark that Python brought.
   * @param {Beginning} beginning
   */
  open(beginning) {
    this.adopt(begun(beginning));
  }

  /**
   * Add a landmark that Python brought in later.
   * @param {Beginning} beginning
   */
  bring(beginning) {
    this.past.push(this.theDoc);
    this.future = [];
    this.editing = null;
    this.adopt(begun(beginning));
  }
}

/**
 * @param {Beginning} beginning
 * @returns {Document}
 */
function begun(beginning) {
  const rest = { parts: null, transform: null, draft: null, merge: null, at: performance.now() };
  return { ...beginning, pattern: beginning.pattern ?? null, ...rest };
}

/**
 * @template Value
 * @param {Value | null} value
 * @returns {Value}
 */
function there(value) {
  if (value === null) throw new Error('there is no photo yet');
  return value;
}
