/** Sliders in garment makers' terms, with the outline drawn while they move. */

import { all, make, origin } from '../../web/shared/dom.js';
import { drawPattern } from './entry.js';

/** @typedef {import('./types.js').MeasureField} MeasureField */
/** @typedef {import('./desk.js').Desk} Desk */

export class MeasureForm {
  /**
   * @param {Desk} desk
   * @param {HTMLElement} form  where the sliders stand.
   * @param {HTMLElement} stage  where the outline is drawn.
   * @param {(wrong: string) => void} drawn  hears that it was, or which measure contradicts another.
   */
  constructor(desk, form, stage, drawn) {
    this.desk = desk;
    this.form = form;
    this.stage = stage;
    this.drawn = drawn;
    this.kind = '';
    /** @type {MeasureField[]} */
    this.fields = [];
    this.asking = false;
    this.due = false;
    form.addEventListener('input', (event) => this.moved(origin(event, '[data-measure]')));
    form.addEventListener('change', (event) => this.chosen(origin(event, '.kind')));
  }

  get measures() {
    return Object.fromEntries(this.fields.map(({ key, value }) => [key, value]));
  }

  /**
   * Begin with a kind, or with the measures of an entry.
   * @param {string} kind
   * @param {Record<string, number>} [measures]
   */
  async open(kind, measures) {
    const answer = await this.desk.ask('kind', { kind, measures });
    if (!answer) return;
    this.kind = answer.kind;
    this.fields = answer.fields;
    this.build(answer.kinds);
    await this.draw();
  }

  /** @param {string[]} kinds */
  build(kinds) {
    const select = make('select', 'kind');
    select.ariaLabel = 'Kind of garment';
    select.append(...kinds.map((kind) => new Option(kind.replaceAll('_', ' '), kind)));
    select.value = this.kind;
    const rows = this.fields.map(({ key, unit, low, high, value, sentence }) => {
      const row = make('label', 'measure'),
        range = make('input'),
        number = make('input');
      const step = unit === 'ratio' ? 0.01 : 0.1;
      row.title = sentence;
      row.dataset.row = key;
      Object.assign(range, { type: 'range', min: low, max: high, step, value, ariaLabel: key });
      Object.assign(number, { type: 'number', min: low, max: high, step, value, ariaLabel: `${key}, ${unit}` });
      range.dataset.measure = number.dataset.measure = key;
      row.append(make('span', '', key.replaceAll('_', ' ')), range, number);
      return row;
    });
    this.form.replaceChildren(select, ...rows);
  }

  /** @param {HTMLElement | null} node */
  moved(node) {
    if (!(node instanceof HTMLInputElement)) return;
    const field = this.fields.find(({ key }) => key === node.dataset.measure);
    if (!field || node.value === '') return;
    field.value = Number(node.value);
    for (const other of all(this.form, `[data-measure=${field.key}]`)) {
      if (other !== node) /** @type {HTMLInputElement} */ (other).value = node.value;
    }
    void this.draw();
  }

  /** @param {HTMLElement | null} node */
  chosen(node) {
    if (node instanceof HTMLSelectElement) void this.open(node.value);
  }

  /** One question at a time; what moved meanwhile goes with the next. */
  async draw() {
    this.due = true;
    if (this.asking) return;
    this.asking = true;
    while (this.due) {
      this.due = false;
      // eslint-disable-next-line no-await-in-loop -- the next is asked with what this one's answer came too late for
      const answer = await this.desk.ask('draw', { kind: this.kind, measures: this.measures });
      if (answer) this.show(answer);
    }
    this.asking = false;
  }

  /** @param {import('./desk.js').Answer} answer */
  show({ drawing, wrong, measures }) {
    for (const row of all(this.form, '.measure')) {
      row.classList.toggle('wrong', measures.includes(row.dataset.row));
    }
    this.stage.classList.toggle('wrong', Boolean(wrong));
    if (drawing) {
      this.stage.replaceChildren(drawPattern(drawing, `A ${this.kind}`));
      this.stage.dataset.drawn = String(Number(this.stage.dataset.drawn ?? 0) + 1);
    }
    this.drawn(wrong ?? '');
  }
}
