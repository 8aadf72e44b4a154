// The result pane: a finished run with its photo to compare, or the progress of one under way.
const $ = (query) => element.querySelector(query);
const sheet = $('.sheet'), after = $('.after'), before = $('.before'), split = $('.split'), divider = $('.divider');
const progress = $('.progress'), bar = $('.bar'), compare = $('[data-act=compare]'), save = $('[data-act=save]');
const ended = { failed: 'This run failed', cancelled: 'Cancelled', interrupted: 'Cut off: the studio was closed meanwhile' };
let flipped = false;

function lay() {
  const comparing = compare.checked && !compare.disabled;
  before.hidden = !(comparing || flipped);
  for (const node of [split, divider, ...element.querySelectorAll('.side')]) node.hidden = !comparing || flipped;
  before.style.clipPath = flipped ? 'none' : `inset(0 ${100 - split.value}% 0 0)`;
  divider.style.left = `${split.value}%`;
  $('[data-act=flip]').textContent = flipped ? 'Show result' : 'Show photo';
}
function flip() {
  if (compare.disabled) return;
  flipped = !flipped;
  lay();
}
function words(value) {
  if (value.state === 'queued') return value.ahead ? `Waiting: ${value.ahead} before this one` : 'Starting…';
  if (!value.step) return 'Preparing…';
  const left = value.seconds == null ? '' : `, ${Math.max(1, Math.ceil(value.seconds))} s left`;
  return `Step ${value.step} of ${value.steps}${value.step < value.steps ? left : ', finishing'}`;
}
function show() {
  const value = props.value;
  if (!value) return;
  const going = value.state === 'queued' || value.state === 'running', done = value.state === 'done';
  element.dataset.state = value.state;
  element.dataset.run = value.run;
  element.dataset.step = value.step ?? '';
  $('.title').textContent = `run ${value.run}`;
  progress.hidden = !going;
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
  compare.disabled = $('[data-act=flip]').disabled = !done;
  $('[data-act=restore]').disabled = going || !value.facts;
  $('.empty').hidden = !sheet.hidden;
  if (!going && !done) $('.empty').textContent = ended[value.state] + (value.error ? `: ${value.error}` : '.');
  $('.facts').replaceChildren(...(value.facts ?? []).map(([name, text]) => {
    const pair = document.createElement('span'), label = document.createElement('b');
    label.textContent = name;
    pair.append(label, ` ${text}`);
    return pair;
  }));
  if (done) { save.href = value.image; save.download = value.file; } else save.removeAttribute('href');
  save.setAttribute('aria-disabled', String(!done));
  lay();
}
split.addEventListener('input', lay);
compare.addEventListener('change', () => { flipped = false; lay(); });
$('[data-act=flip]').addEventListener('click', flip);
$('[data-act=restore]').addEventListener('click', () => trigger('restore', { run: props.value.run }));
window.addEventListener('studio-flip', flip);
watch('value', show);
show();
