/** The masthead: theme and help; and the keys that belong to the whole page. */

import { actions } from './actions.js';
import { find, make, writes } from './dom.js';
import { tell } from './events.js';

const THEME = 'studio-theme';

/** @param {HTMLElement} element */
export function mount(element) {
  const help = find(element, '.keys', HTMLElement),
    toggle = find(element, '[data-act=keys]', HTMLButtonElement);
  const showHelp = (/** @type {boolean} */ on) => {
    if (on) drawHelp(help);
    help.hidden = !on;
    toggle.setAttribute('aria-expanded', String(on));
  };
  toggle.addEventListener('click', () => showHelp(help.hidden));
  find(element, '[data-act=theme]', HTMLButtonElement).addEventListener('click', switchTheme);
  offerLogout(find(element, '[data-act=logout]', HTMLButtonElement));
  const stored = localStorage.getItem(THEME);
  if (stored) document.body.classList.toggle('dark', stored === 'dark');
  actions.add('page', [
    ...pageActions(),
    {
      name: 'close-help',
      label: 'Close this list',
      keys: ['Escape'],
      whileWriting: true,
      enabled: () => !help.hidden,
      perform: () => showHelp(false),
    },
    {
      name: 'cancel',
      label: 'Cancel: a drag, else the run',
      keys: ['Escape'],
      shown: 'Esc',
      perform: () => press('#cancel'),
    },
    { name: 'help', label: 'This list', keys: ['?'], shown: '?', perform: () => showHelp(help.hidden) },
  ]);
}

/**
 * Shown to who is logged in.
 * @param {HTMLButtonElement} button
 */
function offerLogout(button) {
  const { username, root } = /** @type {{ gradio_config: { username?: string | null, root: string } }} */ (
    /** @type {unknown} */ (window)
  ).gradio_config;
  button.hidden = !username;
  button.title = `Logged in as ${username}`;
  button.addEventListener('click', async () => {
    await fetch(`${root}/logout`, { method: 'POST' });
    location.reload();
  });
}

/** @returns {import('./actions.js').Action[]} */
function pageActions() {
  return [
    {
      name: 'generate',
      label: 'Generate',
      keys: ['Ctrl+Enter'],
      shown: 'Ctrl Enter',
      whileWriting: true,
      perform: generate,
    },
    {
      name: 'pick',
      label: 'Pick a candidate',
      keys: ['1', '2', '3', '4', '5', '6', '7', '8'],
      shown: '1 – 8',
      perform: ({ key }) => tell('pick', Number(key) - 1),
    },
    {
      name: 'drafted',
      label: 'Pick the drafted shape, whose measures can be moved',
      keys: ['d'],
      shown: 'D',
      perform: () => tell('pick', 'drafted'),
    },
    { name: 'consensus', label: 'Back to the consensus', keys: ['0'], shown: '0', perform: () => tell('pick', -1) },
    { name: 'paste', label: 'Paste a photo', keys: [], shown: 'Ctrl V', perform: () => {} },
    {
      name: 'flip',
      label: 'Flip between result and photo',
      keys: ['f'],
      shown: 'F',
      perform: () => tell('flip', null),
    },
  ];
}

function switchTheme() {
  const dark = document.body.classList.toggle('dark');
  localStorage.setItem(THEME, dark ? 'dark' : 'light');
}

/** A number that is being typed is committed first. */
function generate() {
  if (writes(document.activeElement) && document.activeElement instanceof HTMLElement) document.activeElement.blur();
  setTimeout(() => press('#generate'), 60);
}

/** @param {string} selector */
function press(selector) {
  /** @type {HTMLElement | null} */ (document.querySelector(selector))?.click();
}

/** @param {HTMLElement} help */
function drawHelp(help) {
  help.replaceChildren(
    ...actions.help().flatMap(({ title, rows }) => {
      const list = make('dl');
      list.append(...rows.flatMap(({ keys, label }) => [make('dt', '', keys), make('dd', '', label)]));
      return title ? [make('h3', '', title), list] : [list];
    }),
  );
}
