/** The queue: what runs and what waits; order, pause, cancel, and many photos at once. */

import { all, allow, feed, fileField, find, make, makeButton, origin } from '../../web/shared/dom.js';

/** What the panel asks of Python. */
export const ASKS = /** @type {const} */ (['arrange']);

/** @typedef {import('../../web/shared/views.js').Queue} Queue */
/** @typedef {import('../../web/shared/views.js').QueueEntry} QueueEntry */

const EMPTY = 'The queue is empty';

/** @param {QueueEntry} entry */
const waits = ({ state }) => state === 'queued';

/**
 * @param {string} act
 * @param {string} text
 * @param {string} label
 * @param {number} run
 * @param {boolean} disabled
 */
function entryButton(act, text, label, run, disabled) {
  const node = makeButton('quiet', text, { act, run: String(run) });
  node.disabled = disabled;
  node.ariaLabel = `${label} run ${run}`;
  node.title = label;
  return node;
}

/** @param {QueueEntry} entry */
function progress({ state, step, steps, seconds }) {
  if (state === 'queued') return 'waits';
  if (!step) return 'preparing';
  return `step ${step} of ${steps}${seconds == null ? '' : `, ${Math.max(1, Math.ceil(seconds))} s left`}`;
}

/**
 * @param {QueueEntry} entry
 * @param {number} place
 * @param {QueueEntry[]} entries
 */
function makeEntry(entry, place, entries) {
  const node = make('li', entry.state),
    name = make('span', 'name', `${entry.run} · ${entry.name}, seed ${entry.seed}`);
  const fixed = !waits(entry);
  node.dataset.run = String(entry.run);
  name.title = name.textContent ?? '';
  node.append(
    name,
    make('span', 'state', progress(entry)),
    entryButton('up', '↑', 'Earlier:', entry.run, fixed || place === entries.findIndex(waits)),
    entryButton('down', '↓', 'Later:', entry.run, fixed || place === entries.length - 1),
    entryButton('cancel', '×', 'Cancel', entry.run, false),
  );
  return node;
}

class QueuePanel {
  /**
   * @param {HTMLElement} element
   * @param {import('../../web/shared/events.js').Props<Queue>} props
   * @param {import('../../web/shared/events.js').Trigger<(typeof ASKS)[number]>} trigger
   */
  constructor(element, props, trigger) {
    this.element = element;
    this.props = props;
    this.trigger = trigger;
    this.list = find(element, '.list', HTMLElement);
    this.rows = find(element, 'ol', HTMLElement);
    this.pause = find(element, '[data-act=pause]', HTMLButtonElement);
    this.toggle = find(element, '[data-act=toggle]', HTMLButtonElement);
  }

  get queue() {
    return this.props.value || { runs: [], paused: false };
  }

  show() {
    const { runs, paused } = this.queue,
      waiting = runs.filter(waits).length;
    this.redraw(runs);
    find(this.element, '.empty', HTMLElement).hidden = runs.length > 0;
    find(this.element, '.count', HTMLElement).textContent = !runs.length
      ? 'empty'
      : paused
        ? `paused, ${waiting} waiting`
        : `${runs.length - waiting} running, ${waiting} waiting`;
    this.pause.textContent = paused ? 'Resume' : 'Pause';
    this.pause.dataset.act = paused ? 'resume' : 'pause';
    allow([this.pause], runs.length > 0 || paused, EMPTY);
    allow(all(this.element, '[data-act=cancel_all]'), runs.length > 0, EMPTY);
    this.element.dataset.count = String(runs.length);
    this.element.dataset.paused = String(paused);
  }

  /**
   * Anew, with the focus where it was.
   * @param {QueueEntry[]} runs
   */
  redraw(runs) {
    const focused =
      document.activeElement instanceof HTMLElement && this.rows.contains(document.activeElement)
        ? { ...document.activeElement.dataset }
        : null;
    this.rows.replaceChildren(...runs.map(makeEntry));
    if (focused) all(this.rows, `[data-act="${focused.act}"][data-run="${focused.run}"]`)[0]?.focus();
  }

  /**
   * @param {number} run
   * @param {1 | -1} by
   */
  move(run, by) {
    const order = this.queue.runs.filter(waits).map((entry) => entry.run);
    const from = order.indexOf(run),
      to = from + by;
    if (from < 0 || to < 0 || to >= order.length) return;
    order.splice(to, 0, ...order.splice(from, 1));
    this.trigger('arrange', { action: 'move', runs: order });
  }

  /** @param {boolean} on */
  open(on) {
    this.list.hidden = !on;
    this.toggle.setAttribute('aria-expanded', String(on));
    this.toggle.textContent = on ? 'Hide' : 'Show';
  }

  /** @param {HTMLElement | null} node */
  press(node) {
    if (!node || (node instanceof HTMLButtonElement && node.disabled)) return;
    const { act = '', run } = node.dataset;
    if (act === 'toggle') this.open(this.list.hidden);
    else if (act === 'batch') fileField('batch_files')?.click();
    else if (act === 'up' || act === 'down') this.move(Number(run), act === 'up' ? -1 : 1);
    else this.trigger('arrange', act === 'cancel' ? { action: act, run: Number(run) } : { action: act });
  }

  listen() {
    this.element.addEventListener('click', (event) => this.press(origin(event, '[data-act]')));
    this.element.addEventListener('dragover', (event) => {
      if (event.dataTransfer?.types.includes('Files')) event.preventDefault();
    });
    this.element.addEventListener('drop', (event) => {
      if (!event.dataTransfer?.files.length) return;
      event.preventDefault();
      event.stopPropagation();
      feed(fileField('batch_files'), event.dataTransfer.files);
    });
  }
}

/**
 * @param {HTMLElement} element
 * @param {import('../../web/shared/events.js').Props<Queue>} props
 * @param {import('../../web/shared/events.js').Trigger<(typeof ASKS)[number]>} trigger
 * @param {unknown} _server
 * @param {unknown} _upload
 * @param {import('../../web/shared/events.js').Watch} watch
 */
export function mount(element, props, trigger, _server, _upload, watch) {
  const panel = new QueuePanel(element, props, trigger);
  panel.listen();
  watch('value', () => panel.show());
  panel.show();
}
