// The photo pane: files reach Python only through the page's upload button, which checks and names them.
const $ = (query) => element.querySelector(query);
const picture = $('.picture'), invite = $('.invite'), stage = $('.stage'), busy = $('.busy');
const input = () => document.querySelector('#photo_file input[type=file]');
let patience = 0;

function send(file) {
  const target = input();
  if (!file || !target) return;
  const carrier = new DataTransfer();
  carrier.items.add(file);
  target.files = carrier.files;
  target.dispatchEvent(new Event('change', { bubbles: true }));
}
function wait(on) {
  busy.hidden = !on;
  clearTimeout(patience);
  if (on) patience = setTimeout(() => wait(false), 120000);
}
element.addEventListener('click', (event) => {
  const example = event.target.closest('[data-example]');
  if (example) {
    wait(true);
    trigger('example', { name: example.dataset.example });
  } else if (event.target.closest('[data-act=choose]')) {
    input()?.click();
  }
});
stage.addEventListener('dragover', (event) => { event.preventDefault(); stage.classList.add('over'); });
stage.addEventListener('dragleave', () => stage.classList.remove('over'));
// A file dropped beside the pane must not replace the page.
window.addEventListener('dragover', (event) => event.preventDefault());
window.addEventListener('drop', (event) => {
  event.preventDefault();
  stage.classList.remove('over');
  send(event.dataTransfer?.files?.[0]);
});
window.addEventListener('paste', (event) => {
  const file = [...(event.clipboardData?.files ?? [])][0];
  if (file) { event.preventDefault(); send(file); }
});
document.addEventListener('change', (event) => {
  if (event.target === input() && event.target.files?.length) wait(true);
}, true);

function show() {
  const value = props.value || {};
  wait(false);
  if ('image' in value) {
    picture.src = value.image;
    picture.hidden = false;
    invite.hidden = true;
    element.dataset.photo = value.name;
    $('.name').textContent = $('.name').title = value.name;
    $('.size').textContent = value.size;
  }
  if (value.examples) {
    const row = $('.examples');
    row.replaceChildren(...value.examples.map(({ name, image }) => {
      const button = document.createElement('button');
      button.type = 'button';
      button.dataset.example = name;
      button.title = button.ariaLabel = `Use the example ${name}`;
      const small = document.createElement('img');
      small.src = image;
      small.alt = '';
      button.append(small);
      return button;
    }));
    row.hidden = !value.examples.length;
  }
}
watch('value', show);
show();
