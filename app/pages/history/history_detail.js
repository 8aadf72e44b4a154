/** The History page's right side: one run with all that made it, its note and its collections. */

import { ENDED, fell, going } from '../../web/shared/cards.js';
import { all, allow, download, find, make, makeButton, origin } from '../../web/shared/dom.js';
import { tell } from '../../web/shared/events.js';

/** What the panel asks of Python. */
export const ASKS = /** @type {const} */ (['restore', 'repeat', 'export']);

/** @typedef {import('../../web/shared/views.js').HistoryDetail} HistoryDetail */

/** @type {Record<string, string>} */
const WORDS = { ...ENDED, queued: 'It waits in the queue', running: 'It is under way' };

class DetailPanel {
  /**
   * @param {HTMLElement} element
   * @param {import('../../web/shared/events.js').Props<HistoryDetail>} props
   * @param {import('../../web/shared/events.js').Trigger<(typeof ASKS)[number]>} trigger
   */
  constructor(element, props, trigger) {
    this.element = element;
    this.props = props;
    this.trigger = trigger;
    this.note = find(element, 'textarea', HTMLTextAreaElement);
    this.collection = find(element, '.collect input', HTMLInputElement);
    this.fetched = 0; // token of the newest download
    this.shown = 0; // run
    this.newest = 0; // number of the newest look; an answer to an older one is passed over
  }

  show() {
    const value = this.props.value;
    if ((value?.looked ?? this.newest) < this.newest) return;
    this.newest = value?.looked ?? this.newest;
    find(this.element, '.body', HTMLElement).hidden = !value;
    find(this.element, '.empty', HTMLElement).hidden = Boolean(value);
    this.element.dataset.run = String(value?.run ?? '');
    find(this.element, '.title', HTMLElement).textContent = value
      ? `${value.run} · ${value.name}${value.deleted ? ' (in the bin)' : ''}`
      : '';
    if (!value) return;
    this.element.dataset.state = value.state;
    this.showPicture('.photo', value.photo);
    this.showPicture('.result', value.image);
    this.showReason(value);
    this.allow(value);
    this.showWords(value);
    this.showFacts(value);
    if (value.download && value.download.token !== this.fetched) {
      this.fetched = value.download.token;
      download(value.download.name, value.download.url);
    }
  }

  /**
   * @param {string} selector
   * @param {string | null} url
   */
  showPicture(selector, url) {
    const node = find(this.element, selector, HTMLImageElement);
    node.hidden = !url;
    if (url) node.src = url;
    else node.removeAttribute('src');
  }

  /** @param {HistoryDetail} value */
  showReason({ state, error, note }) {
    const node = find(this.element, '.say', HTMLElement),
      reason = [WORDS[state], error, note].filter(Boolean).join(': ');
    node.textContent = reason;
    node.hidden = !reason;
  }

  /** @param {HistoryDetail} value */
  allow(value) {
    const done = Boolean(value.image),
      save = find(this.element, 'a[data-act=save]', HTMLAnchorElement);
    this.enable('[data-act=restore]', !going(value.state), 'The run is still under way');
    this.enable('[data-act=check], [data-act=export], [data-act=save]', done, 'This run has no picture');
    this.enable('[data-act=again]', fell(value.state), 'This run did not fail');
    this.enable('[data-act=sheet]', Boolean(value.sheet), 'This run is of no contact sheet');
    if (done) Object.assign(save, { href: value.saved, download: value.file });
    else save.removeAttribute('href');
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
   * What the person wrote of it; a note that is being written stays.
   * @param {HistoryDetail} value
   */
  showWords(value) {
    if (this.shown !== value.run || document.activeElement !== this.note) this.note.value = value.words;
    this.shown = value.run;
    find(this.element, '.held', HTMLElement).replaceChildren(
      ...value.collections.map(([id, name]) => {
        const tag = makeButton('tag', `${name} ×`, { out: String(id) });
        tag.ariaLabel = `Take out of ${name}`;
        return tag;
      }),
    );
    find(this.element, 'datalist', HTMLElement).replaceChildren(...value.known.map((name) => new Option('', name)));
  }

  /** @param {HistoryDetail} value */
  showFacts({ facts, details, candidates }) {
    find(this.element, '.facts', HTMLElement).replaceChildren(
      ...[...facts, ...details].flatMap(([label, text]) => [make('dt', '', label), make('dd', '', text)]),
    );
    find(this.element, '.candidates', HTMLElement).replaceChildren(...candidates.map((text) => make('li', '', text)));
  }

  /**
   * @param {string} action
   * @param {string | number} value
   */
  change(action, value) {
    if (this.props.value) tell('change', { action, value, runs: [this.props.value.run] });
  }

  /** @param {HTMLElement | null} node */
  press(node) {
    const value = this.props.value;
    if (!value || !(node instanceof HTMLButtonElement) || node.disabled) return;
    const { run } = value,
      { act, scope = '', what, out } = node.dataset;
    if (out) this.change('take_out', Number(out));
    else if (act === 'restore') this.trigger('restore', { run, scope });
    else if (act === 'check' || act === 'again') this.trigger('repeat', { run, check: act === 'check' });
    else if (act === 'export') this.trigger('export', { run, what, with_settings: false });
    else if (act === 'sheet' && value.sheet) download(value.file.replace(/\.png$/, '.sheet.png'), value.sheet);
  }

  listen() {
    this.element.addEventListener('click', (event) => this.press(origin(event, 'button')));
    this.note.addEventListener('change', () => this.change('note', this.note.value));
    find(this.element, 'form', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault();
      if (this.collection.value.trim()) this.change('collect', this.collection.value);
      this.collection.value = '';
    });
  }
}

/**
 * @param {HTMLElement} element
 * @param {import('../../web/shared/events.js').Props<HistoryDetail>} props
 * @param {import('../../web/shared/events.js').Trigger<(typeof ASKS)[number]>} trigger
 * @param {unknown} _server
 * @param {unknown} _upload
 * @param {import('../../web/shared/events.js').Watch} watch
 */
export function mount(element, props, trigger, _server, _upload, watch) {
  const panel = new DetailPanel(element, props, trigger);
  panel.listen();
  watch('value', () => panel.show());
  panel.show();
}
