/** How the page asks Python, and says what came of it. */

import { author } from '../../web/shared/author.js';

/** @typedef {import('./types.js').BankState} BankState */
/** @typedef {import('./types.js').Questions} Questions */
/** @typedef {import('./types.js').Told} Told */
/**
 * @template {keyof Questions} Name
 * @typedef {import('./types.js').Answers[Name] & Told} Answer
 */

const LOOK_MS = 400; // between two looks how far a long change is

export class Desk {
  /**
   * @param {import('../../web/shared/events.js').Server} server
   * @param {HTMLElement} line  where is said what happened.
   */
  constructor(server, line) {
    this.server = server;
    this.line = line;
    this.under = 0; // questions that wait for an answer
    /** @type {((state: BankState) => void)[]} */
    this.hearers = [];
  }

  /**
   * Ask; what is refused is said, and answered by null.
   * @template {keyof Questions} Name
   * @param {Name} what
   * @param {Questions[Name]} [values]
   * @returns {Promise<Answer<Name> | null>}
   */
  async ask(what, values) {
    this.under += 1;
    this.line.dataset.busy = String(this.under);
    /** @type {Told | undefined} */
    let answer; // there is none where the server failed
    try {
      answer = /** @type {Told | undefined} */ (await this.server.ask({ what, author: author(), ...values }));
    } catch {
      // nor where nobody is there
    } finally {
      this.under -= 1;
      this.line.dataset.busy = String(this.under);
    }
    answer ??= { refused: 'The studio did not answer: is it still running? Reload the page.' };
    if (answer.refused) {
      this.say(answer.refused, true);
      return null;
    }
    if (answer.bank) for (const hearer of this.hearers) hearer(answer.bank);
    if (answer.message) this.say(answer.message);
    return /** @type {Answer<Name>} */ (answer);
  }

  /**
   * Ask what takes long, and say how far it is meanwhile.
   * @template {keyof Questions} Name
   * @param {Name} what
   * @param {Questions[Name]} values
   * @param {string} doing  "48 entries are changed", for example.
   * @returns {Promise<Answer<Name> | null>}
   */
  async watch(what, values, doing) {
    const token = `${Date.now()} ${Math.random()}`;
    let over = false;
    const look = async () => {
      const told = await this.server.ask({ what: 'progress', token }),
        { done = 0, entries = 0 } = /** @type {Answer<'progress'>} */ (told);
      if (over || !entries) return;
      this.say(`${doing}: ${done.toLocaleString('en')} of ${entries.toLocaleString('en')} are done…`);
      this.line.style.setProperty('--done', `${(100 * done) / entries}%`);
    };
    this.say(`${doing}…`);
    const looking = setInterval(() => void look().catch(() => {}), LOOK_MS);
    try {
      return await this.ask(what, { ...values, token });
    } finally {
      over = true;
      clearInterval(looking);
      this.line.style.removeProperty('--done');
    }
  }

  /**
   * @param {string} text
   * @param {boolean} [wrong]
   */
  say(text, wrong = false) {
    this.line.textContent = text;
    this.line.classList.toggle('wrong', wrong);
  }
}

/**
 * Whole numbers as Python sends many of them: little endian, in base 64.
 * @param {string} text
 * @param {2 | 4} bytes  of each.
 * @returns {number[]}
 */
export function numbersOf(text, bytes) {
  const raw = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return Array.from(bytes === 4 ? new Int32Array(raw.buffer) : new Uint16Array(raw.buffer));
}
