// The entry of the bank that is pointed at on the map.
const box = element.querySelector('.insight-entry'), find = (query) => element.querySelector(query);
function show() {
  const value = props.value;
  box.hidden = !value;
  element.dataset.entry = value?.id ?? '';
  if (!value) return;
  find('.shape').style.maskImage = `url(${value.shape})`;
  find('b').textContent = `Entry ${value.id}`;
  find('.source').textContent = value.source;
  find('.words').textContent = value.attributes.slice(0, 4).join(', ');
  find('.words').title = value.attributes.join(', ');
}
watch('value', show);
show();
