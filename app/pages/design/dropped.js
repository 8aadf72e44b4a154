/** What is dropped or pasted: files, folders with all that is in them, or an address of the web. */

/** @typedef {{ files: File[], folders: number, address: string, left: string[] }} Dropped  left: other files */

const LITTER = new Set(['thumbs.db', 'desktop.ini']); // that file managers leave
const NAMED = 5; // at most

/**
 * Read all of it. Folders are walked through; of them only pictures are taken, nothing hidden, and the rest is named.
 * @param {DataTransfer | null} given
 * @param {string[]} endings  of pictures, in lower case with their dots.
 * @returns {Promise<Dropped>}
 */
export async function readDropped(given, endings) {
  // All at once: the browser forgets what was dropped when the event is over.
  const entries = [...(given?.items ?? [])].map((item) => item.webkitGetAsEntry?.() ?? null),
    plain = [...(given?.files ?? [])],
    address = addressIn(given);
  const folders = entries.filter(isFolder);
  if (!folders.length) return { files: plain, folders: 0, address, left: [] };
  const loose = await Promise.all(entries.filter(isFile).map(fileOf)),
    found = (await Promise.all(folders.map(filesIn))).flat();
  /** @param {File} file */
  const isPicture = ({ name }) => endings.some((ending) => name.toLowerCase().endsWith(ending));
  const left = found.filter((file) => !isPicture(file) && !LITTER.has(file.name.toLowerCase()));
  return {
    files: [...loose, ...found.filter(isPicture)],
    folders: folders.length,
    address: '',
    left: left.map(({ name }) => name),
  };
}

/**
 * What was left out, for a person; empty if nothing was.
 * @param {string[]} left
 */
export function nameLeftOut(left) {
  if (!left.length) return '';
  const more = left.length > NAMED ? ` and ${left.length - NAMED} more` : '';
  return `Left out, as they are no pictures that can be read: ${left.slice(0, NAMED).join(', ')}${more}`;
}

/**
 * @param {FileSystemEntry | null} entry
 * @returns {entry is FileSystemDirectoryEntry}
 */
const isFolder = (entry) => entry !== null && entry.isDirectory;
/**
 * @param {FileSystemEntry | null} entry
 * @returns {entry is FileSystemFileEntry}
 */
const isFile = (entry) => entry !== null && entry.isFile;

/**
 * @param {FileSystemFileEntry} entry
 * @returns {Promise<File>}
 */
const fileOf = (entry) => new Promise((done, fail) => entry.file(done, fail));

/**
 * @param {FileSystemDirectoryEntry} folder
 * @returns {Promise<File[]>}
 */
async function filesIn(folder) {
  const entries = (await rest(folder.createReader())).filter(({ name }) => !name.startsWith('.'));
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  const found = await Promise.all(
    entries.map(async (entry) => (isFolder(entry) ? filesIn(entry) : isFile(entry) ? [await fileOf(entry)] : [])),
  );
  return found.flat();
}

/**
 * What a reader has left to give: some hundred entries at a time, and none at the end.
 * @param {FileSystemDirectoryReader} reader
 * @returns {Promise<FileSystemEntry[]>}
 */
async function rest(reader) {
  /** @type {FileSystemEntry[]} */
  const some = await new Promise((done, fail) => reader.readEntries(done, fail));
  return some.length ? [...some, ...(await rest(reader))] : [];
}

/** @param {DataTransfer | null} given */
function addressIn(given) {
  if (!given || given.files.length) return '';
  const text = (given.getData('text/uri-list') || given.getData('text/plain')).trim();
  return /^https?:\/\/\S+$/i.test(text) ? text : '';
}
