/** Changes of entries, one after the other, and what is done when somebody else was quicker. */

/** @typedef {import('./desk.js').Desk} Desk */
/** @typedef {import('./types.js').Change} Change */
/** @typedef {import('./types.js').Changed} Changed */
/** @typedef {import('./types.js').Draft} Draft */
/** @typedef {import('./conflict.js').ConflictPane} ConflictPane */

const EMBEDDING = new Set(['attributes', 'measure']); // actions after which entries are embedded anew

export class Changes {
  /**
   * @param {Desk} desk
   * @param {ConflictPane} pane  asks which version is to stay.
   */
  constructor(desk, pane) {
    this.desk = desk;
    this.pane = pane;
    /** @type {Map<number, number>} the revision of each entry that was shown. */
    this.seen = new Map();
    /** @type {number | null} whose outline or measures are being changed; it was seen when that began. */
    this.held = null;
    /** @type {Promise<unknown>} */
    this.last = Promise.resolve();
  }

  /** @param {{ id: number, revision: number }[]} entries  that were just shown. */
  saw(entries) {
    this.learn(entries.filter(({ id }) => id !== this.held));
  }

  /** @param {{ id: number, revision: number }[]} entries  that this page changed, or whose change was told. */
  learn(entries) {
    for (const { id, revision } of entries) this.seen.set(id, revision);
  }

  /** What was shown is old, by what this page did itself; but who changes an entry goes by what was seen first. */
  forget() {
    for (const id of this.seen.keys()) if (id !== this.held) this.seen.delete(id);
  }

  /**
   * Do something when all before it is done, so that it is judged by what came of that.
   * @template T
   * @param {() => Promise<T>} act
   * @returns {Promise<T>}
   */
  inTurn(act) {
    const done = this.last.then(act);
    this.last = done.catch(() => {});
    return done;
  }

  /**
   * Change entries; null if it was refused, or the others' version stays.
   * @param {string} action
   * @param {number[]} ids
   * @param {unknown} value
   * @returns {Promise<Changed | null>}
   */
  entries(action, ids, value) {
    return this.inTurn(() => this.ask('change', { action, ids, value }, ids));
  }

  /**
   * @param {'change' | 'save'} what
   * @param {Change | Draft} values
   * @param {number[]} ids  of the entries that it changes.
   * @returns {Promise<Changed | null>}
   */
  async ask(what, values, ids) {
    const changed = new Set(ids),
      seen = Object.fromEntries([...this.seen].filter(([id]) => changed.has(id))),
      sent = { ...values, seen },
      long = ids.length > 1 && 'action' in values && EMBEDDING.has(values.action),
      doing = `${ids.length.toLocaleString('en')} entries are changed`,
      answer = await (long ? this.desk.watch(what, sent, doing) : this.desk.ask(what, sent));
    if (!answer?.conflict) {
      this.learn(answer?.revisions ?? []);
      return answer;
    }
    const { entries } = answer.conflict,
      theirs = new Set(entries.map(({ id }) => id)),
      mine = await this.pane.choose(answer.conflict);
    this.learn(entries);
    if (mine) return this.ask(what, values, ids);
    const rest = ids.filter((id) => !theirs.has(id));
    const { id, by } = entries[0];
    this.desk.say(theirs.size === 1 ? `Entry ${id} stays as ${by} left it` : 'They stay as the others left them');
    return rest.length && 'action' in values ? this.ask(what, { ...values, ids: rest }, rest) : null;
  }
}
