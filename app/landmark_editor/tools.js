// The tools: each turns a drag into a changed mask, which becomes one step of the history when the drag ends.
const REACH = 9;
const distance = (p, q) => Math.hypot(p[0] - q[0], p[1] - q[1]);

function handleAt(key) {
  const [p, at] = key.split('.').map(Number), part = points()[p];
  return part?.handles.includes(at) ? part.loop[at] : null;
}
function nearestHandle(place, reach, parts = points()) {
  let best = null, least = reach;
  parts.forEach((part, p) => part.handles.forEach((at) => { const d = distance(part.loop[at], place); if (d < least) { least = d; best = `${p}.${at}`; } }));
  return best;
}
function nearestVertex(place, reach, parts = points()) {
  let best = null, least = reach;
  parts.forEach((part, p) => part.loop.forEach((point, at) => { const d = distance(point, place); if (d < least) { least = d; best = [p, at]; } }));
  return best;
}
const withHandle = (parts, [p, at]) => parts.map((part, i) => (i === p && !part.handles.includes(at) ? addHandle(part, at) : part));

// ---- points
// The selected handles, and with mirror on those opposite to them (made where there are none), with the side of each.
function movers(parts, keys) {
  const list = [...keys].map((key) => [...key.split('.').map(Number), 1]);
  if (mirror) {
    for (const [p, at] of list.slice()) {
      const [x, y] = parts[p].loop[at], across = [guide.size - x, y];
      if (Math.abs(x - guide.size / 2) < 1) continue;
      const twin = nearestHandle(across, guide.size * 0.05, parts)?.split('.').map(Number) ?? nearestVertex(across, guide.size * 0.05, parts);
      if (!twin || list.some(([q, b]) => q === twin[0] && b === twin[1])) continue;
      parts = withHandle(parts, twin);
      list.push([...twin, -1]);
    }
  }
  return { parts, list };
}
function shifted({ parts, list }, dx, dy) {
  const limit = (value, by) => Math.min(guide.size, Math.max(0, value + by)) - value;
  const moves = list.map(([p, at, side]) => {
    const [x, y] = parts[p].loop[at];
    return [p, parts[p].handles.indexOf(at), limit(x, dx * side), limit(y, dy)];
  });
  return redrawn(parts, moveHandles(parts, moves));
}
function redrawn(before, after) {
  const mask = doc.mask.slice(), box = changedBox(before, after, guide.size);
  if (box) fillLoops(after.map(({ loop }) => loop), guide.size, mask, box);
  return { mask, points: after };
}
function settlePoints(label, { mask, points: after }, merge = null) {
  const crossed = after.some((part, p) => part !== doc.points?.[p] && crosses(part.loop));
  edit(label, mask, { points: crossed ? null : after }, merge);
  if (crossed) announce('The outline crosses itself: all that it encloses counts as garment', true);
}
function nudge(dx, dy) {
  if (!selected.size) return cycle(1);
  const keys = [...selected];
  settlePoints('nudge', shifted(movers(points(), keys), dx, dy), `nudge ${keys.join()}`);
}
function removeSelected() {
  if (!selected.size) return announce('Select a point first');
  let { parts, list } = movers(points(), selected);
  const before = parts;
  for (const [p, at] of list) {
    if (parts[p].handles.length <= 3) return announce('An outline needs at least three points', true);
    parts = parts.map((part, i) => (i === p ? removeHandle(part, part.handles.indexOf(at)) : part));
  }
  selected.clear();
  settlePoints('delete a point', redrawn(before, parts));
}
function insertAfterSelected() {
  const [key] = selected;
  if (!key) return announce('Select a point first');
  const [p, at] = key.split('.').map(Number), { loop, handles } = points()[p], h = handles.indexOf(at), next = handles[(h + 1) % handles.length];
  const span = (next - at + loop.length) % loop.length;
  if (span < 2) return announce('There is no room for another point');
  const middle = (at + (span >> 1)) % loop.length;
  selected = new Set([`${p}.${middle}`]);
  edit('add a point', doc.mask, { points: withHandle(points(), [p, middle]), draft: doc.draft ?? basis });
}
function cycle(by) {
  const all = points().flatMap((part, p) => part.handles.map((at) => `${p}.${at}`));
  if (!all.length) return;
  const at = all.indexOf([...selected].at(-1)), next = all[(at + by + all.length) % all.length] ?? all[0];
  selected = new Set([at < 0 ? all[0] : next]);
  const [x, y] = handleAt([...selected][0]);
  announce(`Point ${all.indexOf([...selected][0]) + 1} of ${all.length} at ${Math.round(x)}, ${Math.round(y)}`);
  repaint();
}
function startPoints(event, place) {
  let key = nearestHandle(place, REACH / view.scale), parts = points(), added = false;
  if (!key) {
    const vertex = nearestVertex(place, REACH / view.scale);
    if (!vertex) { selected.clear(); repaint(); return startPan(event); }
    parts = withHandle(parts, vertex);
    key = vertex.join('.');
    added = true;
  }
  if (event.shiftKey && !added) { if (!selected.delete(key)) selected.add(key); repaint(); return null; }
  if (!selected.has(key)) selected = new Set([key]);
  const base = movers(parts, selected);
  editing = { mask: doc.mask, points: base.parts };
  let moved = false;
  return {
    move(at) {
      moved ||= distance(at, place) * view.scale > 2;
      if (!moved) return;
      Object.assign(editing, shifted(base, at[0] - place[0], at[1] - place[1]));
      sendLive();
    },
    end() {
      const { mask, points: after } = editing;
      editing = null;
      if (moved) settlePoints(added ? 'pull the outline' : 'move a point', { mask, points: after });
      else if (added) edit('add a point', doc.mask, { points: after, draft: doc.draft ?? basis });
    },
  };
}

// ---- brush and eraser
let lastStroke = null;
function stamp(mask, from, to) {
  const erase = tool === 'eraser', across = ([x, y]) => [guide.size - x, y];
  stampLine(mask, guide.size, from, to, diameter, erase);
  if (mirror) stampLine(mask, guide.size, across(from), across(to), diameter, erase);
}
function startBrush(event, place) {
  editing = { mask: doc.mask.slice() };
  let last = event.shiftKey && lastStroke ? lastStroke : place;
  stamp(editing.mask, last, place);
  last = lastStroke = place;
  sendLive();
  return {
    move(at) { stamp(editing.mask, last, at); last = lastStroke = at; sendLive(); },
    end() { const { mask } = editing; editing = null; if (!sameMask(mask, doc.mask)) edit(tool === 'eraser' ? 'erase' : 'paint', mask); },
  };
}
function stampHere(join) {
  hover ??= [guide.size / 2, guide.size / 2];
  const mask = doc.mask.slice();
  stamp(mask, join && lastStroke ? lastStroke : hover, hover);
  lastStroke = hover;
  if (!sameMask(mask, doc.mask)) edit(tool === 'eraser' ? 'erase' : 'paint', mask);
}
function setDiameter(value) {
  diameter = Math.round(Math.min(guide ? guide.size / 3 : 80, Math.max(1, value)));
  $('.size').value = diameter;
  $('.options output').textContent = `${diameter} px`;
  repaint();
}

// ---- the whole: the shape that it started from stays at hand, so that turning it twice blurs it once
function transformMarks() {
  const { base, matrix } = editing?.transform ?? doc.transform ?? { base: doc.mask, matrix: new DOMMatrix() };
  if (transformMarks.of !== base) { transformMarks.of = base; transformMarks.box = loopsBox(traceLoops(base, guide.size), guide.size); }
  const [l, t, r, b] = transformMarks.box, put = (x, y) => { const p = matrix.transformPoint({ x, y }); return [p.x, p.y]; };
  const corners = [put(l, t), put(r, t), put(r, b), put(l, b)], top = put((l + r) / 2, t), centre = put((l + r) / 2, (t + b) / 2);
  const away = distance(top, centre) || 1, knob = top.map((v, i) => v + (v - centre[i]) / away * 22 / view.scale);
  return { base, matrix, corners, knob, centre, local: [[l, t], [r, t], [r, b], [l, b]], box: { top } };
}
function setTransform(base, matrix) {
  const { a, b, c, d, e, f } = matrix;
  return { transform: { base, matrix }, mask: transformed(base, guide.size, [a, b, c, d, e, f]) };
}
function startTransform(event, place) {
  const { base, matrix, corners, knob, centre, local } = transformMarks(), near = (p) => distance(p, place) < REACH / view.scale;
  const corner = corners.findIndex(near), turning = corner < 0 && near(knob);
  editing = { mask: doc.mask, transform: { base, matrix } };
  let moved = false;
  return {
    move(at, now) {
      moved = true;
      let next;
      if (turning) {
        let angle = (Math.atan2(at[1] - centre[1], at[0] - centre[0]) - Math.atan2(place[1] - centre[1], place[0] - centre[0])) * 180 / Math.PI;
        if (now.shiftKey) angle = Math.round(angle / 15) * 15;
        next = new DOMMatrix().translate(...centre).rotate(angle).translate(-centre[0], -centre[1]).multiply(matrix);
      } else if (corner >= 0) {
        const fixed = local[(corner + 2) % 4], from = local[corner], to = matrix.inverse().transformPoint({ x: at[0], y: at[1] });
        const share = (value, i) => (value - fixed[i]) / (from[i] - fixed[i] || 1);
        let sx = Math.max(0.05, share(to.x, 0)), sy = Math.max(0.05, share(to.y, 1));
        if (!now.shiftKey) sx = sy = Math.max(0.05, (sx + sy) / 2);
        next = matrix.translate(...fixed).scale(sx, sy).translate(-fixed[0], -fixed[1]);
      } else next = new DOMMatrix().translate(at[0] - place[0], at[1] - place[1]).multiply(matrix);
      Object.assign(editing, setTransform(base, next));
      sendLive();
    },
    end() { const { mask, transform } = editing; editing = null; if (moved) edit(turning ? 'turn' : corner >= 0 ? 'scale' : 'move', mask, { transform }); },
  };
}
function transformBy(change) {
  const { base, matrix, centre } = transformMarks();
  const { mask, transform } = setTransform(base, change(new DOMMatrix().translate(...centre)).translate(-centre[0], -centre[1]).multiply(matrix));
  edit('transform', mask, { transform }, 'transform');
}

// ---- panning
function startPan(event) {
  const from = [event.clientX, event.clientY], { x, y } = view;
  board.classList.add('panning');
  return {
    move(_, now) { view.x = x - (now.clientX - from[0]) / view.scale; view.y = y - (now.clientY - from[1]) / view.scale; view.fitted = false; },
    end() { board.classList.remove('panning'); },
  };
}
function setTool(name) {
  if (editing) return;
  tool = name;
  for (const button of element.querySelectorAll('[data-tool]')) button.setAttribute('aria-pressed', String(button.dataset.tool === name));
  element.querySelector('.options').dataset.tool = name;
  board.dataset.tool = name;
  repaint();
}
