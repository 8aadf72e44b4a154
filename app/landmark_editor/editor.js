/**
 * The editor: model, view, board and tools together, and the drag that is under way. Panels and keys stand outside.
 */

import { Board } from './board.js';
import { Model } from './model.js';
import { View } from './view.js';
import { Link } from './link.js';
import { BRUSH, ERASER, Nib, StrokeTool } from './tools/brush.js';
import { PanTool } from './tools/pan.js';
import { PointsTool } from './tools/points.js';
import { TransformTool } from './tools/transform.js';

/** @typedef {import('./affine.js').Point} Point */
/** @typedef {import('./tools/tool.js').Gesture} Gesture */
/** @typedef {import('./tools/tool.js').Tool} Tool */
/** @typedef {import('./tools/tool.js').ToolName} ToolName */
/** @typedef {import('../web/shared/views.js').Canvas} Canvas */
/** @typedef {import('../web/shared/events.js').EditorState} EditorState */

/**
 * What the panel around it does.
 * @typedef {object} Panel
 * @property {() => void} opened  the first landmark of a photo is there.
 * @property {() => void} adopted  another document, K or α.
 * @property {(name: ToolName) => void} tooled  another tool.
 * @property {(text: string, loud?: boolean) => void} said
 */

const WHEEL_STEP = 1.15;

export class Editor {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {import('../web/shared/events.js').Props<Canvas | EditorState>} props
   * @param {import('../web/shared/events.js').Trigger<'settle' | 'draft' | 'drafts'>} trigger
   * @param {DOMStringMap} facts  of the element, to be read from outside.
   * @param {Panel} panel
   */
  constructor(canvas, props, trigger, facts, panel) {
    this.panel = panel;
    this.mirror = false;
    this.holding = false; // Space, which pans whatever the tool
    this.say = panel.said;
    /** @type {Gesture | null} */
    this.gesture = null;
    this.view = new View();
    this.model = new Model({
      shown: () => this.board.repaint(),
      adopted: () => this.adopted(),
      changed: () => this.link.send(),
      said: panel.said,
    });
    this.board = new Board(canvas, this.model, this.view, this);
    this.link = new Link(this.model, props, trigger, facts, panel);
    this.nib = new Nib();
    this.tools = {
      points: new PointsTool(this),
      brush: new StrokeTool(this, this.nib, BRUSH),
      eraser: new StrokeTool(this, this.nib, ERASER),
      transform: new TransformTool(this),
      pan: new PanTool(this),
    };
    /** @type {Tool} */
    this.tool = this.tools.points;
  }

  get visible() {
    return this.board.canvas.offsetParent !== null;
  }

  /** Whether keys may change something. */
  get idle() {
    return this.visible && this.model.doc !== null && this.gesture === null;
  }

  adopted() {
    this.tools.points.adopted();
    this.panel.adopted();
  }

  /** @param {ToolName} name */
  choose(name) {
    if (this.model.editing) return;
    this.tool = this.tools[name];
    this.panel.tooled(name);
    this.board.repaint();
  }

  /** @param {import('./board.js').Pen} pen */
  paintTool(pen) {
    this.tool.paint?.(pen);
  }

  /** @param {number} diameter  pixels of the mask. */
  resizeNib(diameter) {
    this.nib.resize(diameter, this.model.guide ? this.model.size : 0);
    this.board.repaint();
  }

  // ---- pointer

  /** Let the board hear the pointer. */
  listen() {
    const { canvas } = this.board;
    canvas.addEventListener('pointerdown', (event) => this.begin(event));
    canvas.addEventListener('pointermove', (event) => this.moveTo(event));
    canvas.addEventListener('pointerup', () => this.end());
    canvas.addEventListener('pointercancel', () => this.cancel());
    canvas.addEventListener('pointerleave', () => this.leave());
    canvas.addEventListener('wheel', (event) => this.turnWheel(event), { passive: false });
    new ResizeObserver(() => (this.view.fitted ? this.board.fit() : this.board.repaint())).observe(canvas);
  }

  /** @param {{ clientX: number, clientY: number }} event */
  placeOf(event) {
    return this.view.toMask(this.board.inBoard(event));
  }

  /** @param {PointerEvent} event */
  begin(event) {
    if (this.gesture || !this.model.doc) return;
    const { canvas } = this.board,
      pans = this.holding || event.button === 1;
    canvas.focus({ preventScroll: true });
    if (pans) this.gesture = this.tools.pan.begin(event);
    else if (event.button === 0) this.gesture = this.tool.begin(event, this.placeOf(event));
    if (!this.gesture) return;
    event.preventDefault();
    canvas.setPointerCapture(event.pointerId);
    this.model.touch();
  }

  /** @param {PointerEvent} event */
  moveTo(event) {
    const { gesture, tool, model, board } = this;
    this.nib.hover = this.placeOf(event);
    if (gesture) {
      const passed = tool.everyMove ? (event.getCoalescedEvents?.() ?? []) : [];
      for (const each of passed.length ? passed : [event]) gesture.move(this.placeOf(each), event);
      model.touch();
    } else if (tool.everyMove) board.repaint();
    else board.canvas.style.cursor = (model.doc && tool.cursor?.(this.nib.hover)) || '';
  }

  end() {
    const { gesture, model } = this,
      before = model.doc;
    this.gesture = null;
    gesture?.end();
    if (model.doc === before) this.link.takeBack();
    if (model.doc) model.touch();
  }

  /**
   * Break a drag off.
   * @returns {boolean} whether there was one.
   */
  cancel() {
    if (!this.gesture) return false;
    this.gesture = this.model.editing = null;
    this.board.canvas.classList.remove('panning');
    this.link.takeBack();
    this.model.touch();
    return true;
  }

  leave() {
    if (this.gesture) return;
    this.nib.hover = null;
    this.board.repaint();
  }

  /** @param {WheelEvent} event */
  turnWheel(event) {
    event.preventDefault();
    this.board.zoom(event.deltaY > 0 ? 1 / WHEEL_STEP : WHEEL_STEP, this.board.inBoard(event));
  }
}
