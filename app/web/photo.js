// The photo pane: files reach Python only through the page's upload button, which checks and names them.
const $ = (query) => element.querySelector(query);
const picture = $('.picture'), invite = $('.invite'), stage = $('.stage'), busy = $('.busy');
const several = $('.several'), MOST = 1000;
let given = [];
const input = () => document.querySelector('#photo_file input[type=file]');
let patience = 0;

function feed(target, files) {
  if (!files.length || !target) return;
  const carrier = new DataTransfer();
  for (const file of files) carrier.items.add(file);
  target.files = carrier.files;
  target.dispatchEvent(new Event('change', { bubbles: true }));
}
const send = (file) => feed(input(), file ? [file] : []);
// One photo lies on the bench; of many each can become a run, and the person says so.
function take(files) {
  given = files;
  several.hidden = files.length < 2;
  if (files.length < 2) return send(files[0]);
  const many = files.length > MOST;
  several.querySelector('p').textContent = many
    ? `${files.length} files are too many at once: ${MOST} is the most here, and launch.py batch takes any number.`
    : `${files.length} files. Make a picture of each, with the settings on the right?`;
  several.querySelector('[data-act=each]').disabled = many;
  several.querySelector(many ? '[data-act=first]' : '[data-act=each]').focus();
}
function decide(act) {
  several.hidden = true;
  if (act === 'each') feed(document.querySelector('#batch_files input[type=file]'), given);
  else if (act === 'first') send(given[0]);
  given = [];
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
  } else if (event.target.closest('.several [data-act]')) {
    decide(event.target.closest('[data-act]').dataset.act);
  }
});
several.addEventListener('keydown', (event) => {
  if (event.key !== 'Escape') return;
  event.stopPropagation();
  decide('none');
});
stage.addEventListener('dragover', (event) => { event.preventDefault(); stage.classList.add('over'); });
stage.addEventListener('dragleave', () => stage.classList.remove('over'));
// A file dropped beside the pane must not replace the page.
window.addEventListener('dragover', (event) => event.preventDefault());
window.addEventListener('drop', (event) => {
  event.preventDefault();
  stage.classList.remove('over');
  take([...(event.dataTransfer?.files ?? [])]);
});
window.addEventListener('paste', (event) => {
  const files = [...(event.clipboardData?.files ?? [])];
  if (files.length) { event.preventDefault(); take(files); }
});
document.addEventListener('change', (event) => {
  if (event.target === input() && event.target.files?.length) wait(true);
}, true);

function show() {
  const value = props.value || {};
  wait(false);
  if ('refused' in value) window.dispatchEvent(new CustomEvent('studio-refused'));
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
