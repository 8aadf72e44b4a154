/** A rectangle over the photo that a person draws, moves and sizes, with the pointer or with keys. */

import { find, origin } from '../../web/shared/dom.js';
import { between, isMeant, isSame, moved, sized } from './rectangles.js';

/** @typedef {import('./rectangles.js').Place} Place */
/** @typedef {import('./rectangles.js').Rectangle} Rectangle */

const STEP = 0.01; // of the photo's sides, by an arrow key
const SETTLES_AFTER = 600; // milliseconds without a key
/** @type {Record<string, Place>} */
const ARROWS = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };

/**
 * Lay an element over shares of its parent.
 * @param {HTMLElement} element
 * @param {Rectangle} rectangle
 */
export function layOver(element, [left, top, right, bottom]) {
  Object.assign(element.style, {
    left: `${left * 100}%`,
    top: `${top * 100}%`,
    width: `${(right - left) * 100}%`,
    height: `${(bottom - top) * 100}%`,
  });
}

export class Frame {
  /**
   * @param {HTMLElement} area  that the rectangle lies in; its child `.rectangle` shows it.
   * @param {(rectangle: Rectangle) => void} settled  is called when a drag or some keys have ended.
   * @param {boolean} waits  for Enter, where keys made it; else it settles by itself.
   */
  constructor(area, settled, waits = false) {
    this.area = area;
    this.shown = find(area, '.rectangle', HTMLElement);
    this.settled = settled;
    this.waits = waits;
    /** @type {Rectangle | null} */
    this.rectangle = null;
    /** @type {{ from: Place, start: Rectangle | null, grip: string } | null} */
    this.drag = null;
    this.timer = 0; // runs where keys moved it and nobody was told yet
  }

  listen() {
    this.area.addEventListener('pointerdown', (event) => this.begin(event));
    this.area.addEventListener('pointermove', (event) => this.follow(event));
    this.area.addEventListener('pointerup', () => this.end());
    this.area.addEventListener('pointercancel', () => this.cancel());
  }

  /** @param {Rectangle | null} rectangle */
  show(rectangle) {
    this.rectangle = rectangle;
    this.shown.hidden = !rectangle;
    if (rectangle) layOver(this.shown, rectangle);
  }

  /**
   * @param {PointerEvent} event
   * @returns {Place}
   */
  placeOf({ clientX, clientY }) {
    const box = this.area.getBoundingClientRect();
    return [(clientX - box.left) / box.width, (clientY - box.top) / box.height];
  }

  /** @param {PointerEvent} event */
  begin(event) {
    if (event.button !== 0) return;
    event.preventDefault();
    this.area.focus({ preventScroll: true });
    const held = origin(event, '.rectangle'),
      grip = origin(event, '[data-grip]')?.dataset.grip ?? (held ? 'all' : 'new');
    this.drag = { from: this.placeOf(event), start: this.rectangle, grip };
    this.area.setPointerCapture(event.pointerId);
  }

  /** @param {PointerEvent} event */
  follow(event) {
    if (!this.drag) return;
    const { from, start, grip } = this.drag,
      at = this.placeOf(event);
    /** @type {Place} */
    const by = [at[0] - from[0], at[1] - from[1]];
    if (grip === 'new' || !start) this.show(between(from, at));
    else this.show(grip === 'all' ? moved(start, by) : sized(start, grip, by));
  }

  end() {
    if (!this.drag) return;
    const { start } = this.drag;
    this.drag = null;
    if (!this.rectangle || !isMeant(this.rectangle)) this.show(start);
    else if (!start || !isSame(start, this.rectangle)) this.settled(this.rectangle);
  }

  /** @returns {boolean} whether a drag was broken off. */
  cancel() {
    if (!this.drag) return false;
    this.show(this.drag.start);
    this.drag = null;
    return true;
  }

  /** Whether a person is at it: what they make of it is still to be told. */
  get changing() {
    return this.drag !== null || this.timer !== 0;
  }

  get focused() {
    return document.activeElement === this.area;
  }

  /** @param {KeyboardEvent} event  of an arrow. */
  nudge({ key, shiftKey }) {
    const by = ARROWS[key],
      from = this.rectangle ?? [0.25, 0.25, 0.75, 0.75];
    this.show(shiftKey ? sized(from, 'se', by) : moved(from, by));
    clearTimeout(this.timer);
    if (!this.waits) this.timer = setTimeout(() => this.take(), SETTLES_AFTER);
  }

  take() {
    clearTimeout(this.timer);
    this.timer = 0;
    if (this.rectangle) this.settled(this.rectangle);
  }
}
