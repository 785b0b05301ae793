"use strict";
let page, epoch;
const byId = (id) => document.getElementById(id);
const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
const cell = (tag, text, row, name) => { const made = document.createElement(tag); made.textContent = text; if (name) made.className = name; row.append(made); return made; };
const rowOf = (table) => { const made = document.createElement("tr"); table.append(made); return made; };
const shown = (value) => value === null || value === undefined ? "-" : String(Number(value.toPrecision(4)));

function half(text) { // IEEE half precision
  const raw = bytes(text), view = new DataView(raw.buffer), out = new Float64Array(raw.length / 2);
  for (let i = 0; i < out.length; i++) {
    const bits = view.getUint16(2 * i, true), exponent = (bits >> 10) & 31, fraction = bits & 1023;
    const size = exponent === 0 ? fraction * 2 ** -24 : exponent === 31 ? (fraction ? NaN : Infinity) : (1 + fraction / 1024) * 2 ** (exponent - 15);
    out[i] = bits & 32768 ? -size : size;
  }
  return out;
}

// Called by Bokeh's controls.
function octantChanged(means, marks, runs, at, metric, slider, boxes, single, axis, configs) {
  const single_runs = single.active.length > 0;
  configs.forEach((config, i) => {
    const on = boxes.active.includes(i), own = page.runs.filter((run) => run.config === config);
    means[i].data_source.data = {...means[i].data_source.data, y: page.configs[config].values[metric.value]};
    runs[i].data_source.data = {xs: own.map((run) => run.epochs), ys: own.map((run) => run.values[metric.value])};
    means[i].visible = marks[i].visible = on;
    runs[i].visible = on && single_runs;
  });
  axis.axis_label = page.metrics[metric.value];
  at.location = slider.value;
  moveTo(slider.value);
}

function moveTo(to) {
  epoch = to;
  byId("at").textContent = `At epoch ${epoch}`;
  const table = byId("values");
  table.replaceChildren();
  const head = rowOf(table);
  ["configuration", ...Object.values(page.metrics)].forEach((word) => cell("th", word, head));
  for (const each of Object.values(page.configs)) {
    const row = rowOf(table), place = each.epochs.indexOf(epoch);
    const name = cell("td", "", row), mark = document.createElement("span");
    mark.className = "swatch"; mark.style.borderTopColor = each.colour;
    if (each.dash.length) mark.style.borderTopStyle = "dashed";
    name.append(mark, `${page.marks[each.mark]} ${each.label}`);
    for (const values of Object.values(each.values)) cell("td", place < 0 ? "-" : shown(values[place]), row, "number");
  }
  look();
}

function look() {
  const run = page.snapshots[byId("config").value];
  if (!run) return;
  const kept = run.snapshots.filter((each) => each.epoch <= epoch).pop() || run.snapshots[0];
  byId("kept").textContent = `as it was ${kept.epoch ? `after epoch ${kept.epoch}` : "before training"} (kept: ${run.snapshots.map((each) => each.epoch).join(", ")})`;
  byId("weights-box").hidden = !run.image_shape;
  if (run.image_shape) weights(run, kept);
  const table = byId("confusion"), head = (table.replaceChildren(), rowOf(table));
  ["class", ...run.classes].forEach((word) => cell("th", word, head));
  kept.confusion.forEach((counts, label) => {
    const row = rowOf(table), most = Math.max(1, ...counts);
    cell("th", run.classes[label], row);
    counts.forEach((count, other) => {
      const made = cell("td", count, row, "number");
      if (count && other !== label) made.style.background = `rgba(213, 94, 0, ${0.25 + 0.5 * count / most})`;
    });
  });
  byId("area-box").hidden = !kept.area;
  if (kept.area) area(run, kept);
}

function weights(run, kept) {
  const [rows, columns] = run.image_shape, values = new Int8Array(bytes(kept.weights).buffer), across = 4;
  const down = Math.ceil(kept.units / across), canvas = byId("weights"), zoom = Math.max(1, Math.floor(64 / columns));
  canvas.width = across * (columns + 1); canvas.height = down * (rows + 1);
  canvas.style.width = `${canvas.width * zoom}px`;
  const pen = canvas.getContext("2d"), image = pen.createImageData(canvas.width, canvas.height);
  image.data.fill(255);
  for (let unit = 0; unit < kept.units; unit++) for (let i = 0; i < rows * columns; i++) {
    const x = (unit % across) * (columns + 1) + i % columns, y = Math.floor(unit / across) * (rows + 1) + Math.floor(i / columns);
    const value = values[unit * rows * columns + i] / 127, rest = 255 * (1 - Math.abs(value));
    image.data.set(value > 0 ? [255 - 77 * value, rest, rest, 255] : [rest, rest, 255 + 80 * value, 255], 4 * (y * canvas.width + x));
  }
  pen.putImageData(image, 0, 0);
  canvas.setAttribute("aria-label", `Weights of ${kept.units} units, from ${shown(-kept.largest)} to ${shown(kept.largest)}`);
}

const HUES = [[0, 114, 178], [213, 94, 0], [0, 158, 115], [204, 121, 167], [230, 159, 0]];
const shade = (label) => [...HUES[label % HUES.length], [255, 120, 190][label % 3]]; // dark and light: it says the class without colours, too
function area(run, kept) {
  const classes = bytes(kept.area), side = Math.round(Math.sqrt(classes.length)), canvas = byId("area");
  canvas.width = canvas.height = side; canvas.style.width = "280px";
  const pen = canvas.getContext("2d"), image = pen.createImageData(side, side);
  classes.forEach((label, i) => image.data.set(shade(label), 4 * ((side - 1 - Math.floor(i / side)) * side + i % side)));
  pen.putImageData(image, 0, 0);
  canvas.setAttribute("aria-label", `Areas of the classes ${run.classes.join(", ")}`);
  byId("key").replaceChildren(...run.classes.flatMap((name, label) => {
    const mark = document.createElement("span"), [red, green, blue, alpha] = shade(label);
    mark.className = "key"; mark.style.background = `rgb(${red} ${green} ${blue} / ${alpha / 255})`;
    return [mark, `${name} `];
  }));
}

// The network's forward pass, the same equations as octant.network.network.
function forward(run, x) {
  run.ready = run.ready || ["W1", "b1", "W2", "b2"].map((name) => half(run[name]));
  const [W1, b1, W2, b2] = run.ready, h = b1.length, k = b2.length;
  const bend = {sigmoid: (z) => 0.5 + 0.5 * Math.tanh(0.5 * z), tanh: Math.tanh, relu: (z) => Math.max(z, 0)};
  if ((h && !bend[run.hidden]) || !["sigmoid", "softmax"].includes(run.output)) return null; // an added word
  let a1 = x;
  if (h) { a1 = Array.from(b1); x.forEach((value, i) => { if (value) for (let j = 0; j < h; j++) a1[j] += value * W1[i * h + j]; }); a1 = a1.map(bend[run.hidden]); }
  const z2 = Array.from(b2);
  a1.forEach((value, j) => { for (let c = 0; c < k; c++) z2[c] += value * W2[j * k + c]; });
  if (run.output === "sigmoid") return z2.map(bend.sigmoid);
  const largest = Math.max(...z2), powers = z2.map((z) => Math.exp(z - largest)), sum = powers.reduce((a, b) => a + b);
  return powers.map((each) => each / sum);
}

// As `octant predict` reads a picture: the drawing fills the frame, MNIST's within a margin around its centre of mass.
function inputsOf(canvas, [rows, columns]) {
  const size = canvas.width, pixels = canvas.getContext("2d").getImageData(0, 0, size, size).data;
  const ink = (x, y) => pixels[4 * (y * size + x)] / 255;
  let left = size, right = -1, top = size, bottom = -1;
  for (let y = 0; y < size; y++) for (let x = 0; x < size; x++) if (ink(x, y) > 0.15) { left = Math.min(left, x); right = Math.max(right, x); top = Math.min(top, y); bottom = Math.max(bottom, y); }
  if (right < 0) return null;
  const wide = right - left + 1, high = bottom - top + 1, margin = Math.min(rows, columns) >= 20 ? 4 : 0;
  const factor = Math.min((rows - 2 * margin) / high, (columns - 2 * margin) / wide);
  const height = Math.max(1, Math.round(high * factor)), width = Math.max(1, Math.round(wide * factor)), small = [];
  let sum = 0, atX = 0, atY = 0;
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) {
    let total = 0, count = 0;
    for (let v = Math.floor(top + y * high / height); v < top + (y + 1) * high / height; v++)
      for (let u = Math.floor(left + x * wide / width); u < left + (x + 1) * wide / width; u++) { total += ink(Math.min(u, size - 1), Math.min(v, size - 1)); count++; }
    small.push(total / Math.max(count, 1)); sum += total / count; atX += (x + 0.5) * total / count; atY += (y + 0.5) * total / count;
  }
  const clip = (value, most) => Math.min(Math.max(Math.floor(value + 0.5), 0), most);
  const x0 = clip(margin ? columns / 2 - atX / sum : (columns - width) / 2, columns - width), y0 = clip(margin ? rows / 2 - atY / sum : (rows - height) / 2, rows - height);
  const frame = new Array(rows * columns).fill(0);
  small.forEach((value, i) => { frame[(y0 + Math.floor(i / width)) * columns + x0 + i % width] = value; });
  return frame;
}

function classify() {
  const table = byId("answers"), head = (table.replaceChildren(), rowOf(table));
  ["configuration", "sees", "output"].forEach((word) => cell("th", word, head));
  for (const [config, run] of Object.entries(page.snapshots)) {
    const x = inputsOf(byId("pad"), run.image_shape), row = rowOf(table);
    cell("td", page.configs[config].label, row);
    const a = x && forward(run, x);
    if (!a) { cell("td", x ? "not computed in this page" : "-", row); cell("td", "-", row); continue; }
    const best = a.indexOf(Math.max(...a));
    cell("td", run.classes[best], row, "answer"); cell("td", a[best].toFixed(3), row, "number");
  }
}

function drawing() {
  const canvas = byId("pad"), pen = canvas.getContext("2d", {willReadFrequently: true});
  const clear = () => { pen.fillStyle = "#000"; pen.fillRect(0, 0, canvas.width, canvas.height); classify(); };
  const place = (event) => { const box = canvas.getBoundingClientRect(); return [(event.clientX - box.left) * canvas.width / box.width, (event.clientY - box.top) * canvas.height / box.height]; };
  pen.lineWidth = 24; pen.lineCap = pen.lineJoin = "round"; pen.strokeStyle = "#fff";
  let last = null;
  canvas.addEventListener("pointerdown", (event) => { last = place(event); canvas.setPointerCapture(event.pointerId); });
  canvas.addEventListener("pointermove", (event) => { if (!last) return; const to = place(event); pen.beginPath(); pen.moveTo(...last); pen.lineTo(...to); pen.stroke(); last = to; });
  canvas.addEventListener("pointerup", () => { last = null; classify(); });
  byId("clear").addEventListener("click", clear);
  clear();
}

function examples() {
  const table = byId("examples"), head = rowOf(table);
  cell("th", "configuration", head);
  for (const each of page.examples) {
    const place = cell("th", "", head), canvas = document.createElement("canvas"), [rows, columns] = each.shape, pen = canvas.getContext("2d");
    canvas.width = columns; canvas.height = rows;
    const image = pen.createImageData(columns, rows);
    bytes(each.pixels).forEach((value, i) => image.data.set([255 - value, 255 - value, 255 - value, 255], 4 * i));
    pen.putImageData(image, 0, 0);
    canvas.setAttribute("role", "img"); canvas.setAttribute("aria-label", `Test example ${each.example}`);
    place.append(canvas, `a ${each.class}`);
  }
  for (const config of Object.keys(page.examples[0]?.predicted ?? {})) {
    const row = rowOf(table);
    cell("td", page.configs[config].label, row);
    for (const each of page.examples) cell("td", each.predicted[config], row, each.predicted[config] === each.class ? "right" : "wrong");
  }
}

// Bokeh gives the slider's handle no name, and draws it in a shadow root of its own.
const shadows = (root) => [root, ...[...root.querySelectorAll("*")].flatMap((each) => each.shadowRoot ? shadows(each.shadowRoot) : [])];
function octantReady() {
  shadows(document).flatMap((root) => [...root.querySelectorAll("[role=slider]")]).forEach((handle) => handle.setAttribute("aria-label", "Epoch"));
}

document.addEventListener("DOMContentLoaded", () => {
  page = JSON.parse(byId("data").textContent);
  if (page.left > 0) byId("left").textContent = `The ${page.left} lowest configurations are left to the tables.`;
  const kept = Object.keys(page.snapshots), choice = byId("config");
  kept.forEach((config) => { const made = document.createElement("option"); made.value = config; made.textContent = page.configs[config].label; choice.append(made); });
  choice.addEventListener("change", look);
  byId("inside").hidden = !kept.length;
  moveTo(Math.max(0, ...Object.values(page.configs).flatMap((each) => each.epochs)));
  const drawn = kept.length && page.snapshots[kept[0]].image_shape && page.snapshots[kept[0]].W1;
  byId("drawing").hidden = !drawn;
  if (drawn) drawing();
  byId("hard").hidden = !page.examples.length;
  examples();
});
