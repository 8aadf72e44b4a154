// The queue: what runs and what waits; order, pause, cancel, and many photos at once.
const $ = (query) => element.querySelector(query);
const list = $('.list'), rows = $('ol'), count = $('.count'), pause = $('[data-act=pause]'), toggle = $('[data-act=toggle]');

function button(act, text, label, run, disabled) {
  const node = document.createElement('button');
  node.type = 'button';
  node.className = 'quiet';
  node.dataset.act = act;
  node.dataset.run = run;
  node.textContent = text;
  node.disabled = disabled;
  node.setAttribute('aria-label', `${label} run ${run}`);
  node.title = label;
  return node;
}
function entry(item, place, runs) {
  const node = document.createElement('li'), name = document.createElement('span'), state = document.createElement('span');
  const waits = item.state === 'queued', first = runs.findIndex((each) => each.state === 'queued');
  node.dataset.run = item.run;
  node.className = item.state;
  name.className = 'name';
  name.textContent = `${item.run} · ${item.name}, seed ${item.seed}`;
  name.title = name.textContent;
  state.className = 'state';
  const left = item.seconds == null ? '' : `, ${Math.max(1, Math.ceil(item.seconds))} s left`;
  state.textContent = waits ? 'waits' : item.step ? `step ${item.step} of ${item.steps}${left}` : 'preparing';
  node.append(name, state, button('up', '↑', 'Earlier:', item.run, !waits || place === first),
    button('down', '↓', 'Later:', item.run, !waits || place === runs.length - 1), button('cancel', '×', 'Cancel', item.run, false));
  return node;
}
function show() {
  const { runs = [], paused = false } = props.value || {};
  const waiting = runs.filter((item) => item.state === 'queued').length;
  const focused = rows.contains(document.activeElement) ? { ...document.activeElement.dataset } : null;
  rows.replaceChildren(...runs.map((item, place) => entry(item, place, runs)));
  if (focused) rows.querySelector(`[data-act="${focused.act}"][data-run="${focused.run}"]`)?.focus();
  $('.empty').hidden = runs.length > 0;
  count.textContent = !runs.length ? 'empty' : paused ? `paused, ${waiting} waiting` : `${runs.length - waiting} running, ${waiting} waiting`;
  pause.textContent = paused ? 'Resume' : 'Pause';
  pause.dataset.act = paused ? 'resume' : 'pause';
  pause.disabled = !runs.length && !paused;
  $('[data-act=cancel_all]').disabled = !runs.length;
  element.dataset.count = runs.length;
  element.dataset.paused = paused;
}
function move(run, by) {
  const order = props.value.runs.filter((item) => item.state === 'queued').map((item) => item.run);
  const from = order.indexOf(run), to = from + by;
  if (from < 0 || to < 0 || to >= order.length) return;
  order.splice(to, 0, ...order.splice(from, 1));
  trigger('arrange', { action: 'move', runs: order });
}
function open(on) {
  list.hidden = !on;
  toggle.setAttribute('aria-expanded', String(on));
  toggle.textContent = on ? 'Hide' : 'Show';
}
const files = () => document.querySelector('#batch_files input[type=file]');
element.addEventListener('click', (event) => {
  const node = event.target.closest('[data-act]');
  if (!node || node.disabled) return;
  const act = node.dataset.act, run = Number(node.dataset.run);
  if (act === 'toggle') open(list.hidden);
  else if (act === 'batch') files()?.click();
  else if (act === 'up' || act === 'down') move(run, act === 'up' ? -1 : 1);
  else trigger('arrange', act === 'cancel' ? { action: act, run } : { action: act });
});
element.addEventListener('dragover', (event) => { if (event.dataTransfer?.types.includes('Files')) event.preventDefault(); });
element.addEventListener('drop', (event) => {
  if (!event.dataTransfer?.files.length) return;
  event.preventDefault();
  event.stopPropagation();
  const input = files();
  if (!input) return;
  input.files = event.dataTransfer.files;
  input.dispatchEvent(new Event('change', { bubbles: true }));
});
watch('value', show);
show();
