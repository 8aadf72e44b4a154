/** The photo pane: files reach Python only through the page's upload button, which checks and names them. */

import { actions } from '../../web/shared/actions.js';
import { all, feed, fileField, find, make, makeButton, origin, writes } from '../../web/shared/dom.js';
import { tell } from '../../web/shared/events.js';
import { nameLeftOut, readDropped } from './dropped.js';
import { GarmentPicker } from './garments.js';
import { PhotoTools } from './photo_tools.js';

/** What the panel asks of Python. */
export const ASKS = /** @type {const} */ (['example', 'choose', 'frame', 'turned', 'mark', 'mend', 'say']);

/** @typedef {import('../../web/shared/views.js').Photo} Photo */

const MOST_FILES = 1000; // at once, from the browser
const NO_PICTURE = 'There is no picture in that folder, or in the folders in it';
const FROM_THE_WEB =
  'Nothing is fetched from the web, so that nothing leaves this machine: save the picture there, then drop the file';
const PATIENCE = 120_000; // milliseconds after which "Reading the photo…" goes by itself
const STARTS = '#generate, #make-sheet';

class PhotoPanel {
  /**
   * @param {HTMLElement} element
   * @param {import('../../web/shared/events.js').Props<Photo>} props
   * @param {import('../../web/shared/events.js').Trigger<(typeof ASKS)[number]>} trigger
   */
  constructor(element, props, trigger) {
    this.element = element;
    this.props = props;
    this.trigger = trigger;
    this.stage = find(element, '.stage', HTMLElement);
    this.several = find(element, '.several', HTMLElement);
    /** @type {File[]} that wait for a decision. */
    this.given = [];
    this.patience = 0;
    this.waiting = false;
    this.photo = ''; // SHA-256
    this.quarters = 0; // by which it looks turned
    /** @type {string[]} */
    this.endings = []; // of files that can be read
    /** @type {string | null | undefined} a mask that waits until Python has done what it is at. */
    this.mended = undefined;
    /** @type {HTMLElement | null} a button that was pressed too early. */
    this.held = null;
    this.picker = new GarmentPicker(element, (garment) => this.choose(garment));
    this.tools = new PhotoTools(element, {
      turn: (quarters) => this.ask('frame', { photo: this.photo, quarters }),
      mirror: () => this.ask('frame', { photo: this.photo, mirror: true }),
      crop: (box) => this.ask('frame', { photo: this.photo, box }),
      mark: (box) => this.ask('mark', { photo: this.photo, box }),
      mend: (mask) => this.mend(mask),
      turnAsOffered: (does) => {
        this.remark('');
        if (does) this.ask('frame', { photo: this.photo, quarters: this.quarters });
      },
      say: (message) => this.trigger('say', { message }),
    });
  }

  listen() {
    this.picker.listen();
    this.tools.listen();
    this.element.addEventListener('click', (event) => this.press(event));
    this.several.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape') return;
      event.stopPropagation();
      this.decide('none');
    });
    this.stage.addEventListener('dragover', (event) => {
      event.preventDefault();
      this.stage.classList.add('over');
    });
    this.stage.addEventListener('dragleave', () => this.stage.classList.remove('over'));
    // A file dropped beside the pane must not replace the page.
    window.addEventListener('dragover', (event) => event.preventDefault());
    window.addEventListener('drop', (event) => {
      event.preventDefault();
      this.stage.classList.remove('over');
      void this.receive(event.dataTransfer);
    });
    window.addEventListener('paste', (event) => {
      if (writes(event.target)) return;
      if (event.clipboardData?.files.length) event.preventDefault();
      void this.receive(event.clipboardData);
    });
    document.addEventListener('click', (event) => this.hold(event), true);
    document.addEventListener(
      'change',
      ({ target }) => {
        if (target instanceof HTMLInputElement && target === fileField('photo_file') && target.files?.length)
          this.wait(true);
      },
      true,
    );
  }

  /** @param {MouseEvent} event */
  press(event) {
    const name = origin(event, '[data-example]')?.dataset.example,
      act = origin(event, '[data-act]')?.dataset.act;
    if (name) {
      this.wait(true);
      this.trigger('example', { name });
    } else if (act === 'choose') fileField('photo_file')?.click();
    else if (act) this.decide(act);
  }

  /** @param {DataTransfer | null} given */
  async receive(given) {
    try {
      const { files, folders, address, left } = await readDropped(given, this.endings),
        others = nameLeftOut(left);
      if (address) this.trigger('say', { message: FROM_THE_WEB });
      else if (files.length) this.take(files, others);
      else if (folders) this.trigger('say', { message: [NO_PICTURE, others].filter(Boolean).join('. ') });
    } catch (error) {
      this.trigger('say', {
        message: `What was dropped cannot be read: ${error instanceof Error ? error.message : error}`,
      });
    }
  }

  /**
   * One photo lies on the bench; of many each can become a run, and the person says so.
   * @param {File[]} files
   * @param {string} [others]  what was left out, in words.
   */
  take(files, others = '') {
    this.given = files;
    this.several.hidden = files.length < 2;
    if (files.length < 2) {
      feed(fileField('photo_file'), files);
      if (others) this.trigger('say', { message: others });
      return;
    }
    const many = files.length > MOST_FILES,
      each = find(this.several, '[data-act=each]', HTMLButtonElement);
    const question = many
      ? `${files.length} files are too many at once: ${MOST_FILES} is the most here, and launch.py batch takes any ` +
        'number.'
      : `${files.length} files. Make a picture of each, with the settings on the right?`;
    find(this.several, 'p', HTMLElement).textContent = [question, others && `${others}.`].filter(Boolean).join(' ');
    each.disabled = many;
    (many ? find(this.several, '[data-act=first]', HTMLButtonElement) : each).focus();
  }

  /** @param {string} act */
  decide(act) {
    this.several.hidden = true;
    if (act === 'each') feed(fileField('batch_files'), this.given);
    else if (act === 'first') feed(fileField('photo_file'), this.given.slice(0, 1));
    this.given = [];
  }

  /** @param {number} garment */
  choose(garment) {
    this.ask('choose', { photo: this.photo, garment });
  }

  /**
   * One wish at a time.
   * @template {'choose' | 'frame' | 'mark' | 'mend'} Name
   * @param {Name} name
   * @param {import('../../web/shared/events.js').Requests[Name]} wish
   */
  ask(name, wish) {
    if (this.waiting) return;
    this.wait(true);
    this.trigger(name, wish);
  }

  /** @param {string | null} mask  the newest is the one that counts. */
  mend(mask) {
    this.mended = mask;
    if (this.waiting) return;
    this.mended = undefined;
    this.ask('mend', { photo: this.photo, mask });
  }

  /**
   * A run is made of the garment that the pane shows: what starts one waits until Python knows the last stroke or turn.
   * @param {Event} event
   */
  hold(event) {
    const button = origin(event, STARTS);
    if (!button || !(this.waiting || this.tools.mender.unsent)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    this.held = button;
    this.tools.mender.send();
    this.release(); // where there was nothing to tell
  }

  /** Press what was held back, when all panels have what Python told. */
  release() {
    const { held } = this;
    if (!held || this.waiting) return;
    this.held = null;
    setTimeout(() => held.click());
  }

  /** @param {boolean} on */
  wait(on) {
    this.waiting = on;
    find(this.element, '.busy', HTMLElement).hidden = !on;
    clearTimeout(this.patience);
    if (on)
      this.patience = setTimeout(() => {
        this.held = null;
        this.wait(false);
      }, PATIENCE);
  }

  show() {
    const value = this.props.value || {};
    if (!value.looks_turned) this.wait(false); // a guess answers no wish
    if ('refused' in value) {
      this.held = this.tools.mender.told = null;
      tell('refused', null);
    }
    if (value.endings) this.endings = value.endings;
    if (value.image) {
      this.mended = undefined;
      this.showPhoto(value.image, value.name ?? '', value.size ?? '');
      this.photo = value.sha256 ?? '';
      this.picker.show(value.garments ?? null);
    }
    if (value.chosen !== undefined) this.picker.mark(value.chosen, value.own ?? null);
    if (value.unmarked !== undefined) this.remark(value.unmarked ?? '');
    this.tools.show(value);
    if (value.fresh) this.trigger('turned', { photo: this.photo });
    const looks = value.looks_turned;
    if (looks && looks.photo === this.photo) this.offerTurn(looks.quarters);
    if (this.mended !== undefined) this.mend(this.mended);
    this.release();
    if (value.examples) this.showExamples(value.examples);
  }

  /**
   * @param {string} image
   * @param {string} name
   * @param {string} size
   */
  showPhoto(image, name, size) {
    const picture = find(this.element, '.picture', HTMLImageElement),
      title = find(this.element, '.name', HTMLElement);
    picture.src = image;
    picture.hidden = false;
    find(this.element, '.invite', HTMLElement).hidden = true;
    this.element.dataset.photo = name;
    title.textContent = title.title = name;
    find(this.element, '.size', HTMLElement).textContent = size;
  }

  /** @param {number} quarters  clockwise, by which the photo should be turned. */
  offerTurn(quarters) {
    this.quarters = quarters;
    this.remark('Looks turned: turn it?');
    for (const name of ['turn', 'leave']) find(this.element, `.remark [data-tool=${name}]`, HTMLElement).hidden = false;
  }

  /** @param {string} words  below the photo; none where there is nothing to say. */
  remark(words) {
    const remark = find(this.element, '.remark', HTMLElement);
    remark.hidden = !words;
    find(remark, '.words', HTMLElement).textContent = words;
    for (const button of all(remark, 'button')) button.hidden = true;
  }

  /** @param {{ name: string, image: string }[]} examples */
  showExamples(examples) {
    const row = find(this.element, '.examples', HTMLElement);
    row.hidden = !examples.length;
    row.replaceChildren(
      ...examples.map(({ name, image }) => {
        const button = makeButton('', '', { example: name }),
          small = make('img');
        button.title = button.ariaLabel = `Use the example ${name}`;
        small.src = image;
        small.alt = '';
        button.append(small);
        return button;
      }),
    );
  }
}

/**
 * @param {HTMLElement} element
 * @param {import('../../web/shared/events.js').Props<Photo>} props
 * @param {import('../../web/shared/events.js').Trigger<(typeof ASKS)[number]>} trigger
 * @param {unknown} _server
 * @param {unknown} _upload
 * @param {import('../../web/shared/events.js').Watch} watch
 */
export function mount(element, props, trigger, _server, _upload, watch) {
  const panel = new PhotoPanel(element, props, trigger);
  panel.listen();
  actions.add('photo', [...panel.tools.actions(), ...panel.picker.actions()]);
  actions.add('page', panel.tools.pageActions());
  watch('value', () => panel.show());
  panel.show();
}
