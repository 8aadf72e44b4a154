/** The bank beyond the candidates, in the film strip: of every kind or one, best first, any of them the landmark. */

import { traceLoops } from '../../landmark_editor/contours.js';
import { decodeMask } from '../../landmark_editor/rle.js';
import { pathData } from '../../landmark_editor/svg.js';
import { find, fixed, make, makeButton, makeSvg, origin } from './dom.js';
import { hear } from './events.js';

/** @typedef {import('./views.js').More} More */

const AT_ONCE = 24;
const MOST = 240; // the same as Python's
const EVERY_KIND = 'Every kind';

export class Further {
  /**
   * @param {HTMLElement} element  of the strip.
   * @param {import('./events.js').Trigger<'browse' | 'leave' | 'take'>} trigger
   */
  constructor(element, trigger) {
    this.element = element;
    this.trigger = trigger;
    this.button = find(element, '[data-act=more]', HTMLButtonElement);
    this.kinds = find(element, '.kinds', HTMLSelectElement);
    this.row = find(element, '.further', HTMLElement);
    this.open = false;
    this.token = 0;
    /** @type {Map<number, HTMLButtonElement>} by the bank's id. */
    this.frames = new Map();
    this.taken = 0; // the entry that was taken last
  }

  listen() {
    this.button.addEventListener('click', () => (this.open ? this.close() : this.ask('', AT_ONCE)));
    this.kinds.addEventListener('change', () => this.ask(this.kinds.value, AT_ONCE));
    this.row.addEventListener('click', (event) => {
      const { id, count } = origin(event, 'button')?.dataset ?? {};
      if (count) this.ask(this.kinds.value, Number(count));
      if (id) this.take(Number(id));
    });
    this.row.addEventListener('keydown', (event) => {
      const frame = origin(event, 'button');
      const next = { ArrowRight: frame?.nextElementSibling, ArrowLeft: frame?.previousElementSibling }[event.key];
      if (!(next instanceof HTMLElement)) return;
      event.preventDefault();
      next.focus();
    });
    hear('guide', ({ token }) => {
      if (token !== this.token) this.close();
      this.token = token;
    });
    hear('frames', (items) => {
      this.button.hidden = !items.length;
      if (items.some(({ chosen }) => chosen)) this.mark(0);
    });
    hear('drafted', (item) => {
      if (item?.chosen) this.mark(0);
    });
  }

  /**
   * @param {string} category
   * @param {number} count
   */
  ask(category, count) {
    this.show(true);
    this.trigger('browse', { category, count });
  }

  close() {
    if (!this.open) return;
    this.show(false);
    this.trigger('leave');
  }

  /** @param {boolean} open */
  show(open) {
    this.open = open;
    this.row.hidden = this.kinds.hidden = !open;
    this.element.querySelector('.film')?.classList.toggle('browsing', open);
    this.button.textContent = open ? 'Candidates' : 'More…';
    this.button.setAttribute('aria-expanded', String(open));
  }

  /** @param {number} id */
  take(id) {
    this.mark(id);
    this.trigger('take', { id });
  }

  /** @param {number} id  of the entry that is the landmark; 0 where it is none of these. */
  mark(id) {
    this.taken = id;
    for (const [own, frame] of this.frames) frame.setAttribute('aria-selected', String(own === id));
  }

  /** @param {More} more */
  arrived(more) {
    if (!this.open || more.token !== this.token) return;
    const { categories, category, total, entries, drafts, size } = more;
    this.kinds.replaceChildren(
      new Option(EVERY_KIND, ''),
      ...categories.map(([name, count]) => new Option(`${name} (${count})`, name)),
    );
    this.kinds.value = category;
    const frames = entries.map((entry, i) => {
      const frame = this.frames.get(entry.id) ?? makeFrame(entry, size);
      const image = frame.querySelector('img');
      if (image && drafts[i] && image.hidden) Object.assign(image, { src: drafts[i], hidden: false });
      return /** @type {[number, HTMLButtonElement]} */ ([entry.id, frame]);
    });
    this.frames = new Map(frames);
    this.row.replaceChildren(...this.frames.values(), ...this.ending(entries.length, total));
    this.row.dataset.shown = String(entries.length);
    this.row.dataset.filled = String(drafts.length);
    this.mark(this.taken);
  }

  /**
   * What stands behind the last shape: more of them, or that there are none.
   * @param {number} shown
   * @param {number} total
   */
  ending(shown, total) {
    if (!shown) return [make('p', 'note', 'No other shapes of this kind.')];
    if (shown >= Math.min(total, MOST)) return [];
    const next = Math.min(shown + AT_ONCE, total, MOST);
    return [makeButton('quiet', `${next - shown} more of ${total}`, { count: String(next) })];
  }
}

/**
 * @param {More['entries'][number]} entry
 * @param {number} size
 */
function makeFrame({ id, similarity, mask }, size) {
  const frame = makeButton('frame', '', { id: String(id) }),
    face = make('span', 'face'),
    image = make('img'),
    caption = make('span', 'caption'),
    pair = make('span', 'figure');
  const svg = makeSvg('svg', { viewBox: `0 0 ${size} ${size}` });
  svg.append(makeSvg('path', { d: pathData(traceLoops(decodeMask(mask, size), size)) }));
  image.alt = '';
  image.hidden = true;
  face.append(svg, image);
  pair.append(make('span', 'label', 'similarity'), make('span', 'number', fixed(similarity)));
  caption.append(pair);
  frame.append(face, caption);
  frame.setAttribute('role', 'option');
  frame.title = `Bank entry ${id}`;
  frame.ariaLabel = `Bank entry ${id}: similarity ${similarity.toFixed(2)}`;
  return frame;
}
