// Outlines: a mask's border at one half as closed loops of [x, y], the garment on the right hand of their direction;
// and loops back into a mask. Coordinates count edges: pixel i covers [i, i + 1].
function traceLoops(mask, size) {
  const wide = size + 2, padded = new Uint8Array(wide * wide);
  for (let y = 0; y < size; y += 1) padded.set(mask.subarray(y * size, (y + 1) * size), (y + 1) * wide + 1);
  const next = new Map();
  // Edges of the grid by number: 2 * cell is the one above a cell, 2 * cell + 1 the one left of it.
  for (let y = 0; y < wide - 1; y += 1) {
    for (let x = 0; x < wide - 1; x += 1) {
      const cell = y * wide + x;
      const kind = (padded[cell] > 127) | (padded[cell + 1] > 127) << 1 | (padded[cell + wide + 1] > 127) << 2 | (padded[cell + wide] > 127) << 3;
      if (kind === 0 || kind === 15) continue;
      const top = 2 * cell, left = top + 1, bottom = 2 * (cell + wide), right = 2 * (cell + 1) + 1;
      const link = { 1: [top, left], 2: [right, top], 3: [right, left], 4: [bottom, right], 5: [top, left, bottom, right], 6: [bottom, top],
        7: [bottom, left], 8: [left, bottom], 9: [top, bottom], 10: [right, top, left, bottom], 11: [right, bottom], 12: [left, right],
        13: [top, right], 14: [left, top] }[kind];
      for (let i = 0; i < link.length; i += 2) next.set(link[i], link[i + 1]);
    }
  }
  const place = (edge) => {
    const cell = edge >> 1, x = cell % wide, y = (cell - x) / wide, down = edge & 1;
    const a = padded[cell], b = padded[cell + (down ? wide : 1)], t = (127.5 - a) / (b - a);
    return down ? [x - 0.5, y - 0.5 + t] : [x - 0.5 + t, y - 0.5];
  };
  const loops = [];
  while (next.size) {
    const loop = [];
    for (let edge = next.keys().next().value; next.has(edge);) {
      loop.push(place(edge));
      const after = next.get(edge);
      next.delete(edge);
      edge = after;
    }
    if (loop.length > 2) loops.push(loop);
  }
  return loops;
}

// Fill loops by the non-zero rule, with soft edges, inside box = [left, top, right, bottom] of `out`.
function fillLoops(loops, size, out, box = [0, 0, size, size]) {
  const rows = 4, lines = new Map();
  for (const loop of loops) {
    for (let i = 0; i < loop.length; i += 1) {
      const [ax, ay] = loop[i], [bx, by] = loop[(i + 1) % loop.length];
      if (ay === by) continue;
      const turn = by > ay ? 1 : -1, low = Math.min(ay, by), high = Math.max(ay, by);
      const last = Math.min(Math.ceil(high * rows - 0.5), box[3] * rows);
      for (let s = Math.max(Math.ceil(low * rows - 0.5), box[1] * rows); s < last; s += 1) {
        const y = (s + 0.5) / rows;
        if (!lines.has(s)) lines.set(s, []);
        lines.get(s).push([ax + (bx - ax) * (y - ay) / (by - ay), turn]);
      }
    }
  }
  const cover = new Float32Array(size);
  for (let y = box[1]; y < box[3]; y += 1) {
    cover.fill(0);
    for (let s = y * rows; s < (y + 1) * rows; s += 1) {
      const crossings = lines.get(s);
      if (!crossings) continue;
      crossings.sort((p, q) => p[0] - q[0]);
      for (let i = 0, winding = 0; i < crossings.length - 1; i += 1) {
        winding += crossings[i][1];
        if (winding) addSpan(cover, crossings[i][0], crossings[i + 1][0], size);
      }
    }
    for (let x = box[0]; x < box[2]; x += 1) out[y * size + x] = Math.round(255 * Math.min(1, cover[x] / rows));
  }
  return out;
}
function addSpan(cover, from, to, size) {
  from = Math.max(0, from);
  to = Math.min(size, to);
  if (to <= from) return;
  const first = Math.floor(from), last = Math.min(size - 1, Math.floor(to));
  if (first === last) { cover[first] += to - from; return; }
  cover[first] += first + 1 - from;
  for (let x = first + 1; x < last; x += 1) cover[x] += 1;
  cover[last] += to - last;
}

// Handles: those points of a loop that carry its shape. What lies between two handles keeps its detail and goes along.
function pickHandles(loop, size) {
  const far = (from) => loop.reduce((best, p, i) => (Math.hypot(p[0] - loop[from][0], p[1] - loop[from][1]) > Math.hypot(loop[best][0] - loop[from][0], loop[best][1] - loop[from][1]) ? i : best), from);
  const start = far(0), end = far(start), kept = new Set([start, end]);
  const split = (from, to) => {
    const count = (to - from + loop.length) % loop.length, a = loop[from], b = loop[to];
    if (count < 2) return;
    const length = Math.hypot(b[0] - a[0], b[1] - a[1]) || 1e-9;
    let worst = 0, at = -1;
    for (let s = 1; s < count; s += 1) {
      const p = loop[(from + s) % loop.length];
      const away = Math.abs((b[0] - a[0]) * (a[1] - p[1]) - (a[0] - p[0]) * (b[1] - a[1])) / length;
      if (away > worst) { worst = away; at = (from + s) % loop.length; }
    }
    const apart = worst > size * 0.009 ? at : count > size * 0.3 ? (from + (count >> 1)) % loop.length : -1;
    if (apart < 0) return;
    kept.add(apart);
    split(from, apart);
    split(apart, to);
  };
  split(start, end);
  split(end, start);
  if (kept.size < 3) kept.add((start + Math.max(1, (end - start + loop.length) % loop.length >> 1)) % loop.length);
  return [...kept].sort((a, b) => a - b);
}
function makePoints(mask, size) {
  return traceLoops(mask, size).map((loop) => ({ loop, handles: pickHandles(loop, size) }));
}

// Move handles: `moves` holds [part, handle, dx, dy]; between handles the shift goes over linearly, so straight stays straight.
function moveHandles(points, moves) {
  return points.map((part, index) => {
    const mine = moves.filter((move) => move[0] === index);
    if (!mine.length) return part;
    const { loop, handles } = part, n = loop.length, shifts = handles.map(() => [0, 0]);
    for (const [, handle, dx, dy] of mine) shifts[handle] = [dx, dy];
    const moved = loop.slice();
    handles.forEach((from, h) => {
      const [s, e] = [shifts[h], shifts[(h + 1) % handles.length]];
      if (!s[0] && !s[1] && !e[0] && !e[1]) return;
      const count = (handles[(h + 1) % handles.length] - from + n) % n || n;
      for (let step = 0; step < count; step += 1) {
        const t = step / count, p = loop[(from + step) % n];
        moved[(from + step) % n] = [p[0] + s[0] * (1 - t) + e[0] * t, p[1] + s[1] * (1 - t) + e[1] * t];
      }
    });
    return { loop: moved, handles };
  });
}
function removeHandle({ loop, handles }, h) {
  const n = loop.length, count = handles.length, from = handles[(h + count - 1) % count], to = handles[(h + 1) % count];
  const straight = loop.slice(), span = (to - from + n) % n || n;
  for (let s = 1; s < span; s += 1) {
    const t = s / span;
    straight[(from + s) % n] = [loop[from][0] * (1 - t) + loop[to][0] * t, loop[from][1] * (1 - t) + loop[to][1] * t];
  }
  return { loop: straight, handles: handles.filter((_, i) => i !== h) };
}
function addHandle({ loop, handles }, at) {
  return { loop, handles: [...handles, at].sort((a, b) => a - b) };
}
function loopsBox(loops, size) {
  const box = [size, size, 0, 0];
  for (const loop of loops) for (const [x, y] of loop) {
    box[0] = Math.min(box[0], x); box[1] = Math.min(box[1], y);
    box[2] = Math.max(box[2], x); box[3] = Math.max(box[3], y);
  }
  return box;
}
// Where two versions of the points differ, in whole pixels; null if nowhere.
function changedBox(before, after, size) {
  const touched = [];
  after.forEach((part, i) => {
    const old = before[i].loop;
    part.loop.forEach((p, j) => { if (p !== old[j]) touched.push(p, old[j], part.loop[(j + 1) % old.length], part.loop.at(j - 1)); });
  });
  if (!touched.length) return null;
  const box = loopsBox([touched], size);
  return [Math.max(0, Math.floor(box[0]) - 2), Math.max(0, Math.floor(box[1]) - 2), Math.min(size, Math.ceil(box[2]) + 2), Math.min(size, Math.ceil(box[3]) + 2)];
}
function crosses(loop) {
  const thin = loop.filter((_, i) => i % Math.max(1, Math.floor(loop.length / 240)) === 0), n = thin.length;
  const side = (p, q, r) => (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0]);
  for (let i = 0; i < n; i += 1) for (let j = i + 2; j < n; j += 1) {
    if (i === 0 && j === n - 1) continue;
    const [a, b, c, d] = [thin[i], thin[i + 1], thin[j], thin[(j + 1) % n]];
    if (side(a, b, c) * side(a, b, d) < 0 && side(c, d, a) * side(c, d, b) < 0) return true;
  }
  return false;
}
function loopsToSvg(loops, size) {
  const d = loops.map((loop) => `M${loop.map(([x, y]) => `${+x.toFixed(2)},${+y.toFixed(2)}`).join('L')}Z`).join('');
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size} ${size}" width="${size}" height="${size}"><path fill="#000" d="${d}"/></svg>\n`;
}
