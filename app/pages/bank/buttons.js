/** What the buttons of the Bank page do, by their `data-act`. */

import { fileField } from '../../web/shared/dom.js';

const FIRST_KIND = 't_shirt';

/**
 * What the page does for buttons.
 * @typedef {object} Page
 * @property {(what: 'undo' | 'redo') => unknown} step
 * @property {(action: string) => unknown} change  the selected entries.
 * @property {() => unknown} pickAll
 * @property {(kind: string) => unknown} measure  begin a garment by its measures.
 * @property {(kind: 'files' | 'folder') => unknown} enter  begin an import.
 * @property {() => unknown} export
 */

/**
 * @param {Page} page
 * @returns {Record<string, () => unknown>}
 */
export function buttonActs(page) {
  return {
    undo: () => page.step('undo'),
    redo: () => page.step('redo'),
    enable: () => page.change('enable'),
    disable: () => page.change('disable'),
    delete: () => page.change('delete'),
    restore: () => page.change('restore'),
    all: () => page.pickAll(),
    add_photos: () => fileField('bank_photos')?.click(),
    add_measures: () => page.measure(FIRST_KIND),
    try: () => fileField('bank_try')?.click(),
    import: () => page.enter('files'),
    import_folder: () => page.enter('folder'),
    export: () => page.export(),
  };
}
