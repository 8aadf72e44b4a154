/** The landmark editor over a flat-lay picture: what is drawn is the silhouette that is saved. */

import { Editor } from '../../landmark_editor/editor.js';
import { outlineActions } from '../../landmark_editor/actions.js';
import { encodeMask } from '../../landmark_editor/rle.js';
import { actions } from '../../web/shared/actions.js';
import { all, find, makeButton, origin } from '../../web/shared/dom.js';

/** @typedef {import('./types.js').Proposal} Proposal */
/** @typedef {import('../../web/shared/events.js').EditorState} EditorState */
/** @typedef {import('../../web/shared/views.js').Canvas} Canvas */
/** @typedef {import('../../landmark_editor/tools/tool.js').ToolName} ToolName */

/** @type {[string, string, string][]} act or tool, words, hint. */
const BUTTONS = [
  ['tool points', 'Points', 'Drag a point or the line (V)'],
  ['tool brush', 'Brush', 'Paint (B); [ and ] change its size'],
  ['tool eraser', 'Eraser', 'Erase (E)'],
  ['tool transform', 'Move', 'Move, scale, turn the whole (T)'],
  ['act undo', 'Undo', 'Undo (Ctrl+Z)'],
  ['act redo', 'Redo', 'Redo (Ctrl+Shift+Z)'],
  ['act symmetric', 'Left → right', 'Copy the left half to the right'],
  ['act flip', 'Flip', 'Flip left and right'],
  ['act fit', 'Fit', 'Fit (Shift+1)'],
];

const AROUND = 0.45; // opacity of the picture beyond the outline

export class OutlineEditor {
  /**
   * @param {HTMLElement} tools
   * @param {HTMLCanvasElement} canvas
   * @param {(mask: string) => void} drawn  hears of every change.
   * @param {(text: string) => void} said
   */
  constructor(tools, canvas, drawn, said) {
    this.drawn = drawn;
    /** @type {string | null} */
    this.photo = null;
    this.token = 0;
    this.size = 0;
    /** @type {import('../../web/shared/events.js').Props<Canvas | EditorState>} */
    this.props = { value: null };
    this.editor = new Editor(canvas, this.props, (name, data) => this.asked(name, data), canvas.dataset, {
      opened: () => this.editor.board.fit(),
      adopted: () => this.showSteps(tools),
      tooled: (name) => this.showTool(tools, canvas, name),
      said,
    });
    tools.append(
      ...BUTTONS.map(([key, words, hint]) => {
        const [kind, name] = key.split(' '),
          button = makeButton('quiet', words, { [kind === 'tool' ? 'tool' : 'draw']: name });
        button.title = hint;
        return button;
      }),
    );
    const mirror = makeButton('quiet', 'Mirror', { draw: 'mirror' });
    mirror.title = 'Whatever is done on one side is done on the other (M)';
    mirror.setAttribute('aria-pressed', 'false');
    tools.append(mirror);
    this.keys = outlineActions(this.editor, {
      toggleMirror: () => mirror.click(),
      resize: (diameter) => this.editor.resizeNib(diameter),
      closeMenu: () => {},
      menuOpen: () => false,
    });
    actions.add('bank-outline', this.keys);
    tools.addEventListener('click', (event) => this.press(origin(event, 'button'), mirror));
    this.editor.listen();
    this.editor.choose('points');
  }

  /**
   * Begin with a silhouette.
   * @param {Pick<Proposal, 'mask' | 'size' | 'photo'>} proposal
   */
  open({ mask, size, photo }) {
    const { link, model } = this.editor;
    this.token += 1;
    this.photo = photo;
    this.size = size;
    model.past = [];
    const neighbour = { id: 0, similarity: 1, mask };
    const film = { neighbours: [neighbour], drafts: [photo], drafted: null, gram: [[0]], along: [0], length: 1 };
    link.guideArrived({ token: this.token, size, photo: `proposal ${this.token}`, ...film, support: null });
    link.arrived(this.said(link.serial, mask));
    this.showAround(photo);
  }

  /**
   * The picture shows faintly beyond the outline, too, so that what was left out is seen.
   * @param {string | null} photo
   */
  showAround(photo) {
    const { board } = this.editor,
      image = photo ? new Image() : null;
    board.layers.fused = false;
    Object.assign(board.ghost, { kind: photo ? 'photo' : '', opacity: AROUND, image: null });
    if (!image || !photo) return;
    image.addEventListener('load', () => {
      board.ghost.image = image;
      board.repaint();
    });
    image.src = photo;
  }

  /** The silhouette as it is drawn now, run lengths. */
  get mask() {
    return encodeMask(this.editor.model.theDoc.mask);
  }

  /**
   * What Python would answer on the Design page: that all is well, and the picture to show inside of the outline.
   * @param {number} settled
   * @param {string} mask
   */
  said(settled, mask) {
    const fixed = { token: this.token, revision: settled, settled, pushed: 0, k: 1, alpha: 0, choice: null };
    return { ...fixed, source: /** @type {const} */ ('edited'), mask, pattern: null, draft: this.photo };
  }

  /**
   * @param {string} name
   * @param {unknown} data
   */
  asked(name, data) {
    const { serial, mask } = /** @type {Partial<EditorState>} */ (data ?? {});
    if (name !== 'settle' || !mask || serial === undefined) return;
    const { link } = this.editor;
    link.answered = serial;
    queueMicrotask(() => link.arrived(this.said(serial, mask)));
    if (!this.editor.gesture) this.drawn(mask);
  }

  /** @param {HTMLElement} tools */
  showSteps(tools) {
    const { past, future } = this.editor.model;
    find(tools, '[data-draw=undo]', HTMLButtonElement).disabled = !past.length;
    find(tools, '[data-draw=redo]', HTMLButtonElement).disabled = !future.length;
  }

  /**
   * @param {HTMLElement} tools
   * @param {HTMLCanvasElement} canvas
   * @param {ToolName} name
   */
  showTool(tools, canvas, name) {
    canvas.dataset.tool = name;
    for (const button of all(tools, '[data-tool]')) {
      button.setAttribute('aria-pressed', String(button.dataset.tool === name));
    }
  }

  /**
   * @param {HTMLElement | null} button
   * @param {HTMLButtonElement} mirror
   */
  press(button, mirror) {
    const { tool, draw } = button?.dataset ?? {};
    if (tool) this.editor.choose(/** @type {ToolName} */ (tool));
    else if (button === mirror) {
      this.editor.mirror = !this.editor.mirror;
      mirror.setAttribute('aria-pressed', String(this.editor.mirror));
      this.editor.board.repaint();
    } else if (draw && this.editor.idle) {
      this.keys.find(({ name }) => name === draw)?.perform(new KeyboardEvent('keydown'));
    }
  }
}
