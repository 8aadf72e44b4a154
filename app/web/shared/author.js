/** Whose changes of a bank they are: a name that was given once, kept by the browser. A login goes before it. */

const KEY = 'studio-author';

export function author() {
  return localStorage.getItem(KEY) ?? '';
}

/** @param {string} name */
export function setAuthor(name) {
  localStorage.setItem(KEY, name.trim());
}
