// The filmstrip: the nearest shapes of the bank, filled with the garment's draft as soon as it is laid. Python sends all
// neighbours here; the canvas weighs them and says which are in use.
let items = [];
const row = element.querySelector('.row'), empty = element.querySelector('.empty');
const figures = (item) => [['similarity', item.similarity], ['weight', item.weight], ['IoU', item.iou]];

function line(name, text) {
  const node = document.createElement('span');
  node.className = name;
  node.textContent = text;
  return node;
}
function frame() {
  const button = document.createElement('button'), face = line('face', ''), caption = line('caption', '');
  button.type = 'button';
  button.className = 'frame';
  button.setAttribute('role', 'option');
  const shape = document.createElementNS('http://www.w3.org/2000/svg', 'svg'), image = document.createElement('img');
  shape.append(document.createElementNS('http://www.w3.org/2000/svg', 'path'));
  image.alt = '';
  face.append(shape, image, line('nth', ''), line('badge', 'consensus'));
  caption.append(...['similarity', 'weight', 'IoU'].map((name) => {
    const pair = line('figure', '');
    pair.append(line('label', name), line('number', ''));
    return pair;
  }));
  button.append(face, caption);
  return button;
}
function fill(button, item, index) {
  const find = (query) => button.querySelector(query), image = find('img');
  button.dataset.index = index;
  button.setAttribute('aria-selected', String(item.chosen));
  find('svg').setAttribute('viewBox', `0 0 ${item.size} ${item.size}`);
  if (button.shape !== item.outline) find('path').setAttribute('d', button.shape = item.outline);
  image.hidden = !item.draft;
  if (item.draft && image.src !== item.draft) image.src = item.draft;
  find('.nth').textContent = index + 1;
  find('.badge').hidden = !item.consensus;
  button.querySelectorAll('.number').forEach((node, i) => { node.textContent = figures(item)[i][1].toFixed(2).replace('-', '−'); });
  button.setAttribute('aria-label', `Candidate ${index + 1}${item.consensus ? ', the consensus' : ''}: ` +
    figures(item).map(([name, number]) => `${name} ${number.toFixed(2)}`).join(', ') + `. Bank entry ${item.id}`);
  button.title = `Bank entry ${item.id} · key ${index + 1}`;
}
window.addEventListener('studio-frames', ({ detail }) => {
  items = detail;
  while (row.children.length > items.length) row.lastChild.remove();
  while (row.children.length < items.length) row.append(frame());
  items.forEach((item, i) => fill(row.children[i], item, i));
  empty.hidden = items.length > 0;
  element.dataset.count = items.length;
  element.dataset.filled = items.filter((item) => item.draft).length;
});
row.addEventListener('click', (event) => {
  const button = event.target.closest('[data-index]');
  if (button) window.dispatchEvent(new CustomEvent('studio-pick', { detail: Number(button.dataset.index) }));
});
row.addEventListener('keydown', (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  row.children[Number(event.target.dataset.index) + step]?.focus();
});
function show() {
  if (props.value) window.dispatchEvent(new CustomEvent('studio-guide', { detail: props.value }));
}
watch('value', show);
show();
