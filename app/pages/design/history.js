/** The strip of the latest runs; a click shows one and changes nothing on the bench. */

import { cardFace } from '../../web/shared/cards.js';
import { find, make, makeButton, origin } from '../../web/shared/dom.js';
import { tell } from '../../web/shared/events.js';

/** What the panel asks of Python. */
export const ASKS = /** @type {const} */ (['look', 'refresh']);

/** @typedef {import('../../web/shared/views.js').Card} Card */

const CHANGED = 'studio-runs'; // when runs began or ended
const ASKED_EVERY = 2000; // milliseconds, while a run is under way

/**
 * @param {Card} card
 * @param {boolean} shown
 */
function makeCard(card, shown) {
  const button = makeButton(`card ${card.status}`, '', { run: String(card.run) });
  button.title = card.title;
  button.ariaLabel = `Run ${card.run}: ${card.title}`;
  button.setAttribute('aria-pressed', String(shown));
  button.append(cardFace(card), make('span', 'when', card.mark === 'starred' ? `★ ${card.when}` : card.when));
  return button;
}

/**
 * @param {HTMLElement} element
 * @param {import('../../web/shared/events.js').Props<import('../../web/shared/views.js').Strip>} props
 * @param {import('../../web/shared/events.js').Trigger<(typeof ASKS)[number]>} trigger
 * @param {unknown} _server
 * @param {unknown} _upload
 * @param {import('../../web/shared/events.js').Watch} watch
 */
export function mount(element, props, trigger, _server, _upload, watch) {
  const row = find(element, '.row', HTMLElement),
    empty = find(element, '.empty', HTMLElement);
  let timer = 0,
    /** @type {string | null} */
    known = null;
  const show = () => {
    const { runs, shown, going } = props.value || { runs: [], shown: null, going: false };
    row.replaceChildren(...runs.map((card) => makeCard(card, card.run === shown)));
    empty.hidden = runs.length > 0;
    element.dataset.count = String(runs.length);
    const now = runs.map(({ run, status }) => `${run} ${status}`).join();
    if (now !== known) {
      tell('runs', null);
      if (known !== null) localStorage.setItem(CHANGED, String(Date.now()));
    }
    known = now;
    // A run goes on when its page was reloaded: ask how it stands until it has ended.
    clearTimeout(timer);
    if (going) timer = setTimeout(() => trigger('refresh'), ASKED_EVERY);
  };
  // Other tabs of this browser hear of what is written there; this one does not.
  window.addEventListener('storage', ({ key }) => {
    if (key === CHANGED) trigger('refresh');
  });
  row.addEventListener('click', (event) => {
    const button = origin(event, '[data-run]');
    if (button) trigger('look', { run: Number(button.dataset.run) });
  });
  watch('value', show);
  show();
}
