/** The bar over the grid: which bank lies open, making, renaming and encoding banks, whose changes, undo and redo. */

import { author, setAuthor } from '../../web/shared/author.js';
import { find, make, makeButton, origin } from '../../web/shared/dom.js';

/** @typedef {import('./types.js').BankState} BankState */
/** @typedef {import('./desk.js').Desk} Desk */
/** @typedef {import('./types.js').Questions} Questions */

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
    this.encoding = ''; // what was said of it last
    this.choice = find(element, '.bank-choice', HTMLSelectElement);
    this.menu = find(element, '.bank-menu', HTMLDetailsElement);
    this.author = find(element, '[data-form=author]', HTMLFormElement);
    this.choice.addEventListener('change', () => void this.ask('bank_switch', { id: this.choice.value }));
    this.menu.addEventListener('submit', (event) => this.submit(event));
    this.menu.addEventListener('click', (event) => {
      const { encode } = origin(event, '[data-encode]')?.dataset ?? {};
      if (encode) void this.desk.ask('bank_encode', { id: encode });
      if (origin(event, '[data-act], [data-encode]')) this.menu.open = false;
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
    this.showUnusable(state);
    this.author.hidden = Boolean(state.author);
    const field = find(this.author, 'input', HTMLInputElement);
    if (document.activeElement !== field) field.value = author();
  }

  /**
   * Banks that are there and can't be opened, and how far one is that is encoded for this checkpoint.
   * @param {BankState} state
   */
  showUnusable({ unusable, encoding }) {
    const list = find(this.menu, '.unusable', HTMLElement),
      names = unusable.map(({ name }) => name).join(', '),
      before = list.dataset.names ?? '';
    list.hidden = !unusable.length;
    list.dataset.names = names;
    list.replaceChildren(
      ...unusable.map(({ id, name, why, foreign }) => {
        const item = make('li', '', name);
        item.append(make('span', 'note', why));
        if (foreign) item.append(makeButton('quiet', 'Encode for this checkpoint', { encode: id }));
        return item;
      }),
    );
    if (encoding !== this.encoding) this.desk.say(encoding);
    else if (names && names !== before) this.desk.say(`Cannot be opened: ${names}; Banks says why`);
    this.encoding = encoding;
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
    void this.ask(/** @type {'bank_create' | 'bank_copy' | 'bank_rename'} */ (`bank_${form.dataset.form}`), { name });
  }

  /**
   * @template {keyof Questions} Name
   * @param {Name} what
   * @param {Questions[Name]} values
   */
  async ask(what, values) {
    if (await this.desk.ask(what, values)) this.changed();
    else this.choice.value = this.choice.dataset.shown ?? this.choice.value;
  }
}
