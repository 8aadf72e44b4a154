/** K and α, which move in the browser alone until they are let go. */

/** @typedef {import('./editor.js').Editor} Editor */

const TUNED_AFTER = 500; // milliseconds after which a slider that is not held counts as set

/**
 * The sliders of K and α are heard directly: they move here alone, and Python learns of it when they are let go.
 * @param {Editor} editor
 * @param {HTMLElement} element  of the canvas.
 */
export function listenToSliders(editor, element) {
  let timer = 0,
    held = false;
  const commit = () => {
    clearTimeout(timer);
    if (held) timer = setTimeout(commit, TUNED_AFTER);
    else if (timer) {
      timer = 0;
      editor.link.send();
    }
  };
  const follow = (/** @type {Event} */ { target }) => {
    if (!editor.model.doc || !(target instanceof HTMLInputElement) || target.value === '') return;
    const { settings } = editor.model,
      value = Number(target.value);
    const k = target.closest('#k') ? value : settings.k,
      alpha = target.closest('#alpha') ? value : settings.alpha;
    if (!tunable(editor, k, alpha)) return;
    const started = performance.now();
    editor.model.retune(k, alpha);
    element.dataset.tune = (performance.now() - started).toFixed(1);
    clearTimeout(timer);
    timer = setTimeout(commit, TUNED_AFTER);
  };
  window.addEventListener('input', follow, true);
  window.addEventListener('change', follow, true);
  window.addEventListener(
    'pointerdown',
    () => {
      held = true;
    },
    true,
  );
  window.addEventListener(
    'pointerup',
    () => {
      held = false;
      if (timer) setTimeout(commit, 0);
    },
    true,
  );
}

/**
 * Whether they are others than before, and possible.
 * @param {Editor} editor
 * @param {number} k
 * @param {number} alpha
 */
function tunable({ model }, k, alpha) {
  const other = k !== model.settings.k || alpha !== model.settings.alpha;
  return other && Number.isInteger(k) && k >= 1 && k <= model.theGuide.silhouettes.length && alpha >= 0 && alpha <= 1;
}
