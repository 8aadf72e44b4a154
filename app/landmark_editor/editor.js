// The editor in the page: buttons, pointer, keys, files, and what it says.
const says = $('#editor-says'), warning = $('.warning'), file = $('input[type=file]'), options = $('.options'), menu = $('.menu');
let gesture = null, holding = false, talked = 0;
const visible = () => board.offsetParent !== null;

function announce(text, loud = false) {
  says.textContent = text;
  if (!loud) return;
  warning.textContent = text;
  warning.hidden = false;
  talked = performance.now();
  setTimeout(() => { if (performance.now() - talked > 5900) showState(); }, 6000);
}
function ready() {
  for (const part of [board, $('.tools'), options]) part.hidden = false;
  $('.empty').hidden = true;
  $('.editor').classList.add('open');
  if (view.fitted || !doc) requestAnimationFrame(fit);
}
function showState() {
  const titles = { consensus: 'consensus', candidate: `candidate ${(doc.choice ?? 0) + 1}`, edited: 'edited' }, tag = $('.source');
  tag.hidden = false;
  tag.textContent = titles[doc.source];
  tag.classList.toggle('edited', doc.source === 'edited');
  $('[data-act=reset]').disabled = doc.source === 'consensus';
  $('[data-act=undo]').disabled = !past.length;
  $('[data-act=redo]').disabled = !future.length;
  $('[data-act=undo]').title = past.length ? `Undo: ${doc.label} (Ctrl+Z)` : 'Undo (Ctrl+Z)';
  element.dataset.source = doc.source;
  element.dataset.steps = past.length;
  if (performance.now() - talked > 5900) {
    const { share, border } = maskFacts(doc.mask, guide.size);
    warning.textContent = share < LEAST ? 'Nothing is left to follow: draw the shape, or undo (Ctrl+Z)'
      : share > MOST ? 'The outline fills the whole canvas: leave some of it empty'
      : border && doc.source === 'edited' ? 'The outline touches the border: the garment ends there' : '';
    warning.hidden = !warning.textContent;
  }
  const select = $('.ghost'), wanted = ['', 'photo', ...weights.map((_, i) => `candidate${i}`)];
  if ([...select.options].map((o) => o.value).join() !== wanted.join()) {
    select.replaceChildren(...wanted.map((value, i) => new Option(['no ghost', 'photo'][i] ?? `shape ${i - 1}`, value)));
    if (!wanted.includes(ghost.kind)) ghost.kind = '';
    select.value = ghost.kind;
  }
  $('.opacity').hidden = !ghost.kind;
}

// ---- pointer
board.addEventListener('pointerdown', (event) => {
  if (gesture || !doc) return;
  board.focus({ preventScroll: true });
  const place = toMask(event), start = { points: startPoints, brush: startBrush, eraser: startBrush, transform: startTransform, pan: startPan };
  gesture = (holding || event.button === 1 ? startPan : event.button === 0 ? start[tool] : () => null)(event, place);
  if (!gesture) return;
  event.preventDefault();
  board.setPointerCapture(event.pointerId);
  touch();
});
board.addEventListener('pointermove', (event) => {
  hover = toMask(event);
  if (gesture) {
    const all = tool === 'brush' || tool === 'eraser' ? event.getCoalescedEvents?.() ?? [] : [];
    for (const each of all.length ? all : [event]) gesture.move(toMask(each), event);
    touch();
  } else if (tool === 'brush' || tool === 'eraser') repaint();
  else board.style.cursor = tool === 'points' && doc && (nearestHandle(hover, REACH / view.scale) ? 'move' : nearestVertex(hover, REACH / view.scale) ? 'copy' : '');
});
board.addEventListener('pointerup', () => {
  const ending = gesture, before = doc;
  gesture = null;
  ending?.end();
  if (doc === before && sync.live) send();      // nothing came of it, but Python was shown it on the way
  if (doc) touch();
});
board.addEventListener('pointercancel', cancelGesture);
board.addEventListener('pointerleave', () => { if (!gesture) { hover = null; repaint(); } });
board.addEventListener('wheel', (event) => {
  event.preventDefault();
  const room = board.getBoundingClientRect();
  zoom(event.deltaY > 0 ? 1 / 1.15 : 1.15, [event.clientX - room.left, event.clientY - room.top]);
}, { passive: false });
function cancelGesture() {
  if (!gesture) return false;
  gesture = editing = null;
  board.classList.remove('panning');
  if (sync.live) send();           // what was sent while dragging is taken back
  touch();
  return true;
}
new ResizeObserver(() => (view.fitted ? fit() : repaint())).observe(board);

// ---- buttons, layers, ghost
const acts = {
  reset: () => pick(-1), undo, redo, fit, in: () => zoom(1.3), out: () => zoom(1 / 1.3),
  flip: () => edit('flip', mirrored(doc.mask, guide.size)),
  symmetric: () => edit('copy the left half', leftOnBothSides(doc.mask, guide.size)),
  photo: () => trigger('photo_outline'),
  import: () => file.click(),
  png: async () => save(await maskToPng(doc.mask, guide.size), 'landmark.png'),
  svg: () => save(new Blob([loopsToSvg(traceLoops(doc.mask, guide.size), guide.size)], { type: 'image/svg+xml' }), 'landmark.svg'),
  understood: () => { localStorage.setItem('studio-hint', 'seen'); $('.hint').hidden = true; $('.empty').hidden = Boolean(doc); },
};
element.addEventListener('click', (event) => {
  const button = event.target.closest('button');
  if (button?.dataset.tool) return setTool(button.dataset.tool);
  const act = button?.dataset.act;
  if (!act) return;
  menu.open = false;
  if (!doc && act !== 'understood') return trigger('say', { message: 'there is no photo yet: drop, paste or choose one first' });
  acts[act]();
});
element.addEventListener('change', (event) => {
  const { layer, act } = event.target.dataset;
  if (layer) layers[layer] = event.target.checked;
  if (act === 'mirror') mirror = event.target.checked;
  repaint();
});
$('.size').addEventListener('input', (event) => setDiameter(Number(event.target.value)));
$('.opacity').addEventListener('input', (event) => { ghost.opacity = event.target.value / 100; repaint(); });
$('.ghost').addEventListener('change', (event) => {
  ghost.kind = event.target.value;
  if (ghost.kind === 'photo' && ghost.token !== guide?.token) trigger('ghost');
  $('.opacity').hidden = !ghost.kind;
  repaint();
});
function save(blob, name) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
file.addEventListener('change', async () => {
  const [given] = file.files;
  file.value = '';
  if (!given) return;
  if (!/\.svg$/i.test(given.name) && given.type !== 'image/svg+xml') {
    const carrier = new DataTransfer(), target = document.querySelector('#mask_file input[type=file]');
    carrier.items.add(given);
    target.files = carrier.files;
    target.dispatchEvent(new Event('change', { bubbles: true }));
    return;
  }
  try {
    if (given.size > SVG_LIMIT) throw new Error(`it has ${(given.size / 1e6).toFixed(0)} MB, and 5 MB is the most: simplify it first`);
    const mask = fillLoops(svgLoops(await given.text(), guide.size), guide.size, new Uint8Array(guide.size ** 2)), { share } = maskFacts(mask, guide.size);
    if (share < LEAST || share > MOST) throw new Error(`its shape covers ${(100 * share).toFixed(1)} % of the canvas, and 0.2 % to 98 % is wanted`);
    edit('import an SVG', mask);
  } catch (error) {
    trigger('say', { message: `${given.name}: ${error.message}` });
  }
});

// ---- keys: letters work all over the page, those that change the outline step by step only on the board
const typing = (node) => node.closest?.('input:not([type=range]):not([type=checkbox]), textarea, select, [contenteditable=true]');
window.addEventListener('keydown', (event) => {
  if (!visible() || typing(event.target)) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key, control = event.ctrlKey || event.metaKey;
  if (key === 'Escape' && (cancelGesture() || menu.open)) { menu.open = false; event.stopImmediatePropagation(); return; }
  if (!doc || gesture) return;
  const letters = { v: 'points', p: 'points', b: 'brush', e: 'eraser', t: 'transform', h: 'pan' };
  if (control && key === 'z') { if (event.shiftKey) redo(); else undo(); }
  else if (control && key === 'y') redo();
  else if (control || (event.altKey && event.target !== board)) return;
  else if (letters[key]) setTool(letters[key]);
  else if (key === '[' || key === ']') setDiameter(diameter + (key === ']' ? 1 : -1) * Math.max(1, Math.round(diameter / 8)));
  else if (key === 'm') $('[data-act=mirror]').click();
  else if (key === '+' || key === '=') zoom(1.3);
  else if (key === '-') zoom(1 / 1.3);
  else if (event.code === 'Digit1' && event.shiftKey) fit();
  else if (key === ' ' && event.target === board) holding = true;
  else if (event.target !== board || !boardKey(event, key)) return;
  event.preventDefault();
  event.stopImmediatePropagation();
}, true);
window.addEventListener('keyup', (event) => { if (event.key === ' ') holding = false; });
function boardKey(event, key) {
  const far = event.shiftKey ? 10 : 1, arrow = { ArrowLeft: [-far, 0], ArrowRight: [far, 0], ArrowUp: [0, -far], ArrowDown: [0, far] }[key];
  if (tool === 'points') {
    if (arrow) nudge(...arrow);
    else if (key === 'Delete' || key === 'Backspace') removeSelected();
    else if (key === 'a' || key === 'Insert') insertAfterSelected();
    else if (key === '.' || key === ',') cycle(key === '.' ? 1 : -1);
    else return false;
    return true;
  }
  if (tool === 'brush' || tool === 'eraser') {
    if (arrow) { hover = (hover ?? [guide.size / 2, guide.size / 2]).map((v, i) => Math.min(guide.size, Math.max(0, v + arrow[i]))); repaint(); }
    else if (key === 'Enter') stampHere(event.shiftKey);
    else return false;
    return true;
  }
  if (!arrow) return false;
  if (tool === 'pan') { view.x += 20 * arrow[0] / view.scale; view.y += 20 * arrow[1] / view.scale; view.fitted = false; repaint(); }
  else if (event.altKey) transformBy((m) => (arrow[0] ? m.rotate(arrow[0]) : m.scale(1 - arrow[1] / 100)));
  else transformBy((m) => new DOMMatrix().translate(...arrow).multiply(m));
  return true;
}
board.addEventListener('keydown', (event) => {
  const flip = document.querySelector('#result [data-act=flip]:not(:disabled)');
  if (event.key !== 'Tab' || event.shiftKey || !flip) return;
  event.preventDefault();
  window.dispatchEvent(new CustomEvent('studio-flip'));
});

// ---- the rest of the page
window.addEventListener('studio-pick', (event) => { if (visible()) pick(event.detail); });
window.addEventListener('studio-guide', (event) => loadGuide(event.detail));
window.addEventListener('studio-refused', () => { Object.assign(sync, { busy: false, drafting: 0, answered: sync.sent }); flush(); });
let tuned = 0;
// The sliders are heard directly: they move here alone, and Python learns of it when they are let go.
for (const heard of ['input', 'change']) {
  window.addEventListener(heard, ({ target }) => {
    const name = ['k', 'alpha'].find((id) => target.closest?.(`#${id}`)), value = Number(target.value);
    if (!doc || !name || target.value === '') return;
    const { k, alpha } = { ...settings, [name]: value };
    if ((k === settings.k && alpha === settings.alpha) || !Number.isInteger(k) || k < 1 || k > guide.silhouettes.length || !(alpha >= 0 && alpha <= 1)) return;
    const started = performance.now();
    retune(k, alpha);
    element.dataset.tune = (performance.now() - started).toFixed(1);
    clearTimeout(tuned);
    tuned = setTimeout(commitTune, 500);
  }, true);
}
let pressed = false;
window.addEventListener('pointerdown', () => { pressed = true; }, true);
window.addEventListener('pointerup', () => { pressed = false; if (tuned) setTimeout(commitTune, 0); }, true);
function commitTune() {       // a slider that is still held is not yet set
  clearTimeout(tuned);
  if (pressed) tuned = setTimeout(commitTune, 500);
  else if (tuned) { tuned = 0; send(); }
}
function arrived() {
  const value = props.value;
  if (!value || 'serial' in value) return;
  latest = value;
  if (pending?.token === value.token && pending.serial > Math.max(sync.answered, value.settled)) props.value = pending;   // Generate takes it along
  if (value.ghost) {
    const image = new Image();
    image.onload = () => { Object.assign(ghost, { image, token: value.token }); repaint(); };
    image.src = value.ghost;
  }
  reconcile();
}
$('.hint').hidden = localStorage.getItem('studio-hint') === 'seen';
$('.empty').hidden = !$('.hint').hidden;
setTool('points');
watch('value', arrived);
arrived();
