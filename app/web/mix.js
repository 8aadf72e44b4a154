// What α does: it turns the structure embedding towards the bank's reconstruction. The outline does not depend on it.
const words = element.querySelector('p');
const sign = (value) => value.toFixed(2).replace('-', '−');
window.addEventListener('studio-mix', ({ detail: { likeness, all } }) => {
  words.textContent = `ê is ${sign(likeness)} like the photo's own e (${sign(all)} at α = 1). The outline follows K, not α.`;
  element.dataset.likeness = likeness;
});
