/** The Landmark pane: the editor with its buttons, layers, ghost, hint, keys and files, and what it says. */

import { actions } from '../web/shared/actions.js';
import { author } from '../web/shared/author.js';
import { all, find, origin } from '../web/shared/dom.js';
import { hear, tell } from '../web/shared/events.js';
import { boardActions, outlineActions } from './actions.js';
import { DRAFTED, pickDrafted, showMeasures, takeMeasures } from './drafted.js';
import { Editor } from './editor.js';
import { openOutline, savePng, saveSvg } from './files.js';
import { isOwn, LEAST_SHARE, MOST_SHARE } from './model.js';
import { decodeMask } from './rle.js';
import { draftedOf, framesOf, mixOf } from './told.js';
import { listenToSliders } from './tuning.js';

/** What the panel asks of Python. */
export const ASKS = /** @type {const} */ ([
  'settle',
  'draft',
  'drafts',
  'photo_outline',
  'ghost',
  'say',
  'doubted',
  'to_bank',
]);

/** @typedef {import('../web/shared/views.js').Canvas} Canvas */
/** @typedef {import('../web/shared/views.js').Film} Film */
/** @typedef {import('../web/shared/views.js').Pattern} Pattern */
/** @typedef {import('../web/shared/events.js').EditorState} EditorState */
/** @typedef {import('./tools/tool.js').ToolName} ToolName */

const READ_FOR = 6000; // milliseconds that a warning stays
const NO_PHOTO = 'there is no photo yet: drop, paste or choose one first';
const NO_GARMENT = 'No outline yet: mark the garment in the photo.';
const HINT_SEEN = 'studio-hint';

class CanvasPanel {
  /**
   * @param {HTMLElement} element
   * @param {import('../web/shared/events.js').Props<Canvas | EditorState>} props
   * @param {import('../web/shared/events.js').Trigger<(typeof ASKS)[number]>} trigger
   */
  constructor(element, props, trigger) {
    this.element = element;
    this.props = props;
    this.trigger = trigger;
    this.warning = find(element, '.warning', HTMLElement);
    this.menu = find(element, '.menu', HTMLDetailsElement);
    this.ghostSelect = find(element, '.ghost', HTMLSelectElement);
    this.mirrorBox = find(element, '[data-act=mirror]', HTMLInputElement);
    this.warned = -READ_FOR; // when, milliseconds
    /** @type {{ pattern: Pattern | null, film: Film | null }} */
    this.measured = { pattern: null, film: null }; // that the panel of measures was told last
    this.editor = new Editor(find(element, '.board', HTMLCanvasElement), props, trigger, element.dataset, {
      opened: () => this.open(),
      adopted: () => this.showState(),
      tooled: (name) => this.showTool(name),
      said: (text, loud) => this.say(text, loud),
    });
    this.outline = outlineActions(this.editor, {
      toggleMirror: () => this.mirrorBox.click(),
      resize: (diameter) => this.resize(diameter),
      closeMenu: () => {
        this.menu.open = false;
      },
      menuOpen: () => this.menu.open,
    });
  }

  mount() {
    this.editor.listen();
    actions.add('outline', this.outline);
    actions.add('board', boardActions(this.editor));
    this.listen();
    listenToSliders(this.editor, this.element);
    this.showHint();
    this.editor.choose('points');
    hear('pick', (index) => {
      const { model, visible } = this.editor;
      if (visible && index === DRAFTED) pickDrafted(model);
      else if (visible && typeof index === 'number') model.pick(index);
    });
    hear('drawing', ({ pattern, mask }) => this.draw(pattern, mask));
    hear('drawn', ({ label }) => {
      if (!takeMeasures(this.editor.model, label)) this.editor.link.takeBack();
    });
    hear('refused', () => this.editor.link.refused());
    hear('succeeded', () => this.understood());
    hear('guide', (film) => this.take(film));
  }

  // ---- what is shown

  /**
   * What measures say while they move; the draft follows as fast as it can be laid.
   * @param {Pattern} pattern
   * @param {string} mask  run lengths.
   */
  draw(pattern, mask) {
    const { model, link } = this.editor;
    if (!model.guide) return;
    showMeasures(model, pattern, decodeMask(mask, model.size));
    link.sendLive();
  }

  /** @param {Film} film */
  take(film) {
    const { board, link, model } = this.editor;
    if (!film.neighbours.length) return this.close();
    if (model.guide?.film.token !== film.token) Object.assign(board.ghost, { kind: '', image: null });
    link.guideArrived(film);
    this.element.dataset.guide = String(film.token);
  }

  /** The photo has no garment that is known: there is nothing to draw around. */
  close() {
    this.editor.link.close();
    for (const part of ['.board', '.tools', '.options', '.source']) find(this.element, part, HTMLElement).hidden = true;
    const empty = find(this.element, '.empty', HTMLElement);
    empty.hidden = false;
    empty.textContent = NO_GARMENT;
    find(this.element, '.editor', HTMLElement).classList.remove('open');
    this.button('reset').disabled = true;
    this.element.dataset.source = '';
    this.warn('');
    tell('frames', []);
    tell('drafted', null);
    this.measured = { pattern: null, film: null };
    tell('measured', null);
    tell('mix', null);
    tell('steps', { undo: 0, redo: 0 });
  }

  /** A value of Python's. */
  show() {
    const value = this.props.value;
    if (!value) return;
    if ('ghost' in value && value.ghost) this.showGhost(value.ghost, value.token);
    if ('inverted' in value && value.inverted) this.ask(value.inverted.name);
    this.editor.link.arrived(value);
  }

  /**
   * @param {string} url
   * @param {number} token
   */
  showGhost(url, token) {
    const image = new Image();
    image.onload = () => {
      Object.assign(this.editor.board.ghost, { image, token });
      this.editor.board.repaint();
    };
    image.src = url;
  }

  /** @param {string} name  of a mask that looks inverted. */
  ask(name) {
    const question = find(this.element, '.question', HTMLElement);
    find(question, 'p', HTMLElement).textContent =
      `${name} marks the border of the picture, so it looks inverted: white is to be the garment.`;
    question.hidden = false;
    find(question, 'button', HTMLButtonElement).focus();
  }

  open() {
    const { board, view } = this.editor;
    for (const part of ['.board', '.tools', '.options']) find(this.element, part, HTMLElement).hidden = false;
    find(this.element, '.empty', HTMLElement).hidden = true;
    find(this.element, '.editor', HTMLElement).classList.add('open');
    if (view.fitted) requestAnimationFrame(() => board.fit());
  }

  showState() {
    const { model } = this.editor,
      { source, choice } = model.theDoc,
      undone = model.past.length;
    const candidate = `candidate ${(choice ?? 0) + 1}`,
      titles = { consensus: 'consensus', candidate, drafted: 'drafted', edited: 'edited' };
    const tag = find(this.element, '.source', HTMLElement);
    tag.hidden = false;
    tag.textContent = titles[source];
    tag.classList.toggle('edited', source === 'edited');
    this.button('reset').disabled = source === 'consensus';
    this.button('undo').disabled = !undone;
    this.button('redo').disabled = !model.future.length;
    this.button('undo').title = undone ? `Undo: ${model.theDoc.label} (Ctrl+Z)` : 'Undo (Ctrl+Z)';
    this.element.dataset.source = source;
    this.element.dataset.steps = String(undone);
    if (performance.now() - this.warned > READ_FOR) this.warnOfShape();
    this.showGhosts();
    tell('frames', framesOf(model));
    tell('drafted', draftedOf(model));
    this.tellMeasures();
    tell('mix', mixOf(model));
    tell('steps', { undo: undone, redo: model.future.length });
  }

  /** Of another landmark only: sliders that move must not be set back by what comes meanwhile. */
  tellMeasures() {
    const { pattern } = this.editor.model.theDoc,
      { film } = this.editor.model.theGuide;
    if (pattern === this.measured.pattern && film === this.measured.film) return;
    this.measured = { pattern, film };
    tell('measured', pattern && { pattern, drafted: film.drafted });
  }

  warnOfShape() {
    const { model } = this.editor,
      { share, border } = model.facts();
    if (share < LEAST_SHARE) this.warn('Nothing is left to follow: draw the shape, or undo (Ctrl+Z)');
    else if (share > MOST_SHARE) this.warn('The outline fills the whole canvas: leave some of it empty');
    else
      this.warn(
        border && isOwn(model.theDoc) ? 'The outline touches the border: the garment ends there' : '',
      );
  }

  /** @param {string} text */
  warn(text) {
    this.warning.textContent = text;
    this.warning.hidden = !text;
  }

  /**
   * For screen readers; loud is for all, for a while.
   * @param {string} text
   * @param {boolean} [loud]
   */
  say(text, loud = false) {
    find(this.element, '#editor-says', HTMLElement).textContent = text;
    if (!loud) return;
    this.warn(text);
    this.warned = performance.now();
    setTimeout(() => {
      if (performance.now() - this.warned >= READ_FOR) this.warnOfShape();
    }, READ_FOR + 50);
  }

  showGhosts() {
    const { ghost } = this.editor.board,
      select = this.ghostSelect;
    const choices = [
      ['', 'no ghost'],
      ['photo', 'photo'],
      ...this.editor.model.weights.map((_, i) => [`candidate${i}`, `shape ${i + 1}`]),
      ...(this.editor.model.guide?.drafted ? [[DRAFTED, 'drafted']] : []),
    ];
    if (choices.map(([kind]) => kind).join() !== [...select.options].map(({ value }) => value).join()) {
      select.replaceChildren(...choices.map(([kind, text]) => new Option(text, kind)));
    }
    if (!choices.some(([kind]) => kind === ghost.kind)) ghost.kind = '';
    select.value = ghost.kind;
    find(this.element, '.opacity', HTMLElement).hidden = !ghost.kind;
  }

  /** @param {ToolName} name */
  showTool(name) {
    for (const button of all(this.element, '[data-tool]')) {
      button.setAttribute('aria-pressed', String(button.dataset.tool === name));
    }
    for (const part of ['.options', '.board']) find(this.element, part, HTMLElement).dataset.tool = name;
  }

  /** @param {number} diameter  pixels of the mask. */
  resize(diameter) {
    this.editor.resizeNib(diameter);
    find(this.element, '.size', HTMLInputElement).value = String(this.editor.nib.diameter);
    find(this.element, '.options output', HTMLElement).textContent = `${this.editor.nib.diameter} px`;
  }

  // ---- the hint of the first visit

  showHint() {
    const seen = localStorage.getItem(HINT_SEEN) === 'seen';
    find(this.element, '.hint', HTMLElement).hidden = seen;
    find(this.element, '.empty', HTMLElement).hidden = !seen || this.editor.model.doc !== null;
  }

  understood() {
    localStorage.setItem(HINT_SEEN, 'seen');
    this.showHint();
  }

  // ---- what is pressed

  /**
   * @param {string} act
   * @returns {HTMLButtonElement}
   */
  button(act) {
    return find(this.element, `[data-act=${act}]`, HTMLButtonElement);
  }

  listen() {
    const { element, editor } = this,
      { board } = editor;
    element.addEventListener('click', (event) => this.press(origin(event, 'button')));
    element.addEventListener('change', ({ target }) => {
      if (target instanceof HTMLInputElement) this.tick(target);
    });
    find(element, '.size', HTMLInputElement).addEventListener('input', ({ target }) => this.resize(valueOf(target)));
    find(element, '.opacity', HTMLInputElement).addEventListener('input', ({ target }) => {
      board.ghost.opacity = valueOf(target) / 100;
      board.repaint();
    });
    this.ghostSelect.addEventListener('change', () => this.pickGhost());
    const file = find(element, 'input[type=file]', HTMLInputElement);
    file.addEventListener('change', () => {
      const given = file.files?.[0];
      file.value = '';
      if (given) void openOutline(given, editor.model, (message) => this.trigger('say', { message }));
    });
  }

  /** @param {HTMLElement | null} button */
  press(button) {
    const { tool, act, answer } = button?.dataset ?? {};
    if (answer) {
      find(this.element, '.question', HTMLElement).hidden = true;
      if (answer !== 'none') this.trigger('doubted', { invert: answer === 'invert' });
    }
    if (tool) this.editor.choose(/** @type {ToolName} */ (tool));
    if (!act) return;
    this.menu.open = false;
    if (act === 'understood') this.understood();
    else if (this.editor.model.doc) this.perform(act);
    else this.trigger('say', { message: NO_PHOTO });
  }

  /** @param {string} act */
  perform(act) {
    const { model } = this.editor;
    if (act === 'photo') this.trigger('photo_outline');
    else if (act === 'to_bank') this.trigger('to_bank', { author: author() });
    else if (act === 'import') find(this.element, 'input[type=file]', HTMLInputElement).click();
    else if (act === 'png') void savePng(model);
    else if (act === 'svg') saveSvg(model);
    else this.outline.find(({ name }) => name === act)?.perform(new KeyboardEvent('keydown'));
  }

  /** @param {HTMLInputElement} box */
  tick(box) {
    const { board } = this.editor,
      layer = /** @type {keyof typeof board.layers | undefined} */ (box.dataset.layer);
    if (layer) board.layers[layer] = box.checked;
    if (box === this.mirrorBox) this.editor.mirror = box.checked;
    board.repaint();
  }

  pickGhost() {
    const { board, model } = this.editor,
      { ghost } = board;
    ghost.kind = this.ghostSelect.value;
    if (ghost.kind === 'photo' && ghost.token !== model.guide?.film.token) this.trigger('ghost');
    find(this.element, '.opacity', HTMLElement).hidden = !ghost.kind;
    board.repaint();
  }
}

/** @param {EventTarget | null} target */
function valueOf(target) {
  return target instanceof HTMLInputElement ? Number(target.value) : 0;
}

/**
 * @param {HTMLElement} element
 * @param {import('../web/shared/events.js').Props<Canvas | EditorState>} props
 * @param {import('../web/shared/events.js').Trigger<(typeof ASKS)[number]>} trigger
 * @param {import('../web/shared/events.js').Server} _server
 * @param {import('../web/shared/events.js').Upload} _upload
 * @param {import('../web/shared/events.js').Watch} watch
 */
export function mount(element, props, trigger, _server, _upload, watch) {
  const panel = new CanvasPanel(element, props, trigger);
  panel.mount();
  watch('value', () => panel.show());
  panel.show();
}
