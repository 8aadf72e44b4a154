/**
 * The filmstrip: the nearest shapes of the bank, filled with the garment's draft as soon as it is laid. Python sends
 * all neighbours here; the canvas weighs them and says which are in use.
 */

import { Further } from './further.js';
import { find, fixed, make, makeButton, makeSvg, origin } from './dom.js';
import { hear, tell } from './events.js';

/** @typedef {import('./events.js').Frame} Frame */

/** What the panel asks of Python. */
export const ASKS = /** @type {const} */ (['browse', 'leave', 'take']);

const UNMARKED = 'No shapes yet: no garment is known in this photo. Draw a box around it, or paint it.';

/**
 * @param {Frame} item
 * @returns {[string, number][]}
 */
const figures = ({ similarity, weight, iou }) => [
  ['similarity', similarity],
  ['weight', weight],
  ['IoU', iou],
];

/** One frame of the strip. */
class FrameButton {
  /** @param {number} index */
  constructor(index) {
    this.index = index;
    this.node = makeButton('frame', '', { index: String(index) });
    this.node.setAttribute('role', 'option');
    this.svg = makeSvg('svg');
    this.path = makeSvg('path');
    this.image = make('img');
    this.image.alt = '';
    this.badge = make('span', 'badge', 'consensus');
    this.numbers = [make('span', 'number'), make('span', 'number'), make('span', 'number')];
    this.drawn = '';
    this.build();
  }

  build() {
    const face = make('span', 'face'),
      caption = make('span', 'caption');
    this.svg.append(this.path);
    face.append(this.svg, this.image, make('span', 'nth', String(this.index + 1)), this.badge);
    caption.append(
      ...['similarity', 'weight', 'IoU'].map((name, i) => {
        const pair = make('span', 'figure');
        pair.append(make('span', 'label', name), this.numbers[i]);
        return pair;
      }),
    );
    this.node.append(face, caption);
  }

  /** @param {Frame} item */
  show(item) {
    const { node, image } = this,
      nth = this.index + 1;
    node.setAttribute('aria-selected', String(item.chosen));
    this.svg.setAttribute('viewBox', `0 0 ${item.size} ${item.size}`);
    if (this.drawn !== item.outline) this.path.setAttribute('d', (this.drawn = item.outline));
    image.hidden = !item.draft;
    if (item.draft && image.src !== item.draft) image.src = item.draft;
    this.badge.hidden = !item.consensus;
    figures(item).forEach(([, number], i) => {
      this.numbers[i].textContent = fixed(number);
    });
    const said = figures(item)
      .map(([name, number]) => `${name} ${number.toFixed(2)}`)
      .join(', ');
    node.ariaLabel = `Candidate ${nth}${item.consensus ? ', the consensus' : ''}: ${said}. Bank entry ${item.id}`;
    node.title = `Bank entry ${item.id} · key ${nth}`;
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
  /** @type {FrameButton[]} */
  const buttons = [];
  const further = new Further(element, trigger);
  further.listen();
  hear('frames', (items) => {
    while (buttons.length > items.length) buttons.pop()?.node.remove();
    while (buttons.length < items.length) buttons.push(new FrameButton(buttons.length));
    if (row.childElementCount !== items.length) row.replaceChildren(...buttons.map(({ node }) => node));
    items.forEach((item, i) => buttons[i].show(item));
    empty.hidden = items.length > 0;
    if (!items.length && props.value) empty.textContent = UNMARKED;
    element.dataset.count = String(items.length);
    element.dataset.filled = String(items.filter(({ draft }) => draft).length);
  });
  row.addEventListener('click', (event) => {
    const button = origin(event, '[data-index]');
    if (button) tell('pick', Number(button.dataset.index));
  });
  row.addEventListener('keydown', (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key],
      index = origin(event, '[data-index]')?.dataset.index;
    if (!step || index === undefined) return;
    event.preventDefault();
    buttons[Number(index) + step]?.node.focus();
  });
  const show = () => {
    if (props.value && 'more' in props.value) further.arrived(props.value.more);
    else if (props.value) tell('guide', props.value);
  };
  watch('value', show);
  show();
}
