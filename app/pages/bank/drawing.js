/** A garment's pattern as a file: its curves in centimetres, outline and seams by name, for any drawing program. */

import { download, makeSvg } from '../../web/shared/dom.js';

/** @typedef {import('./types.js').Drawing} Drawing */

const MARGIN = 1; // cm about the pattern
const STROKE = { fill: 'none', stroke: '#222', 'stroke-width': '0.15', 'stroke-linejoin': 'round' };

/**
 * The text of an SVG file, of the garment's own size.
 * @param {Drawing} drawing
 */
export function patternFile({ box, outline, lines }) {
  const [left, top, right, bottom] = box,
    [width, height] = [right - left + 2 * MARGIN, bottom - top + 2 * MARGIN],
    svg = makeSvg('svg', {
      width: `${width.toFixed(2)}cm`,
      height: `${height.toFixed(2)}cm`,
      viewBox: [left - MARGIN, top - MARGIN, width, height].map((each) => each.toFixed(2)).join(' '),
    });
  svg.append(makeSvg('path', { ...STROKE, id: 'outline', d: outline }));
  for (const [name, d] of lines) svg.append(makeSvg('path', { ...STROKE, id: name, d, 'stroke-dasharray': '0.8 0.4' }));
  return `<?xml version="1.0" encoding="UTF-8"?>\n${new XMLSerializer().serializeToString(svg)}\n`;
}

/**
 * Save a pattern.
 * @param {Drawing} drawing
 * @param {string} name  of the file, without its ending.
 */
export function savePattern(drawing, name) {
  download(`${name}.svg`, `data:image/svg+xml,${encodeURIComponent(patternFile(drawing))}`);
}
