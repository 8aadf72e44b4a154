/** Which runs are selected: one by a click, more with Ctrl, a row of them with Shift. */

export class Selection {
  constructor() {
    /** @type {Set<number>} */
    this.picked = new Set();
    /** @type {number | null} where a row begins. */
    this.anchor = null;
  }

  get runs() {
    return [...this.picked];
  }

  /** @param {number} run */
  has(run) {
    return this.picked.has(run);
  }

  clear() {
    this.picked.clear();
  }

  /**
   * Forget those that are gone.
   * @param {number[]} there
   */
  keep(there) {
    this.picked = new Set(there.filter((run) => this.picked.has(run)));
  }

  /**
   * @param {number} run  that was clicked.
   * @param {number[]} order  of all runs.
   * @param {{ shiftKey: boolean, ctrlKey: boolean, metaKey: boolean }} keys  that were held.
   * @returns {boolean} whether it is selected alone, to be looked at.
   */
  pick(run, order, { shiftKey, ctrlKey, metaKey }) {
    if (shiftKey && this.anchor !== null && order.includes(this.anchor)) {
      const [from, to] = [order.indexOf(this.anchor), order.indexOf(run)].sort((a, b) => a - b);
      for (const each of order.slice(from, to + 1)) this.picked.add(each);
      return false;
    }
    const joins = ctrlKey || metaKey;
    if (!joins) this.picked.clear();
    if (!this.picked.delete(run)) this.picked.add(run);
    this.anchor = run;
    return !joins;
  }
}
