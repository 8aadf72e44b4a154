/**
 * The form of an export: what the run's own settings say comes first; what is chosen then stays for that run.
 */

import { find } from '../../web/shared/dom.js';

/** @typedef {import('../../web/shared/views.js').Result} Result */

export class ExportForm {
  /** @param {HTMLElement} form */
  constructor(form) {
    this.size = find(form, '[data-of=size]', HTMLSelectElement);
    this.background = find(form, '[data-of=background]', HTMLSelectElement);
    this.colour = find(form, '[data-of=colour]', HTMLInputElement);
    this.settings = find(form, '[data-of=settings]', HTMLInputElement);
    /** @type {number | null} */
    this.run = null;
    this.own = 0; // the picture's own side, pixels
    this.background.addEventListener('change', () => this.showColour());
  }

  /** @param {Result} value */
  offer({ run, sizes, background = 'white' }) {
    if (this.run === run || !sizes?.length) return;
    this.run = run;
    this.own = sizes[0];
    this.size.replaceChildren(
      ...sizes.map(
        (side, i) => new Option(`${side} × ${side}${i && i === sizes.length - 1 ? ', the most' : ''}`, String(side)),
      ),
    );
    const known = [...this.background.options].some(({ value }) => value === background);
    this.background.value = known ? background : 'other';
    if (!known) this.colour.value = background;
    this.showColour();
  }

  showColour() {
    const label = this.colour.closest('label');
    if (label) label.hidden = this.background.value !== 'other';
  }

  get wanted() {
    const size = Number(this.size.value),
      background = this.background.value;
    return {
      size: !size || size === this.own ? null : size,
      with_settings: this.settings.checked,
      background: background === 'other' ? this.colour.value : background,
    };
  }
}
