/** The tools over the photo: turns, the crop, a box around the garment, brush and eraser; and their keys. */

import { all, find, origin } from '../../web/shared/dom.js';
import { hear } from '../../web/shared/events.js';
import { Frame, layOver } from './frame.js';
import { Mender } from './mender.js';
import { around, isSame, outOf, WHOLE } from './rectangles.js';

/** @typedef {import('../../web/shared/views.js').Photo} Photo */
/** @typedef {import('./rectangles.js').Rectangle} Rectangle */
/** @typedef {'crop' | 'box' | 'brush' | 'eraser'} ToolName */

const ARROWS = ['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown'];
const NOT_HERE = 'there is nobody here to find a garment with: this checkpoint has no parser and no flow';

/**
 * What is asked of Python.
 * @typedef {object} Wishes
 * @property {(quarters: number) => void} turn
 * @property {(does: boolean) => void} turnAsOffered
 * @property {() => void} mirror
 * @property {(box: Rectangle | null) => void} crop  in shares of the turned photo; null is all of it.
 * @property {(box: Rectangle) => void} mark  in shares of what is looked at.
 * @property {(mask: string | null) => void} mend
 * @property {(message: string) => void} say
 */

export class PhotoTools {
  /**
   * @param {HTMLElement} element  of the photo pane.
   * @param {Wishes} wishes
   */
  constructor(element, wishes) {
    this.element = element;
    this.wishes = wishes;
    /** @type {ToolName | null} */
    this.tool = null;
    /** @type {Rectangle} what is looked at of the photo. */
    this.seen = WHOLE;
    this.canvasSteps = { undo: 0, redo: 0 };
    this.bar = find(element, '.photo-tools', HTMLElement);
    this.line = find(element, '.tool-line', HTMLElement);
    this.lay = find(element, '.lay', HTMLElement);
    this.nib = find(element, '.nib', HTMLInputElement);
    this.cropper = new Frame(find(element, '.cropper', HTMLElement), (box) => this.crop(box));
    this.marker = new Frame(find(element, '.marker', HTMLElement), (box) => wishes.mark(box), true);
    this.mender = new Mender(find(element, '.mend', HTMLCanvasElement), {
      settled: (mask) => wishes.mend(mask),
      changed: () => this.showSteps(),
    });
  }

  listen() {
    for (const part of [this.cropper, this.marker, this.mender]) part.listen();
    this.element.addEventListener('click', (event) => this.press(origin(event, '[data-tool]')?.dataset.tool));
    this.nib.addEventListener('input', () => this.mender.resize(Number(this.nib.value)));
    hear('steps', (steps) => {
      this.canvasSteps = steps;
    });
  }

  // ---- what is shown

  /** @param {Photo} photo  with all of its parts, or some. */
  show(photo) {
    if (photo.image) {
      this.bar.hidden = this.lay.hidden = false;
      this.lay.style.setProperty('--ratio', String(photo.ratio ?? 1));
      this.seen = photo.box ?? WHOLE;
      layOver(find(this.lay, '.seen', HTMLElement), this.seen);
      const kept = find(this.lay, '.kept', HTMLElement);
      kept.hidden = !photo.box;
      layOver(kept, this.seen);
      this.marker.show(null);
      find(this.bar, '[data-tool=mirror]', HTMLElement).ariaPressed = String(photo.mirrored ?? false);
    }
    if (photo.mask !== undefined) this.mender.load(photo.mask);
    if (photo.image && this.tool === 'crop' && !this.cropper.changing) this.cropper.show(this.beginning());
  }

  /** Where the crop begins: at the one there is, or around the garment. */
  beginning() {
    const { mender, seen } = this;
    if (!isSame(seen, WHOLE) || !mender.ready) return seen;
    return outOf(around(mender.steps[0], mender.width, mender.height), seen);
  }

  showSteps() {
    for (const [name, on] of /** @type {[string, boolean][]} */ ([
      ['undo', this.mender.canUndo],
      ['redo', this.mender.canRedo],
    ]))
      find(this.line, `[data-tool=${name}]`, HTMLButtonElement).disabled = !on;
    this.element.dataset.mends = String(this.mender.at);
  }

  // ---- what is pressed

  /** @param {string | undefined} name  of a button. */
  press(name) {
    if (name === 'left' || name === 'right') this.wishes.turn(name === 'left' ? -1 : 1);
    else if (name === 'mirror') this.wishes.mirror();
    else if (name === 'turn' || name === 'leave') this.wishes.turnAsOffered(name === 'turn');
    else if (name === 'whole') this.crop(WHOLE);
    else if (name === 'undo' || name === 'redo') this.mender.step(name === 'undo' ? -1 : 1);
    else if (name === 'done') this.choose(null);
    else if (name === 'crop' || name === 'box' || name === 'brush' || name === 'eraser')
      this.choose(name === this.tool ? null : name);
  }

  /** @param {ToolName | null} name  null puts the tool away. */
  choose(name) {
    if (this.bar.hidden) return;
    if ((name === 'brush' || name === 'eraser') && !this.mender.ready) {
      this.wishes.say(NOT_HERE);
      return;
    }
    this.tool = name;
    const mends = name === 'brush' || name === 'eraser';
    this.mender.erase = name === 'eraser';
    for (const button of all(this.bar, '[aria-pressed]:not([data-tool=mirror])'))
      button.setAttribute('aria-pressed', String(button.dataset.tool === name));
    this.line.hidden = name === null;
    this.line.dataset.using = mends ? 'brush' : (name ?? '');
    this.element.dataset.using = name ?? '';
    this.cropper.area.hidden = name !== 'crop';
    this.marker.area.hidden = name !== 'box';
    this.mender.canvas.hidden = !mends;
    if (name === 'crop') this.cropper.show(this.beginning());
    if (name === 'box') this.marker.show(null);
    const area = {
      crop: this.cropper.area,
      box: this.marker.area,
      brush: this.mender.canvas,
      eraser: this.mender.canvas,
    };
    if (name) area[name].focus({ preventScroll: true });
    this.mender.paint();
    this.showSteps();
  }

  /** @param {Rectangle} box */
  crop(box) {
    this.cropper.show(box);
    if (!isSame(box, this.seen)) this.wishes.crop(isSame(box, WHOLE) ? null : box);
  }

  // ---- keys

  /** @returns {import('../../web/shared/actions.js').Action[]}  that work all over the page. */
  pageActions() {
    const enabled = () => !this.bar.hidden && this.bar.offsetParent !== null;
    return [
      {
        name: 'turn-left',
        label: 'Turn the photo left',
        keys: ['Shift+r'],
        shown: 'Shift R',
        enabled,
        perform: () => this.press('left'),
      },
      {
        name: 'turn-right',
        label: 'Turn the photo right',
        keys: ['r'],
        shown: 'R',
        enabled,
        perform: () => this.press('right'),
      },
      {
        name: 'mirror',
        label: 'Mirror the photo, or back: a selfie shows print reversed',
        keys: ['l'],
        shown: 'L',
        enabled,
        perform: () => this.press('mirror'),
      },
      { name: 'crop', label: 'Crop the photo', keys: ['c'], shown: 'C', enabled, perform: () => this.press('crop') },
      {
        name: 'box',
        label: 'A box around the garment',
        keys: ['x'],
        shown: 'X',
        enabled,
        perform: () => this.press('box'),
      },
    ];
  }

  /** @returns {import('../../web/shared/actions.js').Action[]}  that work in the photo pane. */
  actions() {
    const here = () => this.element.contains(document.activeElement) && !this.bar.hidden,
      mending = () => document.activeElement === this.mender.canvas,
      framing = () => this.cropper.focused || this.marker.focused;
    const resize = (/** @type {number} */ by) => () => {
      this.mender.resize(this.mender.diameter * by);
      this.nib.value = String(this.mender.diameter);
    };
    return [
      {
        name: 'mend',
        label: 'Brush: add to the garment',
        keys: ['b'],
        shown: 'B',
        enabled: here,
        perform: () => this.choose('brush'),
      },
      {
        name: 'erase',
        label: 'Eraser: take from the garment',
        keys: ['e'],
        shown: 'E',
        enabled: here,
        perform: () => this.choose('eraser'),
      },
      {
        name: 'frame',
        label: 'Move the frame; with Shift its size',
        keys: ARROWS,
        shown: 'Arrows',
        enabled: framing,
        perform: (event) => (this.cropper.focused ? this.cropper : this.marker).nudge(event),
      },
      {
        name: 'take',
        label: 'Take the frame',
        keys: ['Enter'],
        shown: 'Enter',
        enabled: framing,
        perform: () => (this.cropper.focused ? this.cropper : this.marker).take(),
      },
      {
        name: 'brush-move',
        label: 'Move the brush',
        keys: ARROWS,
        shown: 'Arrows',
        enabled: mending,
        perform: (event) => this.mender.move(event),
      },
      {
        name: 'brush-here',
        label: 'Paint or erase here',
        keys: ['Enter'],
        shown: 'Enter',
        enabled: mending,
        perform: () => this.mender.stampHere(),
      },
      { name: 'smaller', label: 'Smaller brush', keys: ['['], shown: '[', enabled: mending, perform: resize(1 / 1.2) },
      { name: 'larger', label: 'Larger brush', keys: [']'], shown: ']', enabled: mending, perform: resize(1.2) },
      // What was done last is undone first: whatever mends the garment begins the canvas anew.
      {
        name: 'undo',
        label: 'Undo on the photo, when the canvas has nothing to undo',
        keys: ['Ctrl+z'],
        shown: 'Ctrl Z',
        enabled: () => this.mender.canUndo && (mending() || !this.canvasSteps.undo),
        perform: () => this.mender.step(-1),
      },
      {
        name: 'redo',
        label: 'Redo on the photo',
        keys: ['Ctrl+Shift+z', 'Ctrl+y'],
        enabled: () => this.mender.canRedo && (mending() || !this.canvasSteps.redo),
        perform: () => this.mender.step(1),
      },
      {
        name: 'away',
        label: 'Put the tool away',
        keys: ['Escape'],
        shown: 'Esc',
        enabled: () => this.tool !== null && here(),
        perform: () => {
          if (!this.cropper.cancel() && !this.marker.cancel() && !this.mender.cancel()) this.choose(null);
        },
      },
    ];
  }
}
