/** The lists that lie over the grid: quality, coverage, versions. Nothing in them changes anything by itself. */

import { make, makeButton, origin } from '../../web/shared/dom.js';
import { makeStrip } from './entry.js';

/** @typedef {import('./desk.js').Desk} Desk */
/** @typedef {import('./types.js').QualityList} QualityList */
/** @typedef {import('./types.js').Cell} Cell */
/** @typedef {import('./types.js').Gap} Gap */
/** @typedef {import('./types.js').Snapshot} Snapshot */
/** @typedef {import('./types.js').Difference} Difference */
/** @typedef {import('./types.js').Candidate} Candidate */

const LISTS = { exact: 'exact duplicates', near: 'near-duplicates', outliers: 'outliers', shapes: 'odd shapes' };
const SHOWN = 60; // groups of a list that are drawn

/**
 * What the page around it does.
 * @typedef {object} Page
 * @property {(ids: number[], words: string) => void} keep  show these in the grid.
 * @property {(ids: number[]) => void} pick  select them.
 * @property {(attributes: Record<string, string>) => void} filter
 * @property {(kind: string, measures: Record<string, number>) => void} draw
 * @property {(id: number) => void} look
 * @property {() => void} changed  the bank is another.
 * @property {() => void} grid  turn to the grid.
 */

export class Report {
  /**
   * @param {HTMLElement} element
   * @param {Desk} desk
   * @param {Page} page
   */
  constructor(element, desk, page) {
    this.element = element;
    this.desk = desk;
    this.page = page;
    this.view = '';
    /** @type {QualityList[]} */
    this.lists = [];
    /** @type {Gap[]} */
    this.gaps = [];
    /** @type {Difference | null} */
    this.difference = null;
    element.addEventListener('click', (event) => void this.press(origin(event, 'button')));
    element.addEventListener('submit', (event) => void this.submit(event));
  }

  /** @param {string} view */
  has(view) {
    return ['quality', 'coverage', 'versions', 'try'].includes(view);
  }

  /** @param {string} view  one that it has. */
  async open(view) {
    this.view = view;
    this.element.replaceChildren(make('p', 'note', 'Looking the bank over…'));
    delete this.element.dataset.ready;
    if (view === 'quality') {
      await this.openQuality();
      return;
    }
    const show = await this.asked(view);
    if (!show || this.view !== view) return;
    show();
    this.element.dataset.ready = view;
  }

  /**
   * Ask for what a view shows.
   * @param {string} view
   * @returns {Promise<(() => void) | null>} what shows it; null where Python refused.
   */
  async asked(view) {
    if (view === 'coverage') {
      const answer = await this.desk.ask('coverage');
      return answer && (() => this.showCoverage(answer.cells, answer.gaps, answer.more));
    }
    if (view === 'try') {
      const answer = await this.desk.ask('try_photos');
      return answer && (() => this.showTried(answer.photos));
    }
    const answer = await this.desk.ask('versions');
    return answer && (() => this.showVersions(answer.snapshots, answer.edits));
  }

  // ---- quality

  /** One list after the other: near-duplicates of a large bank take seconds. */
  async openQuality() {
    this.lists = [];
    for (const [list, words] of Object.entries(LISTS)) {
      // eslint-disable-next-line no-await-in-loop -- each shows as soon as it is there
      const answer = await this.desk.watch('quality', { list }, `Looking for ${words}`);
      if (!answer || this.view !== 'quality') return;
      if (!this.lists.length) this.element.replaceChildren();
      this.lists.push(answer.list);
      this.element.append(this.qualityList(answer.list, this.lists.length - 1));
    }
    this.desk.say('Open a list to look through it; nothing is changed before you say so');
    this.element.dataset.ready = 'quality';
  }

  /**
   * @param {QualityList} list
   * @param {number} index
   */
  qualityList({ title, note, groups }, index) {
    const node = make('details', 'quality'),
      head = make('summary', '', `${title} `),
      more = groups.length - SHOWN;
    head.append(make('b', '', groups.length.toLocaleString('en')), make('span', 'note', ` ${note}`));
    node.append(head);
    if (groups.length) node.append(this.tools(index));
    node.append(...groups.slice(0, SHOWN).map((group, i) => this.group(group, index, i)));
    if (more > 0) node.append(make('p', 'note', `${more} more: show all in the grid`));
    return node;
  }

  /** @param {number} list */
  tools(list) {
    const row = make('p', 'buttons');
    row.append(makeButton('quiet', 'Show all in the grid', { keep: String(list) }));
    if (this.lists[list].groups.some(({ ids }) => ids.length > 1)) {
      const button = makeButton('quiet', 'Select all but the first of each', { spare: String(list) });
      button.title = 'They are selected in the grid; whether they go is yours to say';
      row.append(button);
    }
    return row;
  }

  /**
   * @param {QualityList['groups'][number]} group
   * @param {number} list
   * @param {number} index
   */
  group({ ids, words, shapes }, list, index) {
    const row = make('div', 'group');
    row.append(makeStrip(ids.slice(0, shapes.length).map((id, i) => ({ id, shape: shapes[i], words: `#${id}` }))));
    row.append(make('span', 'note', words), makeButton('quiet', 'Show', { group: `${list} ${index}` }));
    return row;
  }

  // ---- coverage

  /**
   * @param {Cell[]} cells
   * @param {Gap[]} gaps
   * @param {number} more
   */
  showCoverage(cells, gaps, more) {
    this.gaps = gaps;
    const list = make('ul', 'gaps');
    list.append(
      ...gaps.map(({ text, near, kind }, i) => {
        const item = make('li', '', text);
        item.append(make('span', 'note', ` ${near.toLocaleString('en')} near it `));
        item.append(makeButton('quiet', kind ? 'Draw one' : 'Show its kind', { gap: String(i) }));
        return item;
      }),
    );
    if (more) list.append(make('li', 'note', `${more} more, with less around them`));
    if (!gaps.length) list.append(make('li', 'note', 'No empty corner was found'));
    this.element.replaceChildren(make('h3', '', 'Empty corners'), list, ...cells.map((cell) => this.table(cell)));
  }

  /** @param {Cell} cell */
  table({ category, first, second, rows, columns, counts }) {
    const table = make('table', 'cover'),
      head = make('tr'),
      most = Math.max(1, ...counts.flat());
    table.append(make('caption', '', `${category}: ${first.replaceAll('_', ' ')} by ${second.replaceAll('_', ' ')}`));
    head.append(make('th'), ...columns.map((name) => make('th', '', name)));
    table.append(head);
    rows.forEach((name, i) => {
      const row = make('tr');
      row.append(
        make('th', '', name),
        ...counts[i].map((count) => {
          const field = make('td', count ? '' : 'none', String(count));
          field.style.setProperty('--share', String(Math.round((100 * count) / most)));
          return field;
        }),
      );
      table.append(row);
    });
    return table;
  }

  // ---- what a photo finds

  /** @param {{ name: string, found: Candidate[] }[]} photos */
  showTried(photos) {
    const give = makeButton('solid', photos.length ? 'Other photos' : 'Give photos', { act: 'try' }),
      words = photos.length
        ? 'In the bank as it is now; it is looked for anew after each change.'
        : 'Give a photo or some, and see what they find while you change the bank.';
    this.element.replaceChildren(
      make('h3', '', 'What photos would retrieve'),
      make('p', 'note', words),
      ...photos.flatMap(({ name, found }) => [make('h4', '', name), candidates(found)]),
      give,
    );
  }

  // ---- versions

  /**
   * @param {Snapshot[]} snapshots
   * @param {string[]} edits
   */
  showVersions(snapshots, edits) {
    const form = make('form', 'snapshot'),
      field = make('input'),
      rows = snapshots.map(({ name, version, at, note }) => {
        const item = make('li', '', `${name} `);
        item.append(
          make('span', 'note', [version, at, note].filter(Boolean).join(' · ')),
          makeButton('quiet', 'Compare with now', { compare: name }),
          makeButton('quiet', 'Restore', { back: name }),
        );
        return item;
      });
    Object.assign(field, { name: 'name', placeholder: 'name of a snapshot', maxLength: 60, required: true });
    form.append(field, make('button', 'quiet', 'Keep the bank as it is now'));
    const list = make('ul', 'snapshots'),
      log = make('ol', 'edits');
    list.append(...(rows.length ? rows : [make('li', 'note', 'No snapshot was taken yet')]));
    log.append(...edits.map((line) => make('li', '', line)));
    const parts = [make('h3', '', 'Snapshots'), form, list, make('div', 'difference'), make('h3', '', 'Log'), log];
    this.element.replaceChildren(...parts);
  }

  /** @param {Difference} difference */
  showDifference(difference) {
    this.difference = difference;
    const node = make('div', 'difference');
    node.append(make('p', '', difference.words));
    for (const kind of /** @type {const} */ (['added', 'changed'])) {
      if (difference[kind].length) node.append(makeButton('quiet', `Show the ${kind} in the grid`, { differ: kind }));
    }
    for (const { name, then, now } of difference.photos) {
      const same = then.map(({ id }) => id).join() === now.map(({ id }) => id).join(),
        sides = make('div', 'then-now');
      node.append(make('h4', '', same ? `${name} finds the same as then` : `${name} finds others than then`), sides);
      if (!same) sides.append(make('span', 'note', 'then'), candidates(then));
      sides.append(make('span', 'note', same ? 'both' : 'now'), candidates(now));
    }
    if (!difference.photos.length) {
      node.append(make('p', 'note', 'Try photos, and what they found then and find now stands here'));
    }
    this.element.querySelector('.difference')?.replaceWith(node);
  }

  // ---- imports

  /** @param {import('./types.js').Plan} plan */
  showPlan({ token, words, good }) {
    const button = makeButton('solid', 'Add them', { enter: token }),
      list = make('ul', 'entry-list');
    this.view = 'import';
    button.disabled = !good;
    list.append(...words.map((line) => make('li', '', line)));
    this.element.replaceChildren(make('h3', '', 'What the file holds; nothing was added yet'), list, button);
    this.element.dataset.ready = 'import';
  }

  // ---- what is pressed

  /** @param {HTMLElement | null} button */
  async press(button) {
    const { keep, spare, group, gap, compare, back, differ, look, enter } = button?.dataset ?? {};
    if (look) this.page.look(Number(look));
    if (enter && (await this.desk.ask('import', { token: enter }))) {
      this.page.grid();
      this.page.changed();
    }
    if (keep) {
      const { title, groups } = this.lists[Number(keep)];
      this.page.keep(
        groups.flatMap(({ ids }) => ids),
        title,
      );
    }
    if (spare) this.spare(this.lists[Number(spare)]);
    if (group) {
      const [list, index] = group.split(' ').map(Number);
      this.page.keep(this.lists[list].groups[index].ids, this.lists[list].groups[index].words);
    }
    if (gap) this.fill(this.gaps[Number(gap)]);
    if (differ) this.page.keep(this.difference?.[/** @type {'added' | 'changed'} */ (differ)] ?? [], differ);
    if (compare) {
      const answer = await this.desk.ask('compare', { old: compare });
      if (answer) this.showDifference(answer.difference);
    }
    if (back && (await this.desk.ask('go_back', { old: back }))) {
      this.page.changed();
      await this.open('versions');
    }
  }

  /**
   * Begin to draw what is missing, or show what there is of its kind.
   * @param {Gap} gap
   */
  fill({ kind, measures, attributes }) {
    if (kind) this.page.draw(kind, measures);
    else this.page.filter({ category: attributes.category });
  }

  /** @param {QualityList} list */
  spare({ groups, title }) {
    const others = groups.flatMap(({ ids }) => ids.slice(1));
    this.page.keep(
      groups.flatMap(({ ids }) => ids),
      title,
    );
    this.page.pick(others);
  }

  /** @param {SubmitEvent} event */
  async submit(event) {
    event.preventDefault();
    const form = /** @type {HTMLFormElement} */ (event.target),
      name = String(new FormData(form).get('name') ?? '');
    if (await this.desk.ask('snapshot', { name })) await this.open('versions');
  }
}

/**
 * Candidates of a photo; the landmark is marked.
 * @param {Candidate[]} found
 */
function candidates(found) {
  const strip = makeStrip(found);
  found.forEach(({ landmark }, i) => strip.children[i].classList.toggle('landmark', landmark));
  return strip;
}
