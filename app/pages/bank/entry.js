/** One entry: its outline with inner lines and measures, what is known of it, neighbours and history. */

import { find, make, makeButton, makeSvg } from '../../web/shared/dom.js';

/** @typedef {import('./types.js').Drawing} Drawing */
/** @typedef {import('./types.js').Entry} Entry */

/** @type {Record<Entry['state'], string>} */
const STATES = { enabled: 'in use', disabled: 'hidden from retrieval', bin: 'in the bin' };

/**
 * A pattern as its exact curves.
 * @param {Drawing} drawing
 * @param {string} label
 */
export function drawPattern({ box, outline, lines }, label) {
  const [left, top, right, bottom] = box,
    svg = makeSvg('svg', {
      class: 'pattern',
      viewBox: `${left - 1} ${top - 1} ${right - left + 2} ${bottom - top + 2}`,
      role: 'img',
      'aria-label': label,
    });
  svg.append(makeSvg('path', { class: 'outline', d: outline }));
  for (const [name, d] of lines) {
    const path = makeSvg('path', { class: 'line', d });
    path.append(makeSvg('title', {}, name.replaceAll('_', ' ')));
    svg.append(path);
  }
  return svg;
}

/**
 * @param {string} text
 * @param {Node[]} parts
 */
function section(text, parts) {
  const node = make('section');
  node.append(make('h3', '', text), ...parts);
  return node;
}

/**
 * @param {string} shape  data URL.
 * @param {string} [className]
 */
export function makeShape(shape, className = 'shape') {
  const node = make('span', className);
  node.style.maskImage = `url(${shape})`;
  return node;
}

/**
 * Entries as small buttons.
 * @param {{ id: number, shape: string, words: string }[]} entries
 */
export function makeStrip(entries) {
  const strip = make('div', 'strip');
  strip.append(
    ...entries.map(({ id, shape, words }) => {
      const button = makeButton('near', '', { look: String(id) });
      button.ariaLabel = `Entry ${id}, ${words}`;
      button.title = `Entry ${id}`;
      button.append(makeShape(shape), make('span', '', words));
      return button;
    }),
  );
  return strip;
}

/**
 * Pairs of a name and what it is.
 * @param {[string, string][]} rows
 */
function facts(rows) {
  const list = make('dl', 'entry-facts');
  for (const [name, text] of rows) list.append(make('dt', '', name), make('dd', '', text));
  return list;
}

/**
 * Measures as pairs of name and size.
 * @param {import('./types.js').MeasureField[]} measures
 */
export function measureFacts(measures) {
  const rows = measures.map(
    ({ key, value, unit }) =>
      /** @type {[string, string]} */ ([key.replaceAll('_', ' '), unit === 'ratio' ? `${value}` : `${value} ${unit}`]),
  );
  return facts(rows);
}

/** @param {import('./types.js').ReadMeasures} read */
export function readWords({ kind, overlap }) {
  return `As a ${kind.replaceAll('_', ' ')} is cut to the outline; IoU with it ${overlap.toFixed(2)}`;
}

export class EntryPane {
  /**
   * @param {HTMLElement} element
   * @param {(action: string, value: unknown) => void} change  of the shown entry.
   * @param {(key: string) => string[]} valuesOf  an attribute may have.
   * @param {(id: number) => Promise<import('./types.js').ReadMeasures | null>} readMeasures  off its outline.
   */
  constructor(element, change, valuesOf, readMeasures) {
    this.element = element;
    this.change = change;
    this.valuesOf = valuesOf;
    this.readMeasures = readMeasures;
    this.body = find(element, '.body', HTMLElement);
    /** @type {Entry | null} */
    this.entry = null;
    this.read = make('div', 'entry-read'); // measures, where they are read off the outline
    this.readOf = ''; // the entry that they are of
    this.body.addEventListener('change', ({ target }) => this.changed(target));
    this.body.addEventListener('submit', (event) => this.tagged(event));
  }

  /** @param {Entry | null} entry */
  show(entry) {
    const top = this.entry?.id === entry?.id ? this.body.scrollTop : 0;
    this.entry = entry;
    this.body.hidden = !entry;
    find(this.element, '.empty', HTMLElement).hidden = Boolean(entry);
    this.element.dataset.entry = String(entry?.id ?? '');
    this.element.dataset.serial = String(Number(this.element.dataset.serial ?? 0) + 1);
    find(this.element, '.title', HTMLElement).textContent = entry ? `#${entry.id} · ${STATES[entry.state]}` : '';
    if (!entry) this.readOf = '';
    if (!entry) return;
    this.body.replaceChildren(...this.parts(entry));
    this.body.scrollTop = top;
    if (!entry.measures.length) void this.readOnce(entry);
  }

  /**
   * Read the measures of an entry that was not drawn by any, once for each of its outlines.
   * @param {Entry} entry
   */
  async readOnce({ id, revision }) {
    const name = `${id} ${revision}`;
    if (this.readOf === name) return;
    this.readOf = name;
    this.read.replaceChildren();
    const read = await this.readMeasures(id);
    if (!read || this.readOf !== name) return;
    this.read.replaceChildren(
      section('Measures, read off the outline', [make('p', 'note', readWords(read)), measureFacts(read.measures)]),
    );
  }

  /** @param {Entry} entry */
  parts(entry) {
    const words = `Outline of entry ${entry.id}`,
      picture = make('div', 'drawing');
    picture.append(entry.drawing ? drawPattern(entry.drawing, words) : makeShape(entry.shape, 'shape large'));
    /** @type {HTMLElement[]} */
    const parts = [picture, this.buttons(entry)];
    if (entry.findings.length) parts.push(section('Findings', [this.list(entry.findings)]));
    parts.push(section('Attributes', [this.attributes(entry)]), section('Tags', [this.tags(entry)]));
    if (entry.measures.length) {
      parts.push(section(`Measures of the ${entry.kind.replaceAll('_', ' ')}`, [measureFacts(entry.measures)]));
    } else parts.push(this.read);
    parts.push(section('About', [facts(entry.facts)]));
    const near = entry.neighbours.map(({ id, shape, similarity }) => ({ id, shape, words: similarity.toFixed(3) }));
    if (near.length) parts.push(section('Nearest entries', [makeStrip(near)]));
    parts.push(section('History', [this.list(entry.history.map(({ text }) => text))]));
    return parts;
  }

  /** @param {Entry} entry */
  buttons({ state, drawing }) {
    const row = make('div', 'buttons'),
      add = (/** @type {string} */ act, /** @type {string} */ text) => row.append(makeButton('quiet', text, { act }));
    if (state === 'bin') add('restore_shown', 'Restore');
    else {
      add(state === 'enabled' ? 'disable_shown' : 'enable_shown', state === 'enabled' ? 'Hide' : 'Use');
      add('edit_shown', 'Edit outline');
      if (drawing) add('measures_shown', 'Edit measures');
      if (drawing) add('svg_shown', 'Save SVG');
      add('delete_shown', 'Delete');
    }
    return row;
  }

  /** @param {string[]} lines */
  list(lines) {
    const list = make('ul', 'entry-list');
    list.append(...lines.map((line) => make('li', '', line)));
    return list;
  }

  /** @param {Entry} entry */
  attributes({ attributes, state }) {
    const grid = make('div', 'entry-attributes');
    for (const [key, value] of Object.entries(attributes)) {
      const label = make('label', '', key.replaceAll('_', ' ')),
        select = make('select');
      select.name = key;
      select.disabled = state === 'bin';
      select.append(...['Unknown', ...this.valuesOf(key)].map((each) => new Option(each, each)));
      select.value = value;
      label.append(select);
      grid.append(label);
    }
    return grid;
  }

  /** @param {Entry} entry */
  tags({ tags, state }) {
    const row = make('form', 'entry-tags'),
      field = make('input');
    row.append(
      ...tags.map((tag) => {
        const button = makeButton('chip', `${tag} ×`, { untag: tag });
        button.title = 'Take this tag off';
        button.disabled = state === 'bin';
        return button;
      }),
    );
    Object.assign(field, { name: 'tag', placeholder: 'add a tag', maxLength: 60, ariaLabel: 'Tag to add' });
    if (state !== 'bin') row.append(field);
    return row;
  }

  /** @param {EventTarget | null} target */
  changed(target) {
    if (target instanceof HTMLSelectElement) this.change('attributes', { [target.name]: target.value });
  }

  /** @param {SubmitEvent} event */
  tagged(event) {
    event.preventDefault();
    const field = find(this.body, 'input[name=tag]', HTMLInputElement);
    if (field.value.trim()) this.change('tag', field.value.trim());
  }
}
