/** The bank's embeddings in their principal plane; a lasso around entries selects them. */

import { make } from '../../web/shared/dom.js';
import { numbersOf } from './desk.js';

/** @typedef {[number, number]} Point */
/** @typedef {import('./types.js').BankCloud} BankCloud */

const MARGIN = 16; // pixels around all entries
const MANY = 2500; // entries, from which on they are drawn smaller
const LEAST_WAY = 6; // pixels that a lasso must go; less is a click
const REACH = 12; // pixels from a click to the entry that it means

/**
 * Which points lie within a closed polygon (even-odd).
 * @param {Point[]} points
 * @param {Point[]} polygon
 * @returns {number[]} their indices.
 */
export function within(points, polygon) {
  const xs = polygon.map(([x]) => x),
    ys = polygon.map(([, y]) => y);
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  /** @type {number[]} */
  const found = [];
  points.forEach(([x, y], index) => {
    if (x < left || x > right || y < top || y > bottom) return;
    let inside = false;
    for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i, i += 1) {
      const [xi, yi] = polygon[i],
        [xj, yj] = polygon[j];
      if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) inside = !inside;
    }
    if (inside) found.push(index);
  });
  return found;
}

export class CloudMap {
  /**
   * @param {HTMLElement} element
   * @param {{ lassoed: (ids: number[]) => void, clicked: (id: number) => void }} page
   */
  constructor(element, page) {
    this.element = element;
    this.page = page;
    this.canvas = /** @type {HTMLCanvasElement} */ (element.querySelector('canvas'));
    const pen = this.canvas.getContext('2d');
    if (!pen) throw new Error('this browser has no 2D canvas');
    this.pen = pen;
    /** @type {BankCloud | null} */
    this.cloud = null;
    /** @type {number[]} */
    this.ids = [];
    /** @type {number[]} */
    this.xy = [];
    /** @type {number[]} */
    this.kinds = [];
    /** @type {Point[]} */
    this.points = [];
    /** @type {Set<number>} */
    this.marked = new Set();
    /** @type {Point[] | null} */
    this.lasso = null;
    this.canvas.addEventListener('pointerdown', (event) => this.begin(event));
    this.canvas.addEventListener('pointermove', (event) => this.move(event));
    this.canvas.addEventListener('pointerup', () => this.end());
    this.canvas.addEventListener('pointercancel', () => this.cancel());
    new ResizeObserver(() => this.layout()).observe(this.canvas);
  }

  /** @param {BankCloud} cloud */
  show(cloud) {
    this.cloud = cloud;
    this.ids = numbersOf(cloud.ids, 4);
    this.xy = numbersOf(cloud.xy, 2);
    this.kinds = numbersOf(cloud.kinds, 2);
    const legend = /** @type {HTMLElement} */ (this.element.querySelector('.legend'));
    legend.replaceChildren(
      ...[...cloud.names, 'others'].map((name, kind) => {
        const label = make('span', '', name),
          dot = make('i');
        dot.style.background = kind < cloud.names.length ? `var(--kind-${kind})` : 'var(--other)';
        label.prepend(dot);
        return label;
      }),
    );
    this.layout();
    this.canvas.dataset.entries = String(this.ids.length);
  }

  /** @param {Iterable<number>} ids */
  mark(ids) {
    this.marked = new Set(ids);
    this.draw();
  }

  layout() {
    const { canvas, cloud, xy } = this,
      ratio = window.devicePixelRatio || 1,
      { clientWidth: width, clientHeight: height } = canvas;
    if (!cloud || !width || !height) return;
    Object.assign(canvas, { width: width * ratio, height: height * ratio });
    const [wide, high] = cloud.extent;
    const scale = Math.min((width - 2 * MARGIN) / Math.max(wide, 1), (height - 2 * MARGIN) / Math.max(high, 1));
    const left = (width - wide * scale) / 2,
      bottom = (height + high * scale) / 2;
    this.points = this.ids.map((_, i) => [left + xy[2 * i] * scale, bottom - xy[2 * i + 1] * scale]);
    this.draw();
  }

  draw() {
    const { pen, canvas, points, kinds, cloud, marked, ids } = this,
      ratio = window.devicePixelRatio || 1,
      style = getComputedStyle(canvas);
    if (!cloud) return;
    const colour = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, canvas.width, canvas.height);
    const size = points.length > MANY ? 2 : 3.4,
      count = cloud.names.length;
    pen.globalAlpha = 0.75;
    for (let kind = count; kind >= 0; kind -= 1) {
      pen.fillStyle = colour(kind === count ? '--other' : `--kind-${kind}`);
      points.forEach(([x, y], i) => {
        if (kinds[i] === kind) pen.fillRect(x - size / 2, y - size / 2, size, size);
      });
    }
    pen.globalAlpha = 1;
    pen.strokeStyle = colour('--ink');
    pen.lineWidth = 1.25;
    points.forEach(([x, y], i) => {
      if (marked.has(ids[i])) pen.strokeRect(x - size / 2 - 2, y - size / 2 - 2, size + 4, size + 4);
    });
    if (this.lasso) this.drawLasso(this.lasso, colour('--accent'));
  }

  /**
   * @param {Point[]} lasso
   * @param {string} colour
   */
  drawLasso(lasso, colour) {
    const { pen } = this;
    pen.beginPath();
    lasso.forEach(([x, y], i) => (i ? pen.lineTo(x, y) : pen.moveTo(x, y)));
    pen.closePath();
    pen.strokeStyle = pen.fillStyle = colour;
    pen.lineWidth = 1.5;
    pen.stroke();
    pen.globalAlpha = 0.12;
    pen.fill();
    pen.globalAlpha = 1;
  }

  // ---- pointer

  /** @param {PointerEvent} event */
  begin(event) {
    if (event.button !== 0) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.lasso = [[event.offsetX, event.offsetY]];
  }

  /** @param {PointerEvent} event */
  move({ offsetX, offsetY }) {
    if (!this.lasso) return;
    this.lasso.push([offsetX, offsetY]);
    this.draw();
  }

  end() {
    const { lasso, points, ids } = this;
    this.lasso = null;
    this.draw();
    if (!lasso) return;
    const [x, y] = lasso[0],
      far = Math.max(...lasso.map(([px, py]) => Math.hypot(px - x, py - y)));
    if (far >= LEAST_WAY) this.page.lassoed(within(points, lasso).map((i) => ids[i]));
    else this.click([x, y]);
  }

  cancel() {
    this.lasso = null;
    this.draw();
  }

  /** @param {Point} place */
  click([x, y]) {
    let best = -1,
      least = REACH;
    this.points.forEach(([px, py], i) => {
      const far = Math.hypot(px - x, py - y);
      if (far < least) [best, least] = [i, far];
    });
    if (best >= 0) this.page.clicked(this.ids[best]);
  }
}
