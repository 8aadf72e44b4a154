/** The grid: only the rows in sight are drawn, and only their cards are asked for. */

import { make, makeButton } from '../../web/shared/dom.js';

/** @typedef {import('./types.js').BankCard} BankCard */

const LEAST_WIDTH = 104; // pixels of a card
const GAP = 8;
const FOOT = 22; // pixels below the shape
const SPARE = 2; // rows drawn above and below the window
const AT_ONCE = 120; // cards that are asked for at a time

export class Grid {
  /**
   * @param {HTMLElement} element
   * @param {(ids: number[]) => Promise<BankCard[] | null>} fetchCards
   * @param {(id: number) => boolean} isPicked
   */
  constructor(element, fetchCards, isPicked) {
    this.element = element;
    this.space = /** @type {HTMLElement} */ (element.firstElementChild);
    this.fetchCards = fetchCards;
    this.isPicked = isPicked;
    /** @type {number[]} */
    this.ids = [];
    /** @type {Map<number, number>} */
    this.places = new Map();
    /** @type {Map<number, BankCard>} */
    this.cards = new Map();
    /** @type {Map<number, HTMLElement>} */
    this.nodes = new Map();
    this.columns = 1;
    this.width = LEAST_WIDTH;
    this.asking = false;
    this.frame = 0;
    this.epoch = 0; // grows when what was asked for is no longer wanted
    element.addEventListener('scroll', () => this.redraw());
    new ResizeObserver(() => this.layout()).observe(element);
  }

  get rowHeight() {
    return this.width + FOOT + GAP;
  }

  /**
   * Show these, from the top unless they are the same place in the list.
   * @param {number[]} ids
   * @param {boolean} stay
   */
  show(ids, stay) {
    this.ids = ids;
    this.places = new Map(ids.map((id, place) => [id, place]));
    for (const node of this.nodes.values()) node.remove();
    this.nodes.clear();
    this.layout();
    if (!stay) this.element.scrollTop = 0;
    this.redraw();
  }

  /** What is known of all entries is old. */
  forget() {
    this.epoch += 1;
    this.cards.clear();
    this.asking = false;
  }

  layout() {
    const room = this.element.clientWidth - GAP;
    if (room <= 0) return;
    this.columns = Math.max(1, Math.floor(room / (LEAST_WIDTH + GAP)));
    this.width = Math.floor(room / this.columns) - GAP;
    this.space.style.height = `${Math.ceil(this.ids.length / this.columns) * this.rowHeight + GAP}px`;
    for (const [id, node] of this.nodes) this.put(node, this.places.get(id) ?? 0);
    this.redraw();
  }

  redraw() {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
    });
  }

  /** The places in sight, with some to spare. */
  range() {
    const { element, rowHeight, columns } = this;
    const first = Math.max(0, Math.floor(element.scrollTop / rowHeight) - SPARE);
    const last = Math.ceil((element.scrollTop + element.clientHeight) / rowHeight) + SPARE;
    return [first * columns, Math.min(this.ids.length, last * columns)];
  }

  draw() {
    if (!this.element.clientHeight) return;
    const [from, to] = this.range(),
      wanted = new Set(this.ids.slice(from, to));
    for (const [id, node] of this.nodes) {
      if (wanted.has(id)) continue;
      node.remove();
      this.nodes.delete(id);
    }
    for (let place = from; place < to; place += 1) this.place(this.ids[place], place);
    void this.fill([...wanted].filter((id) => !this.cards.has(id)));
  }

  /**
   * @param {number} id
   * @param {number} place
   */
  place(id, place) {
    let node = this.nodes.get(id);
    if (!node) {
      node = makeButton('card', '', { id: String(id) });
      node.setAttribute('role', 'option');
      node.tabIndex = -1;
      node.append(make('span', 'shape'), make('span', 'name'));
      this.nodes.set(id, node);
      this.space.append(node);
      this.put(node, place);
    }
    this.dress(node, id);
  }

  /**
   * @param {HTMLElement} node
   * @param {number} place
   */
  put(node, place) {
    const column = place % this.columns,
      row = Math.floor(place / this.columns);
    const x = GAP + column * (this.width + GAP),
      y = GAP + row * this.rowHeight;
    Object.assign(node.style, {
      width: `${this.width}px`,
      height: `${this.width + FOOT}px`,
      transform: `translate(${x}px, ${y}px)`,
    });
  }

  /**
   * @param {HTMLElement} node
   * @param {number} id
   */
  dress(node, id) {
    const card = this.cards.get(id);
    node.setAttribute('aria-selected', String(this.isPicked(id)));
    if (!card || node.dataset.state === `${card.state} ${card.title} ${card.note}`) return;
    node.dataset.state = `${card.state} ${card.title} ${card.note}`;
    node.className = `card ${card.state}`;
    node.title = card.title;
    node.ariaLabel = `Entry ${id}: ${card.title}`;
    const [shape, name] = /** @type {HTMLElement[]} */ ([...node.children]);
    shape.style.maskImage = `url(${card.shape})`;
    name.textContent = card.note;
  }

  /**
   * Ask for the cards that are missing, one question at a time.
   * @param {number[]} missing
   */
  async fill(missing) {
    if (!missing.length || this.asking) return;
    const { epoch } = this;
    this.asking = true;
    const cards = await this.fetchCards(missing.slice(0, AT_ONCE));
    if (epoch !== this.epoch) return;
    this.asking = false;
    if (!cards) return;
    for (const card of cards) this.cards.set(card.id, card);
    this.element.dataset.shown = String(this.cards.size);
    if (cards.length) this.redraw();
  }

  mark() {
    for (const [id, node] of this.nodes) node.setAttribute('aria-selected', String(this.isPicked(id)));
  }

  /**
   * The entry that an arrow key leads to; the first where none is left behind.
   * @param {number} id  of the one that is left.
   * @param {string} key
   * @returns {number | undefined}
   */
  beside(id, key) {
    const { ids, columns } = this,
      at = this.places.get(id) ?? -1,
      step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[key] ?? 0;
    return ids[Math.min(ids.length - 1, Math.max(0, at < 0 ? 0 : at + step))];
  }

  /** @param {number} id */
  reveal(id) {
    const place = this.places.get(id);
    if (place === undefined) return;
    const top = Math.floor(place / this.columns) * this.rowHeight,
      { element, rowHeight } = this;
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top + rowHeight > element.scrollTop + element.clientHeight)
      element.scrollTop = top + rowHeight + GAP - element.clientHeight;
  }
}
