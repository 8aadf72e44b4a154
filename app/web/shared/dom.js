/** Finding, making and feeding elements. */

const SVG = 'http://www.w3.org/2000/svg';
const TEXT_FIELDS = 'input:not([type=range]):not([type=checkbox]), textarea, select, [contenteditable=true]';

/**
 * The first element that matches, of the kind that is wanted.
 * @template {Element} Kind
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => Kind} kind
 * @returns {Kind}
 */
export function find(root, selector, kind) {
  const found = root.querySelector(selector);
  if (found instanceof kind) return found;
  throw new Error(`the panel's template has no ${kind.name} "${selector}"`);
}

/**
 * @param {ParentNode} root
 * @param {string} selector
 * @returns {HTMLElement[]}
 */
export function all(root, selector) {
  return /** @type {HTMLElement[]} */ ([...root.querySelectorAll(selector)]);
}

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {string} [className]
 * @param {string} [text]
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function make(tag, className = '', text = '') {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text) node.textContent = text;
  return node;
}

/**
 * @param {string} className
 * @param {string} text
 * @param {Record<string, string>} data
 */
export function makeButton(className, text, data) {
  const node = make('button', className, text);
  node.type = 'button';
  Object.assign(node.dataset, data);
  return node;
}

/**
 * @template {keyof SVGElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string | number>} [attributes]
 * @param {string} [text]
 * @returns {SVGElementTagNameMap[Tag]}
 */
export function makeSvg(tag, attributes = {}, text = '') {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
  if (text) node.textContent = text;
  return node;
}

/**
 * @param {string} label
 * @param {string} text
 */
export function makePair(label, text) {
  const pair = make('span');
  pair.append(make('b', '', label), ` ${text}`);
  return pair;
}

/**
 * The nearest element upwards that matches, inside of what an event came from.
 * @param {Event} event
 * @param {string} selector
 * @returns {HTMLElement | null}
 */
export function origin(event, selector) {
  return event.target instanceof Element ? event.target.closest(selector) : null;
}

/**
 * Whether keys that are pressed there write something.
 * @param {EventTarget | null} node
 */
export function writes(node) {
  return node instanceof Element && node.closest(TEXT_FIELDS) !== null;
}

/**
 * @param {string} name
 * @param {string} url
 */
export function download(name, url) {
  const link = make('a');
  link.href = url;
  link.download = name;
  link.click();
}

/**
 * The hidden file field of an upload button; Python receives all files through these, which check and name them.
 * @param {'photo_file' | 'mask_file' | 'batch_files' | 'bundle_in' | 'bank_photos' | 'bank_try' | 'bank_import'} name
 * @returns {HTMLInputElement | null}
 */
export function fileField(name) {
  return document.querySelector(`#${name} input[type=file]`);
}

/**
 * Give files to such a field as if they had been chosen in it.
 * @param {HTMLInputElement | null} field
 * @param {Iterable<File>} files
 */
export function feed(field, files) {
  const carrier = new DataTransfer();
  for (const file of files) carrier.items.add(file);
  if (!field || !carrier.files.length) return;
  field.files = carrier.files;
  field.dispatchEvent(new Event('change', { bubbles: true }));
}

/**
 * Let controls be used or not; one that may not says why when it is pointed at.
 * @param {Iterable<HTMLElement>} nodes  buttons and fields.
 * @param {boolean} on
 * @param {string} why  not.
 */
export function allow(nodes, on, why) {
  for (const node of nodes) {
    node.dataset.title ??= node.title;
    node.title = on ? node.dataset.title : why;
    if ('disabled' in node) node.disabled = !on;
    else node.setAttribute('aria-disabled', String(!on));
  }
}

/**
 * A number with the minus sign of print.
 * @param {number} number
 * @param {number} [digits]
 */
export function fixed(number, digits = 2) {
  return number.toFixed(digits).replace('-', '−');
}
