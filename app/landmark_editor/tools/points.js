/** Points: drag a handle of the outline, or the line between; from the keyboard, go along them and nudge. */

import { distance } from '../affine.js';
import { ACCENT } from '../board.js';
import { crosses, fillLoops } from '../contours.js';
import { changedBox, moveHandles, nearestHandle, nearestVertex, removeHandle, withHandle } from '../handles.js';
import { clamp } from '../mask.js';
import { REACH, arrowAction } from './tool.js';

/** @typedef {import('../affine.js').Point} Point */
/** @typedef {import('../handles.js').Part} Part */
/** @typedef {import('../handles.js').Vertex} Vertex */
/** @typedef {import('../editor.js').Editor} Editor */
/** @typedef {import('./tool.js').Gesture} Gesture */
/**
 * @typedef {{ parts: Part[], list: { vertex: Vertex, side: 1 | -1 }[] }} Movers  what moves; -1 goes the other way.
 */

const TWIN_WITHIN = 0.05; // of the mask's side: so near a point's mirror image its twin is looked for
const LEAST_HANDLES = 3;

/**
 * @param {Vertex} a
 * @param {Vertex} b
 */
const same = (a, b) => a[0] === b[0] && a[1] === b[1];

export class PointsTool {
  /** @param {Editor} editor */
  constructor(editor) {
    this.name = /** @type {const} */ ('points');
    this.everyMove = false;
    this.editor = editor;
    /** @type {Vertex[]} */
    this.selected = [];
  }

  /**
   * @param {PointerEvent} event
   * @param {Point} place
   * @returns {Gesture | null}
   */
  begin(event, place) {
    const { model, view, board } = this.editor,
      reach = REACH / view.scale,
      handle = nearestHandle(model.parts, place, reach);
    if (handle && event.shiftKey) return this.toggle(handle);
    if (handle) {
      if (!this.has(handle)) this.selected = [handle];
      return new PointsDrag(this, place, model.parts, 'move a point', () => {});
    }
    const vertex = nearestVertex(model.parts, place, reach);
    if (vertex) return this.pullLine(place, vertex);
    this.selected = [];
    board.repaint();
    return this.editor.tools.pan.begin(event);
  }

  /**
   * Between two handles: pressing makes one there, dragging pulls it.
   * @param {Point} place
   * @param {Vertex} vertex
   */
  pullLine(place, vertex) {
    this.selected = [vertex];
    const parts = withHandle(this.editor.model.parts, vertex);
    return new PointsDrag(this, place, parts, 'pull the outline', (after) => this.added(after));
  }

  /** @param {Vertex} vertex */
  toggle(vertex) {
    this.selected = this.has(vertex) ? this.selected.filter((each) => !same(each, vertex)) : [...this.selected, vertex];
    this.editor.board.repaint();
    return null;
  }

  /** @param {Vertex} vertex */
  has(vertex) {
    return this.selected.some((each) => same(each, vertex));
  }

  /** A selection holds for the outline that it was made on. */
  adopted() {
    const parts = this.editor.model.theDoc.parts;
    if (!this.selected.every(([p, at]) => parts?.[p]?.handles.includes(at))) this.selected = [];
  }

  /** @param {Point} place */
  cursor(place) {
    const { model, view } = this.editor,
      reach = REACH / view.scale;
    if (nearestHandle(model.parts, place, reach)) return 'move';
    return nearestVertex(model.parts, place, reach) ? 'copy' : '';
  }

  /** @param {import('../board.js').Pen} pen */
  paint(pen) {
    const { model, board } = this.editor;
    if (!board.layers.outline) return;
    model.parts.forEach(({ loop, handles }, p) =>
      handles.forEach((at) => {
        if (this.has([p, at])) pen.dot(loop[at], 5, ACCENT, '#fff');
        else pen.dot(loop[at], 3.6, '#fff', ACCENT);
      }),
    );
  }

  /** @returns {import('./tool.js').Action[]} */
  actions() {
    return [
      arrowAction(
        { name: 'nudge', label: 'Move the point, the brush or the whole by 1 or 10 px', shown: 'Arrows, Shift arrows' },
        (step) => this.nudge(step),
      ),
      { name: 'next-point', label: 'Next point', keys: ['.'], shown: '.', perform: () => this.cycle(1) },
      { name: 'previous-point', label: 'Previous point', keys: [','], shown: ',', perform: () => this.cycle(-1) },
      {
        name: 'add-point',
        label: 'Add a point after it',
        keys: ['a', 'Insert'],
        shown: 'A',
        perform: () => this.insert(),
      },
      {
        name: 'delete-point',
        label: 'Delete the point',
        keys: ['Delete', 'Backspace'],
        shown: 'Del',
        perform: () => this.remove(),
      },
    ];
  }

  // ---- what drags and keys have in common

  /**
   * Selected handles, and with mirror on those opposite to them, made where there are none.
   * @param {Part[]} parts
   * @returns {Movers}
   */
  movers(parts) {
    const { mirror, model } = this.editor,
      { size } = model;
    /** @type {Movers} */
    const found = { parts, list: this.selected.map((vertex) => ({ vertex, side: 1 })) };
    for (const [p, at] of mirror ? this.selected : []) {
      const [x, y] = parts[p].loop[at],
        within = size * TWIN_WITHIN;
      if (Math.abs(x - size / 2) < 1) continue;
      const twin =
        nearestHandle(found.parts, [size - x, y], within) ?? nearestVertex(found.parts, [size - x, y], within);
      if (!twin || found.list.some(({ vertex }) => same(vertex, twin))) continue;
      found.parts = withHandle(found.parts, twin);
      found.list.push({ vertex: twin, side: -1 });
    }
    return found;
  }

  /**
   * @param {Movers} movers
   * @param {Point} by
   */
  shifted({ parts, list }, [dx, dy]) {
    const { size } = this.editor.model;
    const inside = (/** @type {number} */ value, /** @type {number} */ by) => clamp(value + by, 0, size) - value;
    const moves = list.map(({ vertex: [part, at], side }) => {
      const [x, y] = parts[part].loop[at],
        handle = parts[part].handles.indexOf(at);
      return { part, handle, by: /** @type {Point} */ ([inside(x, dx * side), inside(y, dy)]) };
    });
    return this.redrawn(parts, moveHandles(parts, moves));
  }

  /**
   * @param {Part[]} before
   * @param {Part[]} after
   */
  redrawn(before, after) {
    const { model } = this.editor,
      mask = model.theDoc.mask.slice(),
      box = changedBox(before, after, model.size);
    if (box)
      fillLoops(
        after.map(({ loop }) => loop),
        model.size,
        mask,
        box,
      );
    return { mask, parts: after };
  }

  /**
   * @param {string} label
   * @param {{ mask: Uint8Array, parts: Part[] }} drawn
   * @param {string | null} [merge]
   */
  settle(label, { mask, parts }, merge = null) {
    const { model, say } = this.editor,
      before = model.theDoc.parts;
    const crossed = parts.some((part, p) => part !== before?.[p] && crosses(part.loop));
    model.edit(label, mask, { parts: crossed ? null : parts }, merge);
    if (crossed) say('The outline crosses itself: all that it encloses counts as garment', true);
  }

  /**
   * A point more is the same shape.
   * @param {Part[]} parts
   */
  added(parts) {
    const { model } = this.editor,
      { mask, draft } = model.theDoc;
    model.edit('add a point', mask, { parts, draft: draft ?? model.nearDraft });
  }

  // ---- keys

  /** @param {Point} step */
  nudge(step) {
    if (!this.selected.length) return this.cycle(1);
    this.settle('nudge', this.shifted(this.movers(this.editor.model.parts), step), `nudge ${this.selected.join(' ')}`);
  }

  remove() {
    const { model, say } = this.editor;
    if (!this.selected.length) return say('Select a point first');
    const { parts: before, list } = this.movers(model.parts);
    let parts = before;
    for (const {
      vertex: [p, at],
    } of list) {
      if (parts[p].handles.length <= LEAST_HANDLES) return say('An outline needs at least three points', true);
      parts = parts.map((part, i) => (i === p ? removeHandle(part, part.handles.indexOf(at)) : part));
    }
    this.selected = [];
    this.settle('delete a point', this.redrawn(before, parts));
  }

  insert() {
    const { model, say } = this.editor,
      [vertex] = this.selected;
    if (!vertex) return say('Select a point first');
    const [p, at] = vertex,
      { loop, handles } = model.parts[p],
      next = handles[(handles.indexOf(at) + 1) % handles.length];
    const span = (next - at + loop.length) % loop.length;
    if (span < 2) return say('There is no room for another point');
    this.selected = [[p, (at + (span >> 1)) % loop.length]];
    this.added(withHandle(model.parts, this.selected[0]));
  }

  /**
   * Select the next point, or the one before.
   * @param {1 | -1} by
   */
  cycle(by) {
    const { model, board, say } = this.editor;
    const all = model.parts.flatMap(({ handles }, p) => handles.map((at) => /** @type {Vertex} */ ([p, at])));
    const last = this.selected[this.selected.length - 1];
    if (!all.length) return;
    const at = last ? all.findIndex((vertex) => same(vertex, last)) : -1,
      now = at < 0 ? 0 : (at + by + all.length) % all.length;
    const [x, y] = model.parts[all[now][0]].loop[all[now][1]];
    this.selected = [all[now]];
    say(`Point ${now + 1} of ${all.length} at ${Math.round(x)}, ${Math.round(y)}`);
    board.repaint();
  }
}

/** Selected handles follow the pointer. */
class PointsDrag {
  /**
   * @param {PointsTool} tool
   * @param {Point} place  where it began.
   * @param {Part[]} parts  as they are then.
   * @param {string} label  of the step.
   * @param {(parts: Part[]) => void} pressed  what is done if the pointer did not move.
   */
  constructor(tool, place, parts, label, pressed) {
    this.tool = tool;
    this.place = place;
    this.label = label;
    this.pressed = pressed;
    this.moved = false;
    this.base = tool.movers(parts);
    const { model } = tool.editor;
    model.editing = { mask: model.theDoc.mask, parts: this.base.parts };
  }

  /** @param {Point} at */
  move(at) {
    const { model, link, view } = this.tool.editor;
    this.moved ||= distance(at, this.place) * view.scale > 2;
    if (!this.moved || !model.editing) return;
    Object.assign(model.editing, this.tool.shifted(this.base, [at[0] - this.place[0], at[1] - this.place[1]]));
    link.sendLive();
  }

  end() {
    const { model } = this.tool.editor,
      { editing } = model;
    model.editing = null;
    if (!editing?.parts) return;
    if (this.moved) this.tool.settle(this.label, { mask: editing.mask, parts: editing.parts });
    else this.pressed(editing.parts);
  }
}
