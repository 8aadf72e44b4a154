/** The entry of the bank that is pointed at on the map. */

import { find } from '../../web/shared/dom.js';

const ATTRIBUTES_SHOWN = 4;

/**
 * @param {HTMLElement} element
 * @param {import('../../web/shared/events.js').Props<import('../../web/shared/views.js').InsightEntry>} props
 * @param {unknown} _trigger
 * @param {unknown} _server
 * @param {unknown} _upload
 * @param {import('../../web/shared/events.js').Watch} watch
 */
export function mount(element, props, _trigger, _server, _upload, watch) {
  const box = find(element, '.insight-entry', HTMLElement),
    words = find(element, '.words', HTMLElement);
  const show = () => {
    const value = props.value;
    box.hidden = !value;
    element.dataset.entry = String(value?.id ?? '');
    if (!value) return;
    find(element, '.shape', HTMLElement).style.maskImage = `url(${value.shape})`;
    find(element, 'b', HTMLElement).textContent = `Entry ${value.id}`;
    find(element, '.source', HTMLElement).textContent = value.source;
    words.textContent = value.attributes.slice(0, ATTRIBUTES_SHOWN).join(', ');
    words.title = value.attributes.join(', ');
  };
  watch('value', show);
  show();
}
