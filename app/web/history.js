// The history strip: the latest runs; a click shows one and changes nothing on the bench.
const row = element.querySelector('.row'), empty = element.querySelector('.empty');
let timer = 0, known = '';
const signs = { queued: '…', running: '…', failed: '!', cancelled: '×', interrupted: '×' };

function card(item, shown) {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = `card ${item.status}`;
  button.dataset.run = item.run;
  button.title = item.title;
  button.setAttribute('aria-label', `Run ${item.run}: ${item.title}`);
  button.setAttribute('aria-pressed', String(item.run === shown));
  const face = item.image ? document.createElement('img') : document.createElement('span');
  if (item.image) { face.src = item.image; face.alt = ''; } else { face.className = 'sign'; face.textContent = signs[item.status] ?? ''; }
  const when = document.createElement('span');
  when.className = 'when';
  when.textContent = item.mark === 'starred' ? `★ ${item.when}` : item.when;
  button.append(face, when);
  return button;
}
function show() {
  const { runs = [], shown = null, going = false } = props.value || {};
  row.replaceChildren(...runs.map((item) => card(item, shown)));
  empty.hidden = runs.length > 0;
  element.dataset.count = runs.length;
  const now = runs.map((item) => `${item.run} ${item.status}`).join();
  if (now !== known) window.dispatchEvent(new CustomEvent('studio-runs'));
  known = now;
  // A run goes on when its page was reloaded: ask how it stands until it has ended.
  clearTimeout(timer);
  if (going) timer = setTimeout(() => trigger('refresh'), 2000);
}
row.addEventListener('click', (event) => {
  const button = event.target.closest('[data-run]');
  if (button) trigger('look', { run: Number(button.dataset.run) });
});
watch('value', show);
show();
