// Masks: Uint8Array of size * size pixels, 255 is garment. They travel as run lengths (see rle.py), so no canvas and no
// picture format stands between what is shown here and what Python gets.
function decodeMask(text, size) {
  const bytes = atob(text), mask = new Uint8Array(size * size);
  for (let i = 0, at = 0; i < bytes.length; i += 3) {
    const length = bytes.charCodeAt(i + 1) | (bytes.charCodeAt(i + 2) << 8);
    mask.fill(bytes.charCodeAt(i), at, at + length);
    at += length;
  }
  return mask;
}
function encodeMask(mask) {
  let text = '';
  for (let i = 0; i < mask.length;) {
    let length = 1;
    while (length < 0xffff && i + length < mask.length && mask[i + length] === mask[i]) length += 1;
    text += String.fromCharCode(mask[i], length & 255, length >> 8);
    i += length;
  }
  return btoa(text);
}
function maskFacts(mask, size) {
  let inside = 0, border = false;
  for (let i = 0; i < mask.length; i += 1) {
    if (mask[i] < 128) continue;
    inside += 1;
    const x = i % size;
    border ||= x === 0 || x === size - 1 || i < size || i >= mask.length - size;
  }
  return { share: inside / mask.length, border };
}
function sameMask(a, b) {
  return a === b || (a.length === b.length && a.every((value, i) => value === b[i]));
}

// Paint (or erase) along a line; a brush of one pixel is hard, any other has an edge of one pixel.
function stampLine(mask, size, from, to, diameter, erase) {
  if (diameter < 1.5) return stampPixels(mask, size, from, to, erase ? 0 : 255);
  const radius = diameter / 2, reach = radius + 1;
  const left = Math.max(0, Math.floor(Math.min(from[0], to[0]) - reach)), right = Math.min(size - 1, Math.ceil(Math.max(from[0], to[0]) + reach));
  const top = Math.max(0, Math.floor(Math.min(from[1], to[1]) - reach)), bottom = Math.min(size - 1, Math.ceil(Math.max(from[1], to[1]) + reach));
  const dx = to[0] - from[0], dy = to[1] - from[1], length = dx * dx + dy * dy || 1;
  for (let y = top; y <= bottom; y += 1) {
    for (let x = left; x <= right; x += 1) {
      const px = x + 0.5 - from[0], py = y + 0.5 - from[1], t = Math.min(1, Math.max(0, (px * dx + py * dy) / length));
      const cover = Math.round(255 * Math.min(1, Math.max(0, radius + 0.5 - Math.hypot(px - t * dx, py - t * dy)))), i = y * size + x;
      mask[i] = erase ? Math.min(mask[i], 255 - cover) : Math.max(mask[i], cover);
    }
  }
}
function stampPixels(mask, size, from, to, value) {
  const steps = Math.max(1, Math.ceil(Math.max(Math.abs(to[0] - from[0]), Math.abs(to[1] - from[1]))));
  for (let s = 0; s <= steps; s += 1) {
    const x = Math.floor(from[0] + (to[0] - from[0]) * s / steps), y = Math.floor(from[1] + (to[1] - from[1]) * s / steps);
    if (x >= 0 && y >= 0 && x < size && y < size) mask[y * size + x] = value;
  }
}
function mirrored(mask, size) {
  const out = new Uint8Array(mask.length);
  for (let y = 0; y < size; y += 1) for (let x = 0; x < size; x += 1) out[y * size + x] = mask[y * size + size - 1 - x];
  return out;
}
function leftOnBothSides(mask, size) {
  const out = mask.slice();
  for (let y = 0; y < size; y += 1) for (let x = 0; x < size / 2; x += 1) out[y * size + size - 1 - x] = mask[y * size + x];
  return out;
}

// matrix [a, b, c, d, e, f] takes a point of the mask to its new place, as in DOMMatrix; bilinear.
function transformed(mask, size, [a, b, c, d, e, f]) {
  const det = a * d - b * c, out = new Uint8Array(mask.length);
  const at = (x, y) => (x < 0 || y < 0 || x >= size || y >= size ? 0 : mask[y * size + x]);
  for (let y = 0; y < size; y += 1) {
    for (let x = 0; x < size; x += 1) {
      const u = x + 0.5 - e, v = y + 0.5 - f, sx = (d * u - c * v) / det - 0.5, sy = (a * v - b * u) / det - 0.5;
      const ix = Math.floor(sx), iy = Math.floor(sy), fx = sx - ix, fy = sy - iy;
      if (ix < -1 || iy < -1 || ix >= size || iy >= size) continue;
      out[y * size + x] = Math.round((at(ix, iy) * (1 - fx) + at(ix + 1, iy) * fx) * (1 - fy) + (at(ix, iy + 1) * (1 - fx) + at(ix + 1, iy + 1) * fx) * fy);
    }
  }
  return out;
}

// An 8-bit grey PNG, written here: a browser's own canvas may round or, for privacy, disturb its pixels.
async function maskToPng(mask, size) {
  const rows = new Uint8Array(size * (size + 1));
  for (let y = 0; y < size; y += 1) rows.set(mask.subarray(y * size, (y + 1) * size), y * (size + 1) + 1);
  const packed = new Blob([rows]).stream().pipeThrough(new CompressionStream('deflate'));
  const header = new Uint8Array(13);
  new DataView(header.buffer).setUint32(0, size);
  new DataView(header.buffer).setUint32(4, size);
  header[8] = 8;
  const chunks = [['IHDR', header], ['IDAT', new Uint8Array(await new Response(packed).arrayBuffer())], ['IEND', new Uint8Array()]];
  return new Blob([new Uint8Array([137, 80, 78, 71, 13, 10, 26, 10]), ...chunks.map(([name, data]) => pngChunk(name, data))], { type: 'image/png' });
}
function pngChunk(name, data) {
  const chunk = new Uint8Array(data.length + 12), view = new DataView(chunk.buffer);
  view.setUint32(0, data.length);
  for (let i = 0; i < 4; i += 1) chunk[4 + i] = name.charCodeAt(i);
  chunk.set(data, 8);
  let crc = 0xffffffff;
  for (let i = 4; i < chunk.length - 4; i += 1) {
    crc ^= chunk[i];
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  view.setUint32(chunk.length - 4, ~crc >>> 0);
  return chunk;
}
