/** The History page's left side: filters, the grid of runs, and what is done to the selected ones. */

import { actions } from '../../web/shared/actions.js';
import { cardFace } from '../../web/shared/cards.js';
import { all, allow, fileField, find, make, makeButton, origin } from '../../web/shared/dom.js';
import { hear } from '../../web/shared/events.js';
import { Selection } from '../../web/shared/selection.js';

/** What the panel asks of Python. */
export const ASKS = /** @type {const} */ (['search', 'inspect', 'change_runs', 'bundle']);

/** @typedef {import('../../web/shared/views.js').Card} Card */
/** @typedef {import('../../web/shared/views.js').HistoryPage} HistoryPage */

const TYPED_EVERY = 150; // milliseconds between two searches while words are typed
const ASKED_EVERY = 2500; // milliseconds, while a run is under way
const AHEAD = 400; // pixels before its end at which the grid asks for more
const CARD_WIDTH = 118; // pixels, with its gap
const SURE_FOR = 4000; // milliseconds in which the bin is emptied by a second press
const ARROWS = ['ArrowRight', 'ArrowLeft', 'ArrowDown', 'ArrowUp'];
const NONE_PICKED = 'Click a run to look at it; Ctrl or Shift and click select several';

/** @param {Card} card */
function makeCard(card) {
  const node = makeButton(`card ${card.status} ${card.mark ?? ''}`, '', { run: String(card.run) });
  const signs = [card.mark === 'starred' ? '★' : '', card.noted ? '✎' : '', `${card.run} · ${card.when}`];
  node.setAttribute('role', 'option');
  node.tabIndex = -1;
  node.title = card.title;
  node.ariaLabel = `Run ${card.run}: ${card.title}${card.mark ? `, ${card.mark}` : ''}`;
  node.append(cardFace(card), make('span', 'name', card.name), make('span', 'when', signs.filter(Boolean).join(' ')));
  return node;
}

class HistoryPanel {
  /**
   * @param {HTMLElement} element
   * @param {import('../../web/shared/events.js').Props<HistoryPage>} props
   * @param {import('../../web/shared/events.js').Trigger<(typeof ASKS)[number]>} trigger
   */
  constructor(element, props, trigger) {
    this.element = element;
    this.props = props;
    this.trigger = trigger;
    this.grid = find(element, '.grid', HTMLElement);
    this.bin = find(element, '[data-field=bin]', HTMLInputElement);
    this.metadata = find(element, '[data-act=metadata]', HTMLInputElement);
    this.selection = new Selection();
    this.more = false;
    this.asked = 0; // the run before which more was asked for
    this.serial = 0; // of the newest question; an answer to an older one is passed over
    this.looked = 0;
    this.searched = -1e3; // when, milliseconds
    this.typing = this.again = 0; // timers
    this.due = false; // whether it is to look again when it is seen
    this.sure = false;
  }

  // ---- asking

  filter() {
    /** @type {Record<string, string | number | boolean>} */
    const fields = {};
    for (const node of all(this.element, '[data-field]')) {
      const field = node.dataset.field ?? '',
        value =
          node instanceof HTMLInputElement && node.type === 'checkbox'
            ? node.checked
            : /** @type {HTMLInputElement | HTMLSelectElement} */ (node).value;
      if (value) fields[field] = field === 'collection' ? Number(value) : value;
    }
    return fields;
  }

  /**
   * @param {'search' | 'change_runs'} event
   * @param {Record<string, unknown>} [fields]
   */
  ask(event, fields = {}) {
    this.serial += 1;
    this.trigger(event, { ...this.filter(), ...fields, serial: this.serial });
  }

  search() {
    this.selection.clear();
    this.searched = performance.now();
    this.ask('search');
  }

  /** @param {number} run */
  inspect(run) {
    this.looked += 1;
    this.trigger('inspect', { run, looked: this.looked });
  }

  /**
   * @param {string} action
   * @param {string | null} [value]
   */
  change(action, value) {
    this.ask('change_runs', { action, value, runs: this.selection.ids, looked: this.looked });
  }

  /** Runs begin and end by themselves: look again, but never under someone who has scrolled away. */
  refresh() {
    clearTimeout(this.again);
    this.due = this.element.offsetParent === null || this.grid.scrollTop > 0;
    if (this.due) return;
    const { ids: runs } = this.selection,
      detail = document.querySelector('#history_detail [data-state], #history_detail[data-state]');
    this.ask('search');
    if (
      runs.length === 1 &&
      detail instanceof HTMLElement &&
      ['queued', 'running'].includes(detail.dataset.state ?? '')
    ) {
      this.inspect(runs[0]);
    }
  }

  /** Ask for more before the end is in sight. */
  further() {
    const { grid } = this,
      last = Number(/** @type {HTMLElement | null} */ (grid.lastElementChild)?.dataset.run ?? 0);
    if (!this.more || !last || this.asked === last || this.element.offsetParent === null) return;
    if (grid.scrollTop + grid.clientHeight < grid.scrollHeight - AHEAD) return;
    this.asked = last;
    this.ask('search', { before: last });
  }

  // ---- what is shown

  show() {
    const value = this.props.value;
    if (!value) return;
    if (value.serial && value.serial < this.serial) {
      if (value.changed) this.refresh(); // what was asked after it may have been answered before it
      return;
    }
    this.showCards(value);
    this.more = value.more;
    this.asked = 0;
    this.choices(
      'category',
      'Any category',
      value.categories.map((name) => [name, name]),
    );
    this.choices(
      'collection',
      'Any collection',
      value.collections.map(([id, name, count]) => [String(id), `${name} (${count})`]),
    );
    this.showTotal(value);
    this.mark();
    clearTimeout(this.again);
    if (value.going) this.again = setTimeout(() => this.refresh(), ASKED_EVERY);
    this.further(); // a large window shows more than came
  }

  /** @param {HistoryPage} value */
  showCards({ cards, append }) {
    const { grid } = this,
      focused =
        document.activeElement instanceof HTMLElement && grid.contains(document.activeElement)
          ? document.activeElement.dataset.run
          : undefined;
    if (append) grid.append(...cards.map(makeCard));
    else {
      grid.replaceChildren(...cards.map(makeCard));
      grid.scrollTop = 0;
    }
    if (focused) all(grid, `.card[data-run="${focused}"]`)[0]?.focus({ preventScroll: true });
    this.selection.keep(this.runs());
  }

  /** @param {HistoryPage} value */
  showTotal(value) {
    const empty = find(this.element, '.empty', HTMLElement);
    find(this.element, '.total', HTMLElement).textContent =
      `${value.total.toLocaleString('en')} ${value.total === 1 ? 'run' : 'runs'}`;
    empty.hidden = value.total > 0;
    empty.textContent = value.bin
      ? 'The bin is empty.'
      : Object.keys(this.filter()).length
        ? 'No run is like that. Take a filter away.'
        : 'Every run is kept here with its settings, from the first Generate on.';
    Object.assign(this.element.dataset, { total: value.total, token: value.token });
  }

  /**
   * @param {string} field
   * @param {string} first
   * @param {[string, string][]} options
   */
  choices(field, first, options) {
    const node = find(this.element, `[data-field=${field}]`, HTMLSelectElement),
      kept = node.value;
    node.replaceChildren(...[['', first], ...options].map(([value, text]) => new Option(text, value)));
    node.value = options.some(([value]) => value === kept) ? kept : '';
  }

  runs() {
    return all(this.grid, '.card').map((node) => Number(node.dataset.run));
  }

  /** Show what is selected, and what can be done to it. */
  mark() {
    const { selection } = this,
      count = selection.ids.length,
      bin = this.bin.checked,
      cards = all(this.grid, '.card');
    const button = (/** @type {string} */ act) => find(this.element, `[data-act=${act}]`, HTMLButtonElement);
    for (const node of cards) node.setAttribute('aria-selected', String(selection.has(Number(node.dataset.run))));
    allow(
      ['starred', 'rejected', 'unmark', 'bundle', 'discard', 'bring_back'].map(button),
      count > 0,
      'No run is selected',
    );
    button('discard').hidden = bin;
    button('bring_back').hidden = button('empty_bin').hidden = !bin;
    allow([button('empty_bin')], cards.length > 0, 'The bin is empty');
    find(this.element, '.picked', HTMLElement).textContent = count ? `${count} selected` : NONE_PICKED;
  }

  // ---- what is pressed

  /**
   * @param {HTMLElement} node
   * @param {MouseEvent | KeyboardEvent} event
   */
  pick(node, event) {
    const run = Number(node.dataset.run),
      alone = this.selection.pick(run, this.runs(), event);
    if (alone) this.inspect(run);
    node.focus();
    this.mark();
  }

  /** @param {KeyboardEvent} event */
  walk(event) {
    const cards = all(this.grid, '.card'),
      wide = Math.max(1, Math.floor(this.grid.clientWidth / CARD_WIDTH));
    const at = cards.findIndex((node) => node === document.activeElement);
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: wide, ArrowUp: -wide }[event.key] ?? 0;
    const next = cards[Math.min(cards.length - 1, Math.max(0, at < 0 ? 0 : at + step))];
    if (next) this.pick(next, event);
  }

  /** @param {HTMLElement | null} node */
  press(node) {
    if (!(node instanceof HTMLButtonElement) || node.disabled) return;
    const { act = '' } = node.dataset;
    if (act === 'starred' || act === 'rejected') this.change('mark', act);
    else if (act === 'unmark') this.change('mark', null);
    else if (act === 'discard' || act === 'bring_back') this.change(act);
    else if (act === 'bundle') this.trigger('bundle', { runs: this.selection.ids, metadata: this.metadata.checked });
    else if (act === 'take') fileField('bundle_in')?.click();
    else if (act === 'empty_bin') this.emptyBin(node);
  }

  /**
   * Only a second press does it.
   * @param {HTMLElement} button
   */
  emptyBin(button) {
    const ask = (/** @type {boolean} */ sure) => {
      this.sure = sure;
      button.textContent = sure ? 'Press again: this cannot be undone' : 'Empty the bin';
    };
    if (this.sure) this.change('empty_bin');
    ask(!this.sure);
    if (this.sure) setTimeout(() => ask(false), SURE_FOR);
  }

  listen() {
    const { element, grid } = this;
    grid.addEventListener('click', (event) => {
      const node = origin(event, '.card');
      if (node) this.pick(node, event);
    });
    grid.addEventListener('scroll', () => {
      if (this.due && grid.scrollTop === 0) this.refresh();
      else this.further();
    });
    element.addEventListener('input', (event) => this.typed(origin(event, '[data-field]')));
    element.addEventListener('click', (event) => this.press(origin(event, 'footer [data-act]')));
    hear('change', (detail) => this.ask('change_runs', { ...detail, looked: this.looked }));
    hear('runs', () => this.refresh());
    new IntersectionObserver((seen) => {
      if (seen[seen.length - 1].isIntersecting) this.refresh();
    }).observe(element);
  }

  /**
   * The first letter is looked for at once, the next ones a few times a second.
   * @param {HTMLElement | null} field
   */
  typed(field) {
    if (!field) return;
    const words = field instanceof HTMLInputElement && field.type === 'search';
    clearTimeout(this.typing);
    this.typing = setTimeout(
      () => this.search(),
      words ? Math.max(0, this.searched + TYPED_EVERY - performance.now()) : 0,
    );
  }

  /** @returns {import('../../web/shared/actions.js').Action[]} */
  actions() {
    const focused = () => this.grid.contains(document.activeElement),
      picked = () => focused() && this.selection.ids.length > 0;
    return [
      {
        name: 'walk',
        label: 'Go from run to run',
        keys: ARROWS.flatMap((key) => [key, `Ctrl+${key}`]),
        shown: 'Arrows',
        enabled: focused,
        perform: (event) => this.walk(event),
      },
      {
        name: 'star',
        label: 'Star the selected runs',
        keys: ['s'],
        shown: 'S',
        enabled: picked,
        perform: () => this.change('mark', 'starred'),
      },
      {
        name: 'discard',
        label: 'Put the selected runs into the bin',
        keys: ['Delete'],
        shown: 'Del',
        enabled: () => picked() && !this.bin.checked,
        perform: () => this.change('discard'),
      },
    ];
  }
}

/**
 * @param {HTMLElement} element
 * @param {import('../../web/shared/events.js').Props<HistoryPage>} props
 * @param {import('../../web/shared/events.js').Trigger<(typeof ASKS)[number]>} trigger
 * @param {unknown} _server
 * @param {unknown} _upload
 * @param {import('../../web/shared/events.js').Watch} watch
 */
export function mount(element, props, trigger, _server, _upload, watch) {
  const panel = new HistoryPanel(element, props, trigger);
  panel.listen();
  actions.add('history', panel.actions());
  watch('value', () => panel.show());
  panel.mark();
  panel.show();
}
