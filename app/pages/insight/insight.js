/** The Insight page: the bank as a map with the photo in it, and four charts. Python measures, this draws. */

import { all, find, fixed, make, makeButton, origin } from '../../web/shared/dom.js';
import { NO_PHOTO, drawAlpha, drawK, drawSimilarity, drawTime } from './charts.js';
import { BankMap } from './map.js';

/** What the panel asks of Python. */
export const ASKS = /** @type {const} */ (['look']);

/** @typedef {import('../../web/shared/views.js').Insight} Insight */
/** @typedef {import('../../web/shared/views.js').InsightMap} InsightMap */
/** @typedef {import('../../web/shared/views.js').Neighbour} Neighbour */
/** @typedef {(name: 'look', data: { id: number }) => void} Trigger */

const LOOKED_AFTER = 60; // milliseconds that an entry is pointed at
const CHARTS = { similarity: drawSimilarity, k: drawK, alpha: drawAlpha, time: drawTime };
/** @type {[string, string][]} */
const STAGES = [
  ['--stage-0', 'retrieve'],
  ['--stage-1', 'prepare: draft and reference'],
  ['--stage-2', 'denoise'],
  ['--stage-3', 'decode'],
  ['--other', 'other'],
];

/**
 * @param {Neighbour} item
 * @param {number} i
 */
function makeNeighbour(item, i) {
  const node = makeButton('', '', { id: String(item.id) }),
    shape = make('span', 'shape');
  node.setAttribute('aria-pressed', 'false');
  const figures = `similarity ${fixed(item.similarity)}, weight ${fixed(item.weight)}`;
  node.ariaLabel = `Neighbour ${i + 1}: entry ${item.id}, ${figures}`;
  shape.style.maskImage = `url(${item.shape})`;
  node.append(shape, make('span', '', `${i + 1} · ${fixed(item.similarity)}`));
  return node;
}

class InsightPanel {
  /**
   * @param {HTMLElement} element
   * @param {import('../../web/shared/events.js').Props<Insight>} props
   * @param {Trigger} trigger
   */
  constructor(element, props, trigger) {
    this.element = element;
    this.props = props;
    this.trigger = trigger;
    this.nearest = find(element, '.nearest', HTMLElement);
    this.map = new BankMap(find(element, 'canvas', HTMLCanvasElement), find(element, '.plot', HTMLElement), (point) =>
      this.pointed(point?.id ?? 0),
    );
    this.asked = 0; // the entry
    this.timer = 0;
  }

  listen() {
    this.nearest.addEventListener('click', (event) => {
      const node = origin(event, '[data-id]');
      if (node) this.map.pointTo(Number(node.dataset.id));
    });
    new ResizeObserver(() => this.render()).observe(this.element);
    new MutationObserver(() => this.render()).observe(document.body, { attributes: true, attributeFilter: ['class'] });
  }

  /** @param {number} id  of the entry that is meant; 0 is none. */
  pointed(id) {
    for (const node of all(this.nearest, '[data-id]'))
      node.setAttribute('aria-pressed', String(Number(node.dataset.id) === id));
    clearTimeout(this.timer);
    if (!id) return;
    this.timer = setTimeout(() => {
      if (id === this.asked) return;
      this.asked = id;
      this.trigger('look', { id });
    }, LOOKED_AFTER);
  }

  show() {
    const value = this.props.value;
    if (!value) return;
    const { map, nearest } = value;
    this.asked = 0;
    this.map.show(map, nearest ?? []);
    this.words('.plot .empty', map ? '' : 'The model is still loading: the map follows at once.');
    this.words(
      '.share',
      map
        ? `principal components: ${Math.round(100 * (map.share[0] + map.share[1]))} % of the variance of ` +
            `${map.ids.length.toLocaleString('en')} entries`
        : '',
    );
    this.legend('.insight-map .legend', map ? kinds(map) : []);
    this.legend('.insight-time .legend', value.timings.length ? STAGES : []);
    this.nearest.replaceChildren(...(nearest ?? []).map(makeNeighbour));
    this.nearest.dataset.empty = map && !nearest ? NO_PHOTO : '';
    Object.assign(this.element.dataset, { state: value.state, token: value.token, entries: map?.ids.length ?? '' });
    this.render();
  }

  render() {
    const value = this.props.value;
    if (!value || this.element.offsetParent === null) return;
    this.map.layout();
    for (const [name, draw] of Object.entries(CHARTS)) {
      const box = find(this.element, `.insight-${name} .chart`, HTMLElement);
      draw({ box, say: (text) => this.words(`.insight-${name} .said`, text) }, value);
    }
  }

  /**
   * @param {string} selector
   * @param {string} text
   */
  words(selector, text) {
    find(this.element, selector, HTMLElement).textContent = text;
  }

  /**
   * @param {string} selector
   * @param {[string, string][]} items  colours of the style sheet, with their words.
   */
  legend(selector, items) {
    find(this.element, selector, HTMLElement).replaceChildren(
      ...items.map(([colour, text]) => {
        const node = make('span'),
          swatch = make('i');
        swatch.style.background = `var(${colour})`;
        node.append(swatch, text);
        return node;
      }),
    );
  }
}

/**
 * @param {InsightMap} map
 * @returns {[string, string][]}
 */
function kinds({ names, counts, own }) {
  const all = names.map((name, i) => /** @type {[string, string]} */ ([`--kind-${i}`, `${name} (${counts[i]})`]));
  return [
    ...all,
    ['--other', 'others'],
    ...(own ? [/** @type {[string, string]} */ (['--veil', 'your photo: e filled, ê open'])] : []),
  ];
}

/**
 * @param {HTMLElement} element
 * @param {import('../../web/shared/events.js').Props<Insight>} props
 * @param {Trigger} trigger
 * @param {unknown} _server
 * @param {unknown} _upload
 * @param {import('../../web/shared/events.js').Watch} watch
 */
export function mount(element, props, trigger, _server, _upload, watch) {
  const panel = new InsightPanel(element, props, trigger);
  panel.listen();
  watch('value', () => panel.show());
  panel.show();
}
