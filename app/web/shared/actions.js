/** What keys do: one table that all panels fill, from which keys are heard and the help is drawn. */

import { writes } from './dom.js';

/**
 * @typedef {object} Action
 * @property {string} name  unique within its section.
 * @property {string} label  what the help says of it.
 * @property {string[]} keys  such as "b", "Ctrl+Shift+z", "Shift+Digit1" or "Alt+ArrowUp"; see `matches`.
 * @property {string} [shown]  the keys as the help writes them; without it the action is left out there.
 * @property {(event: KeyboardEvent) => void} perform
 * @property {() => boolean} [enabled]  always, if there is none.
 * @property {boolean} [whileWriting]  whether it works in text fields, too.
 */

/**
 * Sections in the order in which keys are offered to them: the first that has an enabled action for a key performs it.
 * @typedef {'board' | 'photo' | 'history' | 'bank-outline' | 'bank' | 'outline' | 'page'} Section
 */
/** @type {Section[]} */
const ORDER = ['board', 'photo', 'history', 'bank-outline', 'bank', 'outline', 'page'];

/** @type {[Section, string][]} */
const HELP = [
  ['page', ''],
  ['outline', 'Landmark'],
  ['board', 'While the canvas has the focus'],
  ['photo', 'While the photo has the focus'],
  ['history', 'While the grid of the history has the focus'],
  ['bank', 'While the grid of the bank has the focus'],
];

/**
 * Whether an event is a key of the table. Letters are of either case and signs of any layout, so Shift counts only
 * where it is named; Ctrl is the Mac's Command, too. "Digit1" is the key, wherever a layout has its sign.
 * @param {string} binding
 * @param {{ key: string, code: string, ctrlKey: boolean, metaKey: boolean, altKey: boolean, shiftKey: boolean }} event
 */
export function matches(binding, event) {
  const parts = binding.length === 1 ? [binding] : binding.split('+'),
    wanted = parts[parts.length - 1];
  const has = (/** @type {string} */ name) => parts.indexOf(name) >= 0 && parts.indexOf(name) < parts.length - 1;
  const pressed = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  return (
    (pressed === wanted || (wanted.length > 1 && event.code === wanted)) &&
    has('Ctrl') === (event.ctrlKey || event.metaKey) &&
    has('Alt') === event.altKey &&
    (!has('Shift') || event.shiftKey)
  );
}

/**
 * Keys and words of actions, those that are alike once: two tools may do the same with a key.
 * @param {Action[]} among
 */
function helpRows(among) {
  /** @type {Map<string, { keys: string, label: string }>} */
  const rows = new Map();
  for (const { shown, label } of among) if (shown) rows.set(`${shown} ${label}`, { keys: shown, label });
  return [...rows.values()];
}

export class ActionTable {
  constructor() {
    /** @type {Map<Section, Action[]>} */
    this.sections = new Map(ORDER.map((section) => [section, []]));
  }

  /**
   * Add actions in place of those of the same names: a panel may be mounted again.
   * @param {Section} section
   * @param {Action[]} actions
   */
  add(section, actions) {
    const names = new Set(actions.map(({ name }) => name));
    const others = (this.sections.get(section) ?? []).filter(({ name }) => !names.has(name));
    this.sections.set(section, [...others, ...actions]);
  }

  /**
   * Perform what a key stands for.
   * @param {KeyboardEvent} event
   * @returns {boolean} whether there was anything.
   */
  press(event) {
    const action = this.find(event);
    if (!action) return false;
    event.preventDefault();
    action.perform(event);
    return true;
  }

  /**
   * @param {KeyboardEvent} event
   * @returns {Action | undefined}
   */
  find(event) {
    const writing = writes(event.target);
    return ORDER.flatMap((section) => this.sections.get(section) ?? []).find(
      (action) =>
        (!writing || action.whileWriting) &&
        action.keys.some((binding) => matches(binding, event)) &&
        (action.enabled?.() ?? true),
    );
  }

  /**
   * What the help shows: sections with a title and rows of keys and words.
   * @returns {{ title: string, rows: { keys: string, label: string }[] }[]}
   */
  help() {
    const sections = HELP.map(([section, title]) => ({
      title,
      rows: helpRows(this.sections.get(section) ?? []),
    }));
    return sections.filter(({ rows }) => rows.length > 0);
  }
}

/** The table of this page. */
export const actions = new ActionTable();

if (typeof window !== 'undefined') window.addEventListener('keydown', (event) => actions.press(event));
