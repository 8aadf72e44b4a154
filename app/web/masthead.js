// Theme, shortcuts, and the keys that belong to the whole page.
const $ = (query) => element.querySelector(query);
const keys = $('.keys');
const stored = localStorage.getItem('studio-theme');
const dark = (on) => document.body.classList.toggle('dark', on);
if (stored) dark(stored === 'dark');

function showKeys(on) {
  keys.hidden = !on;
  $('[data-act=keys]').setAttribute('aria-expanded', String(on));
}
$('[data-act=theme]').addEventListener('click', () => {
  const on = !document.body.classList.contains('dark');
  dark(on);
  localStorage.setItem('studio-theme', on ? 'dark' : 'light');
});
$('[data-act=keys]').addEventListener('click', () => showKeys(keys.hidden));

const typing = (node) => node.closest('input:not([type=range]):not([type=checkbox]), textarea, select, [contenteditable=true]');
window.addEventListener('keydown', (event) => {
  const press = (id) => document.querySelector(id)?.click();
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    document.activeElement?.blur?.();       // a number being typed is committed first
    setTimeout(() => press('#generate'), 60);
  } else if (event.key === 'Escape') {
    if (!keys.hidden) showKeys(false);
    else if (!typing(event.target)) press('#cancel');
  } else if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) {
    return;
  } else if (event.key === '?') {
    showKeys(keys.hidden);
  } else if (/^[0-9]$/.test(event.key)) {
    window.dispatchEvent(new CustomEvent('studio-pick', { detail: Number(event.key) - 1 }));
  } else if (event.key.toLowerCase() === 'f') {
    window.dispatchEvent(new CustomEvent('studio-flip'));
  }
});
