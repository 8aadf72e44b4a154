/** Brush and eraser: round, of one size for both, down to one pixel. */

import { ACCENT } from '../board.js';
import { clamp, sameMask, stampLine } from '../mask.js';
import { arrowAction } from './tool.js';

/** @typedef {import('../affine.js').Point} Point */
/** @typedef {import('../editor.js').Editor} Editor */

const LARGEST = 80; // pixels, while there is no mask to take a third of

/** @typedef {{ name: 'brush' | 'eraser', label: string, erase: boolean, ring: string }} Kind */
/** @type {Kind} */
export const BRUSH = { name: 'brush', label: 'paint', erase: false, ring: ACCENT };
/** @type {Kind} */
export const ERASER = { name: 'eraser', label: 'erase', erase: true, ring: '#b42318' };

/** What brush and eraser share: the size, where the last stroke ended, and where the pointer is. */
export class Nib {
  constructor() {
    this.diameter = 16; // pixels of the mask
    /** @type {Point | null} */
    this.last = null;
    /** @type {Point | null} */
    this.hover = null;
  }

  /**
   * @param {number} value
   * @param {number} size  of the mask; 0 if there is none.
   */
  resize(value, size) {
    this.diameter = Math.round(clamp(value, 1, size ? size / 3 : LARGEST));
  }

  /**
   * The next size up or down: an eighth, but one pixel at least.
   * @param {1 | -1} by
   */
  next(by) {
    return this.diameter + by * Math.max(1, Math.round(this.diameter / 8));
  }
}

export class StrokeTool {
  /**
   * @param {Editor} editor
   * @param {Nib} nib
   * @param {Kind} kind
   */
  constructor(editor, nib, kind) {
    this.name = kind.name;
    this.everyMove = true;
    this.editor = editor;
    this.nib = nib;
    this.kind = kind;
  }

  /**
   * Paint or erase, on both sides with mirror on.
   * @param {Uint8Array} mask
   * @param {Point} from
   * @param {Point} to
   */
  stamp(mask, from, to) {
    const { mirror, model } = this.editor,
      { size } = model,
      across = (/** @type {Point} */ [x, y]) => /** @type {Point} */ ([size - x, y]);
    stampLine(mask, size, from, to, this.nib.diameter, this.kind.erase);
    if (mirror) stampLine(mask, size, across(from), across(to), this.nib.diameter, this.kind.erase);
    this.nib.last = to;
  }

  /** @param {Uint8Array} mask */
  settle(mask) {
    const { model } = this.editor;
    if (!sameMask(mask, model.theDoc.mask)) model.edit(this.kind.label, mask);
  }

  /**
   * @param {PointerEvent} event
   * @param {Point} place
   */
  begin(event, place) {
    return new Stroke(this, event.shiftKey && this.nib.last ? this.nib.last : place, place);
  }

  /** @param {import('../board.js').Pen} pen */
  paint(pen) {
    const { mirror, model } = this.editor,
      { hover, diameter } = this.nib;
    if (!hover) return;
    for (const [x, y] of mirror ? [hover, [model.size - hover[0], hover[1]]] : [hover]) {
      const ring = new Path2D();
      if (diameter < 1.5) ring.rect(Math.floor(x), Math.floor(y), 1, 1);
      else ring.arc(x, y, diameter / 2, 0, 2 * Math.PI);
      pen.stroke(ring, '#fff', 3);
      pen.stroke(ring, this.kind.ring, 1.25);
    }
  }

  /** @returns {import('./tool.js').Action[]} */
  actions() {
    return [
      arrowAction({ name: 'move-brush', label: 'Move the brush by 1 or 10 px' }, (step) => this.moveBy(step)),
      {
        name: 'join',
        label: 'The same in a line from the last place',
        keys: ['Shift+Enter'],
        shown: 'Shift Enter',
        perform: () => this.stampHere(true),
      },
      {
        name: 'stamp',
        label: 'Paint or erase here',
        keys: ['Enter'],
        shown: 'Enter',
        perform: () => this.stampHere(false),
      },
    ];
  }

  /**
   * The pointer's place, or the middle.
   * @returns {Point}
   */
  get here() {
    const { size } = this.editor.model;
    return this.nib.hover ?? [size / 2, size / 2];
  }

  /** @param {Point} step */
  moveBy(step) {
    const { model, board } = this.editor,
      [x, y] = this.here;
    this.nib.hover = [clamp(x + step[0], 0, model.size), clamp(y + step[1], 0, model.size)];
    board.repaint();
  }

  /** @param {boolean} join  whether with a line from where the last stroke ended. */
  stampHere(join) {
    const mask = this.editor.model.theDoc.mask.slice(),
      { here } = this;
    this.nib.hover = here;
    this.stamp(mask, join && this.nib.last ? this.nib.last : here, here);
    this.settle(mask);
  }
}

/** A stroke under way. */
class Stroke {
  /**
   * @param {StrokeTool} tool
   * @param {Point} from
   * @param {Point} to
   */
  constructor(tool, from, to) {
    this.tool = tool;
    this.mask = tool.editor.model.theDoc.mask.slice();
    tool.editor.model.editing = { mask: this.mask };
    this.to(from, to);
  }

  /** @param {Point} at */
  move(at) {
    this.to(this.tool.nib.last ?? at, at);
  }

  /**
   * @param {Point} from
   * @param {Point} at
   */
  to(from, at) {
    this.tool.stamp(this.mask, from, at);
    this.tool.editor.link.sendLive();
  }

  end() {
    this.tool.editor.model.editing = null;
    this.tool.settle(this.mask);
  }
}
