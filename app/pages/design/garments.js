/** The garments of the photo: they light up under the pointer, are named as chips, and one of them is chosen. */

import { decodeMask } from '../../landmark_editor/rle.js';
import { find, make, makeButton, origin } from '../../web/shared/dom.js';

/** @typedef {import('../../web/shared/views.js').Garments} Garments */

const NONE = -1;

export class GarmentPicker {
  /**
   * @param {HTMLElement} element  of the photo pane.
   * @param {(index: number) => void} choose  is called with a garment that a person wants instead of the chosen one.
   */
  constructor(element, choose) {
    this.choose = choose;
    this.area = find(element, '.garments', HTMLElement);
    this.light = find(this.area, 'canvas', HTMLCanvasElement);
    this.tag = find(this.area, '.tag', HTMLElement);
    this.chips = find(element, '.chips', HTMLElement);
    /** @type {Garments | null} */
    this.garments = null;
    /** @type {Uint8Array} garment i of `found` is i + 1. */
    this.indices = new Uint8Array();
    this.lit = NONE;
    this.chosen = NONE;
  }

  listen() {
    this.area.addEventListener('pointermove', (event) => this.lightUp(this.under(event)));
    this.area.addEventListener('pointerleave', () => this.lightUp(NONE));
    this.area.addEventListener('blur', () => this.lightUp(NONE));
    this.area.addEventListener('click', (event) => this.pick(this.under(event)));
    this.chips.addEventListener('click', (event) => {
      const index = origin(event, '[data-garment]')?.dataset.garment;
      if (index !== undefined) this.pick(Number(index));
    });
    for (const name of ['pointerover', 'focusin'])
      this.chips.addEventListener(name, (event) =>
        this.lightUp(Number(origin(event, '[data-garment]')?.dataset.garment ?? NONE)),
      );
    for (const name of ['pointerleave', 'focusout']) this.chips.addEventListener(name, () => this.lightUp(NONE));
  }

  /** @returns {import('../../web/shared/actions.js').Action[]} */
  actions() {
    const focused = () => document.activeElement === this.area;
    return [
      {
        name: 'walk',
        label: 'Go from garment to garment',
        keys: ['ArrowLeft', 'ArrowUp', 'ArrowRight', 'ArrowDown'],
        shown: 'Arrows',
        enabled: focused,
        perform: ({ key }) => this.walk(key === 'ArrowLeft' || key === 'ArrowUp' ? -1 : 1),
      },
      {
        name: 'choose',
        label: 'Choose the garment that is lit',
        keys: ['Enter'],
        shown: 'Enter',
        enabled: focused,
        perform: () => this.pick(this.lit),
      },
    ];
  }

  /** @param {Garments | null} garments  of a new photo; null where there is nobody to tell them apart. */
  show(garments) {
    this.garments = garments;
    const found = garments?.found ?? [];
    this.area.hidden = this.chips.hidden = !found.length;
    this.chips.replaceChildren(
      ...found.map(({ title }, index) => makeButton('chip', title, { garment: String(index) })),
    );
    this.lit = NONE;
    this.tag.hidden = true;
    if (!garments) return;
    this.indices = decodeMask(garments.map, garments.width, garments.height);
    this.light.width = garments.width;
    this.light.height = garments.height;
  }

  /**
   * @param {number | null} index
   * @param {string | null} own  what to call a garment that is none of those found, and is meant.
   */
  mark(index, own) {
    this.chosen = index ?? NONE;
    this.chips.querySelector('.own')?.remove();
    if (own) {
      const chip = make('span', 'chip own', own);
      chip.setAttribute('aria-pressed', 'true');
      this.chips.append(chip);
    }
    this.chips.hidden = !this.chips.childElementCount;
    [...this.chips.querySelectorAll('[data-garment]')].forEach((chip, i) =>
      chip.setAttribute('aria-pressed', String(i === this.chosen)),
    );
  }

  /** @param {number} index */
  pick(index) {
    if (index !== NONE && index !== this.chosen) this.choose(index);
  }

  /** @param {number} step */
  walk(step) {
    const count = this.garments?.found.length ?? 0;
    if (!count) return;
    const from = this.lit === NONE ? this.chosen : this.lit;
    this.lightUp(from === NONE ? 0 : (from + step + count) % count);
  }

  /**
   * The garment under the pointer.
   * @param {MouseEvent} event
   * @returns {number}
   */
  under({ clientX, clientY }) {
    const box = this.area.getBoundingClientRect(),
      { width, height } = this.light;
    const x = Math.floor(((clientX - box.left) / box.width) * width),
      y = Math.floor(((clientY - box.top) / box.height) * height);
    return x < 0 || y < 0 || x >= width || y >= height ? NONE : this.indices[y * width + x] - 1;
  }

  /** @param {number} index  of the garment to be lit, the only one. */
  lightUp(index) {
    if (index === this.lit) return;
    this.lit = index;
    const garment = this.garments?.found[index];
    this.area.classList.toggle('on', Boolean(garment));
    this.tag.hidden = !garment;
    if (!garment) return;
    this.tag.textContent = garment.title;
    this.tag.style.left = `${garment.x * 100}%`;
    this.tag.style.top = `${garment.y * 100}%`;
    this.tint(index);
  }

  /** @param {number} index */
  tint(index) {
    const context = this.light.getContext('2d'),
      { width, height } = this.light;
    if (!context) return;
    const shape = new ImageData(width, height);
    for (let i = 0; i < this.indices.length; i += 1) if (this.indices[i] === index + 1) shape.data[4 * i + 3] = 255;
    context.putImageData(shape, 0, 0);
    context.globalCompositeOperation = 'source-in';
    context.fillStyle = getComputedStyle(this.light).color;
    context.fillRect(0, 0, width, height);
    context.globalCompositeOperation = 'source-over';
  }
}
