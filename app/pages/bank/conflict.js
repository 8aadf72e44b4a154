/** Both versions of entries that two people changed at once, and the choice between them. */

import { find, make, origin } from '../../web/shared/dom.js';
import { makeShape } from './entry.js';

/** @typedef {import('./types.js').Clash} Clash */
/** @typedef {import('./types.js').ClashEntry} ClashEntry */

export class ConflictPane {
  /** @param {HTMLElement} element */
  constructor(element) {
    this.element = element;
    this.body = find(element, '.clash-body', HTMLElement);
    /** @type {((mine: boolean) => void) | null} */
    this.decide = null;
    element.addEventListener('click', (event) => this.press(origin(event, 'button')));
  }

  get open() {
    return !this.element.hidden;
  }

  /**
   * Let the person choose; true for their own version.
   * @param {Clash} clash
   * @returns {Promise<boolean>}
   */
  choose({ entries, message }) {
    const mine = find(this.element, '[data-clash=mine]', HTMLButtonElement);
    find(this.element, '.clash-about', HTMLElement).textContent = message;
    const theirs = find(this.element, '[data-clash=theirs]', HTMLElement);
    theirs.textContent = entries.length > 1 ? 'Keep theirs' : `Keep ${whose(entries[0])}`;
    mine.disabled = entries.some(({ gone }) => gone);
    mine.title = mine.disabled ? 'It is in the bin now: restore it first' : 'Your change goes on top of theirs';
    this.body.replaceChildren(...entries.map((entry) => this.entry(entry)));
    this.element.hidden = false;
    theirs.focus();
    return new Promise((resolve) => {
      this.decide = resolve;
    });
  }

  /** @param {ClashEntry} entry */
  entry(entry) {
    const node = make('article', 'clash'),
      sides = make('div', 'clash-sides'),
      log = make('ul', 'entry-list'),
      table = make('table'),
      head = make('tr');
    sides.append(
      side(`${whose(entry)}, as it is now`, entry.theirs, 'theirs'),
      side('Yours', entry.mine, 'mine'),
    );
    head.append(...['', whose(entry), 'Yours'].map((text) => make('th', '', text)));
    table.append(
      head,
      ...entry.rows.map(([name, theirs, mine]) => {
        const row = make('tr');
        row.append(make('th', '', name), make('td', '', theirs), make('td', '', mine));
        return row;
      }),
    );
    log.append(...entry.edits.map((line) => make('li', '', line)));
    node.append(make('h3', '', `Entry ${entry.id}`), sides);
    if (entry.rows.length) node.append(table);
    else if (!entry.redrawn) node.append(make('p', 'note', 'Your change makes no difference to it any more'));
    node.append(make('h3', '', 'Done to it meanwhile'), log);
    return node;
  }

  /** @param {HTMLElement | null} button */
  press(button) {
    const choice = button?.dataset.clash;
    if (choice) this.close(choice === 'mine');
  }

  /** @param {boolean} mine */
  close(mine) {
    this.element.hidden = true;
    this.decide?.(mine);
    this.decide = null;
  }
}

/** @param {ClashEntry} entry */
function whose({ by }) {
  return by === 'somebody else' ? 'theirs' : `${by}'s`;
}

/**
 * @param {string} title
 * @param {string} shape  data URL.
 * @param {string} className
 */
function side(title, shape, className) {
  const node = make('figure', className);
  node.append(makeShape(shape, 'shape'), make('figcaption', '', title));
  return node;
}
