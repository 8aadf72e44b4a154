/**
 * Brush and eraser over the photo: they mend the mask of the garment that is meant. The mask here is the truth while
 * it is mended; Python hears of it a moment after each stroke.
 */

import { sameMask, stampLine } from '../../landmark_editor/mask.js';
import { decodeMask, encodeMask } from '../../landmark_editor/rle.js';

/** @typedef {import('../../web/shared/views.js').MaskView} MaskView */
/** @typedef {[number, number]} Point  in pixels of the mask. */

const SETTLES_AFTER = 500; // milliseconds without a stroke
const LEAST_SHARE = 0.0005; // of the photo: less is no garment yet; the same as Python's
const STEP = 0.02; // of the photo's longer side, by an arrow key

export class Mender {
  /**
   * @param {HTMLCanvasElement} canvas  over what is looked at of the photo.
   * @param {{ settled: (mask: string | null) => void, changed: () => void }} hearer  hears of the mask as run lengths,
   *   null where all mending was taken back; and of every step.
   */
  constructor(canvas, hearer) {
    this.canvas = canvas;
    this.hearer = hearer;
    /** @type {Uint8Array[]} */
    this.steps = [];
    this.at = 0; // the step that is shown
    /** @type {Uint8Array | null} that Python knows. */
    this.told = null;
    this.width = this.height = 0;
    this.diameter = 24; // pixels of the mask
    this.erase = false;
    /** @type {Uint8Array | null} of the stroke under way. */
    this.stroke = null;
    /** @type {Point | null} */
    this.last = null;
    /** @type {Point | null} */
    this.hover = null;
    this.timer = 0;
  }

  listen() {
    const { canvas } = this;
    canvas.addEventListener('pointerdown', (event) => this.begin(event));
    canvas.addEventListener('pointermove', (event) => this.follow(event));
    canvas.addEventListener('pointerup', () => this.end());
    canvas.addEventListener('pointercancel', () => this.cancel());
    canvas.addEventListener('pointerleave', () => {
      this.hover = null;
      this.paint();
    });
  }

  /** @param {MaskView | null} view  of another garment; null where there is nobody to find one. */
  load(view) {
    this.rest();
    this.width = this.canvas.width = view?.width ?? 0;
    this.height = this.canvas.height = view?.height ?? 0;
    this.steps = view ? [decodeMask(view.mask, view.width, view.height)] : [];
    this.at = 0;
    this.told = this.steps[0] ?? null;
    this.stroke = null;
    this.paint();
    this.hearer.changed();
  }

  get ready() {
    return this.steps.length > 0;
  }

  get mask() {
    return this.stroke ?? this.steps[this.at];
  }

  get canUndo() {
    return this.at > 0;
  }

  get canRedo() {
    return this.at + 1 < this.steps.length;
  }

  /**
   * @param {PointerEvent} event
   * @returns {Point}
   */
  placeOf({ clientX, clientY }) {
    const box = this.canvas.getBoundingClientRect();
    return [((clientX - box.left) / box.width) * this.width, ((clientY - box.top) / box.height) * this.height];
  }

  /** @param {PointerEvent} event */
  begin(event) {
    if (event.button !== 0 || !this.ready) return;
    event.preventDefault();
    this.canvas.focus({ preventScroll: true });
    this.canvas.setPointerCapture(event.pointerId);
    this.stroke = this.steps[this.at].slice();
    this.rest();
    this.last = null;
    this.stamp(this.placeOf(event));
  }

  /** @param {PointerEvent} event */
  follow(event) {
    this.hover = this.placeOf(event);
    if (this.stroke) for (const each of event.getCoalescedEvents?.() ?? [event]) this.stamp(this.placeOf(each));
    this.paint();
  }

  /** @param {Point} to */
  stamp(to) {
    if (!this.stroke) return;
    stampLine(this.stroke, this.width, this.last ?? to, to, this.diameter, this.erase, this.height);
    this.last = to;
    this.paint();
  }

  end() {
    const { stroke } = this;
    this.stroke = this.last = null;
    if (!stroke || sameMask(stroke, this.steps[this.at])) return;
    this.steps = [...this.steps.slice(0, this.at + 1), stroke];
    this.at += 1;
    this.settle();
  }

  /** @returns {boolean} whether a stroke was broken off. */
  cancel() {
    if (!this.stroke) return false;
    this.stroke = this.last = null;
    this.paint();
    return true;
  }

  /** @param {1 | -1} by  a step forward or back. */
  step(by) {
    if (!this.steps[this.at + by]) return;
    this.at += by;
    this.settle();
  }

  settle() {
    this.paint();
    this.hearer.changed();
    this.rest();
    this.timer = setTimeout(() => this.send(), SETTLES_AFTER);
  }

  rest() {
    clearTimeout(this.timer);
    this.timer = 0;
  }

  /** Whether Python has not heard of the last step yet. */
  get unsent() {
    return this.timer > 0;
  }

  send() {
    this.rest();
    const { mask } = this;
    if (!this.ready || this.stroke || mask === this.told) return;
    const marked = mask.reduce((count, value) => count + Number(value > 127), 0);
    if (this.at && marked < LEAST_SHARE * mask.length) return;
    this.told = mask;
    this.hearer.settled(this.at ? encodeMask(mask) : null);
  }

  // ---- keys

  /** @param {KeyboardEvent} event  of an arrow. */
  move({ key, shiftKey }) {
    const far = (shiftKey ? 5 : 1) * STEP * Math.max(this.width, this.height),
      [x, y] = this.hover ?? [this.width / 2, this.height / 2];
    const across = { ArrowLeft: -far, ArrowRight: far }[key] ?? 0,
      down = { ArrowUp: -far, ArrowDown: far }[key] ?? 0;
    this.hover = [Math.min(this.width, Math.max(0, x + across)), Math.min(this.height, Math.max(0, y + down))];
    this.paint();
  }

  stampHere() {
    if (!this.ready) return;
    const place = this.hover ?? [this.width / 2, this.height / 2];
    this.hover = place;
    this.stroke = this.steps[this.at].slice();
    this.stamp(place);
    this.end();
  }

  /** @param {number} diameter  pixels of the mask. */
  resize(diameter) {
    this.diameter = Math.min(120, Math.max(2, Math.round(diameter)));
    this.paint();
  }

  paint() {
    const context = this.canvas.getContext('2d');
    if (!context || !this.ready || this.canvas.hidden) return;
    const { mask } = this,
      shape = new ImageData(this.width, this.height);
    for (let i = 0; i < mask.length; i += 1) shape.data[4 * i + 3] = mask[i];
    context.clearRect(0, 0, this.width, this.height);
    context.putImageData(shape, 0, 0);
    context.globalCompositeOperation = 'source-in';
    context.fillStyle = getComputedStyle(this.canvas).color;
    context.fillRect(0, 0, this.width, this.height);
    context.globalCompositeOperation = 'source-over';
    if (!this.hover) return;
    for (const [style, width] of /** @type {[string, number][]} */ ([
      ['#fff', 3],
      [this.erase ? '#b42318' : '#0f766e', 1.5],
    ])) {
      context.beginPath();
      context.arc(this.hover[0], this.hover[1], this.diameter / 2, 0, 2 * Math.PI);
      context.strokeStyle = style;
      context.lineWidth = (width * this.width) / Math.max(1, this.canvas.clientWidth);
      context.stroke();
    }
  }
}
