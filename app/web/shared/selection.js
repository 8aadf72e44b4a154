/** Which items of a grid are selected: one by a click, more with Ctrl, a row of them with Shift. */

export class Selection {
  constructor() {
    /** @type {Set<number>} */
    this.picked = new Set();
    /** @type {number | null} where a row begins. */
    this.anchor = null;
  }

  get ids() {
    return [...this.picked];
  }

  /** @param {number} id */
  has(id) {
    return this.picked.has(id);
  }

  clear() {
    this.picked.clear();
  }

  /**
   * Forget those that are gone.
   * @param {number[]} there
   */
  keep(there) {
    this.picked = new Set(there.filter((id) => this.picked.has(id)));
  }

  /**
   * @param {number} id  that was clicked.
   * @param {number[]} order  of all.
   * @param {{ shiftKey: boolean, ctrlKey: boolean, metaKey: boolean }} keys  that were held.
   * @returns {boolean} whether it is selected alone, to be looked at.
   */
  pick(id, order, { shiftKey, ctrlKey, metaKey }) {
    if (shiftKey && this.anchor !== null && order.includes(this.anchor)) {
      const [from, to] = [order.indexOf(this.anchor), order.indexOf(id)].sort((a, b) => a - b);
      for (const each of order.slice(from, to + 1)) this.picked.add(each);
      return false;
    }
    const joins = ctrlKey || metaKey;
    if (!joins) this.picked.clear();
    if (!this.picked.delete(id)) this.picked.add(id);
    this.anchor = id;
    return !joins;
  }
}
