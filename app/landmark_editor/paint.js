// The board: one canvas that shows paper, fused mask, draft, ghost, outline and the tool's own marks, bottom to top.
const board = $('.board'), brush2d = board.getContext('2d');
const view = { x: 0, y: 0, scale: 1, fitted: true };
const layers = { outline: true, fused: true, draft: true };
const ACCENT = '#0f766e', AMBER = '#d97706';
let frame = 0;

function plane() {
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = guide.size;
  return canvas;
}
function fit() {
  const room = board.getBoundingClientRect();
  if (!room.width || !guide) return;
  view.scale = Math.min(room.width - 8, room.height - 8) / guide.size;
  view.x = guide.size / 2 - room.width / 2 / view.scale;
  view.y = guide.size / 2 - room.height / 2 / view.scale;
  view.fitted = true;
  repaint();
}
function zoom(factor, at) {
  const room = board.getBoundingClientRect(), [px, py] = at ?? [room.width / 2, room.height / 2];
  const scale = Math.min(60, Math.max(0.4, view.scale * factor));
  view.x += px / view.scale - px / scale;
  view.y += py / view.scale - py / scale;
  view.scale = scale;
  view.fitted = false;
  repaint();
}
function toMask(event) {
  const room = board.getBoundingClientRect();
  return [(event.clientX - room.left) / view.scale + view.x, (event.clientY - room.top) / view.scale + view.y];
}
function repaint() {
  if (!frame) frame = requestAnimationFrame(() => { frame = 0; paint(); });
}

// The garment within the mask; where no draft reaches yet the mask shows as a plain tint.
function composeDraft() {
  const { size } = guide, mask = shownMask(), draft = shownDraft(), canvas = composeDraft.canvas ??= plane();
  if (canvas.width !== size) canvas.width = canvas.height = size;
  const context = canvas.getContext('2d'), image = composeDraft.data?.width === size ? composeDraft.data : (composeDraft.data = context.createImageData(size, size));
  const out = image.data, pixels = layers.draft ? draft?.pixels : null;
  for (let i = 0, o = 0; i < mask.length; i += 1, o += 4) {
    if (pixels && draft.mask[i] > 0) {
      out[o] = pixels[o]; out[o + 1] = pixels[o + 1]; out[o + 2] = pixels[o + 2]; out[o + 3] = mask[i];
    } else {
      out[o] = 150; out[o + 1] = 190; out[o + 2] = 186; out[o + 3] = layers.draft ? mask[i] * 0.65 : 0;
    }
  }
  context.putImageData(image, 0, 0);
  return canvas;
}
function composeVeil(values, [r, g, b], strength, keep) {
  const canvas = keep.canvas ??= plane(), context = canvas.getContext('2d');
  if (canvas.width !== guide.size) canvas.width = canvas.height = guide.size;
  const image = context.createImageData(guide.size, guide.size);
  for (let i = 0, o = 0; i < values.length; i += 1, o += 4) {
    image.data[o] = r; image.data[o + 1] = g; image.data[o + 2] = b; image.data[o + 3] = values[i] * strength;
  }
  context.putImageData(image, 0, 0);
  return canvas;
}
function pathOf(loops) {
  const path = new Path2D();
  for (const loop of loops) {
    loop.forEach(([x, y], i) => (i ? path.lineTo(x, y) : path.moveTo(x, y)));
    path.closePath();
  }
  return path;
}
function stroke(path, style, width, dash = []) {
  brush2d.strokeStyle = style;
  brush2d.lineWidth = width / view.scale;
  brush2d.setLineDash(dash.map((d) => d / view.scale));
  brush2d.stroke(path);
  brush2d.setLineDash([]);
}
const fusedVeil = {}, ghostVeil = {};

function paint() {
  if (!guide || !board.offsetParent) return;
  const started = performance.now(), room = board.getBoundingClientRect(), dpr = window.devicePixelRatio || 1, { size } = guide;
  const width = Math.round(room.width * dpr), height = Math.round(room.height * dpr);
  if (board.width !== width || board.height !== height) { board.width = width; board.height = height; }
  const c = brush2d;
  c.setTransform(1, 0, 0, 1, 0, 0);
  c.clearRect(0, 0, width, height);
  c.setTransform(dpr * view.scale, 0, 0, dpr * view.scale, -view.x * view.scale * dpr, -view.y * view.scale * dpr);
  c.imageSmoothingEnabled = view.scale < 8;
  c.imageSmoothingQuality = 'high';
  c.fillStyle = '#fff';
  c.fillRect(0, 0, size, size);
  if (layers.fused) {
    fusedVeil.of === fused.mean || composeVeil(fused.mean, [217, 119, 6], 0.3, fusedVeil);
    fusedVeil.of = fused.mean;
    c.drawImage(fusedVeil.canvas, 0, 0);
  }
  c.drawImage(composeDraft(), 0, 0);
  if (layers.fused) stroke(fused.rim, AMBER, 1.25, [5, 4]);
  paintGhost(c);
  if (view.scale >= 14) paintGrid(c, room);
  stroke(new Path2D(`M0,0H${size}V${size}H0Z`), '#0003', 1);
  if (layers.outline) {
    const path = shownPath();
    stroke(path, '#ffffffb0', 4);
    stroke(path, ACCENT, 1.8);
  }
  if (mirror) stroke(new Path2D(`M${size / 2},0V${size}`), '#db2777', 1, [6, 5]);
  paintTool(c);
  board.dataset.frame = (performance.now() - started).toFixed(1);
}
function paintGhost(c) {
  c.globalAlpha = ghost.opacity;
  if (ghost.kind === 'photo' && ghost.image) c.drawImage(ghost.image, 0, 0, guide.size, guide.size);
  else if (ghost.kind.startsWith('candidate')) {
    const mask = guide.silhouettes[Number(ghost.kind.slice(9))];
    if (mask) {
      if (ghostVeil.of !== mask) { composeVeil(mask, [67, 56, 202], 0.8, ghostVeil); ghostVeil.of = mask; ghostVeil.path = pathOf(traceLoops(mask, guide.size)); }
      c.drawImage(ghostVeil.canvas, 0, 0);
      c.globalAlpha = 1;
      stroke(ghostVeil.path, '#4338ca', 1.25);
    }
  }
  c.globalAlpha = 1;
}
function paintGrid(c, room) {
  const path = new Path2D(), left = Math.max(0, Math.floor(view.x)), top = Math.max(0, Math.floor(view.y));
  const right = Math.min(guide.size, Math.ceil(view.x + room.width / view.scale)), bottom = Math.min(guide.size, Math.ceil(view.y + room.height / view.scale));
  for (let x = left; x <= right; x += 1) { path.moveTo(x, top); path.lineTo(x, bottom); }
  for (let y = top; y <= bottom; y += 1) { path.moveTo(left, y); path.lineTo(right, y); }
  stroke(path, '#0001', 1);
}
function paintDot(c, [x, y], radius, fill, edge) {
  c.beginPath();
  c.arc(x, y, radius / view.scale, 0, 7);
  c.fillStyle = fill;
  c.fill();
  c.lineWidth = 1.5 / view.scale;
  c.strokeStyle = edge;
  c.stroke();
}
function paintTool(c) {
  if (tool === 'points' && layers.outline) {
    points().forEach((part, p) => part.handles.forEach((at, h) => {
      const chosen = selected.has(`${p}.${h}`);
      paintDot(c, part.loop[at], chosen ? 5 : 3.6, chosen ? ACCENT : '#fff', chosen ? '#fff' : ACCENT);
    }));
  } else if (tool === 'transform') {
    const { corners, knob, box } = transformMarks();
    stroke(pathOf([corners]), '#4338ca', 1.25);
    stroke(pathOf([[box.top, knob]]), '#4338ca', 1.25);
    for (const corner of corners) paintDot(c, corner, 4.5, '#fff', '#4338ca');
    paintDot(c, knob, 4.5, '#4338ca', '#fff');
  } else if ((tool === 'brush' || tool === 'eraser') && hover) {
    for (const at of mirror ? [hover, [guide.size - hover[0], hover[1]]] : [hover]) {
      const ring = new Path2D();
      if (diameter < 1.5) ring.rect(Math.floor(at[0]), Math.floor(at[1]), 1, 1); else ring.arc(at[0], at[1], diameter / 2, 0, 7);
      stroke(ring, '#fff', 3);
      stroke(ring, tool === 'brush' ? ACCENT : '#b42318', 1.25);
    }
  }
}
