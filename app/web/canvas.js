// The canvas: layers over one another, each switched on and off here without asking Python.
const $ = (query) => element.querySelector(query);
const sheet = $('.sheet'), veil = $('.veil'), rim = $('.rim'), lines = $('.lines'), reset = $('[data-act=reset]');
let revision = -1;

element.addEventListener('click', (event) => {
  const act = event.target.closest('[data-act]')?.dataset.act;
  if (act === 'reset') trigger('reset');
  else if (act === 'photo') trigger('photo_outline');
  else if (act === 'mask') document.querySelector('#mask_file input[type=file]')?.click();
});
element.addEventListener('change', (event) => {
  const layer = event.target.dataset.layer;
  if (!layer) return;
  for (const part of sheet.querySelectorAll(`.${layer}`)) part.style.visibility = event.target.checked ? '' : 'hidden';
});
function show() {
  const value = props.value;
  if (!value || value.revision < revision) return;   // an answer that a later one overtook
  revision = value.revision;
  sheet.hidden = false;
  $('.empty').hidden = true;
  $('.draft').src = value.draft;
  veil.style.maskImage = veil.style.webkitMaskImage = `url(${value.fused})`;
  for (const drawing of [lines, rim]) drawing.setAttribute('viewBox', `0 0 ${value.width} ${value.height}`);
  rim.firstElementChild.setAttribute('d', value.rim);
  for (const path of lines.children) path.setAttribute('d', value.outline);
  const tag = $('.source');
  tag.hidden = false;
  tag.textContent = value.title;
  tag.classList.toggle('edited', value.source === 'edited');
  reset.disabled = value.source === 'consensus';
  element.dataset.source = value.source;
  element.dataset.revision = revision;
}
watch('value', show);
show();
