/** Sliders in garment makers' terms, grouped; Python draws what they say while they move. */

import { all, find, make, makeButton, origin } from './dom.js';

/** @typedef {import('./views.js').MeasureField} MeasureField */
/** @typedef {import('./views.js').Pattern} Pattern */

/** @typedef {{ kind: string, kinds: string[], fields: MeasureField[] }} Sliders  of a kind of garment. */

/**
 * What Python answers to measures.
 * @typedef {object} Drawn
 * @property {string} wrong  which measures contradict each other, in a sentence; "" if none.
 * @property {string[]} measures  those that the sentence is about, the first one first.
 * @property {import('../../pages/bank/types.js').Drawing | null} [drawing]  the Bank page's: its curves.
 * @property {string} [mask]  the Design page's: run lengths.
 */

/**
 * Who is asked for the sliders of a kind, and to draw measures.
 * @typedef {object} PatternService
 * @property {(pattern: { kind: string, measures?: Record<string, number> }) => Promise<Sliders | null>} kind
 * @property {(pattern: Pattern) => Promise<Drawn | null>} draw
 */

/**
 * What the sliders can go back to.
 * @typedef {object} Prediction
 * @property {string} kind
 * @property {Record<string, number>} measures
 * @property {Record<string, number>} deviations  how far each may be off, where that is known.
 */

/**
 * Those who hear of changes.
 * @typedef {object} Hearers
 * @property {(answer: Drawn, pattern: Pattern) => void} drawn  of each that Python answered to.
 * @property {(name: string) => void} [settled]  a slider, named by its measure, was let go, and all is drawn.
 */

const OPEN_GROUPS = 2; // of those that a kind has, at first

export class MeasureForm {
  /**
   * @param {HTMLElement} element  where the sliders stand.
   * @param {PatternService} service
   * @param {Hearers} hearers
   */
  constructor(element, service, hearers) {
    this.element = element;
    this.service = service;
    this.hearers = hearers;
    this.kind = '';
    /** @type {MeasureField[]} */
    this.fields = [];
    /** @type {Prediction | null} */
    this.prediction = null;
    /** @type {Promise<void> | null} */
    this.asking = null;
    this.due = false;
    this.opened = 0; // how often a kind was
    element.addEventListener('input', (event) => this.moved(origin(event, '[data-measure]')));
    element.addEventListener('change', (event) => this.changed(event));
    element.addEventListener('pointerup', (event) => void this.letGo(origin(event, '[data-measure]')));
    element.addEventListener('click', (event) => {
      const { reset } = origin(event, 'button')?.dataset ?? {};
      if (reset) void this.reset(reset);
    });
  }

  get measures() {
    return Object.fromEntries(this.fields.map(({ key, value }) => [key, value]));
  }

  /** What each measure was predicted as, where it was. */
  get predicted() {
    return this.prediction?.kind === this.kind ? this.prediction.measures : {};
  }

  /** @param {MeasureField} field */
  isMoved({ key, value }) {
    return key in this.predicted && value !== this.predicted[key];
  }

  /**
   * Begin with a kind, or with measures of it, and draw it.
   * @param {string} kind
   * @param {Record<string, number>} [measures]
   */
  async open(kind, measures) {
    if (await this.show(kind, measures)) await this.draw();
  }

  /**
   * Show a kind at measures that are drawn already.
   * @param {string} kind
   * @param {Record<string, number>} [measures]
   * @returns {Promise<boolean>} whether they are shown, and nothing else was asked for meanwhile.
   */
  async show(kind, measures) {
    const turn = (this.opened += 1);
    if (kind !== this.kind || !measures) {
      const answer = await this.service.kind({ kind, measures });
      if (!answer || turn !== this.opened) return false;
      this.kind = answer.kind;
      this.fields = answer.fields;
      this.build(answer.kinds);
    } else this.fields = this.fields.map((field) => ({ ...field, value: measures[field.key] ?? field.value }));
    for (const field of this.fields) this.write(field);
    this.blame('', []);
    return true;
  }

  // ---- what is shown

  /** @param {string[]} kinds */
  build(kinds) {
    const select = make('select', 'kind');
    select.ariaLabel = 'Kind of garment';
    select.append(...kinds.map((kind) => new Option(words(kind), kind)));
    select.value = this.kind;
    const names = [...new Set(this.fields.map(({ group }) => group))];
    const groups = names.map((name, i) => {
      const group = make('details', 'measure-group');
      group.open = i < OPEN_GROUPS;
      group.append(make('summary', '', name));
      group.append(...this.fields.filter((field) => field.group === name).map(makeRow));
      return group;
    });
    this.element.replaceChildren(select, ...groups);
  }

  /**
   * @param {MeasureField} field
   * @param {HTMLElement | null} [but]  the control that it comes from.
   */
  write(field, but = null) {
    const { key, value, unit, sentence } = field,
      row = this.row(key),
      off = this.prediction?.deviations[key],
      known = key in this.predicted;
    for (const control of /** @type {HTMLInputElement[]} */ (all(row, '[data-measure]'))) {
      if (control !== but) control.value = String(value);
    }
    const about = known ? `Predicted ${this.predicted[key]}${off ? ` ± ${off}` : ', which no outline shows'}` : '';
    row.title = [sentence, about && `${about}${unit === 'ratio' ? '' : ` ${unit}`}.`].filter(Boolean).join(' ');
    const back = find(row, 'button', HTMLButtonElement);
    back.hidden = !known;
    back.disabled = !this.isMoved(field);
    row.classList.toggle('moved', this.isMoved(field));
  }

  /** @param {string} key */
  row(key) {
    return find(this.element, `[data-row=${key}]`, HTMLElement);
  }

  /**
   * Say at its slider what contradicts.
   * @param {string} wrong
   * @param {string[]} keys
   */
  blame(wrong, keys) {
    for (const row of all(this.element, '.measure')) {
      const first = row.dataset.row === keys[0],
        note = find(row, '.measure-wrong', HTMLElement);
      row.classList.toggle('wrong', keys.includes(row.dataset.row ?? ''));
      note.hidden = !first;
      note.textContent = first ? wrong.replaceAll('_', ' ') : '';
      for (const control of all(row, '[data-measure]')) control.ariaInvalid = String(first);
      if (first) /** @type {HTMLDetailsElement} */ (row.closest('details')).open = true;
    }
  }

  // ---- what is moved

  /** @param {HTMLElement | null} node */
  moved(node) {
    const field = this.fieldOf(node);
    if (!field || !(node instanceof HTMLInputElement) || node.value === '') return;
    field.value = Number(node.value);
    this.write(field, node);
    void this.draw();
  }

  /** @param {HTMLElement | null} node */
  fieldOf(node) {
    return this.fields.find(({ key }) => key === node?.dataset.measure);
  }

  /** @param {Event} event */
  changed(event) {
    const kind = origin(event, '.kind');
    if (kind instanceof HTMLSelectElement) void this.become(kind.value);
    else void this.letGo(origin(event, '[data-measure]'));
  }

  /**
   * Another kind of garment, with what it shares of the measures.
   * @param {string} kind
   */
  async become(kind) {
    await this.open(kind, this.measures);
    this.hearers.settled?.(words(this.kind));
  }

  /** @param {HTMLElement | null} node */
  async letGo(node) {
    const field = this.fieldOf(node);
    if (!field) return;
    await this.asking;
    this.hearers.settled?.(words(field.key));
  }

  /**
   * One measure as it was predicted.
   * @param {string} key
   */
  async reset(key) {
    const field = this.fields.find((each) => each.key === key);
    if (!field || !this.isMoved(field)) return;
    field.value = this.predicted[key];
    this.write(field);
    find(this.row(key), 'input', HTMLInputElement).focus(); // the button is of no use any more
    await this.draw();
    this.hearers.settled?.(`${words(key)} as predicted`);
  }

  /** All as they were predicted, and the kind too. */
  async resetAll() {
    if (!this.prediction) return;
    await this.open(this.prediction.kind, this.prediction.measures);
    this.hearers.settled?.('measures as predicted');
  }

  // ---- what is drawn

  /** One question at a time; what moved meanwhile goes with the next. */
  async draw() {
    this.due = true;
    this.asking ??= this.drawOn();
    await this.asking;
  }

  async drawOn() {
    while (this.due) {
      this.due = false;
      const pattern = { kind: this.kind, measures: this.measures };
      // eslint-disable-next-line no-await-in-loop -- the next is asked with what this one's answer came too late for
      const answer = await this.service.draw(pattern);
      if (!answer || pattern.kind !== this.kind) continue;
      this.blame(answer.wrong, answer.measures);
      this.hearers.drawn(answer, pattern);
    }
    this.asking = null;
  }
}

/** @param {string} key */
function words(key) {
  return key.replaceAll('_', ' ');
}

/** @param {MeasureField} field */
function makeRow({ key, unit, low, high, step }) {
  const row = make('div', 'measure'),
    range = make('input'),
    number = make('input'),
    back = makeButton('', '↺', { reset: key }),
    wrong = make('p', 'measure-wrong');
  row.dataset.row = key;
  const spoken = `${words(key)}${unit === 'ratio' ? '' : `, ${unit}`}`;
  Object.assign(range, { type: 'range', min: low, max: high, step, ariaLabel: spoken });
  Object.assign(number, { type: 'number', min: low, max: high, step, ariaLabel: `${spoken}, ${low} to ${high}` });
  range.dataset.measure = number.dataset.measure = key;
  back.title = 'As predicted';
  back.ariaLabel = `${words(key)}: as predicted`;
  wrong.id = `wrong-${key}-${(made += 1)}`;
  wrong.hidden = true;
  wrong.setAttribute('role', 'alert');
  for (const control of [range, number]) control.setAttribute('aria-describedby', wrong.id);
  row.append(make('span', 'name', words(key)), range, number, make('span', 'unit', SIGNS[unit] ?? ''), back, wrong);
  return row;
}

let made = 0; // rows, of all forms
/** @type {Record<string, string>} */
const SIGNS = { cm: 'cm', degrees: '°', ratio: '' };
