// The History page's right side: one run with all that made it, its note and its collections.
const $ = (query) => element.querySelector(query), all = (query) => [...element.querySelectorAll(query)];
const ended = { failed: 'This run failed', cancelled: 'Cancelled', interrupted: 'Cut off: the studio was closed meanwhile', queued: 'It waits in the queue', running: 'It is under way' };
const note = $('textarea');
let fetched = null, shown = null, newest = 0;

function pairs(list, items) {
  list.replaceChildren(...items.flatMap(([label, text]) => {
    const name = document.createElement('dt'), value = document.createElement('dd');
    name.textContent = label;
    value.textContent = text;
    return [name, value];
  }));
}
function picture(node, url) {
  node.hidden = !url;
  if (url) node.src = url; else node.removeAttribute('src');
}
function download(name, url) {
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
}
function change(action, value) {
  window.dispatchEvent(new CustomEvent('studio-change', { detail: { action, value, runs: [props.value.run] } }));
}
function show() {
  const value = props.value;
  if ((value?.looked ?? newest) < newest) return;       // another run was clicked meanwhile
  newest = value?.looked ?? newest;
  $('.body').hidden = !value;
  $('.empty').hidden = Boolean(value);
  element.dataset.run = value?.run ?? '';
  if (!value) { $('.title').textContent = ''; return; }
  $('.title').textContent = `${value.run} · ${value.name}${value.deleted ? ' (in the bin)' : ''}`;
  picture($('.photo'), value.photo);
  picture($('.result'), value.image);
  const reason = [ended[value.state], value.error, value.note].filter(Boolean).join(': ');
  $('.say').textContent = reason;
  $('.say').hidden = !reason;
  element.dataset.state = value.state;
  const done = Boolean(value.image), ends = !['queued', 'running'].includes(value.state);
  for (const node of all('[data-act=restore]')) node.disabled = !ends;
  for (const node of all('[data-act=check], [data-act=export]')) node.disabled = !done;
  $('[data-act=again]').disabled = !['failed', 'cancelled', 'interrupted'].includes(value.state);
  $('[data-act=sheet]').disabled = !value.sheet;
  const save = $('a[data-act=save]');
  if (done) { save.href = value.saved; save.download = value.file; } else save.removeAttribute('href');
  save.setAttribute('aria-disabled', String(!done));
  if (shown !== value.run || document.activeElement !== note) note.value = value.words;
  shown = value.run;
  $('.held').replaceChildren(...value.collections.map(([id, name]) => {
    const tag = document.createElement('button');
    tag.type = 'button';
    tag.className = 'tag';
    tag.dataset.out = id;
    tag.textContent = `${name} ×`;
    tag.setAttribute('aria-label', `Take out of ${name}`);
    return tag;
  }));
  $('datalist').replaceChildren(...value.known.map((name) => {
    const option = document.createElement('option');
    option.value = name;
    return option;
  }));
  pairs($('.facts'), [...value.facts, ...value.details]);
  $('.candidates').replaceChildren(...value.candidates.map((text) => {
    const item = document.createElement('li');
    item.textContent = text;
    return item;
  }));
  if (value.download && value.download.token !== fetched) {
    fetched = value.download.token;
    download(value.download.name, value.download.url);
  }
}
element.addEventListener('click', (event) => {
  const node = event.target.closest('button'), run = props.value?.run;
  if (!node || node.disabled) return;
  const { act, scope, what, out } = node.dataset;
  if (out) change('take_out', Number(out));
  if (act === 'restore') trigger('restore', { run, scope });
  if (act === 'check' || act === 'again') trigger('repeat', { run, check: act === 'check' });
  if (act === 'export') trigger('export', { run, what, with_settings: false });
  if (act === 'sheet') download(props.value.file.replace(/\.png$/, '.sheet.png'), props.value.sheet);
});
note.addEventListener('change', () => change('note', note.value));
$('form').addEventListener('submit', (event) => {
  event.preventDefault();
  const field = $('.collect input');
  if (field.value.trim()) change('collect', field.value);
  field.value = '';
});
watch('value', show);
show();
