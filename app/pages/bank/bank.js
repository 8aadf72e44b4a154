/** The Bank page: filters and grid on the left, one entry on the right, and what is added over both. */

import { actions } from '../../web/shared/actions.js';
import { all, allow, find, origin } from '../../web/shared/dom.js';
import { Selection } from '../../web/shared/selection.js';
import { AddPane } from './add.js';
import { Bar } from './bar.js';
import { Bulk } from './bulk.js';
import { buttonActs } from './buttons.js';
import { Changes } from './changes.js';
import { ConflictPane } from './conflict.js';
import { Desk, numbersOf } from './desk.js';
import { savePattern } from './drawing.js';
import { EntryPane } from './entry.js';
import { Exchange } from './exchange.js';
import { Filters } from './filters.js';
import { Grid } from './grid.js';
import { bankActions } from './keys.js';
import { CloudMap } from './map.js';
import { Report } from './report.js';

/** What the panel asks of Python, beside what it asks by its server function. */
export const ASKS = /** @type {const} */ (['bank_export', 'bank_changed']);

/** @typedef {import('./types.js').BankState} BankState */
/** @typedef {import('./types.js').Facets} Facets */
/** @typedef {import('../../web/shared/events.js').Props<import('./types.js').Arrived>} Props */

const NONE_PICKED = 'Click an entry to look at it; Ctrl or Shift and click select several';
const LOOK_AGAIN = 700; // milliseconds between two looks whether somebody else changed the bank

class BankPage {
  /**
   * @param {HTMLElement} element
   * @param {Props} props
   * @param {import('../../web/shared/events.js').Trigger<(typeof ASKS)[number]>} trigger
   * @param {import('../../web/shared/events.js').Server} server
   */
  constructor(element, props, trigger, server) {
    this.element = element;
    this.props = props;
    this.trigger = trigger;
    this.desk = new Desk(server, find(element, '.bank-say', HTMLElement));
    this.desk.hearers.push((state) => this.heard(state));
    this.bar = new Bar(element, this.desk, () => void this.another());
    /** @type {BankState | null} */
    this.state = null;
    /** @type {Facets | null} */
    this.facets = null;
    this.clash = new ConflictPane(find(element, '.bank-clash', HTMLElement));
    this.changes = new Changes(this.desk, this.clash);
    this.selection = new Selection();
    this.serial = 0;
    this.looked = 0;
    this.opened = false;
    this.behind = false; // whether the shown entry may be old
    this.view = 'grid';
    const valuesOf = (/** @type {string} */ key) => this.valuesOf(key);
    this.grid = new Grid(
      find(element, '.bank-grid', HTMLElement),
      (ids) => this.cards(ids),
      (id) => this.selection.has(id),
    );
    this.filters = new Filters(find(element, '.bank-filters', HTMLElement), () => void this.search());
    this.entry = new EntryPane(
      find(element, '.bank-entry', HTMLElement),
      (action, value) => this.entry.entry && void this.change(action, [this.entry.entry.id], value),
      valuesOf,
      async (id) => (await this.desk.ask('read', { id }))?.read ?? null,
    );
    this.add = new AddPane(find(element, '.bank-add', HTMLElement), this.desk, this.changes, {
      valuesOf,
      saved: (ids) => void this.saved(ids),
    });
    this.exchange = new Exchange(element, this.desk);
    this.acts = buttonActs({
      step: (what) => this.step(what),
      change: (action) => this.change(action, this.selection.ids),
      pickAll: () => this.pickAll(this.grid.ids),
      measure: (kind) => this.add.measure(kind),
      enter: (kind) => this.exchange.ask(kind),
      export: () => this.trigger('bank_export', { ids: this.grid.ids }),
    });
    this.bulk = new Bulk(find(element, '.bulk', HTMLFormElement), valuesOf, (action, value) =>
      this.change(action, this.selection.ids, value),
    );
    this.map = new CloudMap(find(element, '.bank-map', HTMLElement), {
      lassoed: (ids) => this.keep(ids, `${ids.length} of the map`),
      clicked: (id) => void this.look(id),
    });
    this.report = new Report(find(element, '.bank-report', HTMLElement), this.desk, {
      keep: (ids, words) => this.keep(ids, words),
      pick: (ids) => this.pickAll(ids),
      filter: (attributes) => this.filters.keepAttributes(attributes),
      draw: (kind, measures) => void this.add.measure(kind, measures),
      look: (id) => void this.look(id),
      changed: () => void this.again(),
      grid: () => void this.turn('grid'),
    });
  }

  get visible() {
    return this.element.offsetParent !== null;
  }

  /**
   * The values of an attribute, or the keys of all.
   * @param {string} key
   */
  valuesOf(key) {
    const attributes = this.facets?.attributes ?? [];
    if (!key) return attributes.map((each) => each.key);
    return (attributes.find((each) => each.key === key)?.values ?? []).filter((value) => value !== 'Unknown');
  }

  /**
   * @param {number[]} ids
   * @returns {Promise<import('./types.js').BankCard[] | null>}
   */
  async cards(ids) {
    const answer = await this.desk.ask('cards', { ids });
    if (answer) this.changes.saw(answer.cards.filter(({ id }) => id !== this.entry.entry?.id)); // that has its own
    return answer?.cards ?? null;
  }

  // ---- what is there

  async open() {
    if (this.opened) {
      await this.follow();
      return;
    }
    this.opened = true;
    const answer = await this.desk.ask('open');
    if (answer) await this.search();
    else this.opened = false;
  }

  /** Others may have changed the bank, or another page. */
  async follow() {
    const before = this.state,
      idle = this.visible && !this.add.open && !this.clash.open && !this.desk.under,
      answer = idle ? await this.desk.ask('state', { version: before?.version, encoding: before?.encoding }) : null;
    if (!answer || this.state?.version === before?.version) return;
    if (this.state?.id === before?.id) await this.search(true);
    else await this.another();
  }

  /** Another bank lies open: nothing of the one before is kept. */
  async another() {
    this.selection.clear();
    this.entry.show(null);
    this.filters.clear();
    await this.again();
  }

  /** Search anew after what this page did to many entries. */
  async again() {
    this.changes.forget();
    await this.search(true);
  }

  /** @param {BankState} state */
  heard(state) {
    const { element } = this,
      known = this.state;
    this.state = state;
    if (known && known.version !== state.version) {
      this.behind = true;
      this.grid.forget();
      this.trigger('bank_changed'); // the status line names the version
    }
    this.bar.show(state);
    element.dataset.version = state.version;
  }

  /** @param {boolean} [stay]  at the place where the grid is. */
  async search(stay = false) {
    this.serial += 1;
    const { serial } = this,
      fields = { filter: this.filters.value, near: this.entry.entry?.id, facets: this.facets === null || stay };
    const answer = await this.desk.ask('find', fields);
    if (!answer || serial !== this.serial) return;
    if (answer.facets) {
      this.facets = answer.facets;
      this.filters.offer(answer.facets);
      this.bulk.offer(answer.facets);
      this.add.offer();
    }
    const ids = numbersOf(answer.ids, 4);
    this.selection.keep(ids);
    this.grid.show(ids, stay);
    const empty = find(this.element, '.bank-body > .empty', HTMLElement);
    empty.hidden = ids.length > 0;
    empty.textContent = this.filters.narrow ? 'No entry is like that. Take a filter away.' : 'This bank is empty.';
    find(this.element, '.total', HTMLElement).textContent =
      `${ids.length.toLocaleString('en')} of ${(this.state?.entries ?? 0).toLocaleString('en')} entries`;
    Object.assign(this.element.dataset, { total: ids.length, serial });
    this.mark();
    if ((stay || this.behind) && this.entry.entry) await this.look(this.entry.entry.id);
    if (stay && this.view === 'map') await this.drawMap();
    if (stay && this.view === 'try') await this.report.open('try');
  }

  /**
   * @param {number[]} ids
   * @param {string} words
   */
  keep(ids, words) {
    this.filters.keep(ids, words);
  }

  /** @param {number[]} ids */
  pickAll(ids) {
    this.selection.picked = new Set(ids);
    this.mark();
  }

  /** @param {number} id */
  async look(id) {
    this.looked += 1;
    const { looked } = this,
      answer = await this.desk.ask('entry', { id });
    if (!answer || looked !== this.looked) return;
    this.behind = false;
    this.changes.saw([answer.entry]);
    this.entry.show(answer.entry);
  }

  /** @param {string} view */
  async turn(view) {
    this.view = view;
    find(this.element, '.bank-body', HTMLElement).dataset.view = view;
    for (const tab of all(this.element, '[data-view][role=tab]')) {
      tab.setAttribute('aria-selected', String(tab.dataset.view === view));
    }
    this.map.element.hidden = view !== 'map';
    this.report.element.hidden = ['grid', 'map'].includes(view);
    if (view === 'map') await this.drawMap();
    if (this.report.has(view)) await this.report.open(view);
  }

  async drawMap() {
    const answer = await this.desk.ask('map');
    if (answer) this.map.show(answer.cloud);
    this.map.mark(this.selection.ids);
  }

  mark() {
    const count = this.selection.ids.length,
      { state } = /** @type {Record<string, unknown>} */ (this.filters.value);
    const foot = find(this.element, '.bank-foot', HTMLElement),
      button = (/** @type {string} */ act) => find(foot, `[data-act=${act}]`, HTMLButtonElement);
    this.grid.mark();
    if (this.view === 'map') this.map.mark(this.selection.ids);
    for (const act of ['enable', 'disable', 'delete']) button(act).hidden = state === 'bin';
    button('restore').hidden = state !== 'bin';
    allow(['enable', 'disable', 'delete', 'restore'].map(button), count > 0, 'No entry is selected');
    find(this.element, '.bulk', HTMLElement).hidden = count < 2 || state === 'bin';
    find(this.element, '.picked', HTMLElement).textContent = count ? `${count} selected` : NONE_PICKED;
  }

  // ---- changes

  /**
   * @param {string} action
   * @param {number[]} ids
   * @param {unknown} [value]
   */
  async change(action, ids, value) {
    await this.changes.entries(action, ids, value);
    await this.search(true); // also where it was refused: somebody may have changed them
  }

  /** @param {'undo' | 'redo'} what */
  async step(what) {
    await this.changes.inTurn(() => this.desk.ask(what, { expected: this.state?.[what]?.revision }));
    await this.again();
  }

  /** @param {number[]} ids */
  async saved(ids) {
    await this.search(true);
    if (ids.length !== 1) return;
    this.pickAll(ids);
    this.grid.reveal(ids[0]);
    await this.look(ids[0]);
  }

  // ---- what is pressed

  /**
   * @param {HTMLElement} node
   * @param {MouseEvent | KeyboardEvent} event
   */
  pick(node, event) {
    const id = Number(node.dataset.id);
    if (this.selection.pick(id, this.grid.ids, event)) void this.look(id);
    node.focus({ preventScroll: true });
    this.mark();
  }

  /** @param {KeyboardEvent} event */
  walk(event) {
    const { grid } = this,
      id = grid.beside(Number(/** @type {HTMLElement} */ (document.activeElement).dataset.id), event.key);
    if (id === undefined) return;
    grid.reveal(id);
    grid.draw();
    const node = grid.nodes.get(id);
    if (node) this.pick(node, event);
  }

  /** @param {HTMLElement | null} node */
  async press(node) {
    if (!(node instanceof HTMLButtonElement) || node.disabled) return;
    const { act = '', view, look, untag, bulk } = node.dataset,
      { entry } = this.entry;
    if (view) await this.turn(view);
    else if (look && !node.closest('.bank-report, .bank-add')) await this.look(Number(look));
    else if (untag) await this.change('untag', entry ? [entry.id] : [], untag);
    else if (bulk) await this.bulk.press(bulk);
    else if (act.endsWith('_shown') && entry) await this.pressShown(act.slice(0, -6), entry);
    else await this.acts[act]?.();
  }

  /**
   * @param {string} act
   * @param {import('./types.js').Entry} entry
   */
  async pressShown(act, entry) {
    if (act === 'edit') {
      const answer = await this.desk.ask('outline', { id: entry.id });
      if (!answer) return;
      this.changes.saw([{ id: entry.id, revision: answer.revision }]);
      this.add.edit(entry.id, answer.proposal);
    } else if (act === 'measures') {
      const measures = Object.fromEntries(entry.measures.map(({ key, value }) => [key, value]));
      await this.add.measure(entry.kind, measures, entry);
    } else if (act === 'svg' && entry.drawing) savePattern(entry.drawing, `${entry.kind}-${entry.id}`);
    else await this.change(act, [entry.id]);
  }

  /** What Python made of files that were given. */
  arrived() {
    const { value } = this.props;
    if (!value) return;
    if (value.refused) this.desk.say(value.refused, true);
    if (value.message) this.desk.say(value.message);
    if (value.bank) this.heard(value.bank);
    if (value.proposals) this.add.take(value.proposals);
    if (value.tried) void this.turn('try');
    const { plan } = value;
    if (plan) void this.turn('import').then(() => this.report.showPlan(plan));
    if (value.changed && this.opened) void this.search(true);
  }

  listen() {
    const { element, grid } = this;
    grid.element.addEventListener('click', (event) => {
      const node = origin(event, '.card');
      if (node) this.pick(node, event);
    });
    element.addEventListener('click', (event) => void this.press(origin(event, 'button')));
    new IntersectionObserver((seen) => {
      if (seen[seen.length - 1].isIntersecting) void this.open();
    }).observe(element);
    setInterval(() => this.opened && void this.follow(), LOOK_AGAIN);
  }

  keys() {
    return bankActions({
      visible: () => this.visible,
      adding: () => this.add.open || this.clash.open,
      focused: () => this.grid.element.contains(document.activeElement),
      picked: () => this.selection.ids.length,
      close: () => (this.clash.open ? this.clash.close(false) : this.add.cancel()),
      walk: (event) => this.walk(event),
      pickAll: () => this.pickAll(this.grid.ids),
      change: (action) => void this.change(action, this.selection.ids),
      step: (what) => void this.step(what),
    });
  }
}

/**
 * @param {HTMLElement} element
 * @param {Props} props
 * @param {import('../../web/shared/events.js').Trigger<(typeof ASKS)[number]>} trigger
 * @param {import('../../web/shared/events.js').Server} server
 * @param {unknown} _upload
 * @param {import('../../web/shared/events.js').Watch} watch
 */
export function mount(element, props, trigger, server, _upload, watch) {
  const page = new BankPage(element, props, trigger, server);
  page.listen();
  actions.add('bank', page.keys());
  watch('value', () => page.arrived());
  page.mark();
}
