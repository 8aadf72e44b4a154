/**
 * The filmstrip: the nearest shapes of the bank, filled with the garment's draft as soon as it is laid. Python sends
 * all neighbours here; the canvas weighs them and says which are in use.
 */

import { Further } from './further.js';
import { find, fixed, make, makeButton, makeSvg, origin } from './dom.js';
import { hear, tell } from './events.js';

/** @typedef {import('./events.js').DraftedFrame} DraftedFrame */
/** @typedef {import('./events.js').Frame} Frame */

/** What the panel asks of Python. */
export const ASKS = /** @type {const} */ (['browse', 'leave', 'take']);

const UNMARKED = 'No shapes yet: no garment is known in this photo. Draw a box around it, or paint it.';

/** @typedef {[name: string, value: string][]} Figures */

/** One frame of the strip: a shape, the garment laid into it, and figures. */
class FrameButton {
  /**
   * @param {number | 'drafted'} index  of the candidate.
   * @param {string} sign  in its corner.
   * @param {string} badge
   */
  constructor(index, sign, badge) {
    this.index = index;
    this.node = makeButton('frame', '', { index: String(index) });
    this.node.setAttribute('role', 'option');
    this.svg = makeSvg('svg');
    this.path = makeSvg('path');
    this.image = make('img');
    this.image.alt = '';
    this.badge = make('span', 'badge', badge);
    this.caption = make('span', 'caption');
    this.drawn = '';
    const face = make('span', 'face');
    this.svg.append(this.path);
    face.append(this.svg, this.image, make('span', 'nth', sign), this.badge);
    this.node.append(face, this.caption);
  }

  /**
   * @param {Pick<Frame, 'size' | 'outline' | 'draft' | 'chosen'>} item
   * @param {Figures} figures
   */
  draw(item, figures) {
    const { node, image } = this;
    node.setAttribute('aria-selected', String(item.chosen));
    this.svg.setAttribute('viewBox', `0 0 ${item.size} ${item.size}`);
    if (this.drawn !== item.outline) this.path.setAttribute('d', (this.drawn = item.outline));
    image.hidden = !item.draft;
    if (item.draft && image.src !== item.draft) image.src = item.draft;
    this.caption.replaceChildren(
      ...figures.map(([name, value]) => {
        const pair = make('span', 'figure');
        pair.append(make('span', 'label', name), make('span', 'number', value));
        return pair;
      }),
    );
    return figures.map(([name, value]) => `${name} ${value}`).join(', ');
  }
}

/** A shape of the bank. */
class CandidateButton extends FrameButton {
  /** @param {number} index */
  constructor(index) {
    super(index, String(index + 1), 'consensus');
    this.nth = index + 1;
  }

  /** @param {Frame} item */
  show(item) {
    const { node, nth } = this,
      { id, similarity, weight, iou, consensus } = item;
    const said = this.draw(item, [
      ['similarity', fixed(similarity)],
      ['weight', fixed(weight)],
      ['IoU', fixed(iou)],
    ]);
    this.badge.hidden = !consensus;
    node.ariaLabel = `Candidate ${nth}${consensus ? ', the consensus' : ''}: ${said}. Bank entry ${id}`;
    node.title = `Bank entry ${id} · key ${nth}`;
  }
}

/** The shape that is drawn from predicted measures: it stands in no bank, so it has no similarity and no weight. */
class DraftedButton extends FrameButton {
  constructor() {
    super('drafted', 'D', 'drafted');
    this.node.classList.add('drafted');
  }

  /** @param {DraftedFrame} item */
  show(item) {
    const kind = item.kind.replaceAll('_', ' '),
      moved = item.moves ? `${item.moves} moved` : '';
    const said = this.draw(item, [
      item.fit === null ? ['measures', moved] : ['fit', fixed(item.fit)],
      ['IoU', fixed(item.iou)],
    ]);
    const fit = item.fit === null ? '' : 'Fit: IoU with the silhouette that is expected of this garment. ';
    this.node.ariaLabel = `Drafted shape, ${kind}: ${said}. It stands in no bank`;
    this.node.title = `Drafted (${kind}) from predicted measures, in no bank. ${fit}Its measures can be moved · key D`;
  }
}

/**
 * @param {HTMLElement} element
 * @param {import('./events.js').Props<import('./views.js').Film | { more: import('./views.js').More }>} props
 * @param {import('./events.js').Trigger<(typeof ASKS)[number]>} trigger
 * @param {unknown} _server
 * @param {unknown} _upload
 * @param {import('./events.js').Watch} watch
 */
export function mount(element, props, trigger, _server, _upload, watch) {
  const row = find(element, '.row:not(.further)', HTMLElement),
    empty = find(element, '.empty', HTMLElement);
  /** @type {CandidateButton[]} */
  const buttons = [];
  const drafted = new DraftedButton();
  const further = new Further(element, trigger);
  further.listen();
  hear('frames', (items) => {
    while (buttons.length > items.length) buttons.pop()?.node.remove();
    while (buttons.length < items.length) buttons.push(new CandidateButton(buttons.length));
    buttons.forEach(({ node }, i) => {
      if (row.children[i] !== node) row.insertBefore(node, row.children[i] ?? null);
    });
    items.forEach((item, i) => buttons[i].show(item));
    empty.hidden = items.length > 0;
    if (!items.length && props.value) empty.textContent = UNMARKED;
    element.dataset.count = String(items.length);
    element.dataset.filled = String(items.filter(({ draft }) => draft).length);
  });
  hear('drafted', (item) => {
    if (item) drafted.show(item);
    if (!item) drafted.node.remove();
    else if (row.lastElementChild !== drafted.node) row.append(drafted.node);
  });
  row.addEventListener('click', (event) => {
    const index = origin(event, '[data-index]')?.dataset.index;
    if (index) tell('pick', index === drafted.index ? drafted.index : Number(index));
  });
  row.addEventListener('keydown', (event) => {
    const frame = origin(event, '[data-index]'),
      next = { ArrowRight: frame?.nextElementSibling, ArrowLeft: frame?.previousElementSibling }[event.key];
    if (!(next instanceof HTMLElement)) return;
    event.preventDefault();
    next.focus();
  });
  const show = () => {
    if (props.value && 'more' in props.value) further.arrived(props.value.more);
    else if (props.value) tell('guide', props.value);
  };
  watch('value', show);
  show();
}
