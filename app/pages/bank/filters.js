/** What the grid is narrowed to, and in which order. */

import { all, find, make, makeButton, origin } from '../../web/shared/dom.js';

/** @typedef {import('./types.js').Facets} Facets */

const TYPED_EVERY = 150; // milliseconds between two searches while words are typed

export class Filters {
  /**
   * @param {HTMLElement} element
   * @param {() => void} changed
   */
  constructor(element, changed) {
    this.element = element;
    this.changed = changed;
    this.chips = find(element, '.chips', HTMLElement);
    /** @type {Map<string, Set<string>>} values wanted, by attribute. */
    this.wanted = new Map();
    /** @type {number[] | null} what the map or a list selected. */
    this.only = null;
    this.onlyWords = '';
    this.typing = 0;
    this.searched = -1e3;
    element.addEventListener('input', (event) => this.typed(origin(event, '[data-field]')));
    this.chips.addEventListener('click', (event) => this.take(origin(event, '[data-chip]')));
  }

  /** As Python reads it. */
  get value() {
    /** @type {Record<string, unknown>} */
    const fields = { attributes: Object.fromEntries([...this.wanted].map(([key, values]) => [key, [...values]])) };
    for (const node of all(this.element, '[data-field]')) {
      const { value } = /** @type {HTMLInputElement} */ (node);
      if (value && node.dataset.field !== 'add') fields[node.dataset.field ?? ''] = value;
    }
    if (this.only) fields.ids = this.only;
    return fields;
  }

  /** Whether anything is left out. */
  get narrow() {
    return this.wanted.size > 0 || Object.keys(this.value).some((name) => name !== 'attributes' && name !== 'sort');
  }

  /**
   * @param {string} name
   * @param {string} value
   */
  set(name, value) {
    find(this.element, `[data-field=${name}]`, HTMLSelectElement).value = value;
  }

  clear() {
    this.wanted.clear();
    this.only = null;
    for (const node of all(this.element, '[data-field]')) {
      if (node.dataset.field !== 'sort') /** @type {HTMLInputElement} */ (node).value = '';
    }
    this.draw();
  }

  /**
   * Narrow to some entries, whatever they are like.
   * @param {number[]} ids
   * @param {string} words  what they are.
   */
  keep(ids, words) {
    this.only = ids;
    this.onlyWords = words;
    this.draw();
    this.changed();
  }

  /** @param {Record<string, string>} attributes */
  keepAttributes(attributes) {
    this.clear();
    for (const [key, value] of Object.entries(attributes)) this.wanted.set(key, new Set([value]));
    this.draw();
    this.changed();
  }

  /** @param {Facets} facets */
  offer(facets) {
    const add = find(this.element, '[data-field=add]', HTMLSelectElement);
    add.replaceChildren(
      new Option('Any attribute', ''),
      ...facets.attributes.map(({ key, name, values, counts }) => {
        const group = make('optgroup');
        group.label = name;
        for (const value of values) {
          if (counts[value]) group.append(new Option(`${value} (${counts[value]})`, `${key} ${value}`));
        }
        return group;
      }),
    );
    this.choices('source', 'Any source', facets.sources);
    this.choices('tag', 'Any tag', facets.tags);
    this.names = new Map(facets.attributes.map(({ key, name }) => [key, name]));
    this.draw();
  }

  /**
   * @param {string} field
   * @param {string} first
   * @param {[string, number][]} options
   */
  choices(field, first, options) {
    const node = find(this.element, `[data-field=${field}]`, HTMLSelectElement),
      kept = node.value;
    node.replaceChildren(
      new Option(first, ''),
      ...options.map(([value, count]) => new Option(`${value} (${count})`, value)),
    );
    node.value = options.some(([value]) => value === kept) ? kept : '';
  }

  draw() {
    const chips = [...this.wanted].flatMap(([key, values]) =>
      [...values].map((value) => {
        const chip = makeButton('chip', `${this.names?.get(key) ?? key}: ${value} ×`, { chip: key, value });
        chip.setAttribute('aria-pressed', 'true');
        chip.title = 'Take this filter away';
        return chip;
      }),
    );
    if (this.only) chips.push(makeButton('chip', `${this.onlyWords} ×`, { chip: '' }));
    this.chips.replaceChildren(...chips);
  }

  /** @param {HTMLElement | null} chip */
  take(chip) {
    if (!chip) return;
    const { chip: key = '', value = '' } = chip.dataset;
    if (!key) this.only = null;
    this.wanted.get(key)?.delete(value);
    if (!this.wanted.get(key)?.size) this.wanted.delete(key);
    this.draw();
    this.changed();
  }

  /** @param {HTMLElement | null} field */
  typed(field) {
    if (!field) return;
    if (field.dataset.field === 'add') this.pick(/** @type {HTMLSelectElement} */ (field));
    clearTimeout(this.typing);
    const wait = field instanceof HTMLInputElement ? Math.max(0, this.searched + TYPED_EVERY - performance.now()) : 0;
    this.typing = setTimeout(() => {
      this.searched = performance.now();
      this.changed();
    }, wait);
  }

  /** @param {HTMLSelectElement} select */
  pick(select) {
    const at = select.value.indexOf(' '),
      key = select.value.slice(0, at);
    if (at > 0) this.wanted.set(key, (this.wanted.get(key) ?? new Set()).add(select.value.slice(at + 1)));
    select.value = '';
    this.draw();
  }
}
