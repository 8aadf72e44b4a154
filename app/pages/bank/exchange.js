/** What comes into the bank from files and folders; one ZIP of an export goes as it is, all else is packed into one. */

import { feed, fileField, find } from '../../web/shared/dom.js';
import { pack, pathOf } from './pack.js';

const IMPORTED = /\.(zip|json)$/i; // dropped files that are no pictures to look at one by one

export class Exchange {
  /**
   * @param {HTMLElement} element  with the two file fields; files are dropped on it, too.
   * @param {import('./desk.js').Desk} desk
   */
  constructor(element, desk) {
    this.desk = desk;
    this.fields = {
      files: find(element, '[data-files=files]', HTMLInputElement),
      folder: find(element, '[data-files=folder]', HTMLInputElement),
    };
    for (const field of Object.values(this.fields)) {
      field.addEventListener('change', () => {
        const files = [...(field.files ?? [])];
        field.value = '';
        void this.take(files);
      });
    }
    element.addEventListener('dragover', (event) => event.preventDefault());
    element.addEventListener('drop', (event) => {
      event.preventDefault();
      const files = [...(event.dataTransfer?.files ?? [])];
      if (this.means(files)) void this.take(files);
      else feed(fileField('bank_photos'), files);
    });
  }

  /** @param {'files' | 'folder'} what */
  ask(what) {
    this.fields[what].click();
  }

  /**
   * Whether dropped files are to be imported rather than looked at one by one.
   * @param {File[]} files
   */
  means(files) {
    return files.some(({ name }) => IMPORTED.test(name));
  }

  /** @param {File[]} files */
  async take(files) {
    if (!files.length) return;
    const zip = files.length === 1 && files[0].name.toLowerCase().endsWith('.zip') ? files[0] : null,
      top = pathOf(files[0]).split('/');
    this.desk.say('The files are looked over; nothing is added before you have seen what is in them…');
    try {
      const name = top.length > 1 ? top[0] : files.length === 1 ? files[0].name.replace(/\.[^.]*$/, '') : 'files';
      feed(fileField('bank_import'), [zip ?? (await pack(files, `${name}.zip`))]);
    } catch (error) {
      this.desk.say(`The files cannot be read: ${error instanceof Error ? error.message : error}`, true);
    }
  }
}
