/**
 * What α does: it turns the structure embedding towards the bank's reconstruction. The outline does not depend on it.
 */

import { find, fixed } from '../../web/shared/dom.js';
import { hear } from '../../web/shared/events.js';

/** @param {HTMLElement} element */
export function mount(element) {
  const words = find(element, 'p', HTMLElement),
    before = words.textContent;
  hear('mix', (mix) => {
    if (!mix) {
      words.textContent = before;
      delete element.dataset.likeness;
      return;
    }
    const { likeness, all } = mix;
    const turned = `ê is ${fixed(likeness)} like the photo's own e (${fixed(all)} at α = 1).`;
    words.textContent = `${turned} The outline follows K, not α.`;
    element.dataset.likeness = String(likeness);
  });
}
