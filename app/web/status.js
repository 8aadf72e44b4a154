// The status line: what runs where, on which weights and bank, and how long the last action took.
const $ = (query) => element.querySelector(query);
function show() {
  const value = props.value;
  if (!value) return;
  element.dataset.state = value.state;
  element.dataset.warning = Boolean(value.warning);
  if (value.message !== null) $('.message').textContent = $('.message').title = value.message;
  $('.timings').textContent = value.timings;
  $('.parts').replaceChildren(...value.facts.map(([name, text]) => {
    const part = document.createElement('span'), label = document.createElement('b');
    label.textContent = name;
    part.append(label, ` ${text}`);
    return part;
  }));
}
watch('value', show);
show();
