/**
 * The board: one canvas that shows paper, fused mask, draft, ghost, outline and the tool's own marks, bottom to top.
 */

import { traceLoops } from './contours.js';
import { DRAFTED } from './drafted.js';

/** @typedef {import('./affine.js').Point} Point */
/** @typedef {import('./contours.js').Loop} Loop */
/** @typedef {import('./model.js').Model} Model */
/** @typedef {import('./view.js').View} View */
/** @typedef {[number, number, number]} Colour  red, green and blue, from 0 to 255. */

export const ACCENT = '#0f766e';
export const INDIGO = '#4338ca';
const AMBER = '#d97706';
const MIRROR = '#db2777';
/** @type {Colour} */
const FUSED_VEIL = [217, 119, 6];
/** @type {Colour} */
const GHOST_VEIL = [67, 56, 202];
/** @type {Colour} what a garment is shown in until its draft is laid. */
const TINT = [150, 190, 186];
const TINT_STRENGTH = 0.65;
const GRID_FROM = 14; // pixels of the window for one of the mask, from which on its pixels are ruled
const CRISP_FROM = 8; // the same, from which on they are shown as squares

/** Draws in the mask's coordinates, with widths in pixels of the window. */
export class Pen {
  /**
   * @param {CanvasRenderingContext2D} context
   * @param {View} view
   */
  constructor(context, view) {
    this.context = context;
    this.view = view;
  }

  /**
   * @param {Path2D} path
   * @param {string} style
   * @param {number} width
   * @param {number[]} [dash]
   */
  stroke(path, style, width, dash = []) {
    const { context, view } = this;
    context.strokeStyle = style;
    context.lineWidth = width / view.scale;
    context.setLineDash(dash.map((length) => length / view.scale));
    context.stroke(path);
    context.setLineDash([]);
  }

  /**
   * @param {Point} place
   * @param {number} radius
   * @param {string} fill
   * @param {string} edge
   */
  dot([x, y], radius, fill, edge) {
    const path = new Path2D();
    path.arc(x, y, radius / this.view.scale, 0, 2 * Math.PI);
    const { context } = this;
    context.fillStyle = fill;
    context.fill(path);
    this.stroke(path, edge, 1.5);
  }
}

/** A mask as a veil of one colour, drawn anew only for another mask. */
class Veil {
  /**
   * @param {Colour} colour
   * @param {number} strength  from 0 to 1.
   */
  constructor(colour, strength) {
    this.colour = colour;
    this.strength = strength;
    /** @type {Uint8Array | Float32Array | null} */
    this.of = null;
    this.canvas = document.createElement('canvas');
    this.rim = new Path2D();
  }

  /**
   * @param {Uint8Array | Float32Array} mask  values beyond 0 to 255 are cut off.
   * @param {number} size
   */
  show(mask, size) {
    if (this.of === mask) return this;
    const context = sized(this.canvas, size),
      image = context.createImageData(size, size);
    mask.forEach((value, i) => image.data.set([...this.colour, value * this.strength], 4 * i));
    context.putImageData(image, 0, 0);
    this.rim = pathOf(traceLoops(Uint8ClampedArray.from(mask), size));
    this.of = mask;
    return this;
  }
}

export class Board {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {Model} model
   * @param {View} view
   * @param {{ mirror: boolean, paintTool: (pen: Pen) => void }} marks  of the editor, over all.
   */
  constructor(canvas, model, view, marks) {
    this.canvas = canvas;
    this.model = model;
    this.view = view;
    this.marks = marks;
    this.layers = { outline: true, fused: true, draft: true };
    this.ghost = { kind: '', opacity: 0.4, image: /** @type {HTMLImageElement | null} */ (null), token: 0 };
    this.pen = new Pen(contextOf(canvas), view);
    this.fused = new Veil(FUSED_VEIL, 0.3);
    this.shape = new Veil(GHOST_VEIL, 0.8);
    this.garment = document.createElement('canvas');
    this.outline = { version: -1, path: new Path2D() };
    this.frame = 0;
  }

  /** Draw it with the next frame. */
  repaint() {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.paint();
    });
  }

  /** Show all of the mask. */
  fit() {
    const { width, height } = this.canvas.getBoundingClientRect();
    if (!width || !this.model.guide) return;
    this.view.fit(width, height, this.model.size);
    this.repaint();
  }

  /**
   * @param {number} factor
   * @param {Point} [at]  in the board, pixels of the window; its middle if not given.
   */
  zoom(factor, at) {
    const { width, height } = this.canvas.getBoundingClientRect();
    this.view.zoom(factor, at ?? [width / 2, height / 2]);
    this.repaint();
  }

  /**
   * Where an event is in the board, pixels of the window.
   * @param {{ clientX: number, clientY: number }} event
   * @returns {Point}
   */
  inBoard({ clientX, clientY }) {
    const { left, top } = this.canvas.getBoundingClientRect();
    return [clientX - left, clientY - top];
  }

  paint() {
    const { canvas, model, pen, layers } = this;
    if (!model.doc || !model.fused || !canvas.offsetParent) return;
    const started = performance.now(),
      { context } = pen,
      { size } = model;
    this.prepare();
    context.fillStyle = '#fff';
    context.fillRect(0, 0, size, size);
    const fused = this.fused.show(model.fused.mean, size);
    if (layers.fused) context.drawImage(fused.canvas, 0, 0);
    if (layers.draft) context.drawImage(this.composeGarment(), 0, 0);
    if (layers.fused) pen.stroke(fused.rim, AMBER, 1.25, [5, 4]);
    this.paintGhost();
    if (this.view.scale >= GRID_FROM) this.paintGrid();
    pen.stroke(new Path2D(`M0,0H${size}V${size}H0Z`), '#0003', 1);
    if (layers.outline) this.paintOutline();
    if (this.marks.mirror) pen.stroke(new Path2D(`M${size / 2},0V${size}`), MIRROR, 1, [6, 5]);
    this.marks.paintTool(pen);
    canvas.dataset.frame = (performance.now() - started).toFixed(1);
  }

  /** As many pixels as the screen has there, and the mask's coordinates. */
  prepare() {
    const { canvas, view } = this,
      { context } = this.pen,
      ratio = window.devicePixelRatio || 1;
    const room = canvas.getBoundingClientRect(),
      scale = ratio * view.scale;
    const width = Math.round(room.width * ratio),
      height = Math.round(room.height * ratio);
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, width, height);
    context.setTransform(scale, 0, 0, scale, -view.x * scale, -view.y * scale);
    context.imageSmoothingEnabled = view.scale < CRISP_FROM;
    context.imageSmoothingQuality = 'high';
  }

  /** The garment within the mask; where no draft reaches yet the mask shows as a plain tint. */
  composeGarment() {
    const { mask, draft, size } = this.model,
      context = sized(this.garment, size),
      image = context.createImageData(size, size);
    const out = image.data;
    for (let i = 0, o = 0; i < mask.length; i += 1, o += 4) {
      const laid = draft !== null && draft.mask[i] > 0,
        colour = laid ? draft.pixels : TINT,
        at = laid ? o : 0;
      out[o] = colour[at];
      out[o + 1] = colour[at + 1];
      out[o + 2] = colour[at + 2];
      out[o + 3] = laid ? mask[i] : mask[i] * TINT_STRENGTH;
    }
    context.putImageData(image, 0, 0);
    return this.garment;
  }

  paintGhost() {
    const { ghost, model, pen } = this,
      { context } = pen,
      { size } = model;
    const { silhouettes, drafted } = model.theGuide,
      candidate = ghost.kind.startsWith('candidate') ? silhouettes[Number(ghost.kind.slice(9))] : undefined,
      mask = ghost.kind === DRAFTED ? drafted?.now.mask : candidate;
    context.globalAlpha = ghost.opacity;
    if (ghost.kind === 'photo' && ghost.image) context.drawImage(ghost.image, 0, 0, size, size);
    if (mask) context.drawImage(this.shape.show(mask, size).canvas, 0, 0);
    context.globalAlpha = 1;
    if (mask) pen.stroke(this.shape.rim, INDIGO, 1.25);
  }

  paintGrid() {
    const { view, model } = this,
      { size } = model,
      { width, height } = this.canvas.getBoundingClientRect();
    const path = new Path2D(),
      left = Math.max(0, Math.floor(view.x)),
      top = Math.max(0, Math.floor(view.y));
    const right = Math.min(size, Math.ceil(view.x + width / view.scale));
    const bottom = Math.min(size, Math.ceil(view.y + height / view.scale));
    for (let x = left; x <= right; x += 1) path.addPath(new Path2D(`M${x},${top}V${bottom}`));
    for (let y = top; y <= bottom; y += 1) path.addPath(new Path2D(`M${left},${y}H${right}`));
    this.pen.stroke(path, '#0001', 1);
  }

  paintOutline() {
    const { model, outline } = this;
    if (outline.version !== model.version) {
      this.outline = { version: model.version, path: pathOf(traceLoops(model.mask, model.size)) };
    }
    this.pen.stroke(this.outline.path, '#ffffffb0', 4);
    this.pen.stroke(this.outline.path, ACCENT, 1.8);
  }
}

/** @param {Loop[]} loops */
export function pathOf(loops) {
  const path = new Path2D();
  for (const loop of loops) {
    loop.forEach(([x, y], i) => (i ? path.lineTo(x, y) : path.moveTo(x, y)));
    path.closePath();
  }
  return path;
}

/**
 * @param {HTMLCanvasElement} canvas
 * @returns {CanvasRenderingContext2D}
 */
function contextOf(canvas) {
  const context = canvas.getContext('2d');
  if (!context) throw new Error('this browser has no 2D canvas');
  return context;
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {number} size
 */
function sized(canvas, size) {
  if (canvas.width !== size || canvas.height !== size) canvas.width = canvas.height = size;
  return contextOf(canvas);
}
