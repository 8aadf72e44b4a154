// SVG import: only shapes are read. The text is parsed as an inert document, which runs no script and loads nothing.
const SVG_LIMIT = 5e6, SHAPES = 'path,polygon,polyline,rect,circle,ellipse';

function svgLoops(text, size) {
  if (text.length > SVG_LIMIT) throw new Error(`this SVG has ${(text.length / 1e6).toFixed(1)} MB, and 5 MB is the most: simplify it first`);
  const root = new DOMParser().parseFromString(text, 'image/svg+xml').documentElement;
  if (root.localName !== 'svg') throw new Error('this file is no SVG that can be read: export it as plain SVG, or bring a PNG');
  const number = (node, name) => Number.parseFloat(node.getAttribute(name)) || 0;
  const box = (root.getAttribute('viewBox') ?? '').trim().split(/[\s,]+/).map(Number);
  const [left, top, width, height] = box.length === 4 && box.every(Number.isFinite) ? box : [0, 0, number(root, 'width'), number(root, 'height')];
  if (!(width > 0 && height > 0)) throw new Error('this SVG does not say how large it is: give it a viewBox');
  const scale = size / Math.max(width, height);
  const fit = new DOMMatrix([scale, 0, 0, scale, (size - width * scale) / 2 - left * scale, (size - height * scale) / 2 - top * scale]);
  const loops = [];
  for (const node of root.querySelectorAll(SHAPES)) {
    if (node.closest('defs,clipPath,mask,symbol,pattern,marker')) continue;
    let matrix = fit, chain = [];
    for (let up = node; up && up !== root; up = up.parentElement) chain.unshift(up);
    for (const step of chain) matrix = matrix.multiply(svgTransform(step.getAttribute('transform')));
    loops.push(...shapeLoops(node, number).map((loop) => loop.map(([x, y]) => [matrix.a * x + matrix.c * y + matrix.e, matrix.b * x + matrix.d * y + matrix.f])));
  }
  const usable = loops.filter((loop) => loop.length > 2 && loop.every((p) => p.every(Number.isFinite)));
  if (!usable.length) {
    throw new Error(loops.length ? 'the outline in this SVG has fewer than three points and encloses nothing: draw a closed shape' : 'this SVG holds no path, polygon, rectangle or ellipse: convert its shapes to paths');
  }
  return usable;
}
function svgTransform(text) {
  let matrix = new DOMMatrix();
  for (const [, name, values] of (text ?? '').matchAll(/(matrix|translate|scale|rotate|skewX|skewY)\s*\(([^)]*)\)/g)) {
    const v = values.trim().split(/[\s,]+/).map(Number);
    if (!v.every(Number.isFinite)) continue;
    if (name === 'matrix' && v.length === 6) matrix = matrix.multiply(new DOMMatrix(v));
    else if (name === 'translate') matrix = matrix.translate(v[0], v[1] ?? 0);
    else if (name === 'scale') matrix = matrix.scale(v[0], v[1] ?? v[0]);
    else if (name === 'rotate') matrix = matrix.translate(v[1] ?? 0, v[2] ?? 0).rotate(v[0]).translate(-(v[1] ?? 0), -(v[2] ?? 0));
    else if (name === 'skewX') matrix = matrix.skewX(v[0]);
    else if (name === 'skewY') matrix = matrix.skewY(v[0]);
  }
  return matrix;
}
function shapeLoops(node, number) {
  const get = (name) => number(node, name), round = (cx, cy, rx, ry) => Array.from({ length: 96 }, (_, i) => [cx + rx * Math.cos(i * Math.PI / 48), cy + ry * Math.sin(i * Math.PI / 48)]);
  switch (node.localName) {
    case 'path': return pathLoops(node.getAttribute('d') ?? '');
    case 'rect': return [[[0, 0], [1, 0], [1, 1], [0, 1]].map(([u, v]) => [get('x') + u * get('width'), get('y') + v * get('height')])];
    case 'circle': return [round(get('cx'), get('cy'), get('r'), get('r'))];
    case 'ellipse': return [round(get('cx'), get('cy'), get('rx'), get('ry'))];
    default: {
      const v = (node.getAttribute('points') ?? '').trim().split(/[\s,]+/).map(Number);
      return [Array.from({ length: v.length >> 1 }, (_, i) => [v[2 * i], v[2 * i + 1]])];
    }
  }
}
// The browser's own geometry walks along a path, with its curves and arcs; a path element outside the page draws nothing.
function pathLoops(d) {
  const starts = [...d.matchAll(/[Mm][^Mm]*/g)].map(([piece]) => piece);
  const loops = [];
  let origin = [0, 0];
  for (const piece of starts.slice(0, 200)) {
    const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
    const relative = piece[0] === 'm';
    path.setAttribute('d', relative ? `M${origin[0]},${origin[1]}${piece}` : piece);
    const length = path.getTotalLength(), corners = piece.match(/[a-zA-Z]|-?[\d.]+/g)?.length ?? 0;
    const count = Math.min(4000, Math.max(8, 4 * corners, 600)), loop = [];
    for (let i = 0; i < count && length > 0; i += 1) { const p = path.getPointAtLength(length * i / count); loop.push([p.x, p.y]); }
    const end = path.getPointAtLength(length);
    origin = /z\s*$/i.test(piece) && loop.length ? loop[0] : [end.x, end.y];
    if (new Set(loop.map((p) => p.map((v) => v.toFixed(3)).join())).size > 2 && !flat(loop)) loops.push(loop);
    else if (length > 0) loops.push(loop.slice(0, 2));
  }
  return loops;
}
function flat(loop) {
  const start = loop[0], far = loop.reduce((best, p) => (Math.hypot(p[0] - start[0], p[1] - start[1]) > Math.hypot(best[0] - start[0], best[1] - start[1]) ? p : best));
  const dx = far[0] - start[0], dy = far[1] - start[1], square = dx * dx + dy * dy;
  return loop.every(([x, y]) => Math.abs((x - start[0]) * dy - (y - start[1]) * dx) < 1e-4 * square);
}
