/** The whole: move it, scale it by a corner, turn it by the knob above. */

import { about, apply, compose, distance, inverse, rotation, scaling, translation } from '../affine.js';
import { INDIGO, pathOf } from '../board.js';
import { loopsBox, traceLoops } from '../contours.js';
import { transformed } from '../mask.js';
import { REACH, arrowAction } from './tool.js';

/** @typedef {import('../affine.js').Affine} Affine */
/** @typedef {import('../affine.js').Point} Point */
/** @typedef {import('../contours.js').Box} Box */
/** @typedef {import('../editor.js').Editor} Editor */
/** @typedef {import('../model.js').Transform} Transform */

const KNOB_AWAY = 22; // pixels of the window, from the box's upper edge
const LEAST_SCALE = 0.05; // so much remains, however far a corner is pushed
const ANGLE_STEP = 15; // degrees, with Shift

/**
 * The box about the whole, as it lies now.
 * @typedef {object} Marks
 * @property {Point[]} local  its corners before the map, from the left upper one clockwise.
 * @property {Point[]} corners
 * @property {Point} top  the middle of its upper edge.
 * @property {Point} centre
 * @property {Point} knob
 */

export class TransformTool {
  /** @param {Editor} editor */
  constructor(editor) {
    this.name = /** @type {const} */ ('transform');
    this.everyMove = false;
    this.editor = editor;
    this.measured = { base: /** @type {Uint8Array} */ (new Uint8Array()), box: /** @type {Box} */ ([0, 0, 0, 0]) };
  }

  /** @returns {Marks} */
  marks() {
    const { model, view } = this.editor,
      { base, map } = model.transform;
    if (this.measured.base !== base) this.measured = { base, box: loopsBox(traceLoops(base, model.size), model.size) };
    const [l, t, r, b] = this.measured.box,
      middle = (l + r) / 2;
    const local = /** @type {Point[]} */ ([
      [l, t],
      [r, t],
      [r, b],
      [l, b],
    ]);
    const top = apply(map, [middle, t]),
      centre = apply(map, [middle, (t + b) / 2]);
    const away = KNOB_AWAY / view.scale / (distance(top, centre) || 1);
    const knob = /** @type {Point} */ ([top[0] + (top[0] - centre[0]) * away, top[1] + (top[1] - centre[1]) * away]);
    return { local, corners: local.map((corner) => apply(map, corner)), top, centre, knob };
  }

  /**
   * @param {PointerEvent} event
   * @param {Point} place
   */
  begin(event, place) {
    const marks = this.marks(),
      near = (/** @type {Point} */ mark) => distance(mark, place) < REACH / this.editor.view.scale;
    const corner = marks.corners.findIndex(near);
    if (corner >= 0) return new TransformDrag(this, new Scale(marks.local[corner], marks.local[(corner + 2) % 4]));
    return new TransformDrag(this, near(marks.knob) ? new Turn(place, marks.centre) : new Move(place));
  }

  /** @param {import('../board.js').Pen} pen */
  paint(pen) {
    const { corners, top, knob } = this.marks();
    pen.stroke(pathOf([corners]), INDIGO, 1.25);
    pen.stroke(pathOf([[top, knob]]), INDIGO, 1.25);
    for (const corner of corners) pen.dot(corner, 4.5, '#fff', INDIGO);
    pen.dot(knob, 4.5, INDIGO, '#fff');
  }

  /**
   * The whole under another map.
   * @param {Uint8Array} base
   * @param {Affine} map
   */
  under(base, map) {
    return { mask: transformed(base, this.editor.model.size, map), transform: { base, map } };
  }

  /** @param {(centre: Point) => Affine} change */
  change(change) {
    const { model } = this.editor,
      { base, map } = model.transform;
    const { mask, transform } = this.under(base, compose(change(this.marks().centre), map));
    model.edit('transform', mask, { transform }, 'transform');
  }

  /** @returns {import('./tool.js').Action[]} */
  actions() {
    return [
      arrowAction({ name: 'turn-whole', label: 'Turn and scale the whole', shown: 'Alt arrows', alt: true }, ([x, y]) =>
        this.change((centre) => about(centre, x ? rotation(x) : scaling(1 - y / 100))),
      ),
      arrowAction({ name: 'move-whole', label: 'Move the whole by 1 or 10 px' }, ([x, y]) =>
        this.change(() => translation(x, y)),
      ),
    ];
  }
}

/**
 * @typedef {{ label: string, map: (start: Affine, at: Point, event: PointerEvent) => Affine }} Change  by a drag.
 */

/** The whole follows the pointer under one kind of change. */
class TransformDrag {
  /**
   * @param {TransformTool} tool
   * @param {Change} change
   */
  constructor(tool, change) {
    this.tool = tool;
    this.change = change;
    this.moved = false;
    const { model } = tool.editor;
    this.start = model.transform;
    model.editing = { mask: model.theDoc.mask, transform: this.start };
  }

  /**
   * @param {Point} at
   * @param {PointerEvent} event
   */
  move(at, event) {
    const { model, link } = this.tool.editor;
    this.moved = true;
    if (!model.editing) return;
    Object.assign(model.editing, this.tool.under(this.start.base, this.change.map(this.start.map, at, event)));
    link.sendLive();
  }

  end() {
    const { model } = this.tool.editor,
      { editing } = model;
    model.editing = null;
    if (this.moved && editing) model.edit(this.change.label, editing.mask, { transform: editing.transform });
  }
}

class Move {
  /** @param {Point} from */
  constructor(from) {
    this.label = 'move';
    this.from = from;
  }

  /**
   * @param {Affine} start
   * @param {Point} at
   */
  map(start, at) {
    return compose(translation(at[0] - this.from[0], at[1] - this.from[1]), start);
  }
}

class Scale {
  /**
   * @param {Point} corner  before the map.
   * @param {Point} fixed  the opposite one.
   */
  constructor(corner, fixed) {
    this.label = 'scale';
    this.corner = corner;
    this.fixed = fixed;
  }

  /**
   * Alike in both directions, but with Shift.
   * @param {Affine} start
   * @param {Point} at
   * @param {PointerEvent} event
   */
  map(start, at, event) {
    const to = apply(inverse(start), at),
      { corner, fixed } = this;
    const share = (/** @type {0 | 1} */ axis) =>
      Math.max(LEAST_SCALE, (to[axis] - fixed[axis]) / (corner[axis] - fixed[axis] || 1));
    const both = Math.max(LEAST_SCALE, (share(0) + share(1)) / 2);
    return compose(start, about(fixed, event.shiftKey ? scaling(share(0), share(1)) : scaling(both)));
  }
}

class Turn {
  /**
   * @param {Point} from
   * @param {Point} centre
   */
  constructor(from, centre) {
    this.label = 'turn';
    this.from = from;
    this.centre = centre;
  }

  /**
   * By any angle, but with Shift.
   * @param {Affine} start
   * @param {Point} at
   * @param {PointerEvent} event
   */
  map(start, at, event) {
    const towards = (/** @type {Point} */ [x, y]) =>
      (Math.atan2(y - this.centre[1], x - this.centre[0]) * 180) / Math.PI;
    const angle = towards(at) - towards(this.from),
      step = event.shiftKey ? ANGLE_STEP : 0;
    return compose(about(this.centre, rotation(step ? Math.round(angle / step) * step : angle)), start);
  }
}
