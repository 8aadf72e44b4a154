/** The result pane: a finished run with its photo to compare, or the progress of one under way. */

import { author } from '../../web/shared/author.js';
import { ENDED, fell, going } from '../../web/shared/cards.js';
import { all, allow, download, find, makePair, origin } from '../../web/shared/dom.js';
import { hear, tell } from '../../web/shared/events.js';
import { ExportForm } from './export.js';

/** What the panel asks of Python. */
export const ASKS = /** @type {const} */ (['follow', 'restore', 'repeat', 'export', 'arrange', 'to_bank']);

/** @typedef {import('../../web/shared/views.js').Result} Result */

const NO_RESULT = 'There is no picture yet: press Generate';

/** @param {Result} value */
function progressWords(value) {
  if (value.paused) return 'The queue is paused';
  if (value.state === 'queued') return value.ahead ? `Waiting: ${value.ahead} before this one` : 'Starting…';
  if (!value.step) return 'Preparing…';
  const left = value.seconds == null ? '' : `, ${Math.max(1, Math.ceil(value.seconds))} s left`;
  return `Step ${value.step} of ${value.steps}${value.step < (value.steps ?? 0) ? left : ', finishing'}`;
}

/** @param {Result} value */
function emptyWords(value) {
  const reason = value.error ?? (value.state === 'done' ? value.note : '');
  return (ENDED[value.state] ?? 'There is nothing to show') + (reason ? `: ${reason}` : '.');
}

class ResultPanel {
  /**
   * @param {HTMLElement} element
   * @param {import('../../web/shared/events.js').Props<Result>} props
   * @param {import('../../web/shared/events.js').Trigger<(typeof ASKS)[number]>} trigger
   */
  constructor(element, props, trigger) {
    this.element = element;
    this.props = props;
    this.trigger = trigger;
    this.sheet = find(element, '.sheet', HTMLElement);
    this.after = find(element, '.after', HTMLImageElement);
    this.before = find(element, '.before', HTMLImageElement);
    this.split = find(element, '.split', HTMLInputElement);
    this.compare = find(element, '[data-act=compare]', HTMLInputElement);
    this.beside = find(element, '[data-act=beside]', HTMLInputElement);
    this.flipButton = find(element, '[data-act=flip]', HTMLButtonElement);
    this.exports = new ExportForm(find(element, '.export', HTMLElement));
    this.menus = /** @type {HTMLDetailsElement[]} */ (all(element, '.menu'));
    this.flipped = false;
    this.fetched = 0; // token of the newest download
    /** @type {number | null} the run whose end is waited for. */
    this.followed = null;
  }

  // ---- comparing

  lay() {
    const two = this.beside.checked && !this.beside.disabled && !this.flipped;
    const comparing = this.compare.checked && !this.compare.disabled && !two,
      divider = find(this.element, '.divider', HTMLElement);
    this.sheet.classList.toggle('beside', two);
    this.before.hidden = !(comparing || this.flipped || two);
    this.split.hidden = divider.hidden = !comparing || this.flipped;
    for (const node of all(this.element, '.side')) node.hidden = !(comparing || two) || this.flipped;
    this.before.style.clipPath = this.flipped || two ? 'none' : `inset(0 ${100 - Number(this.split.value)}% 0 0)`;
    divider.style.left = `${this.split.value}%`;
    this.flipButton.setAttribute('aria-pressed', String(this.flipped));
  }

  flip() {
    if (this.compare.disabled) return;
    this.flipped = !this.flipped;
    this.lay();
  }

  /**
   * @param {HTMLInputElement} chosen
   * @param {HTMLInputElement} other
   */
  choose(chosen, other) {
    this.flipped = false;
    if (chosen.checked) other.checked = false;
    this.lay();
  }

  // ---- what is shown

  show() {
    const value = this.props.value || null;
    if (!value) {
      this.allow(value);
      return;
    }
    const under = going(value.state),
      done = value.state === 'done' && Boolean(value.image);
    const title = find(this.element, '.title', HTMLElement);
    Object.assign(this.element.dataset, { state: value.state, run: value.run, step: value.step ?? '' });
    title.textContent = [`run ${value.run}`, value.note].filter(Boolean).join(': ');
    title.title = value.note ?? '';
    this.showProgress(value, under);
    this.showPictures(value, under);
    this.allow(value);
    this.exports.offer(value);
    this.showFacts(value, under || done);
    this.showSave(value, done);
    this.fetch(value);
    this.lay();
    if (this.followed === value.run && done) tell('succeeded', null);
    this.followed = under ? value.run : null;
    if (value.follow) this.trigger('follow');
  }

  /**
   * @param {Result} value
   * @param {boolean} under
   */
  showProgress(value, under) {
    const bar = find(this.element, '.bar', HTMLElement),
      share = value.steps ? Math.round((100 * (value.step ?? 0)) / value.steps) : 0;
    find(this.element, '.progress', HTMLElement).hidden = !under;
    find(this.element, '[data-act=resume]', HTMLElement).hidden = !value.paused;
    if (!under) return;
    find(this.element, '.words', HTMLElement).textContent = progressWords(value);
    find(bar, 'i', HTMLElement).style.width = `${share}%`;
    bar.setAttribute('aria-valuenow', String(share));
  }

  /**
   * The run's picture; while one is under way the previous one stays, pale, until there is a preview.
   * @param {Result} value
   * @param {boolean} under
   */
  showPictures(value, under) {
    const { sheet, after, before } = this,
      live = under && (Boolean(value.image) || sheet.classList.contains('live'));
    if (value.image) after.src = value.image;
    if (value.photo) before.src = value.photo;
    sheet.hidden = !(value.image || (under && after.getAttribute('src')));
    sheet.classList.toggle('stale', under && !live);
    sheet.classList.toggle('live', live);
    if (!under) this.flipped = false;
  }

  /**
   * What can be done with the run that is shown; what cannot says why.
   * @param {Result | null} value
   */
  allow(value) {
    const under = value !== null && going(value.state),
      done = value?.state === 'done' && Boolean(value.image);
    const none = value ? (under ? 'The run is still under way' : 'This run has no picture') : NO_RESULT;
    allow([this.compare, this.beside, this.flipButton], done && Boolean(value?.photo), none);
    this.enable('[data-act=restore]', Boolean(value?.facts) && !under, none);
    this.enable('[data-act=check], [data-act=save]', done, none);
    this.enable('[data-act=again]', value !== null && fell(value.state), value ? 'This run did not fail' : none);
    this.enable('[data-act=sheet]', Boolean(value?.sheet), value ? 'This run is of no contact sheet' : none);
    this.exporting(false);
  }

  /**
   * @param {string} selector
   * @param {boolean} on
   * @param {string} why  not.
   */
  enable(selector, on, why) {
    allow(all(this.element, selector), on, why);
  }

  /**
   * @param {Result} value
   * @param {boolean} normal  whether it goes on, or has a picture.
   */
  showFacts(value, normal) {
    const empty = find(this.element, '.empty', HTMLElement);
    empty.hidden = !this.sheet.hidden;
    if (!normal) empty.textContent = emptyWords(value);
    find(this.element, '.facts', HTMLElement).replaceChildren(
      ...(value.facts ?? []).map(([name, text]) => makePair(name, text)),
    );
  }

  /**
   * @param {Result} value
   * @param {boolean} done
   */
  showSave(value, done) {
    const save = find(this.element, 'a[data-act=save]', HTMLAnchorElement);
    if (done) Object.assign(save, { href: value.saved, download: value.file });
    else save.removeAttribute('href');
  }

  /**
   * What was made for the person is saved once.
   * @param {Result} value
   */
  fetch({ download: made }) {
    if (!made || made.token === this.fetched) return;
    this.fetched = made.token;
    download(made.name, made.url);
    this.closeMenus();
  }

  /** @param {boolean} on  whether a file is being made. */
  exporting(on) {
    const value = this.props.value;
    find(this.element, '[data-act=export]', HTMLElement).textContent = on ? 'Making the file…' : 'Export PNG';
    const made = value?.state === 'done' && Boolean(value.image);
    this.enable('[data-act=export]', made && !on, made ? 'The file is being made' : NO_RESULT);
  }

  closeMenus() {
    for (const menu of this.menus) menu.open = false;
  }

  // ---- what is pressed

  /** @param {HTMLElement | null} button */
  press(button) {
    const value = this.props.value;
    if (!value || !(button instanceof HTMLButtonElement) || button.disabled) return;
    const { run } = value,
      { act, scope = '', what } = button.dataset;
    if (act === 'export') {
      this.exporting(true);
      this.trigger('export', { run, what, ...this.exports.wanted });
      return;
    }
    if (act === 'restore') this.trigger('restore', { run, scope });
    else if (act === 'to_bank') this.trigger('to_bank', { run, author: author() });
    else if (act === 'check' || act === 'again') this.trigger('repeat', { run, check: act === 'check' });
    else if (act === 'sheet' && value.sheet) download((value.file ?? '').replace(/\.png$/, '.sheet.png'), value.sheet);
    else if (act === 'resume') this.trigger('arrange', { action: 'resume' });
    this.closeMenus();
  }

  listen() {
    this.element.addEventListener('click', (event) => this.press(origin(event, 'button[data-act]')));
    this.split.addEventListener('input', () => this.lay());
    this.compare.addEventListener('change', () => this.choose(this.compare, this.beside));
    this.beside.addEventListener('change', () => this.choose(this.beside, this.compare));
    this.flipButton.addEventListener('click', () => this.flip());
    hear('flip', () => this.flip());
    hear('refused', () => this.exporting(false));
    for (const menu of this.menus) this.listenTo(menu);
  }

  /**
   * One menu is open at a time, and none that the focus has left.
   * @param {HTMLDetailsElement} menu
   */
  listenTo(menu) {
    menu.addEventListener('toggle', () => {
      for (const other of this.menus) if (menu.open && other !== menu) other.open = false;
    });
    menu.addEventListener('focusout', ({ relatedTarget }) => {
      if (relatedTarget instanceof Node && menu.contains(relatedTarget)) return;
      setTimeout(() => {
        menu.open = menu.contains(document.activeElement);
      }, 150);
    });
  }
}

/**
 * @param {HTMLElement} element
 * @param {import('../../web/shared/events.js').Props<Result>} props
 * @param {import('../../web/shared/events.js').Trigger<(typeof ASKS)[number]>} trigger
 * @param {unknown} _server
 * @param {unknown} _upload
 * @param {import('../../web/shared/events.js').Watch} watch
 */
export function mount(element, props, trigger, _server, _upload, watch) {
  const panel = new ResultPanel(element, props, trigger);
  panel.listen();
  watch('value', () => panel.show());
  panel.show();
}
