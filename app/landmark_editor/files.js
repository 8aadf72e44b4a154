/** Outlines as files: out as PNG or SVG, in as SVG; other pictures are Python's to read. */

import { download, feed, fileField } from '../web/shared/dom.js';
import { fillLoops, traceLoops } from './contours.js';
import { maskFacts } from './mask.js';
import { usable } from './model.js';
import { maskToPng } from './png.js';
import { loopsToSvg } from './svg.js';
import { MOST_BYTES, svgLoops, tooLarge } from './svg_document.js';

/** @typedef {import('./model.js').Model} Model */

const KEPT_FOR = 10_000; // milliseconds that a browser has to take a file

/** @param {Model} model */
export async function savePng(model) {
  save(await maskToPng(model.theDoc.mask, model.size), 'landmark.png');
}

/** @param {Model} model */
export function saveSvg(model) {
  const text = loopsToSvg(traceLoops(model.theDoc.mask, model.size), model.size);
  save(new Blob([text], { type: 'image/svg+xml' }), 'landmark.svg');
}

/**
 * @param {Blob} blob
 * @param {string} name
 */
function save(blob, name) {
  const url = URL.createObjectURL(blob);
  download(name, url);
  setTimeout(() => URL.revokeObjectURL(url), KEPT_FOR);
}

/**
 * Make a file the landmark.
 * @param {File} file
 * @param {Model} model
 * @param {(message: string) => void} refuse
 */
export async function openOutline(file, model, refuse) {
  if (!/\.svg$/i.test(file.name) && file.type !== 'image/svg+xml') {
    feed(fileField('mask_file'), [file]);
    return;
  }
  try {
    if (file.size > MOST_BYTES) throw tooLarge(file.size);
    model.edit('import an SVG', svgMask(await file.text(), model.size));
  } catch (error) {
    refuse(`${file.name}: ${error instanceof Error ? error.message : error}`);
  }
}

/**
 * @param {string} text
 * @param {number} size
 */
function svgMask(text, size) {
  const mask = fillLoops(svgLoops(text, size), size, new Uint8Array(size ** 2)),
    { share } = maskFacts(mask, size);
  if (usable(share)) return mask;
  throw new Error(`its shape covers ${(100 * share).toFixed(1)} % of the canvas, and 0.2 % to 98 % is wanted`);
}
