// The result pane: a finished run with its photo to compare, or the progress of one under way.
const $ = (query) => element.querySelector(query), all = (query) => [...element.querySelectorAll(query)];
const sheet = $('.sheet'), after = $('.after'), before = $('.before'), split = $('.split'), divider = $('.divider');
const progress = $('.progress'), bar = $('.bar'), save = $('a[data-act=save]');
const compare = $('[data-act=compare]'), beside = $('[data-act=beside]'), resume = $('[data-act=resume]');
const ended = { failed: 'This run failed', cancelled: 'Cancelled', interrupted: 'Cut off: the studio was closed meanwhile' };
let flipped = false, fetched = null, offered = null;
const choice = (name) => $(`[data-of=${name}]`);

function lay() {
  const two = beside.checked && !beside.disabled && !flipped, comparing = compare.checked && !compare.disabled && !two;
  sheet.classList.toggle('beside', two);
  before.hidden = !(comparing || flipped || two);
  for (const node of [split, divider]) node.hidden = !comparing || flipped;
  for (const node of all('.side')) node.hidden = !(comparing || two) || flipped;
  before.style.clipPath = flipped || two ? 'none' : `inset(0 ${100 - split.value}% 0 0)`;
  divider.style.left = `${split.value}%`;
  $('[data-act=flip]').setAttribute('aria-pressed', String(flipped));
}
function flip() {
  if (compare.disabled) return;
  flipped = !flipped;
  lay();
}
function words(value) {
  if (value.paused) return 'The queue is paused';
  if (value.state === 'queued') return value.ahead ? `Waiting: ${value.ahead} before this one` : 'Starting…';
  if (!value.step) return 'Preparing…';
  const left = value.seconds == null ? '' : `, ${Math.max(1, Math.ceil(value.seconds))} s left`;
  return `Step ${value.step} of ${value.steps}${value.step < value.steps ? left : ', finishing'}`;
}
function download(name, url) {
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
}
// What the run's own settings say is offered first; what is chosen then stays while that run is shown.
function offer({ run, sizes, background }) {
  if (offered === run || !sizes?.length) return;
  offered = run;
  choice('size').replaceChildren(...sizes.map((side, i) => new Option(`${side} × ${side}${!i ? '' : i === sizes.length - 1 ? ', the most' : ''}`, side)));
  const known = [...choice('background').options].some(({ value }) => value === background);
  choice('background').value = known ? background : 'other';
  if (!known) choice('colour').value = background;
  choice('colour').parentElement.hidden = known;
}
function wanted() {
  const [size, background] = ['size', 'background'].map((name) => choice(name).value);
  return { size: Number(size) === props.value.sizes?.[0] || !size ? null : Number(size),
    background: background === 'other' ? choice('colour').value : background, with_settings: choice('settings').checked };
}
function exporting(on) {
  const button = $('[data-act=export]');
  button.textContent = on ? 'Making the file…' : 'Export PNG';
  allow('[data-act=export]', !on && props.value?.state === 'done' && Boolean(props.value.image));
}
function allow(query, on) {
  for (const node of all(query)) node.disabled = !on;
}
function show() {
  const value = props.value;
  if (!value) return;
  const going = value.state === 'queued' || value.state === 'running', done = value.state === 'done' && Boolean(value.image);
  element.dataset.state = value.state;
  element.dataset.run = value.run;
  element.dataset.step = value.step ?? '';
  $('.title').textContent = [`run ${value.run}`, value.note].filter(Boolean).join(': ');
  $('.title').title = value.note ?? '';
  progress.hidden = !going;
  resume.hidden = !value.paused;
  if (going) {
    $('.words').textContent = words(value);
    const share = value.steps ? Math.round(100 * (value.step ?? 0) / value.steps) : 0;
    bar.firstElementChild.style.width = `${share}%`;
    bar.setAttribute('aria-valuenow', share);
  }
  if (value.image) after.src = value.image;
  sheet.hidden = !(value.image || (going && after.src));
  sheet.classList.toggle('stale', going && !value.image && !sheet.classList.contains('live'));
  sheet.classList.toggle('live', going && (Boolean(value.image) || sheet.classList.contains('live')));
  if (value.photo) before.src = value.photo;
  if (!going) flipped = false;
  compare.disabled = beside.disabled = $('[data-act=flip]').disabled = !done || !value.photo;
  allow('[data-act=restore]', !going && value.facts);
  allow('[data-act=check]', done);
  offer(value);
  exporting(false);
  allow('[data-act=again]', ['failed', 'cancelled', 'interrupted'].includes(value.state));
  allow('[data-act=sheet]', Boolean(value.sheet));
  $('.empty').hidden = !sheet.hidden;
  if (!going && !done) {
    const reason = value.error ?? (value.state === 'done' ? value.note : '');
    $('.empty').textContent = (ended[value.state] ?? 'There is nothing to show') + (reason ? `: ${reason}` : '.');
  }
  $('.facts').replaceChildren(...(value.facts ?? []).map(([name, text]) => {
    const pair = document.createElement('span'), label = document.createElement('b');
    label.textContent = name;
    pair.append(label, ` ${text}`);
    return pair;
  }));
  if (done) { save.href = value.saved; save.download = value.file; } else save.removeAttribute('href');
  save.setAttribute('aria-disabled', String(!done));
  if (value.download && value.download.token !== fetched) {
    fetched = value.download.token;
    download(value.download.name, value.download.url);
    for (const menu of all('.menu')) menu.open = false;
  }
  lay();
  if (value.follow) trigger('follow');
}
element.addEventListener('click', (event) => {
  const button = event.target.closest('button[data-act]'), run = props.value?.run;
  if (!button || button.disabled) return;
  const { act, scope, what } = button.dataset;
  if (act === 'restore') trigger('restore', { run, scope });
  if (act === 'check' || act === 'again') trigger('repeat', { run, check: act === 'check' });
  if (act === 'export') {
    exporting(true);
    trigger('export', { run, what, ...wanted() });
    return;
  }
  if (act === 'sheet') download(props.value.file.replace(/\.png$/, '.sheet.png'), props.value.sheet);
  if (act === 'resume') trigger('arrange', { action: 'resume' });
  for (const menu of all('.menu')) menu.open = false;
});
for (const menu of all('.menu')) {
  menu.addEventListener('toggle', () => { if (menu.open) all('.menu').forEach((other) => { if (other !== menu) other.open = false; }); });
  menu.addEventListener('focusout', (event) => { if (!menu.contains(event.relatedTarget)) setTimeout(() => { menu.open = menu.contains(document.activeElement); }, 150); });
}
choice('background').addEventListener('change', ({ target }) => { choice('colour').parentElement.hidden = target.value !== 'other'; });
window.addEventListener('studio-refused', () => exporting(false));
split.addEventListener('input', lay);
compare.addEventListener('change', () => { flipped = false; if (compare.checked) beside.checked = false; lay(); });
beside.addEventListener('change', () => { flipped = false; if (beside.checked) compare.checked = false; lay(); });
$('[data-act=flip]').addEventListener('click', flip);
window.addEventListener('studio-flip', flip);
watch('value', show);
show();
