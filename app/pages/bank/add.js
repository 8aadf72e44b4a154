/** What is about to be added: one by one, with outline, attributes, what it is like, and what is odd about it. */

import { all, allow, find, make, makeButton, origin } from '../../web/shared/dom.js';
import { MeasureForm } from '../../web/shared/measures.js';
import { drawPattern, makeStrip, measureFacts, readWords } from './entry.js';
import { OutlineEditor } from './outline.js';

/** @typedef {import('./types.js').Proposal} Proposal */
/** @typedef {import('./changes.js').Changes} Changes */
/** @typedef {import('./desk.js').Desk} Desk */
/** @typedef {import('./types.js').Entry} Entry */

const ASSAYED_AFTER = 350; // milliseconds after the last change of an outline
const HINT = 'The line is what is saved. Drag it, brush, erase; Mirror works on both sides.';

export class AddPane {
  /**
   * @param {HTMLElement} element
   * @param {Desk} desk
   * @param {Changes} changes
   * @param {{ valuesOf: (key: string) => string[], saved: (ids: number[]) => void }} page
   */
  constructor(element, desk, changes, page) {
    this.element = element;
    this.desk = desk;
    this.changes = changes;
    this.page = page;
    /** @type {Proposal[]} */
    this.waiting = [];
    /** @type {Proposal | null} */
    this.shown = null;
    this.measuring = false;
    /** @type {Record<string, string>} the attributes that were known at first. */
    this.given = {};
    this.timer = 0;
    this.wrong = '';
    this.form = find(element, '.add-form', HTMLElement);
    this.stage = find(element, '.add-pattern', HTMLElement);
    this.canvas = find(element, '.board', HTMLCanvasElement);
    this.near = make('div', 'add-near');
    this.read = make('div', 'add-read'); // measures, read off the outline
    /** @type {import('./types.js').ReadMeasures | null} */
    this.proposed = null;
    this.fields = make('div', 'entry-attributes');
    this.sliders = make('div', 'add-measures');
    this.tags = make('input');
    Object.assign(this.tags, { placeholder: 'tags, with commas between', ariaLabel: 'Tags', maxLength: 200 });
    this.form.append(this.sliders, make('h3', '', 'Attributes'), this.fields, make('h3', '', 'Tags'), this.tags);
    this.form.append(make('h3', '', 'Already like it'), this.near, this.read);
    const tools = find(element, '.add-tools', HTMLElement);
    this.outline = new OutlineEditor(
      tools,
      this.canvas,
      () => this.assaySoon(),
      (text) => {
        find(element, '.add-hint', HTMLElement).textContent = text || HINT;
      },
    );
    this.measures = new MeasureForm(
      this.sliders,
      { kind: (pattern) => desk.ask('kind', pattern), draw: (pattern) => desk.ask('draw', pattern) },
      { drawn: (answer) => this.drawn(answer) },
    );
    element.addEventListener('click', (event) => this.press(origin(event, 'button')));
  }

  get open() {
    return !this.element.hidden;
  }

  /** The entry that is changed; null where one is added. */
  get entry() {
    return this.changes.held;
  }

  // ---- what is to be added

  /**
   * Begin with what was found in pictures; where an entry is being changed, when that is done.
   * @param {Proposal[]} proposals
   */
  take(proposals) {
    this.waiting = [...this.waiting, ...proposals];
    if (this.entry === null && (!this.shown || this.measuring)) this.next();
    else this.showList();
  }

  /**
   * The outline of an entry, to be changed.
   * @param {number} entry
   * @param {Proposal} proposal
   */
  edit(entry, proposal) {
    this.waiting = [proposal, ...this.waiting];
    this.next();
    this.changes.held = entry;
    this.showList();
    this.title();
  }

  /**
   * @param {string} kind
   * @param {Record<string, number>} [measures]
   * @param {{ id: number | null, attributes: Record<string, string>, tags: string[] } | null} [entry]  the one to
   *   change, or what is known of the new one.
   * @param {Proposal[]} [waiting]  what is looked at after it.
   */
  async measure(kind, measures, entry = null, waiting = []) {
    this.changes.held = entry?.id ?? null;
    this.waiting = waiting;
    this.shown = null;
    this.measuring = true;
    this.reveal();
    this.attributes(entry?.attributes ?? {});
    this.tags.value = entry?.tags.join(', ') ?? '';
    await this.measures.open(kind, measures);
  }

  /** @param {import('../../web/shared/measures.js').Drawn} answer  to measures. */
  drawn({ drawing, wrong }) {
    const { stage } = this;
    stage.classList.toggle('wrong', Boolean(wrong));
    if (drawing) {
      stage.replaceChildren(drawPattern(drawing, `A ${this.measures.kind}`));
      stage.dataset.drawn = String(Number(stage.dataset.drawn ?? 0) + 1);
    }
    this.wrong = wrong;
    this.assaySoon();
  }

  reveal() {
    const { element, measuring } = this;
    element.hidden = false;
    element.classList.toggle('measuring', measuring);
    this.stage.hidden = this.sliders.hidden = !measuring;
    this.canvas.hidden = find(element, '.add-tools', HTMLElement).hidden = measuring;
    find(element, '.add-hint', HTMLElement).textContent = measuring ? 'In centimetres, the garment laid flat' : HINT;
    find(element, '[data-add=drop]', HTMLElement).hidden = measuring;
    this.near.replaceChildren();
    this.showRead(null);
    this.title();
    this.showList();
  }

  title() {
    const what = this.entry === null ? 'Add to the bank' : `Change entry ${this.entry}`;
    find(this.element, '.title', HTMLElement).textContent = what;
    find(this.element, '[data-add=save]', HTMLElement).textContent =
      this.entry === null ? 'Save to the bank' : 'Save the change';
  }

  next() {
    this.changes.held = null;
    this.measuring = false;
    this.shown = this.waiting.find(({ error }) => !error) ?? this.waiting[0] ?? null;
    if (!this.shown) {
      this.close();
      return;
    }
    this.reveal();
    this.look(this.shown);
  }

  /** @param {Proposal} proposal */
  look(proposal) {
    this.shown = proposal;
    this.showList();
    this.canvas.hidden = Boolean(proposal.error);
    this.findings(proposal.error ? [proposal.error] : [], false);
    this.attributes(proposal.attributes);
    this.tags.value = proposal.tags.join(', ');
    this.near.replaceChildren(); // what the one before was like
    this.showRead(null);
    if (proposal.error) return;
    this.outline.open(proposal);
    void this.assay();
  }

  close() {
    this.waiting = [];
    this.shown = this.changes.held = null;
    this.measuring = false;
    this.element.hidden = true;
  }

  showList() {
    const list = find(this.element, '.add-list', HTMLElement),
      count = this.waiting.length;
    list.hidden = count < 2 || this.measuring || this.entry !== null;
    list.replaceChildren(
      ...this.waiting.map((proposal) => {
        const item = make('li'),
          button = makeButton(proposal.error ? 'wrong' : '', '', { proposal: proposal.token });
        button.setAttribute('aria-pressed', String(proposal === this.shown));
        if (proposal.photo) {
          const picture = make('img');
          picture.src = proposal.photo;
          picture.alt = '';
          button.append(picture);
        } else button.append(make('span', 'sign', '!'));
        button.append(make('span', '', proposal.name));
        item.append(button);
        return item;
      }),
    );
    find(this.element, '.add-about', HTMLElement).textContent =
      this.shown && !list.hidden ? `${count} to look at` : (this.shown?.name ?? '');
  }

  // ---- attributes

  /** The values that attributes may have are there; they come after the page itself. */
  offer() {
    if (!this.open || this.fields.children.length) return;
    this.attributes(this.given);
    if (this.measuring) this.assaySoon();
  }

  /** @param {Record<string, string>} values */
  attributes(values) {
    this.given = values;
    this.fields.replaceChildren(
      ...this.page.valuesOf('').map((key) => {
        const label = make('label', '', key.replaceAll('_', ' ')),
          select = make('select');
        select.name = key;
        select.append(...['Unknown', ...this.page.valuesOf(key)].map((each) => new Option(each, each)));
        select.value = values[key] ?? 'Unknown';
        label.append(select);
        return label;
      }),
    );
  }

  /** What is to be saved; of what measures say themselves, only what the person set. */
  get values() {
    const selects = /** @type {HTMLSelectElement[]} */ (all(this.fields, 'select')),
      meant = this.measuring ? selects.filter(({ dataset }) => dataset.own) : selects;
    return Object.fromEntries(meant.map(({ name, value }) => [name, value]));
  }

  // ---- what is known of it

  assaySoon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.assay(), ASSAYED_AFTER);
  }

  /**
   * What it is now, as Python takes it.
   * @returns {import('./types.js').Draft}
   */
  get draft() {
    const shape = this.measuring
      ? { kind: this.measures.kind, measures: this.measures.measures }
      : { token: this.shown?.token, mask: this.outline.mask };
    const tags = this.tags.value
      .split(',')
      .map((tag) => tag.trim())
      .filter(Boolean);
    return { ...shape, attributes: this.values, tags, entry: this.entry };
  }

  async assay() {
    if (!this.open || this.wrong) {
      this.findings(this.wrong ? [this.wrong] : [], false);
      return;
    }
    const { shown, measuring } = this,
      answer = await this.desk.ask('assay', this.draft);
    if (!answer || shown !== this.shown || measuring !== this.measuring || this.wrong) return;
    const { findings, repeats, near, proposed } = answer;
    if (proposed && measuring) this.propose(proposed);
    this.findings(
      [shown?.note, repeats, ...findings].flatMap((line) => line || []),
      !repeats,
    );
    const words = near.map(({ id, shape, similarity, iou }) => ({
      id,
      shape,
      words: `${similarity.toFixed(2)} · IoU ${iou.toFixed(2)}`,
    }));
    this.near.replaceChildren(near.length ? makeStrip(words) : make('p', 'note', 'Nothing in the bank is near'));
    this.element.dataset.assayed = String(Number(this.element.dataset.assayed ?? 0) + 1);
    if (!measuring) await this.readMeasures();
  }

  /** Measures of the outline, to be drawn by instead of it. */
  async readMeasures() {
    const { shown } = this,
      { mask } = this.draft,
      answer = await this.desk.ask('read', this.draft);
    if (answer && shown === this.shown && mask === this.draft.mask && !this.measuring) this.showRead(answer.read);
  }

  /** @param {import('./types.js').ReadMeasures | null} read */
  showRead(read) {
    this.proposed = read;
    this.read.replaceChildren();
    if (!read) return;
    const button = makeButton('quiet', 'Draw it by these measures', { add: 'by_measures' });
    button.title = 'Even on both sides, with measures that can be changed';
    this.read.append(
      make('h3', '', 'Measures, read off the outline'),
      make('p', 'note', readWords(read)),
      measureFacts(read.measures),
      button,
    );
  }

  /** Draw what is shown by the measures that were read off it. */
  byMeasures() {
    if (!this.proposed) return;
    const { kind, measures } = this.proposed,
      { attributes, tags } = this.draft,
      rest = this.waiting.filter((each) => each !== this.shown),
      sizes = Object.fromEntries(measures.map(({ key, value }) => [key, value]));
    void this.measure(kind, sizes, { id: this.entry, attributes, tags }, rest);
  }

  /**
   * What measures say of attributes that nobody set.
   * @param {Record<string, string>} proposed
   */
  propose(proposed) {
    for (const select of /** @type {HTMLSelectElement[]} */ (all(this.fields, 'select'))) {
      const { name, dataset } = select,
        known = this.given[name] ?? 'Unknown';
      if (!dataset.own && this.entry === null && known !== 'Unknown' && !proposed[name]) dataset.own = 'yes';
      else if (!dataset.own) select.value = proposed[name] ?? 'Unknown';
      select.onchange = () => {
        select.dataset.own = 'yes';
      };
    }
  }

  /**
   * @param {string[]} lines
   * @param {boolean} good  whether it can be saved.
   */
  findings(lines, good) {
    const node = find(this.element, '.findings', HTMLElement);
    node.textContent = lines.join(' · ') || (good ? 'No findings' : '');
    node.classList.toggle('wrong', lines.length > 0);
    allow([find(this.element, '[data-add=save]', HTMLElement)], good, 'It cannot be saved as it is');
  }

  // ---- what is pressed

  /** @param {HTMLElement | null} button */
  press(button) {
    const { add, proposal, look } = button?.dataset ?? {};
    if (add === 'cancel') this.cancel();
    else if (add === 'drop') this.drop();
    else if (add === 'by_measures') this.byMeasures();
    else if (add === 'save') void this.save();
    else if (proposal) this.look(this.waiting.find(({ token }) => token === proposal) ?? this.waiting[0]);
    else if (look) this.desk.say(`Entry ${look} is like it: close this to look at it`);
  }

  /** Add nothing; where an entry was being changed, go on with what waits. */
  cancel() {
    if (this.entry === null) this.close();
    else this.drop();
  }

  drop() {
    this.waiting = this.waiting.filter((each) => each !== this.shown);
    this.next();
  }

  async save() {
    clearTimeout(this.timer);
    const { shown } = this,
      ids = this.entry === null ? [] : [this.entry],
      answer = await this.changes.inTurn(() => this.changes.ask('save', this.draft, ids));
    if (!answer && find(document, '.bank-say', HTMLElement).classList.contains('wrong')) {
      this.findings([find(document, '.bank-say', HTMLElement).textContent ?? ''], true);
      return;
    }
    this.page.saved(answer?.ids ?? ids);
    if (this.measuring)
      this.next(); // or it closes
    else if (shown === this.shown) this.drop();
  }
}
