/** The field of the seed; its value is of digits, as seeds are larger than JavaScript's numbers. */

import { find } from '../../web/shared/dom.js';
import { MOST_SEED, nextSeed, readSeed } from '../../web/shared/seeds.js';

/** What the panel asks of Python. */
export const ASKS = /** @type {const} */ (['keep']);

const STEPS = /** @type {Record<string, 1 | -1>} */ ({ ArrowUp: 1, ArrowDown: -1 });

/**
 * @param {HTMLElement} element
 * @param {import('../../web/shared/events.js').Props<string>} props
 * @param {import('../../web/shared/events.js').Trigger<(typeof ASKS)[number]>} trigger
 * @param {unknown} _server
 * @param {unknown} _upload
 * @param {import('../../web/shared/events.js').Watch} watch
 */
export function mount(element, props, trigger, _server, _upload, watch) {
  const field = find(element, 'input', HTMLInputElement);
  // What is no seed goes to Python as it is, which refuses it in words.
  const take = () => {
    const seed = readSeed(field.value);
    field.setCustomValidity(seed === null ? `A seed is a whole number from 0 to ${MOST_SEED}` : '');
    props.value = seed ?? field.value;
  };
  field.addEventListener('input', take);
  field.addEventListener('change', () => {
    take();
    if (props.value !== field.value) field.value = String(props.value);
    trigger('keep');
  });
  // The browser's own steps would count in rounded numbers.
  field.addEventListener('keydown', (event) => {
    const step = STEPS[event.key],
      seed = readSeed(field.value);
    if (!step) return;
    event.preventDefault();
    if (seed === null) return;
    field.value = nextSeed(seed, step);
    take();
  });
  const show = () => {
    if (!props.value) return;
    field.value = String(props.value);
    field.setCustomValidity('');
  };
  watch('value', show);
  show();
}
