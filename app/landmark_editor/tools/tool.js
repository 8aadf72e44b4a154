/**
 * What a tool is, as types: it turns a drag into a changed mask, which becomes one step of the history at the end.
 * @module
 */

/** @typedef {import('../affine.js').Point} Point */
/** @typedef {import('../board.js').Pen} Pen */
/** @typedef {import('../../web/shared/actions.js').Action} Action */
/** @typedef {'points' | 'brush' | 'eraser' | 'transform' | 'pan'} ToolName */

/**
 * A drag under way.
 * @typedef {object} Gesture
 * @property {(place: Point, event: PointerEvent) => void} move  to a place of the mask.
 * @property {() => void} end
 */

/**
 * @typedef {object} Tool
 * @property {ToolName} name
 * @property {boolean} everyMove  whether it wants all places that a pointer passed, and draws one under it.
 * @property {(event: PointerEvent, place: Point) => Gesture | null} begin
 * @property {() => Action[]} actions  of the keys while the board has the focus and this is the tool.
 * @property {(place: Point) => string} [cursor]
 * @property {(pen: Pen) => void} [paint]
 * @property {() => void} [adopted]  another document is there.
 */

/** How near a pointer must come to take hold of something, pixels of the window. */
export const REACH = 9;

/**
 * Arrow keys with their steps.
 * @type {[string, Point][]}
 */
const ARROWS = [
  ['ArrowLeft', [-1, 0]],
  ['ArrowRight', [1, 0]],
  ['ArrowUp', [0, -1]],
  ['ArrowDown', [0, 1]],
];

/**
 * One action for the four arrow keys.
 * @param {{ name: string, label: string, shown?: string, alt?: boolean }} words
 * @param {(step: Point) => void} perform  gets a step of 1, or of 10 with Shift.
 * @returns {Action}
 */
export function arrowAction({ name, label, shown, alt = false }, perform) {
  return {
    // Alt is taken in either case: with it, arrows would leave the page
    name,
    label,
    shown,
    keys: ARROWS.flatMap(([key]) => (alt ? [`Alt+${key}`] : [key, `Alt+${key}`])),
    perform: (event) => {
      const far = event.shiftKey ? 10 : 1,
        [, step] = ARROWS.find(([key]) => key === event.key) ?? ['', [0, 0]];
      perform([step[0] * far, step[1] * far]);
    },
  };
}
