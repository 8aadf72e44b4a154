/** The bank as a map with the photo in it. */

/** @typedef {[number, number]} Point  in pixels of the window. */
/** @typedef {import('../../web/shared/views.js').InsightMap} InsightMap */
/** @typedef {import('../../web/shared/views.js').Neighbour} Neighbour */
/** @typedef {{ id: number, kind: number, at: Point }} MapPoint */

const MARGIN = 22; // pixels around the map
const REACH = 14; // pixels from the pointer to the entry that it means
const MANY = 1500; // entries, from which on they are drawn smaller
const WAYS = /** @type {Record<string, Point>} */ ({
  ArrowRight: [1, 0],
  ArrowLeft: [-1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
});
const AHEAD = 0.7; // cosine of the widest angle at which an entry still lies ahead of another

/**
 * The entry that is nearest.
 * @param {MapPoint[]} points
 * @param {Point} place
 * @param {number} reach  pixels.
 * @param {(at: Point, index: number) => boolean} [passes]
 * @returns {number} its index, -1 if there is none.
 */
export function closest(points, [x, y], reach, passes = () => true) {
  let best = -1,
    least = reach * reach;
  points.forEach(({ at }, i) => {
    const far = (at[0] - x) ** 2 + (at[1] - y) ** 2;
    if (far < least && passes(at, i)) [best, least] = [i, far];
  });
  return best;
}

/**
 * The nearest entry into a direction.
 * @param {MapPoint[]} points
 * @param {number} from  its index.
 * @param {Point} way
 */
export function ahead(points, from, [wx, wy]) {
  const [x, y] = points[from].at;
  return closest(points, [x, y], Infinity, (at, i) => {
    const along = (at[0] - x) * wx + (at[1] - y) * wy;
    return i !== from && along > 0 && along >= AHEAD * Math.hypot(at[0] - x, at[1] - y);
  });
}

export class BankMap {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {HTMLElement} plot  around it.
   * @param {(point: MapPoint | null) => void} pointed  hears which entry is meant.
   */
  constructor(canvas, plot, pointed) {
    const pen = canvas.getContext('2d');
    if (!pen) throw new Error('this browser has no 2D canvas');
    this.canvas = canvas;
    this.plot = plot;
    this.pen = pen;
    this.hearer = pointed;
    /** @type {InsightMap | null} */
    this.map = null;
    /** @type {Neighbour[]} */
    this.nearest = [];
    /** @type {MapPoint[]} */
    this.points = [];
    /** @type {[Point, Point] | null} e and ê. */
    this.own = null;
    this.pointed = -1;
    canvas.addEventListener('pointermove', (event) => this.hover(event));
    canvas.addEventListener('keydown', (event) => this.walk(event));
  }

  /**
   * @param {InsightMap | null} map
   * @param {Neighbour[]} nearest
   */
  show(map, nearest) {
    Object.assign(this, { map, nearest, points: [], own: null, pointed: -1 });
  }

  /** Place all in the room that there is, and draw. */
  layout() {
    const { map, plot, canvas } = this,
      ratio = window.devicePixelRatio || 1,
      width = plot.clientWidth,
      height = plot.clientHeight;
    if (!map || !width || !height) return;
    Object.assign(canvas, { width: width * ratio, height: height * ratio });
    const [wide, high] = map.extent;
    const scale = Math.min((width - 2 * MARGIN) / Math.max(wide, 1), (height - 2 * MARGIN) / Math.max(high, 1));
    const left = (width - wide * scale) / 2,
      bottom = (height + high * scale) / 2;
    const place = (/** @type {number} */ x, /** @type {number} */ y) =>
      /** @type {Point} */ ([left + x * scale, bottom - y * scale]);
    this.points = map.ids.map((id, i) => ({ id, kind: map.kinds[i], at: place(map.xy[2 * i], map.xy[2 * i + 1]) }));
    this.own = map.own && [place(...map.own[0]), place(...map.own[1])];
    this.draw();
  }

  /**
   * Mean an entry.
   * @param {number} index
   */
  point(index) {
    if (index === this.pointed || !this.points.length) return;
    this.pointed = index;
    this.draw();
    this.hearer(this.points[index] ?? null);
  }

  /** @param {number} id */
  pointTo(id) {
    this.point(this.points.findIndex((point) => point.id === id));
  }

  /** @param {PointerEvent} event */
  hover(event) {
    const found = closest(this.points, [event.offsetX, event.offsetY], REACH);
    if (found >= 0) this.point(found);
  }

  /** @param {KeyboardEvent} event */
  walk(event) {
    const way = WAYS[event.key];
    if (!this.points.length || (!way && event.key !== 'Home')) return;
    event.preventDefault();
    const middle = this.own?.[0] ?? [this.plot.clientWidth / 2, this.plot.clientHeight / 2];
    const next =
      event.key === 'Home' || this.pointed < 0
        ? closest(this.points, middle, Infinity)
        : ahead(this.points, this.pointed, way);
    if (next >= 0) this.point(next);
  }

  // ---- drawing

  /**
   * A colour of the style sheet.
   * @param {string} name
   */
  colour(name) {
    return getComputedStyle(this.canvas).getPropertyValue(name).trim();
  }

  draw() {
    const { pen, canvas, map } = this,
      ratio = window.devicePixelRatio || 1;
    if (!map) return;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, canvas.width, canvas.height);
    this.drawEntries(map.names.length);
    pen.font = '600 11px system-ui, sans-serif';
    if (this.own) this.drawPhoto(...this.own);
    if (this.pointed < 0) return;
    this.dot(this.points[this.pointed].at, 8);
    this.outline(this.colour('--ink'), 2);
  }

  /**
   * The kinds with most entries on top.
   * @param {number} kinds
   */
  drawEntries(kinds) {
    const { pen, points } = this,
      size = points.length > MANY ? 1.7 : 2.6;
    pen.globalAlpha = 0.75;
    for (let kind = kinds; kind >= 0; kind -= 1) {
      pen.fillStyle = this.colour(kind === kinds ? '--other' : `--kind-${kind}`);
      for (const { at } of points.filter((point) => point.kind === kind)) {
        this.dot(at, size);
        pen.fill();
      }
    }
    pen.globalAlpha = 1;
  }

  /**
   * e, ê, and the neighbours by number.
   * @param {Point} e
   * @param {Point} fused
   */
  drawPhoto(e, fused) {
    const { pen } = this,
      numbers = new Map(this.nearest.map(({ id }, i) => [id, i + 1]));
    const chosen = this.points.filter(({ id }) => numbers.has(id));
    for (const { at } of chosen) this.dashes(e, at);
    for (const { id, at } of chosen) {
      this.filled(at, '--accent', '--sheet', 1.5);
      this.word(String(numbers.get(id)), at, [8, -6]);
    }
    this.filled(fused, '--sheet', '--veil', 2.5);
    this.filled(e, '--veil', '--sheet', 1.5);
    pen.fillStyle = this.colour('--ink');
    const [left, right] = /** @type {[Point, Point]} */ ([
      [-15, 4],
      [9, 4],
    ]); // each label on its own side
    this.word('e', e, e[0] < fused[0] ? left : right);
    this.word('ê', fused, e[0] < fused[0] ? right : left);
  }

  /**
   * @param {Point} from
   * @param {Point} to
   */
  dashes(from, to) {
    const { pen } = this;
    pen.setLineDash([2, 3]);
    pen.beginPath();
    pen.moveTo(...from);
    pen.lineTo(...to);
    this.outline(this.colour('--ink'), 1);
    pen.setLineDash([]);
  }

  /**
   * @param {Point} at
   * @param {number} radius
   */
  dot([x, y], radius) {
    this.pen.beginPath();
    this.pen.arc(x, y, radius, 0, 2 * Math.PI);
  }

  /**
   * @param {Point} at
   * @param {string} fill
   * @param {string} edge
   * @param {number} width
   */
  filled(at, fill, edge, width) {
    this.pen.fillStyle = this.colour(fill);
    this.dot(at, 6);
    this.pen.fill();
    this.outline(this.colour(edge), width);
  }

  /**
   * @param {string} colour
   * @param {number} width
   */
  outline(colour, width) {
    this.pen.strokeStyle = colour;
    this.pen.lineWidth = width;
    this.pen.stroke();
  }

  /**
   * @param {string} text
   * @param {Point} at
   * @param {Point} by
   */
  word(text, [x, y], [dx, dy]) {
    const { pen } = this;
    pen.lineWidth = 3;
    pen.strokeStyle = this.colour('--sheet');
    pen.strokeText(text, x + dx, y + dy);
    pen.fillStyle = this.colour('--ink');
    pen.fillText(text, x + dx, y + dy);
  }
}
