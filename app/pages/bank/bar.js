/** The bar over the grid: which bank lies open, making and renaming banks, whose changes they are, undo and redo. */

import { author, setAuthor } from '../../web/shared/author.js';
import { find, origin } from '../../web/shared/dom.js';

/** @typedef {import('./types.js').BankState} BankState */
/** @typedef {import('./desk.js').Desk} Desk */

export class Bar {
  /**
   * @param {HTMLElement} element  of the page.
   * @param {Desk} desk
   * @param {() => void} changed  hears that another bank lies open.
   */
  constructor(element, desk, changed) {
    this.element = element;
    this.desk = desk;
    this.changed = changed;
    this.choice = find(element, '.bank-choice', HTMLSelectElement);
    this.menu = find(element, '.bank-menu', HTMLDetailsElement);
    this.author = find(element, '[data-form=author]', HTMLFormElement);
    this.choice.addEventListener('change', () => void this.ask('bank_switch', { id: this.choice.value }));
    this.menu.addEventListener('submit', (event) => this.submit(event));
    this.menu.addEventListener('click', (event) => {
      if (origin(event, '[data-act]')) this.menu.open = false;
    });
    element.addEventListener('click', ({ target }) => {
      if (target instanceof Node && !this.menu.contains(target)) this.menu.open = false;
    });
  }

  /** @param {BankState} state */
  show(state) {
    this.choice.replaceChildren(
      ...state.banks.map(({ id, name, entries, bundled }) => {
        const words = bundled ? `${name} (bundled, ${entries})` : `${name} (${entries})`;
        return new Option(words, id);
      }),
    );
    this.choice.value = this.choice.dataset.shown = state.id;
    for (const act of /** @type {const} */ (['undo', 'redo'])) {
      const button = find(this.element, `[data-act=${act}]`, HTMLButtonElement);
      button.disabled = !state[act];
      const step = state[act];
      button.title = step ? `${act === 'undo' ? 'Undo' : 'Redo'}: ${step.text}` : `There is nothing to ${act}`;
    }
    this.author.hidden = Boolean(state.author);
    const field = find(this.author, 'input', HTMLInputElement);
    if (document.activeElement !== field) field.value = author();
  }

  /** @param {SubmitEvent} event */
  submit(event) {
    const form = /** @type {HTMLFormElement} */ (event.target),
      name = String(new FormData(form).get('name') ?? '').trim();
    event.preventDefault();
    this.menu.open = false;
    if (form === this.author) {
      setAuthor(name);
      this.desk.say(name ? `Changes are logged as ${name}'s` : 'Changes are logged without a name');
      return;
    }
    form.reset();
    void this.ask(`bank_${form.dataset.form}`, { name });
  }

  /**
   * @param {string} what
   * @param {Record<string, string>} values
   */
  async ask(what, values) {
    if (await this.desk.ask(what, values)) this.changed();
    else this.choice.value = this.choice.dataset.shown ?? this.choice.value;
  }
}
