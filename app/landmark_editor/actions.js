/** The editor's actions: those that buttons name by `data-act`, and those of keys. */

import { matches } from '../web/shared/actions.js';
import { leftOnBothSides, mirrored } from './mask.js';

/** @typedef {import('../web/shared/actions.js').Action} Action */
/** @typedef {import('./editor.js').Editor} Editor */
/** @typedef {import('./tools/tool.js').ToolName} ToolName */

/**
 * What the panel around the editor does for keys.
 * @typedef {object} Controls
 * @property {() => void} toggleMirror
 * @property {(diameter: number) => void} resize  the brush, in pixels of the mask.
 * @property {() => boolean} menuOpen
 * @property {() => void} closeMenu
 */

const ZOOM_STEP = 1.3;

/** @type {[ToolName, string, string[], string][]} */
const TOOLS = [
  ['points', 'Points', ['v', 'p'], 'V'],
  ['brush', 'Brush', ['b'], 'B'],
  ['eraser', 'Eraser', ['e'], 'E'],
  ['transform', 'Move, scale, turn the whole', ['t'], 'T'],
  ['pan', 'Pan', ['h'], 'H'],
];

/**
 * What works all over the page while the canvas is in sight; those without keys are for buttons alone.
 * @param {Editor} editor
 * @param {Controls} panel
 * @returns {Action[]}
 */
export function outlineActions(editor, panel) {
  const { model, board, nib } = editor,
    enabled = () => editor.idle;
  /** @type {Action[]} */
  const cancel = [
    {
      name: 'break-off',
      label: 'Break a drag off',
      keys: ['Escape'],
      enabled: () => editor.visible && editor.gesture !== null,
      perform: () => {
        editor.cancel();
      },
    },
    {
      name: 'close-menu',
      label: 'Close the menu',
      keys: ['Escape'],
      enabled: () => editor.visible && panel.menuOpen(),
      perform: panel.closeMenu,
    },
  ];
  const tools = TOOLS.map(([name, label, keys, shown]) => ({
    name,
    label,
    keys,
    shown,
    perform: () => editor.choose(name),
  }));
  /** @type {Action[]} */
  const others = [
    { name: 'smaller', label: 'Smaller brush', keys: ['['], shown: '[', perform: () => panel.resize(nib.next(-1)) },
    { name: 'larger', label: 'Larger brush', keys: [']'], shown: ']', perform: () => panel.resize(nib.next(1)) },
    { name: 'mirror', label: 'Mirror: both sides alike', keys: ['m'], shown: 'M', perform: panel.toggleMirror },
    {
      name: 'redo',
      label: 'Redo',
      keys: ['Ctrl+Shift+z', 'Ctrl+y'],
      shown: 'Ctrl Shift Z',
      perform: () => model.redo(),
    },
    { name: 'undo', label: 'Undo', keys: ['Ctrl+z'], shown: 'Ctrl Z', perform: () => model.undo() },
    { name: 'in', label: 'Zoom in (or the wheel)', keys: ['+', '='], shown: '+', perform: () => board.zoom(ZOOM_STEP) },
    { name: 'out', label: 'Zoom out', keys: ['-'], shown: '−', perform: () => board.zoom(1 / ZOOM_STEP) },
    { name: 'fit', label: 'Fit', keys: ['Shift+Digit1'], shown: 'Shift 1', perform: () => board.fit() },
    { name: 'reset', label: 'Back to the consensus', keys: [], perform: () => model.pick(-1) },
    {
      name: 'flip',
      label: 'Flip left and right',
      keys: [],
      perform: () => model.edit('flip', mirrored(model.theDoc.mask, model.size)),
    },
    {
      name: 'symmetric',
      label: 'Copy the left half to the right',
      keys: [],
      perform: () => model.edit('copy the left half', leftOnBothSides(model.theDoc.mask, model.size)),
    },
  ];
  return [
    ...cancel,
    ...tools.map((action) => ({ ...action, enabled })),
    ...others.map((action) => ({ ...action, enabled })),
  ];
}

/**
 * What works while the board has the focus: holding Space, and the present tool's own keys.
 * @param {Editor} editor
 * @returns {Action[]}
 */
export function boardActions(editor) {
  const focused = () => editor.idle && document.activeElement === editor.board.canvas;
  const tools = Object.values(editor.tools).flatMap((tool) =>
    tool.actions().map((action) => ({
      ...action,
      name: `${tool.name}: ${action.name}`,
      enabled: () => focused() && editor.tool === tool,
    })),
  );
  /** @type {Action} */
  const hold = {
    name: 'hold',
    label: 'Pan, whatever the tool',
    keys: [' '],
    shown: 'Space drag',
    enabled: focused,
    perform: () => {
      editor.holding = true;
    },
  };
  window.addEventListener('keyup', (event) => {
    if (matches(' ', event)) editor.holding = false;
  });
  return [...tools, hold];
}
