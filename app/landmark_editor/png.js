/** An 8-bit grey PNG, written here: a browser's own canvas may round or, for privacy, disturb its pixels. */

const SIGNATURE = new Uint8Array([137, 80, 78, 71, 13, 10, 26, 10]);
const GREY_8_BIT = [8, 0, 0, 0, 0];

/**
 * @param {Uint8Array} mask
 * @param {number} size
 * @returns {Promise<Blob>}
 */
export async function maskToPng(mask, size) {
  const rows = new Uint8Array(size * (size + 1)); // each row begins with its filter: none
  for (let y = 0; y < size; y += 1) rows.set(mask.subarray(y * size, (y + 1) * size), y * (size + 1) + 1);
  const packed = new Blob([rows]).stream().pipeThrough(new CompressionStream('deflate'));
  const header = new Uint8Array(13),
    sides = new DataView(header.buffer);
  sides.setUint32(0, size);
  sides.setUint32(4, size);
  header.set(GREY_8_BIT, 8);
  const pixels = new Uint8Array(await new Response(packed).arrayBuffer());
  const chunks = [pngChunk('IHDR', header), pngChunk('IDAT', pixels), pngChunk('IEND', new Uint8Array())];
  return new Blob([SIGNATURE, ...chunks], { type: 'image/png' });
}

/**
 * @param {string} name
 * @param {Uint8Array} data
 */
function pngChunk(name, data) {
  const chunk = new Uint8Array(data.length + 12),
    view = new DataView(chunk.buffer);
  view.setUint32(0, data.length);
  for (let i = 0; i < 4; i += 1) chunk[4 + i] = name.charCodeAt(i);
  chunk.set(data, 8);
  view.setUint32(chunk.length - 4, crc32(chunk.subarray(4, -4)));
  return chunk;
}

/**
 * @param {Uint8Array} bytes
 * @returns {number} unsigned, 32 bits.
 */
export function crc32(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}
