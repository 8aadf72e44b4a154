/** The status line: what runs where, on which weights and bank, and how long the last action took. */

import { find, makePair } from './dom.js';

/**
 * @param {HTMLElement} element
 * @param {import('./events.js').Props<import('./views.js').Status>} props
 * @param {unknown} _trigger
 * @param {unknown} _server
 * @param {unknown} _upload
 * @param {import('./events.js').Watch} watch
 */
export function mount(element, props, _trigger, _server, _upload, watch) {
  const message = find(element, '.message', HTMLElement),
    timings = find(element, '.timings', HTMLElement);
  const parts = find(element, '.parts', HTMLElement);
  const show = () => {
    const value = props.value;
    if (!value) return;
    element.dataset.state = value.state;
    element.dataset.warning = String(Boolean(value.warning));
    if (value.message !== null) message.textContent = message.title = value.message;
    timings.textContent = value.timings;
    parts.replaceChildren(...value.facts.map(([name, text]) => makePair(name, text)));
  };
  watch('value', show);
  show();
}
