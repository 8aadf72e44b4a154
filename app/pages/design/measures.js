/** The measures of a drafted landmark: sliders beside the canvas, whose outline follows while they move. */

import { allow, find, origin } from '../../web/shared/dom.js';
import { hear, tell } from '../../web/shared/events.js';
import { MeasureForm } from '../../web/shared/measures.js';

/** @typedef {import('../../web/shared/events.js').Measured} Measured */
/** @typedef {import('../../web/shared/measures.js').Drawn} Drawn */
/** @typedef {import('../../web/shared/measures.js').Sliders} Sliders */
/** @typedef {import('../../web/shared/views.js').Pattern} Pattern */

const DISAGREE = 'The outline stays as it was until the measures agree.';
const UNANSWERED = 'The studio did not answer: is it still running? Reload the page.';

class MeasuresPanel {
  /**
   * @param {HTMLElement} element
   * @param {import('../../web/shared/events.js').Server} server
   */
  constructor(element, server) {
    this.server = server;
    this.pane = find(element, '.measures', HTMLElement);
    this.all = find(element, '[data-act=reset_all]', HTMLButtonElement);
    this.fold = find(element, '[data-act=fold]', HTMLButtonElement);
    this.body = find(element, '.measure-form', HTMLElement);
    this.line = find(element, '.note', HTMLElement);
    /** @type {Pattern | null} what the canvas has, as it was told last. */
    this.pattern = null;
    this.form = new MeasureForm(
      this.body,
      {
        kind: async (pattern) => /** @type {Sliders | null} */ (await this.ask('kind', pattern)),
        draw: async (pattern) => /** @type {Drawn | null} */ (await this.ask('draw', pattern)),
      },
      {
        drawn: (answer, pattern) => this.drawn(answer, pattern),
        settled: (name) => tell('drawn', { label: name }),
      },
    );
  }

  listen() {
    this.pane.addEventListener('click', (event) => {
      const { act } = origin(event, 'button')?.dataset ?? {};
      if (act === 'reset_all') void this.form.resetAll();
      if (act === 'fold') this.toggle();
      if (act === 'keep') keep();
    });
    hear('measured', (measured) => void this.show(measured));
  }

  toggle() {
    this.body.hidden = !this.body.hidden;
    this.pane.classList.toggle('folded', this.body.hidden);
    this.fold.textContent = this.body.hidden ? '▾' : '▴';
    this.fold.ariaExpanded = String(!this.body.hidden);
  }

  /**
   * What the canvas has: measures that came from here are shown already.
   * @param {Measured | null} measured
   */
  async show(measured) {
    this.pane.hidden = !measured;
    const { pattern = null, drafted = null } = measured ?? {};
    const known = pattern === this.pattern;
    this.pattern = pattern;
    this.form.prediction = drafted;
    if (pattern && !known) await this.form.show(pattern.kind, pattern.measures);
    if (pattern) this.showMoves();
  }

  /**
   * @param {Drawn} answer
   * @param {Pattern} pattern
   */
  drawn({ mask = '', wrong }, pattern) {
    this.line.textContent = wrong ? DISAGREE : '';
    this.showMoves();
    if (wrong) return;
    this.pattern = pattern;
    tell('drawing', { pattern, mask });
    this.pane.dataset.drawn = String(Number(this.pane.dataset.drawn ?? 0) + 1);
  }

  showMoves() {
    const { form } = this,
      moved = form.kind !== form.prediction?.kind || form.fields.some((field) => form.isMoved(field));
    allow([this.all], moved && form.prediction !== null, 'All measures are as they were predicted');
  }

  /**
   * @param {'kind' | 'draw'} what
   * @param {{ kind: string, measures?: Record<string, number> }} pattern
   * @returns {Promise<object | null>}
   */
  async ask(what, pattern) {
    try {
      const answer = /** @type {{ refused?: string } | undefined} */ (await this.server.ask({ what, ...pattern }));
      if (answer && !answer.refused) return answer;
      this.line.textContent = answer?.refused ?? UNANSWERED;
    } catch {
      this.line.textContent = UNANSWERED;
    }
    return null;
  }
}

/** The canvas knows the landmark, and adds it to the bank. */
function keep() {
  /** @type {HTMLElement | null} */ (document.querySelector('#canvas [data-act=to_bank]'))?.click();
}

/**
 * @param {HTMLElement} element
 * @param {unknown} _props
 * @param {unknown} _trigger
 * @param {import('../../web/shared/events.js').Server} server
 */
export function mount(element, _props, _trigger, server) {
  new MeasuresPanel(element, server).listen();
}
