/**
 * How the editor and Python keep each other informed. All of the state goes each time, so a lost or overtaken message
 * loses nothing; Generate takes the newest along, too.
 */

import { decodeMask, encodeMask } from './rle.js';
import { sameMask } from './mask.js';
import { isOwn, usable } from './model.js';

/** @typedef {import('../web/shared/events.js').EditorState} EditorState */
/** @typedef {import('../web/shared/views.js').Canvas} Canvas */
/** @typedef {import('../web/shared/views.js').Film} Film */
/** @typedef {import('./model.js').Model} Model */
/** @typedef {import('./model.js').Guide} Guide */

const UNANSWERED = 4000; // milliseconds after which a message goes again
const DRAFT_PATIENCE = 2000; // milliseconds after which a draft is asked for again
const RECENT = 3; // steps of the history that a draft may still belong to

export class Link {
  /**
   * @param {Model} model
   * @param {import('../web/shared/events.js').Props<Canvas | EditorState>} props
   * @param {import('../web/shared/events.js').Trigger<'settle' | 'draft' | 'drafts'>} trigger
   * @param {DOMStringMap} facts  of the element, to be read from outside.
   * @param {{ opened: () => void }} hearer  hears of the first landmark of a photo.
   */
  constructor(model, props, trigger, facts, hearer) {
    this.model = model;
    this.props = props;
    this.trigger = trigger;
    this.facts = facts;
    this.hearer = hearer;
    /** @type {EditorState | null} the newest state. */
    this.pending = null;
    /** @type {Canvas | null} what Python said last. */
    this.latest = null;
    this.fresh = false; // whether a guide waits for its landmark
    this.live = false; // whether the newest state is of a drag
    this.busy = false;
    this.serial = this.sent = this.answered = this.pushed = 0;
    this.asked = this.drafting = 0; // when, milliseconds; 0 where no draft is under way
  }

  // ---- to Python

  /**
   * Send what is set.
   * @param {Uint8Array} [mask]
   * @param {boolean} [live]  whether it is of a drag.
   */
  send(mask = this.model.theDoc.mask, live = false) {
    const { doc, settings, guide, editing } = this.model,
      pattern = live ? (editing?.pattern ?? null) : (doc?.pattern ?? null),
      source = pattern ? 'drafted' : live || !doc ? 'edited' : doc.source;
    this.serial += 1;
    this.pending = this.props.value = {
      token: guide?.film.token ?? 0,
      serial: this.serial,
      ...settings,
      source,
      choice: live ? null : (doc?.choice ?? null),
      mask: source === 'edited' ? encodeMask(mask) : null,
      pattern,
    };
    this.live = live;
    this.facts.serial = String(this.serial);
    this.facts.asked = String(Date.now());
    this.flush();
  }

  /**
   * One message at a time; what changes meanwhile goes with the next, and one that no answer came to goes again. What
   * cannot be used stays here until it can.
   */
  flush() {
    const { pending } = this,
      now = performance.now();
    if (!pending || pending.serial <= this.answered || (this.busy && now - this.asked < UNANSWERED)) return;
    if (pending.source === 'edited' && !usable(this.model.facts().share)) return;
    Object.assign(this, { sent: pending.serial, asked: now, busy: true });
    this.trigger('settle', pending);
    setTimeout(() => this.flush(), UNANSWERED + 100);
  }

  /** While something is dragged the draft follows as fast as it can be laid, and no faster. */
  sendLive() {
    const { editing } = this.model;
    if (editing && !this.busy && performance.now() - this.drafting > DRAFT_PATIENCE) this.send(editing.mask, true);
  }

  /** Nothing came of a drag: what was sent on the way is taken back. */
  takeBack() {
    if (this.live) this.send();
  }

  askDraft() {
    const { editing, doc } = this.model,
      wanted = editing || (isOwn(doc) && !doc?.draft);
    if (!wanted || performance.now() - this.drafting < DRAFT_PATIENCE) return;
    this.drafting = performance.now();
    this.trigger('draft');
  }

  /** Python could not do what it was asked: what comes next is not kept waiting. */
  refused() {
    Object.assign(this, { busy: false, drafting: 0, answered: this.sent });
    this.flush();
  }

  /** There is no landmark any more. */
  close() {
    this.model.clear();
    Object.assign(this, { pending: null, latest: null, fresh: false, busy: false, drafting: 0 });
    delete this.facts.token;
  }

  // ---- from Python

  /** @param {Film} film */
  guideArrived(film) {
    const known = this.model.guide;
    if (known?.film.token === film.token) return this.draftsArrived(known, film);
    const guide = this.model.take(film);
    Object.assign(this, { fresh: true, busy: false, drafting: 0, pending: null });
    this.facts.drafts = '0';
    this.draftsArrived(guide, film);
    this.reconcile();
    if (!film.drafts.every(Boolean)) this.trigger('drafts');
  }

  /**
   * @param {Guide} guide
   * @param {Film} film
   */
  draftsArrived(guide, film) {
    film.drafts.forEach(async (url, i) => {
      if (!url || guide.urls[i]) return;
      guide.urls[i] = url;
      const pixels = await pixelsOf(url, film.size);
      if (guide.silhouettes[i]) guide.drafts[i] = { pixels, mask: guide.silhouettes[i] };
      else if (guide.drafted) this.draftedLaid(guide.drafted, pixels, url);
      if (this.model.guide !== guide) return;
      this.facts.drafts = String(guide.drafts.filter(Boolean).length);
      if (!this.model.doc) return;
      this.model.touch();
      this.model.hearers.adopted();
    });
  }

  /**
   * The garment is laid into the drafted shape as it is predicted.
   * @param {import('./drafted.js').DraftedShape} drafted
   * @param {Uint8ClampedArray} pixels
   * @param {string} url
   */
  draftedLaid(drafted, pixels, url) {
    const { predicted } = drafted,
      draft = { pixels, mask: predicted.mask },
      { doc } = this.model;
    drafted.laid(predicted, draft, url);
    if (doc?.source === 'drafted' && !doc.draft && drafted.now === predicted) doc.draft = draft;
  }

  /** @param {Canvas | EditorState} value */
  arrived(value) {
    if ('serial' in value) return; // our own
    this.latest = value;
    const { pending } = this; // Generate takes along what Python has not heard of
    if (pending?.token === value.token && pending.serial > Math.max(this.answered, value.settled))
      this.props.value = pending;
    this.reconcile();
  }

  /** Make what Python said last and what is here agree. */
  reconcile() {
    const said = this.latest,
      { model } = this;
    if (!said || said.token !== model.guide?.film.token) return;
    if (this.fresh) this.open(said);
    else if (said.pushed > this.pushed) this.bring(said);
    this.answered = Math.max(this.answered, said.settled); // a draft that took long tells of an older state
    if (this.answered >= this.sent) this.busy = false;
    this.facts.settled = String(this.answered);
    if (said.received) this.facts.received = String(said.received);
    this.flush();
    if (said.draft) void this.draftArrived(said, said.draft);
    else if (isOwn(said)) this.askDraft();
  }

  /** @param {Canvas} said */
  open(said) {
    this.fresh = false;
    this.pushed = said.pushed;
    this.model.retune(said.k, said.alpha);
    this.model.open(this.beginning(said, 'the photo'));
    this.hearer.opened();
    this.facts.token = String(said.token);
  }

  /** @param {Canvas} said */
  bring(said) {
    this.pushed = said.pushed;
    this.model.bring(this.beginning(said, 'an outline brought in'));
    if (this.model.facts().border) this.model.hearers.said('The outline touches the border');
  }

  /**
   * @param {Canvas} said
   * @param {string} label
   */
  beginning({ mask, source, choice, pattern }, label) {
    const own = mask ? decodeMask(mask, this.model.size) : this.model.silhouette(source, choice);
    return { label, source, choice, mask: own, pattern };
  }

  /**
   * @param {Canvas} said
   * @param {string} url
   */
  async draftArrived(said, url) {
    const { model } = this,
      { guide } = model;
    if (!guide || !said.mask) return;
    const mask = decodeMask(said.mask, model.size),
      draft = { pixels: await pixelsOf(url, model.size), mask };
    this.drafting = 0;
    if (guide !== model.guide) return;
    for (const owner of [model.theDoc, ...model.past.slice(-RECENT)]) {
      if (isOwn(owner) && sameMask(owner.mask, mask)) owner.draft = draft;
    }
    const shape = guide.drafted?.now;
    if (shape && sameMask(shape.mask, mask)) {
      guide.drafted?.laid(shape, draft, url);
      model.hearers.adopted();
    }
    if (model.editing) {
      model.editing.draft = draft;
      this.sendLive();
    }
    model.nearDraft = draft;
    // A draft of an older state may be that of the newest too: an outline that is let go is the one last dragged.
    const newest = !model.editing && model.doc?.draft === draft;
    this.facts.drafted = String(newest ? this.serial : said.settled);
    this.facts.draftedAt = String(Date.now());
    model.touch();
    this.askDraft();
  }
}

/**
 * RGBA of a picture, scaled to a square.
 * @param {string} url
 * @param {number} size  its side, pixels.
 */
async function pixelsOf(url, size) {
  const image = new Image(),
    canvas = document.createElement('canvas');
  image.src = url;
  await image.decode();
  canvas.width = canvas.height = size;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (!context) throw new Error('this browser has no 2D canvas');
  context.drawImage(image, 0, 0, size, size);
  return context.getImageData(0, 0, size, size).data;
}
