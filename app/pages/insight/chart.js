/** A chart of one pane: its room, its scales, its axis, and marks with words for those who cannot see it. */

import { make, makeSvg } from '../../web/shared/dom.js';

/** @typedef {[number, number]} Range */

const [LEFT, RIGHT, TOP, BOTTOM] = [46, 10, 12, 20]; // pixels around the drawing
const LEAST_WIDTH = 120;
const LEAST_HEIGHT = 60;

/**
 * A linear scale.
 * @param {Range} from
 * @param {Range} to
 * @returns {(value: number) => number}
 */
export const scale =
  ([a, b], [c, d]) =>
  (value) =>
    c + ((value - a) / (b - a || 1)) * (d - c);

/**
 * @param {Element} box
 * @param {string} text
 */
export function showNothing(box, text) {
  box.replaceChildren(make('p', 'empty', text));
}

/**
 * An element with a tooltip.
 * @template {SVGElement} Kind
 * @param {Kind} node
 * @param {string} text
 * @returns {Kind}
 */
export function titled(node, text) {
  node.append(makeSvg('title', {}, text));
  return node;
}

export class Chart {
  /**
   * @param {Element} box  that it fills.
   * @param {Range} x
   * @param {Range} y
   * @param {string} label  all of it in words.
   */
  constructor(box, x, y, label) {
    this.width = Math.max(box.clientWidth, LEAST_WIDTH);
    this.height = Math.max(box.clientHeight, LEAST_HEIGHT);
    this.across = scale(x, [LEFT, this.width - RIGHT]);
    this.up = scale(y, [this.height - BOTTOM, TOP]);
    this.base = this.up(y[0]);
    this.svg = makeSvg('svg', { viewBox: `0 0 ${this.width} ${this.height}`, role: 'img', 'aria-label': label });
    this.line('axis', this.base);
    box.replaceChildren(this.svg);
  }

  /**
   * A line from side to side.
   * @param {string} className
   * @param {number} y
   */
  line(className, y) {
    this.svg.append(makeSvg('line', { class: className, x1: LEFT, x2: this.width - RIGHT, y1: y, y2: y }));
  }

  /**
   * @param {number[]} values
   * @param {(value: number) => string} format
   */
  levels(values, format) {
    for (const value of values) {
      this.line('grid', this.up(value));
      this.text(LEFT - 5, this.up(value) + 3, format(value), 'end');
    }
  }

  /**
   * Below the axis.
   * @param {number} x
   * @param {string} text
   * @param {string} [anchor]
   */
  mark(x, text, anchor = 'middle') {
    this.text(x, this.height - 6, text, anchor);
  }

  /**
   * @param {number} x
   * @param {number} y
   * @param {string} text
   * @param {string} anchor
   * @param {string} [className]
   */
  text(x, y, text, anchor, className = '') {
    this.svg.append(makeSvg('text', { x, y, 'text-anchor': anchor, class: className }, text));
  }

  /**
   * @param {SVGElement} node
   * @param {string} title
   */
  add(node, title) {
    this.svg.append(titled(node, title));
  }

  /**
   * A column on the axis.
   * @param {string} className
   * @param {number} x  its left side.
   * @param {number} width
   * @param {number} value
   * @param {string} title
   */
  column(className, x, width, value, title) {
    const y = this.up(value);
    this.add(makeSvg('rect', { class: className, x, y, width, height: this.base - y }), title);
  }
}
