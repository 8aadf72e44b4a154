/** What keys do on the Bank page. */

/** @typedef {import('../../web/shared/actions.js').Action} Action */
/**
 * What the page does for keys.
 * @typedef {object} Page
 * @property {() => boolean} visible
 * @property {() => boolean} adding  whether something is about to be added.
 * @property {() => boolean} focused  whether the grid has the focus.
 * @property {() => number} picked  entries that are selected.
 * @property {() => void} close
 * @property {(event: KeyboardEvent) => void} walk
 * @property {() => void} pickAll
 * @property {(action: string) => void} change
 * @property {(what: 'undo' | 'redo') => void} step
 */

const ARROWS = ['ArrowRight', 'ArrowLeft', 'ArrowDown', 'ArrowUp'];

/**
 * @param {Page} page
 * @returns {Action[]}
 */
export function bankActions(page) {
  const free = () => page.visible() && !page.adding(),
    focused = () => free() && page.focused(),
    picked = () => focused() && page.picked() > 0;
  return [
    {
      name: 'close',
      label: 'Add nothing',
      keys: ['Escape'],
      enabled: () => page.adding(),
      perform: () => page.close(),
    },
    {
      name: 'walk',
      label: 'Go from entry to entry',
      keys: ARROWS.flatMap((key) => [key, `Ctrl+${key}`]),
      shown: 'Arrows',
      enabled: focused,
      perform: (event) => page.walk(event),
    },
    {
      name: 'all',
      label: 'Select all that the filters leave',
      keys: ['Ctrl+a'],
      shown: 'Ctrl A',
      enabled: focused,
      perform: () => page.pickAll(),
    },
    {
      name: 'delete',
      label: 'Put the selected entries into the bin',
      keys: ['Delete'],
      shown: 'Del',
      enabled: picked,
      perform: () => page.change('delete'),
    },
    {
      name: 'hide',
      label: 'Hide the selected entries from retrieval',
      keys: ['x'],
      shown: 'X',
      enabled: picked,
      perform: () => page.change('disable'),
    },
    {
      name: 'redo',
      label: 'Redo in the bank',
      keys: ['Ctrl+Shift+z', 'Ctrl+y'],
      shown: 'Ctrl Shift Z',
      enabled: free,
      perform: () => page.step('redo'),
    },
    {
      name: 'undo',
      label: 'Undo in the bank',
      keys: ['Ctrl+z'],
      shown: 'Ctrl Z',
      enabled: free,
      perform: () => page.step('undo'),
    },
  ];
}
