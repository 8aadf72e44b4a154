// What the editor holds. A document is one state of the landmark: where it comes from, its mask, and what hangs on that:
// { label, source, choice, mask, points, transform, draft }. Documents are never changed once they are in the history.
const $ = (query) => element.querySelector(query);
const LONGEST = 200, LEAST = 0.002, MOST = 0.98;
let guide = null, fused = null, settings = { k: 4, alpha: 0.5 }, weights = [];
let doc = null, past = [], future = [], editing = null, version = 0;
let tool = 'points', mirror = false, diameter = 16, hover = null, selected = new Set();
const ghost = { kind: '', opacity: 0.4, image: null, token: 0 };
let pending = null;
const sync = { serial: 0, sent: 0, answered: 0, pushed: 0, asked: 0, busy: false, live: false, drafting: 0 };

const silhouette = (source, choice) => guide.silhouettes[source === 'candidate' ? choice : fused.consensus];
const shownMask = () => editing?.mask ?? doc.mask;
const points = () => editing?.points ?? (doc.points ??= makePoints(doc.mask, guide.size));
let basis = null;
function shownDraft() {
  const own = editing?.draft ?? (doc.source === 'edited' ? doc.draft : guide.drafts[doc.source === 'candidate' ? doc.choice : fused.consensus]);
  if (own) basis = own;
  return own ?? basis;
}
function shownPath() {
  if (shownPath.of !== version || shownPath.mask !== shownMask()) {
    shownPath.path = pathOf(traceLoops(shownMask(), guide.size));
    shownPath.of = version;
    shownPath.mask = shownMask();
  }
  return shownPath.path;
}
function touch() {
  version += 1;
  repaint();
}

// ---- history
function commit(next, merge = null) {
  if (merge && merge === doc.merge && performance.now() - doc.at < 1500) next.merge = merge;
  else { past.push(doc); next.merge = merge; }
  if (past.length > LONGEST) past.shift();
  future = [];
  doc = { points: null, transform: null, draft: null, choice: null, at: performance.now(), ...next };
  editing = null;
  adopted();
  send();
}
function step(from, to) {
  if (!from.length || editing) return;
  to.push(doc);
  doc = from.pop();
  if (doc.source === 'candidate' && doc.choice >= settings.k) doc = { ...doc, source: 'edited' };
  if (doc.source === 'consensus') doc = { ...doc, mask: silhouette('consensus'), points: null };
  selected.clear();
  adopted();
  send();
  announce(`${from === past ? 'Undone' : 'Done again'}: ${to.at(-1).label ?? 'change'}`);
}
const undo = () => step(past, future), redo = () => step(future, past);
function adopted() {
  if (doc.points && ![...selected].every((key) => handleAt(key))) selected.clear();
  if (!doc.points) selected.clear();
  basis = shownDraft();
  touch();
  showState();
  publish();
}
function pick(index) {
  if (!guide || editing) return;
  const source = index < 0 ? 'consensus' : 'candidate';
  if (index >= settings.k || (doc.source === source && (index < 0 || doc.choice === index))) return;
  const label = index < 0 ? 'back to the consensus' : `candidate ${index + 1}`;
  commit({ label, source, choice: index < 0 ? null : index, mask: silhouette(source, index) });
  announce(index < 0 ? 'The consensus is the landmark' : `Candidate ${index + 1} is the landmark`);
}
function edit(label, mask, more = {}, merge = null) {
  commit({ label, source: 'edited', mask, ...more }, merge);
}

// ---- K and α
function retune(k, alpha) {
  settings = { k: Math.min(k, guide.silhouettes.length), alpha };
  if (fused?.k !== settings.k || fused?.token !== guide.token) {
    weights = weigh(guide, settings.k);
    fused = { ...fuse(guide.silhouettes, weights), k: settings.k, token: guide.token };
    fused.rim = pathOf(traceLoops(Uint8Array.from(fused.mean, (v) => Math.min(255, Math.max(0, Math.round(v)))), guide.size));
  }
  if (!doc) return;
  if (doc.source === 'candidate' && doc.choice >= settings.k) doc = { ...doc, source: 'consensus', choice: null };
  if (doc.source === 'consensus' && doc.mask !== silhouette('consensus')) doc = { ...doc, mask: silhouette('consensus'), points: null };
  touch();
  showState();
  publish();
}
function publish() {
  const current = doc.source === 'edited' ? -1 : doc.source === 'candidate' ? doc.choice : fused.consensus;
  const frames = weights.map((weight, i) => ({ ...guide.neighbours[i], weight, iou: fused.iou[i], draft: guide.urls[i], outline: guide.outlines[i],
    size: guide.size, consensus: i === fused.consensus, chosen: i === current }));
  window.dispatchEvent(new CustomEvent('studio-frames', { detail: frames }));
  window.dispatchEvent(new CustomEvent('studio-mix', { detail: { likeness: likeness(guide, weights, settings.alpha), all: likeness(guide, weights, 1) } }));
}

// ---- Python
// The whole state goes each time, so a lost or overtaken message loses nothing; Generate takes it along, too.
function send(mask = doc.mask, live = false) {
  const source = live ? 'edited' : doc.source, serial = (sync.serial += 1);
  pending = props.value = { token: guide.token, serial, k: settings.k, alpha: settings.alpha, source, choice: live ? null : doc.choice,
    mask: source === 'edited' ? encodeMask(mask) : null };
  sync.live = live;
  element.dataset.serial = serial;
  element.dataset.asked = Date.now();
  flush();
}
// One message at a time; what changes meanwhile goes with the next, and one that no answer came to goes again.
// What cannot be used stays here until it can.
function flush() {
  if (!pending || pending.serial <= sync.answered || (sync.busy && performance.now() - sync.asked < 4000)) return;
  const { share } = maskFacts(shownMask(), guide.size);
  if (pending.source === 'edited' && (share < LEAST || share > MOST)) return;
  sync.sent = pending.serial;
  sync.asked = performance.now();
  sync.busy = true;
  trigger('settle', pending);
  setTimeout(flush, 4100);
}
// While something is dragged the draft follows as fast as it can be laid, and no faster.
function sendLive() {
  if (!sync.busy && performance.now() - sync.drafting > 2000) send(editing.mask, true);
}
function askDraft() {
  const wanted = editing || (doc.source === 'edited' && !doc.draft);
  if (!wanted || performance.now() - sync.drafting < 2000) return;
  sync.drafting = performance.now();
  trigger('draft');
}
async function pixelsOf(url, size) {
  const image = new Image(), canvas = document.createElement('canvas');
  image.src = url;
  await image.decode();
  canvas.width = canvas.height = size;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  context.drawImage(image, 0, 0, size, size);
  return context.getImageData(0, 0, size, size).data;
}

// ---- what arrives
let latest = null;
function loadGuide(value) {
  if (guide?.token === value.token) return loadDrafts(value);
  const before = guide && doc && guide.photo === value.photo ? [...past, doc] : [];
  const silhouettes = value.neighbours.map(({ mask }) => decodeMask(mask, value.size));
  guide = { ...value, silhouettes, drafts: [], urls: [], fresh: true,
    outlines: silhouettes.map((mask) => loopsToSvg(traceLoops(mask, value.size), value.size).match(/ d="([^"]*)"/)[1]) };
  // Another embedding has other candidates: what was chosen before stays in the history as a shape of its own.
  past = before.map((old) => ({ ...old, source: 'edited', choice: null, merge: null }));
  future = [];
  editing = doc = null;
  basis = null;
  element.dataset.drafts = 0;
  selected.clear();
  Object.assign(ghost, { kind: '', image: null });
  Object.assign(sync, { busy: false, drafting: 0 });
  pending = null;
  loadDrafts(value);
  reconcile();
  if (!value.drafts.every(Boolean)) trigger('drafts');
}
function loadDrafts(value) {
  value.drafts.forEach(async (url, i) => {
    if (!url || guide.urls[i]) return;
    guide.urls[i] = url;
    const mine = guide, pixels = await pixelsOf(url, guide.size);
    mine.drafts[i] = { pixels, mask: mine.silhouettes[i] };
    if (mine !== guide) return;
    element.dataset.drafts = guide.drafts.filter(Boolean).length;
    if (doc) { touch(); publish(); }
  });
}
function reconcile() {
  const view = latest;
  if (!view || !guide || view.token !== guide.token) return;
  if (guide.fresh) {
    guide.fresh = false;
    sync.pushed = view.pushed;
    fused = null;
    retune(view.k, view.alpha);
    doc = opened(view, 'the photo');
    ready();
    adopted();
    element.dataset.token = guide.token;
  } else if (view.pushed > sync.pushed) {
    sync.pushed = view.pushed;
    past.push(doc);
    future = [];
    editing = null;
    doc = opened(view, 'an outline brought in');
    adopted();
    if (maskFacts(doc.mask, guide.size).border) announce('The outline touches the border');
  }
  sync.answered = Math.max(sync.answered, view.settled);   // a draft that took long tells of an older state
  if (sync.answered >= sync.sent) sync.busy = false;
  element.dataset.settled = sync.answered;
  if (view.received) element.dataset.received = view.received;
  flush();
  if (view.draft) takeDraft(view);
  else if (view.source === 'edited') askDraft();
}
function opened(view, label) {
  const mask = view.mask ? decodeMask(view.mask, guide.size) : silhouette(view.source, view.choice);
  return { label, source: view.source, choice: view.choice, mask, points: null, transform: null, draft: null };
}
async function takeDraft(view) {
  const target = guide, mask = decodeMask(view.mask, guide.size), draft = { pixels: await pixelsOf(view.draft, target.size), mask };
  sync.drafting = 0;
  if (target !== guide) return;
  for (const owner of [doc, ...past.slice(-3)]) if (owner.source === 'edited' && sameMask(owner.mask, mask)) owner.draft = draft;
  if (editing) { editing.draft = draft; sendLive(); }
  basis = draft;
  element.dataset.drafted = view.settled;
  element.dataset.draftedAt = Date.now();
  touch();
  askDraft();
}
