/** What is done to all selected entries at once: an attribute, a measure, a tag. */

import { find } from '../../web/shared/dom.js';

/** @typedef {import('./types.js').Facets} Facets */

export class Bulk {
  /**
   * @param {HTMLFormElement} form
   * @param {(key: string) => string[]} valuesOf  an attribute may have.
   * @param {(action: string, value: unknown) => Promise<void>} change
   */
  constructor(form, valuesOf, change) {
    this.form = form;
    this.valuesOf = valuesOf;
    this.change = change;
    this.key = find(form, '[name=attribute]', HTMLSelectElement);
    this.value = find(form, '[name=value]', HTMLSelectElement);
    this.measure = find(form, '[name=measure]', HTMLSelectElement);
    this.key.addEventListener('change', () => this.choices());
    form.addEventListener('submit', (event) => event.preventDefault());
  }

  /** @param {Facets} facets */
  offer(facets) {
    if (!this.key.options.length) this.key.append(...facets.attributes.map(({ name, key }) => new Option(name, key)));
    if (!this.value.options.length) this.choices();
    if (!this.measure.options.length) {
      this.measure.append(...facets.measures.map((key) => new Option(key.replaceAll('_', ' '), key)));
    }
  }

  choices() {
    this.value.replaceChildren(...[...this.valuesOf(this.key.value), 'Unknown'].map((each) => new Option(each)));
  }

  /** @param {string} kind  "attribute", "measure", "tag" or "untag". */
  async press(kind) {
    const tag = find(this.form, '[name=tag]', HTMLInputElement).value.trim(),
      by = find(this.form, '[name=by]', HTMLInputElement).value;
    if (kind === 'attribute') await this.change('attributes', { [this.key.value]: this.value.value });
    else if (kind === 'measure') await this.change('measure', { key: this.measure.value, by });
    else if (tag) await this.change(kind, tag);
  }
}
