// The Insight page: the bank as a map with the photo in it, and four charts. Python measures, this draws.
const $ = (query) => element.querySelector(query), canvas = $('canvas'), plot = $('.plot');
const pen = canvas.getContext('2d'), near = $('.nearest');
const stages = ['retrieve', 'prepare', 'denoise', 'decode', 'other'];
let value = null, points = null, pointed = -1, asked = 0, timer = 0;

const style = (name) => getComputedStyle(element).getPropertyValue(name).trim();
const seconds = (ms) => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(ms < 10000 ? 1 : 0)} s`);
const fixed = (number, digits = 2) => number.toFixed(digits).replace('-', '−');
const say = (pane, text) => { $(`.insight-${pane} .said`).textContent = text; };

// ---- the map
function layout() {
  const ratio = window.devicePixelRatio || 1, width = plot.clientWidth, height = plot.clientHeight;
  if (!value?.map || !width || !height) return;
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  const [wide, high] = value.map.extent, room = 22;
  const scale = Math.min((width - 2 * room) / Math.max(wide, 1), (height - 2 * room) / Math.max(high, 1));
  const left = (width - wide * scale) / 2, bottom = (height + high * scale) / 2;
  const place = (x, y) => [left + x * scale, bottom - y * scale];
  const xy = value.map.xy;
  points = value.map.ids.map((id, i) => ({ id, kind: value.map.kinds[i], at: place(xy[2 * i], xy[2 * i + 1]) }));
  points.own = value.map.own?.map(([x, y]) => place(x, y)) ?? null;
  draw(ratio);
}
function dot([x, y], radius) {
  pen.beginPath();
  pen.arc(x, y, radius, 0, 2 * Math.PI);
}
function word(text, [x, y], dx, dy) {
  pen.lineWidth = 3;
  pen.strokeStyle = style('--sheet');
  pen.strokeText(text, x + dx, y + dy);
  pen.fillText(text, x + dx, y + dy);
}
function draw(ratio = window.devicePixelRatio || 1) {
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, canvas.width, canvas.height);
  const size = points.length > 1500 ? 1.7 : 2.6, kinds = value.map.names.length;
  pen.globalAlpha = 0.75;
  for (let kind = kinds; kind >= 0; kind -= 1) {
    pen.fillStyle = kind === kinds ? style('--other') : style(`--kind-${kind}`);
    for (const point of points) if (point.kind === kind) { dot(point.at, size); pen.fill(); }
  }
  pen.globalAlpha = 1;
  pen.font = '600 11px system-ui, sans-serif';
  const chosen = new Map((value.nearest ?? []).map((item, i) => [item.id, i + 1]));
  if (points.own) {
    const [e, fused] = points.own;
    pen.strokeStyle = style('--ink');
    pen.lineWidth = 1;
    for (const point of points) {
      if (!chosen.has(point.id)) continue;
      pen.setLineDash([2, 3]);
      pen.beginPath(); pen.moveTo(...e); pen.lineTo(...point.at); pen.stroke();
    }
    pen.setLineDash([]);
    for (const point of points) {
      if (!chosen.has(point.id)) continue;
      pen.fillStyle = style('--accent');
      pen.strokeStyle = style('--sheet');
      pen.lineWidth = 1.5;
      dot(point.at, 6); pen.fill(); pen.stroke();
      pen.fillStyle = style('--ink');
      word(String(chosen.get(point.id)), point.at, 8, -6);
    }
    pen.lineWidth = 2.5;
    pen.strokeStyle = style('--veil');
    pen.fillStyle = style('--sheet');
    dot(fused, 6); pen.fill(); pen.stroke();
    pen.fillStyle = style('--veil');
    dot(e, 6); pen.fill();
    pen.strokeStyle = style('--sheet'); pen.lineWidth = 1.5; pen.stroke();
    pen.fillStyle = style('--ink');
    const side = e[0] < fused[0] ? -1 : 1;   // each label on its own side
    word('e', e, side < 0 ? -15 : 9, 4);
    word('ê', fused, side < 0 ? 9 : -15, 4);
  }
  if (pointed >= 0) {
    pen.strokeStyle = style('--ink');
    pen.lineWidth = 2;
    dot(points[pointed].at, 8); pen.stroke();
  }
}
function point(index) {
  if (index === pointed || !points) return;
  pointed = index;
  draw();
  for (const node of near.children) node.setAttribute('aria-pressed', String(Number(node.dataset.id) === points[index]?.id));
  clearTimeout(timer);
  if (index >= 0) timer = setTimeout(() => { if (points[index].id !== asked) trigger('look', { id: asked = points[index].id }); }, 60);
}
function closest([x, y], reach, passes = () => true) {
  let best = -1, least = reach * reach;
  points.forEach(({ at }, i) => {
    const far = (at[0] - x) ** 2 + (at[1] - y) ** 2;
    if (far < least && passes(at, i)) { best = i; least = far; }
  });
  return best;
}
canvas.addEventListener('pointermove', (event) => {
  if (!points) return;
  const found = closest([event.offsetX, event.offsetY], 14);
  if (found >= 0) point(found);
});
canvas.addEventListener('keydown', (event) => {
  const way = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  if (!points || (!way && event.key !== 'Home')) return;
  event.preventDefault();
  const middle = points.own?.[0] ?? [plot.clientWidth / 2, plot.clientHeight / 2];
  if (event.key === 'Home' || pointed < 0) { point(closest(middle, Infinity)); return; }
  const from = points[pointed].at;
  const next = closest(from, Infinity, (at, i) => {
    const ahead = (at[0] - from[0]) * way[0] + (at[1] - from[1]) * way[1];
    return i !== pointed && ahead > 0 && ahead >= 0.7 * Math.hypot(at[0] - from[0], at[1] - from[1]);
  });
  if (next >= 0) point(next);
});
near.addEventListener('click', (event) => {
  const node = event.target.closest('[data-id]');
  if (node && points) point(points.findIndex(({ id }) => id === Number(node.dataset.id)));
});

// ---- the charts
function part(name, attributes = {}, text = '') {
  const node = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, each] of Object.entries(attributes)) node.setAttribute(key, each);
  if (text) node.textContent = text;
  return node;
}
function titled(node, text) {
  node.append(part('title', {}, text));
  return node;
}
function chart(pane, { x, y, label, empty, make }) {
  const box = $(`.insight-${pane} .chart`);
  box.replaceChildren();
  if (empty) {
    const words = document.createElement('p');
    words.className = 'empty';
    words.textContent = empty;
    box.append(words);
    return;
  }
  const width = Math.max(box.clientWidth, 120), height = Math.max(box.clientHeight, 60);
  const [left, right, top, bottom] = [46, 10, 12, 20];
  const across = (v) => left + (v - x[0]) / ((x[1] - x[0]) || 1) * (width - left - right);
  const up = (v) => height - bottom - (v - y[0]) / ((y[1] - y[0]) || 1) * (height - top - bottom);
  const svg = part('svg', { viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': label });
  svg.append(part('line', { class: 'axis', x1: left, x2: width - right, y1: up(y[0]), y2: up(y[0]) }));
  make({ svg, across, up, width, height, left, right, bottom });
  box.append(svg);
}
function mark(svg, x, y, text, anchor = 'middle') {
  svg.append(part('text', { x, y, 'text-anchor': anchor }, text));
}
function levels({ svg, up, left, width, right }, values, format) {
  for (const level of values) {
    svg.append(part('line', { class: 'grid', x1: left, x2: width - right, y1: up(level), y2: up(level) }));
    mark(svg, left - 5, up(level) + 3, format(level), 'end');
  }
}
const noPhoto = 'Place a photo on the Design page, then come back.';
function drawSimilarity() {
  const found = value.similarity, most = found ? Math.max(...found.counts) : 1;
  const likes = (value.nearest ?? []).map((item) => item.similarity);
  say('similarity', found ? `mean ${fixed(found.mean)}, neighbours ${fixed(Math.min(...likes))} to ${fixed(Math.max(...likes))}` : '');
  chart('similarity', {
    x: found ? [found.low, found.high] : [0, 1], y: [0, most], empty: found ? '' : noPhoto,
    label: found ? `Cosine similarity of the photo to ${value.map.ids.length} entries: from ${fixed(found.low)} to ${fixed(found.high)}, mean ${fixed(found.mean)}` : '',
    make: (place) => {
      const { svg, across, up, height } = place, step = (found.high - found.low) / found.counts.length;
      levels(place, [most], (level) => level);
      found.counts.forEach((count, i) => {
        const from = found.low + i * step, x = across(from), y = up(count);
        svg.append(titled(part('rect', { class: 'column', x, y, width: Math.max(across(from + step) - x - 1, 0.5), height: up(0) - y }), `${count} entries from ${fixed(from)} to ${fixed(from + step)}`));
      });
      value.nearest.forEach((item, i) => {
        const x = across(item.similarity);
        svg.append(titled(part('line', { class: 'tick', x1: x, x2: x, y1: up(0), y2: up(most * 0.4) }), `neighbour ${i + 1}: ${fixed(item.similarity, 3)}`));
      });
      for (const at of [found.low, (found.low + found.high) / 2, found.high]) mark(svg, across(at), height - 6, fixed(at), at === found.high ? 'end' : at === found.low ? 'start' : 'middle');
    },
  });
}
function drawK() {
  const rows = value.by_k, now = rows?.find((row) => row.k === value.k);
  const names = { consensus: 'the consensus', candidate: 'the picked candidate', edited: 'your own outline' };
  say('k', rows ? `IoU with ${names[value.source]}` : '');
  chart('k', {
    x: [0.5, (rows?.length ?? 8) + 0.5], y: [0, 1], empty: rows ? '' : noPhoto,
    label: rows ? rows.map((row) => `K ${row.k}: candidate ${row.choice + 1}, IoU ${fixed(row.iou)}`).join('; ') : '',
    make: (place) => {
      const { svg, across, up, height } = place, wide = Math.min(30, (across(2) - across(1)) * 0.7);
      levels(place, [0.5, 1], (level) => fixed(level, 1));
      rows.forEach((row) => {
        const x = across(row.k), y = up(row.iou);
        svg.append(titled(part('rect', { class: row === now ? 'column now' : 'column', x: x - wide / 2, y, width: wide, height: up(0) - y }), `K ${row.k}: the consensus is candidate ${row.choice + 1} (entry ${row.id}), IoU ${fixed(row.iou)}`));
        svg.append(part('text', { class: 'in', x, y: up(0) - 5, 'text-anchor': 'middle' }, `#${row.choice + 1}`));
        mark(svg, x, height - 6, row.k);
      });
    },
  });
}
function drawAlpha() {
  const rows = value.by_alpha, lowest = rows ? Math.min(...rows.map(([, likeness]) => likeness)) : 0;
  const floor = lowest > 0.9 ? Math.floor(lowest * 50 - 0.01) / 50 : Math.floor(lowest * 10) / 10;
  const at = rows?.reduce((best, row) => (Math.abs(row[0] - value.alpha) < Math.abs(best[0] - value.alpha) ? row : best));
  say('alpha', rows ? `cos(e, ê), ${fixed(at[1])} at α ${value.alpha}` : '');
  chart('alpha', {
    x: [0, 1], y: [floor, 1], empty: rows ? '' : noPhoto,
    label: rows ? rows.filter((_, i) => i % 5 === 0).map(([alpha, likeness]) => `α ${alpha}: ${fixed(likeness)}`).join('; ') : '',
    make: (place) => {
      const { svg, across, up, height } = place;
      levels(place, [floor, 1], (level) => fixed(level));
      svg.append(part('polyline', { class: 'curve', points: rows.map(([alpha, likeness]) => `${across(alpha)},${up(likeness)}`).join(' ') }));
      for (const [alpha, likeness] of rows) svg.append(titled(part('circle', { class: alpha === at[0] ? 'node now' : 'node', cx: across(alpha), cy: up(likeness), r: alpha === at[0] ? 5 : 2.5 }), `α ${alpha}: ${fixed(likeness, 3)}`));
      for (const alpha of [0, 0.5, 1]) mark(svg, across(alpha), height - 6, String(alpha));
    },
  });
}
function drawTime() {
  const rows = value.timings, most = Math.max(1, ...rows.map((run) => run.total));
  const middle = [...rows].sort((a, b) => a.total - b.total)[Math.floor(rows.length / 2)];
  say('time', rows.length ? `${rows.length} runs, median ${seconds(middle.total)}` : '');
  chart('time', {
    x: [-0.5, Math.max(rows.length, 12) - 0.5], y: [0, most], empty: rows.length ? '' : 'Press Generate on the Design page: each run’s time is kept and shown here.',
    label: rows.slice(-8).map((run) => `run ${run.run}: ${seconds(run.total)}`).join('; '),
    make: (place) => {
      const { svg, across, up, height } = place, wide = Math.max(across(1) - across(0), 1), bar = Math.max(Math.min(wide * 0.8, 26), 1);
      levels(place, [most], seconds);
      rows.forEach((run, i) => {
        const group = titled(part('g'), `run ${run.run}, ${run.when}, ${run.steps} steps: ${stages.map((name) => `${name} ${seconds(run[name])}`).join(', ')}, total ${seconds(run.total)}`);
        let below = 0;
        stages.forEach((name, stage) => {
          const y = up(below + run[name]);
          group.append(part('rect', { class: `stage-${stage}`, x: across(i) - bar / 2, y, width: bar, height: Math.max(up(below) - y, 0) }));
          below += run[name];
        });
        svg.append(group);
      });
      const every = Math.ceil(rows.length / 12);
      rows.forEach((run, i) => { if (i % every === 0) mark(svg, across(i), height - 6, run.run); });
    },
  });
}
function legend(query, items) {
  $(query).replaceChildren(...items.map(([colour, text]) => {
    const node = document.createElement('span'), swatch = document.createElement('i');
    swatch.style.background = `var(${colour})`;
    node.append(swatch, text);
    return node;
  }));
}
function render() {
  if (!value || element.offsetParent === null) return;
  layout();
  drawSimilarity();
  drawK();
  drawAlpha();
  drawTime();
}
function show() {
  value = props.value;
  if (!value) return;
  points = null;
  pointed = -1;
  asked = 0;
  const map = value.map;
  $('.plot .empty').textContent = map ? '' : 'The model is still loading: the map follows at once.';
  $('.share').textContent = map ? `principal components: ${Math.round(100 * (map.share[0] + map.share[1]))} % of the variance of ${map.ids.length.toLocaleString('en')} entries` : '';
  legend('.insight-map .legend', map ? [...map.names.map((name, i) => [`--kind-${i}`, `${name} (${map.counts[i]})`]), ['--other', 'others'], ...(map.own ? [['--veil', 'your photo: e filled, ê open']] : [])] : []);
  legend('.insight-time .legend', value.timings.length ? [['--stage-0', 'retrieve'], ['--stage-1', 'prepare: draft and reference'], ['--stage-2', 'denoise'], ['--stage-3', 'decode'], ['--other', 'other']] : []);
  near.replaceChildren(...(value.nearest ?? []).map((item, i) => {
    const node = document.createElement('button'), shape = document.createElement('span'), words = document.createElement('span');
    node.type = 'button';
    node.dataset.id = item.id;
    node.setAttribute('aria-pressed', 'false');
    node.setAttribute('aria-label', `Neighbour ${i + 1}: entry ${item.id}, similarity ${fixed(item.similarity)}, weight ${fixed(item.weight)}`);
    shape.className = 'shape';
    shape.style.maskImage = `url(${item.shape})`;
    words.textContent = `${i + 1} · ${fixed(item.similarity)}`;
    node.append(shape, words);
    return node;
  }));
  near.dataset.empty = map && !value.nearest ? noPhoto : '';
  element.dataset.state = value.state;
  element.dataset.token = value.token;
  element.dataset.entries = map?.ids.length ?? '';
  render();
}
new ResizeObserver(render).observe(element);
new MutationObserver(render).observe(document.body, { attributes: true, attributeFilter: ['class'] });
watch('value', show);
show();
