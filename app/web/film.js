// The filmstrip: the nearest shapes of the bank, filled with the garment's draft.
let items = [], revision = -1;
const row = element.querySelector('.row'), empty = element.querySelector('.empty');

function line(name, text) {
  const node = document.createElement('span');
  node.className = name;
  node.textContent = text;
  return node;
}
function frame(item, index) {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'frame';
  button.dataset.index = index;
  button.setAttribute('role', 'option');
  button.setAttribute('aria-selected', String(item.chosen));
  const image = document.createElement('img');
  image.src = item.image;
  image.alt = '';
  const caption = document.createElement('span');
  caption.className = 'caption';
  const figures = [['similarity', item.similarity], ['weight', item.weight], ['IoU', item.iou]];
  caption.append(...figures.map(([name, number]) => {
    const pair = line('figure', '');
    pair.append(line('label', name), line('number', number.toFixed(2).replace('-', '−')));
    return pair;
  }));
  const face = line('face', '');
  face.append(image, line('nth', String(index + 1)));
  if (item.consensus) face.append(line('badge', 'consensus'));
  button.append(face, caption);
  button.setAttribute('aria-label', `Candidate ${index + 1}${item.consensus ? ', the consensus' : ''}: ` +
    figures.map(([name, number]) => `${name} ${number.toFixed(2)}`).join(', ') + `. Bank entry ${item.id}`);
  button.title = `Bank entry ${item.id} · key ${index + 1}`;
  return button;
}
function pick(index) {
  if (index === -1 && items.length) trigger('consensus');
  else if (index >= 0 && index < items.length) trigger('candidate', { index });
}
function show() {
  const value = props.value;
  if (!value || value.revision < revision) return;   // an answer that a later one overtook
  ({ frames: items, revision } = value);
  const focused = row.contains(document.activeElement) ? document.activeElement.dataset.index : null;
  row.replaceChildren(...items.map(frame));
  row.children[focused]?.focus();
  empty.hidden = items.length > 0;
  element.dataset.count = items.length;
}
row.addEventListener('click', (event) => {
  const button = event.target.closest('[data-index]');
  if (button) pick(Number(button.dataset.index));
});
row.addEventListener('keydown', (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const next = row.children[Number(event.target.dataset.index) + step];
  next?.focus();
});
window.addEventListener('studio-pick', (event) => pick(event.detail));
watch('value', show);
show();
