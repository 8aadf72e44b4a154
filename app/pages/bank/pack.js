/** Files and folders as one ZIP, stored as they are, so that a folder goes to Python in one piece. */

const MOST = 65_535; // files, as a ZIP of the old form counts
const LARGEST = 4_294_967_295; // bytes of it, as well
const UTF8 = 0x0800;
const TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

/** @param {Uint8Array} bytes */
export function crc32(bytes) {
  let value = 0xffffffff;
  for (const byte of bytes) value = (value >>> 8) ^ TABLE[(value ^ byte) & 0xff];
  return (value ^ 0xffffffff) >>> 0;
}

/** @param {File} file */
export function pathOf(file) {
  return file.webkitRelativePath || file.name;
}

/**
 * Whole numbers, low bytes first.
 * @param {[value: number, bytes: 2 | 4][]} numbers
 */
function little(numbers) {
  const view = new DataView(new ArrayBuffer(numbers.reduce((sum, [, bytes]) => sum + bytes, 0)));
  let at = 0;
  for (const [value, bytes] of numbers) {
    if (bytes === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += bytes;
  }
  return new Uint8Array(view.buffer);
}

/**
 * Pack files; those that a file manager hides are left out.
 * @param {Iterable<File>} files
 * @param {string} name  of the ZIP.
 * @returns {Promise<File>}
 */
export async function pack(files, name) {
  const shown = [...files].filter((file) => !pathOf(file).split('/').some((part) => part.startsWith('.')));
  const total = shown.reduce((sum, { size }) => sum + size + 200, 0);
  if (!shown.length) throw new Error('there is no file in it');
  if (shown.length > MOST || total > LARGEST) throw new Error('it is too much for one go: give a ZIP, or a part of it');
  /** @type {BlobPart[]} */
  const parts = [],
    /** @type {BlobPart[]} */ directory = [];
  let offset = 0,
    length = 0;
  for (const file of shown) {
    // eslint-disable-next-line no-await-in-loop -- one file in memory at a time
    const bytes = new Uint8Array(await file.arrayBuffer()),
      path = new TextEncoder().encode(pathOf(file));
    /** @type {[number, 2 | 4][]} version, flags, stored, time and date, sum, sizes, lengths of name and extra field. */
    const about = [
      [20, 2],
      [UTF8, 2],
      [0, 2],
      [0, 2],
      [33, 2],
      [crc32(bytes), 4],
      [bytes.length, 4],
      [bytes.length, 4],
      [path.length, 2],
      [0, 2],
    ];
    const head = little([[0x04034b50, 4], ...about]);
    /** @type {[number, 2 | 4][]} comment, disk, attributes inside and outside, where it begins. */
    const where = [
      [0, 2],
      [0, 2],
      [0, 2],
      [0, 4],
      [offset, 4],
    ];
    const row = little([[0x02014b50, 4], [20, 2], ...about, ...where]);
    parts.push(head, path, file);
    directory.push(row, path);
    offset += head.length + path.length + bytes.length;
    length += row.length + path.length;
  }
  const end = little([
    [0x06054b50, 4],
    [0, 2],
    [0, 2],
    [shown.length, 2],
    [shown.length, 2],
    [length, 4],
    [offset, 4],
    [0, 2],
  ]);
  return new File([...parts, ...directory, end], name, { type: 'application/zip' });
}
