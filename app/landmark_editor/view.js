/** Which part of the mask the board shows, and how large. */

import { clamp } from './mask.js';

/** @typedef {import('./affine.js').Point} Point */

const LEAST_SCALE = 0.4;
const MOST_SCALE = 60;
const MARGIN = 8; // pixels of the window, both sides together, around a mask that is fitted

export class View {
  constructor() {
    /** the mask's place at the board's left upper corner. */
    this.x = 0;
    this.y = 0;
    /** pixels of the window for one of the mask. */
    this.scale = 1;
    /** whether it follows when the board changes its size. */
    this.fitted = true;
  }

  /**
   * Show all of it.
   * @param {number} width  of the board, pixels of the window.
   * @param {number} height
   * @param {number} size  of the mask.
   */
  fit(width, height, size) {
    this.scale = Math.min(width - MARGIN, height - MARGIN) / size;
    this.x = size / 2 - width / 2 / this.scale;
    this.y = size / 2 - height / 2 / this.scale;
    this.fitted = true;
  }

  /**
   * What lies there stays there.
   * @param {number} factor
   * @param {Point} at  in the board, pixels of the window.
   */
  zoom(factor, [px, py]) {
    const scale = clamp(this.scale * factor, LEAST_SCALE, MOST_SCALE);
    this.x += px / this.scale - px / scale;
    this.y += py / this.scale - py / scale;
    this.scale = scale;
    this.fitted = false;
  }

  /**
   * @param {number} x  of the mask, at the left upper corner.
   * @param {number} y
   */
  moveTo(x, y) {
    this.x = x;
    this.y = y;
    this.fitted = false;
  }

  /**
   * The place of the mask.
   * @param {Point} at  in the board, pixels of the window.
   * @returns {Point}
   */
  toMask([px, py]) {
    return [px / this.scale + this.x, py / this.scale + this.y];
  }
}
