/** Pan: the view follows the pointer. */

import { arrowAction } from './tool.js';

/** @typedef {import('../affine.js').Point} Point */
/** @typedef {import('../editor.js').Editor} Editor */

const STEP = 20; // pixels of the window, for an arrow key

export class PanTool {
  /** @param {Editor} editor */
  constructor(editor) {
    this.name = /** @type {const} */ ('pan');
    this.everyMove = false;
    this.editor = editor;
  }

  /** @param {PointerEvent} event */
  begin(event) {
    return new PanDrag(this.editor, event);
  }

  /** @returns {import('./tool.js').Action[]} */
  actions() {
    const { view, board } = this.editor;
    return [
      arrowAction({ name: 'pan', label: 'Move the view' }, ([x, y]) => {
        view.moveTo(view.x + (STEP * x) / view.scale, view.y + (STEP * y) / view.scale);
        board.repaint();
      }),
    ];
  }
}

class PanDrag {
  /**
   * @param {Editor} editor
   * @param {PointerEvent} event
   */
  constructor({ view, board }, event) {
    this.view = view;
    this.board = board.canvas;
    this.start = { x: view.x, y: view.y, clientX: event.clientX, clientY: event.clientY };
    this.board.classList.add('panning');
  }

  /**
   * @param {Point} _
   * @param {PointerEvent} event
   */
  move(_, event) {
    const { x, y, clientX, clientY } = this.start,
      { scale } = this.view;
    this.view.moveTo(x - (event.clientX - clientX) / scale, y - (event.clientY - clientY) / scale);
  }

  end() {
    this.board.classList.remove('panning');
  }
}
