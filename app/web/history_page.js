// The History page's left side: filters, the grid of runs, and what is done to the selected ones.
const $ = (query) => element.querySelector(query), all = (query) => [...element.querySelectorAll(query)];
const grid = $('.grid'), signs = { queued: '…', running: '…', failed: '!', cancelled: '×', interrupted: '×' };
let picked = new Set(), anchor = null, more = false, asked = 0, timer = 0, again = 0, due = false, sure = false, serial = 0, looked = 0, searched = -1e3;

function filter() {
  const fields = {};
  for (const node of all('[data-field]')) {
    const value = node.type === 'checkbox' ? node.checked : node.value;
    if (value) fields[node.dataset.field] = node.dataset.field === 'collection' ? Number(value) : value;
  }
  return fields;
}
// Every question has a number: the answer to one that was followed by another is passed over.
function ask(event, fields = {}) {
  serial += 1;
  trigger(event, { ...filter(), ...fields, serial });
}
function search() {
  picked.clear();
  searched = performance.now();
  ask('search');
}
function card(item) {
  const node = document.createElement('button');
  node.type = 'button';
  node.className = `card ${item.status} ${item.mark ?? ''}`;
  node.dataset.run = item.run;
  node.setAttribute('role', 'option');
  node.tabIndex = -1;
  node.title = item.title;
  node.setAttribute('aria-label', `Run ${item.run}: ${item.title}${item.mark ? `, ${item.mark}` : ''}`);
  const face = document.createElement(item.image ? 'img' : 'span');
  if (item.image) { face.src = item.image; face.alt = ''; face.loading = 'lazy'; } else { face.className = 'sign'; face.textContent = signs[item.status] ?? ''; }
  const name = document.createElement('span'), when = document.createElement('span');
  name.className = 'name';
  name.textContent = item.name;
  when.className = 'when';
  when.textContent = [item.mark === 'starred' ? '★' : '', item.noted ? '✎' : '', `${item.run} · ${item.when}`].filter(Boolean).join(' ');
  node.append(face, name, when);
  return node;
}
function choices(field, first, options) {
  const node = $(`[data-field=${field}]`), kept = node.value;
  node.replaceChildren(...[['', first], ...options].map(([value, text]) => {
    const option = document.createElement('option');
    option.value = value;
    option.textContent = text;
    return option;
  }));
  node.value = options.some(([value]) => String(value) === kept) ? kept : '';
}
function mark() {
  const cards = all('.card');
  for (const node of cards) node.setAttribute('aria-selected', String(picked.has(Number(node.dataset.run))));
  const bin = $('[data-field=bin]').checked;
  for (const act of ['starred', 'rejected', 'unmark', 'bundle']) $(`[data-act=${act}]`).disabled = !picked.size;
  $('[data-act=discard]').disabled = !picked.size;
  $('[data-act=discard]').hidden = bin;
  $('[data-act=bring_back]').disabled = !picked.size;
  $('[data-act=bring_back]').hidden = $('[data-act=empty_bin]').hidden = !bin;
  $('[data-act=empty_bin]').disabled = !cards.length;
  $('.picked').textContent = picked.size ? `${picked.size} selected` : 'Click a run to look at it; Ctrl or Shift and click select several';
}
function show() {
  const value = props.value;
  if (!value) return;
  if (value.serial && value.serial < serial) {
    if (value.changed) refresh();            // what was asked after it may have been answered before it
    return;
  }
  const cards = value.cards.map(card), focused = grid.contains(document.activeElement) ? document.activeElement.dataset.run : null;
  if (value.append) grid.append(...cards); else { grid.replaceChildren(...cards); grid.scrollTop = 0; }
  if (focused) $(`.card[data-run="${focused}"]`)?.focus({ preventScroll: true });
  more = value.more;
  asked = 0;
  choices('category', 'Any category', value.categories.map((name) => [name, name]));
  choices('collection', 'Any collection', value.collections.map(([id, name, count]) => [id, `${name} (${count})`]));
  $('.total').textContent = `${value.total.toLocaleString('en')} ${value.total === 1 ? 'run' : 'runs'}`;
  $('.empty').hidden = value.total > 0;
  $('.empty').textContent = value.bin ? 'The bin is empty.' : Object.keys(filter()).length ? 'No run is like that. Take a filter away.' : 'Every run is kept here with its settings, from the first Generate on.';
  element.dataset.total = value.total;
  element.dataset.token = value.token;
  const there = new Set(all('.card').map((node) => Number(node.dataset.run)));
  picked = new Set([...picked].filter((run) => there.has(run)));
  mark();
  clearTimeout(again);
  if (value.going) again = setTimeout(refresh, 2500);
  further();                                 // a large window shows more than came
}
// Runs begin and end by themselves: look again, but never under someone who has scrolled away.
function refresh() {
  clearTimeout(again);
  due = element.offsetParent === null || grid.scrollTop > 0;
  if (due) return;
  ask('search');
  if (picked.size === 1 && ['queued', 'running'].includes(document.querySelector('#history_detail [data-state], #history_detail[data-state]')?.dataset.state)) {
    inspect([...picked][0]);
  }
}
function inspect(run) {
  looked += 1;
  trigger('inspect', { run, looked });
}
function pick(node, event) {
  const run = Number(node.dataset.run), runs = all('.card').map((each) => Number(each.dataset.run));
  if (event.shiftKey && anchor !== null && runs.includes(anchor)) {
    const [from, to] = [runs.indexOf(anchor), runs.indexOf(run)].sort((a, b) => a - b);
    runs.slice(from, to + 1).forEach((each) => picked.add(each));
  } else if (event.ctrlKey || event.metaKey) {
    if (!picked.delete(run)) picked.add(run);
    anchor = run;
  } else {
    picked = new Set([run]);
    anchor = run;
    inspect(run);
  }
  node.focus();
  mark();
}
function change(action, value) {
  ask('change_runs', { action, value, runs: [...picked], looked });
}
grid.addEventListener('click', (event) => {
  const node = event.target.closest('.card');
  if (node) pick(node, event);
});
grid.addEventListener('keydown', (event) => {
  const cards = all('.card'), at = cards.indexOf(document.activeElement), wide = Math.max(1, Math.floor(grid.clientWidth / 118));
  const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: wide, ArrowUp: -wide }[event.key];
  if (step) {
    event.preventDefault();
    const next = cards[Math.min(cards.length - 1, Math.max(0, at < 0 ? 0 : at + step))];
    if (next) pick(next, event);
  } else if (event.key === 'Delete' && picked.size && !$('[data-field=bin]').checked) change('discard');
  else if (event.key.toLowerCase() === 's' && picked.size) change('mark', 'starred');
});
function further() {
  const last = grid.lastElementChild;
  if (!more || !last || asked === Number(last.dataset.run) || element.offsetParent === null) return;
  if (grid.scrollTop + grid.clientHeight < grid.scrollHeight - 400) return;
  asked = Number(last.dataset.run);
  ask('search', { before: asked });
}
grid.addEventListener('scroll', () => {
  if (due && grid.scrollTop === 0) refresh();
  else further();
});
element.addEventListener('input', (event) => {
  if (!event.target.matches('[data-field]')) return;
  clearTimeout(timer);
  // The first letter is looked for at once, the next ones a few times a second.
  timer = setTimeout(search, event.target.type === 'search' ? Math.max(0, searched + 150 - performance.now()) : 0);
});
element.addEventListener('click', (event) => {
  const node = event.target.closest('footer [data-act]');
  if (!node || node.disabled) return;
  const act = node.dataset.act;
  if (act === 'starred' || act === 'rejected') change('mark', act);
  else if (act === 'unmark') change('mark', null);
  else if (act === 'discard' || act === 'bring_back') change(act);
  else if (act === 'bundle') trigger('bundle', { runs: [...picked] });
  else if (act === 'take') document.querySelector('#bundle_in input[type=file]')?.click();
  else if (act === 'empty_bin') {
    if (sure) change('empty_bin');
    sure = !sure;
    node.textContent = sure ? 'Press again: this cannot be undone' : 'Empty the bin';
    if (sure) setTimeout(() => { sure = false; node.textContent = 'Empty the bin'; }, 4000);
  }
});
window.addEventListener('studio-change', ({ detail }) => ask('change_runs', { ...detail, looked }));
window.addEventListener('studio-runs', refresh);
new IntersectionObserver((seen) => { if (seen.at(-1).isIntersecting) refresh(); }).observe(element);
watch('value', show);
mark();
show();
