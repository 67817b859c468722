/* view_maps.js: pictures of memory: addresses over time, addresses at a moment, sizes and lifetimes. */

/* The colours of the levels of a cell: red, green, blue, and how opaque. */
function levelColours() {
  const read = name => colour(name).split(",").map(Number);
  const empty = read("map-empty"), low = read("map-low"), mid = read("map-mid"), full = read("map-full");
  const between = (a, b, t) => [0, 1, 2].map(i => a[i] + (b[i] - a[i]) * t);
  const colours = [[0, 0, 0, 0], [...empty, 255]];
  for (let i = 0; i < 16; i++) {
    const t = i / 15;
    colours.push([...(t < .5 ? between(low, mid, t * 2) : between(mid, full, t * 2 - 1)), 255]);
  }
  return colours;
}

function levelText(level) {
  if (level === 0)
    return "not in memory";
  if (level === 1)
    return "in memory, no block in it";
  return "blocks in " + Math.round((level - 2) / 16 * 100) + " to " + Math.round((level - 1) / 16 * 100) + " %";
}

function levelLegend(holder) {
  const colours = levelColours().map(c => "rgb(" + c.slice(0, 3).map(Math.round).join(",") + ")");
  const item = (box, text) => {
    const span = make(holder, "span");
    span.appendChild(box);
    span.append(text);
  };
  const box = fill => {
    const made = document.createElement("i");
    made.className = "box" + (fill ? "" : " none");
    made.style.background = fill || "none";
    return made;
  };
  holder.textContent = "";
  item(box(""), "not in memory");
  item(box(colours[1]), "in memory, no block");
  const ramp = document.createElement("i");
  ramp.className = "ramp";
  ramp.style.background = "linear-gradient(90deg," + colours.slice(2).join(",") + ")";
  const span = make(holder, "span");
  span.append("blocks in a little", ramp, "all of it");
}

/* ---- addresses over time ---- */

/* Columns of pixels, each the mean of the cells that fall into its rows; by frame. */
function drawSpace(chart) {
  const map = data.maps[state.map], canvas = chart.canvas;
  canvas.style.left = margin.left + "px";
  canvas.style.top = margin.top + "px";
  canvas.width = chart.plotWidth;
  canvas.height = chart.plotHeight;
  if (!map || map.cells === 0)
    return;
  const context = canvas.getContext("2d"), image = context.createImageData(canvas.width, canvas.height);
  const colours = levelColours(), columns = new Map();
  const low = axisOf(state.from), high = axisOf(state.to);
  for (let x = 0; x < canvas.width; x++) {
    const position = positionBefore(low + (x + .5) / canvas.width * (high - low)), frame = frameAt(map, position);
    if (frame < 0)
      continue;
    if (!columns.has(frame))
      columns.set(frame, columnOf(map, frame, canvas.height, colours));
    const column = columns.get(frame);
    for (let y = 0; y < canvas.height; y++)
      image.data.set(column.subarray(y * 4, y * 4 + 4), (y * canvas.width + x) * 4);
  }
  context.putImageData(image, 0, 0);
  drawBreaks(chart, map);
}

function columnOf(map, frame, height, colours) {
  const column = new Uint8ClampedArray(height * 4), start = frame * map.cells;
  for (let y = 0; y < height; y++) {
    const first = Math.floor((height - 1 - y) / height * map.cells);
    const end = Math.max(first + 1, Math.floor((height - y) / height * map.cells));
    let red = 0, green = 0, blue = 0, opaque = 0;
    for (let i = first; i < end; i++) {
      const c = colours[map.pixels[start + i]];
      red += c[0] * c[3];
      green += c[1] * c[3];
      blue += c[2] * c[3];
      opaque += c[3];
    }
    if (opaque > 0)
      column.set([red / opaque, green / opaque, blue / opaque, opaque / (end - first)], y * 4);
  }
  return column;
}

function drawBreaks(chart, map) {
  let cell = 0;
  for (const segment of map.segments.slice(0, -1)) {
    cell += segment[1];
    const y = margin.top + chart.plotHeight * (1 - cell / map.cells);
    make(chart.svg, "line", {class: "break", x1: margin.left, x2: margin.left + chart.plotWidth, y1: y, y2: y});
  }
}

/* ---- addresses at a moment ---- */

const grid = {columns: 64, size: 6, frame: -2, canvas: null};

function drawGrid() {
  const holder = byId("p-map").querySelector(".chart"), map = data.maps[state.map];
  if (!map || map.cells === 0 || map.call.length === 0) {
    holder.textContent = "";
    make(holder, "p", {class: "nothing"}, !map ? "There was no replay." : map.failed || "There is no block.");
    return;
  }
  if (!grid.canvas) {
    grid.canvas = make(holder, "canvas");
    grid.canvas.style.position = "static";
    holder.addEventListener("pointermove", gridTip);
    holder.addEventListener("pointerleave", () => showTip(null, ""));
  }
  const frame = frameAt(map, state.at), canvas = grid.canvas, scale = Math.min(3, devicePixelRatio || 1);
  const width = holder.clientWidth - 2;
  grid.size = Math.max(onPaper() ? 3 : 4, Math.min(20, Math.floor(Math.sqrt(width * (onPaper() ? 214 : 296) / map.cells))));
  grid.columns = Math.floor(width / grid.size);
  const rows = Math.ceil(map.cells / grid.columns), size = grid.size;
  canvas.width = grid.columns * size * scale;
  canvas.height = rows * size * scale;
  canvas.style.width = grid.columns * size + "px";
  canvas.style.height = rows * size + "px";
  const context = canvas.getContext("2d");
  const colours = levelColours().map(c => "rgba(" + c.slice(0, 3).map(Math.round).join(",") + "," + c[3] / 255 + ")");
  context.scale(scale, scale);
  const edge = colour("grid");
  for (let i = 0; i < map.cells; i++) {
    const x = i % grid.columns * size, y = Math.floor(i / grid.columns) * size;
    const level = frame < 0 ? 0 : map.pixels[frame * map.cells + i];
    context.fillStyle = level === 0 ? edge : colours[level];
    context.fillRect(x, y, size - 1, size - 1);
  }
  markBreaks(context, map, size);
}

/* A tick where a stretch of addresses begins. */
function markBreaks(context, map, size) {
  let cell = 0;
  context.fillStyle = colour("cursor");
  for (const segment of map.segments.slice(0, -1)) {
    cell += segment[1];
    context.fillRect(cell % grid.columns * size - 1, Math.floor(cell / grid.columns) * size - 1, 2, size + 1);
  }
}

function gridTip(event) {
  const map = data.maps[state.map], box = grid.canvas.getBoundingClientRect();
  const x = Math.floor((event.clientX - box.left) / grid.size), y = Math.floor((event.clientY - box.top) / grid.size);
  const cell = y * grid.columns + x, frame = frameAt(map, state.at);
  if (x < 0 || x >= grid.columns || cell < 0 || cell >= map.cells || frame < 0)
    return showTip(event, "");
  showTip(event, bytesText(cell * map.cell_bytes) + " to " + bytesText((cell + 1) * map.cell_bytes) + "\n" +
    levelText(map.pixels[frame * map.cells + cell]));
}

/* ---- sizes and lifetimes ---- */

/* Cividis: even in lightness, and the same to those who see no red or no green. */
const cividis = ["#00224e", "#123570", "#3b496c", "#575d6d", "#707173", "#8a8678", "#a59c74", "#c3b369", "#e1cc55", "#fee838"];

function heatColour(t) {
  const at = Math.min(t, .99999) * (cividis.length - 1), i = Math.floor(at), rest = at - i;
  const read = (text, k) => parseInt(text.slice(1 + 2 * k, 3 + 2 * k), 16);
  return "rgb(" + [0, 1, 2].map(k => Math.round(read(cividis[i], k) * (1 - rest) + read(cividis[i + 1], k) * rest)).join(",") + ")";
}

function rangeText(step, write) {
  const low = stepStart(step), high = Math.ceil(stepStart(step + 1)) - 1;
  return write(Math.ceil(low)) + (high > Math.ceil(low) ? " to " + write(high) : "");
}

/* The cells that there are: x, y, count, bytes; x is -1 for what is never given back. */
function heatCells() {
  const cells = (data.heat[state.heatLife] || []).map(h => ({y: h[0], x: h[1], count: h[2], bytes: h[3]}));
  return cells.concat(data.heat.kept.map(h => ({y: h[0], x: -1, count: h[1], bytes: h[2]})));
}

function drawHeat() {
  const holder = byId("p-heat").querySelector(".chart"), cells = heatCells();
  holder.textContent = "";
  if (cells.length === 0) {
    make(holder, "p", {class: "nothing"}, "There is no block.");
    return;
  }
  const lives = cells.filter(c => c.x >= 0).map(c => c.x), sizes = cells.map(c => c.y);
  const box = {
    width: holder.clientWidth, height: 300, left: 62, right: 34, top: 4, bottom: 72,
    x0: Math.min(...lives, 98), x1: Math.max(...lives, 0), y0: Math.min(...sizes), y1: Math.max(...sizes)
  };
  if (lives.length === 0)
    box.x0 = box.x1 = 1;
  box.plotWidth = box.width - box.left - box.right;
  box.plotHeight = box.height - box.top - box.bottom;
  box.stepX = box.plotWidth / (box.x1 - box.x0 + 1);
  box.stepY = Math.min(40, box.plotHeight / (box.y1 - box.y0 + 1));
  box.bottomY = box.top + box.plotHeight;
  const svg = make(holder, "svg", {width: box.width, height: box.height, role: "img", "aria-label": "sizes and lifetimes"});
  drawHeatCells(svg, box, cells);
  drawHeatAxes(svg, box);
}

function drawHeatCells(svg, box, cells) {
  const bytes = state.heatWhat === "bytes", value = c => bytes ? c.bytes : c.count;
  const most = Math.max(1, ...cells.map(value)), all = cells.reduce((sum, c) => sum + value(c), 0);
  const shade = c => Math.log(Math.max(1, value(c))) / Math.log(Math.max(2, most));
  for (const cell of cells) {
    const kept = cell.x < 0, x = kept ? box.width - box.right + 8 : box.left + (cell.x - box.x0) * box.stepX;
    const y = box.bottomY - (cell.y - box.y0 + 1) * box.stepY;
    const rect = make(svg, "rect", {
      x, y, width: Math.max(1, (kept ? 22 : box.stepX) - .6), height: Math.max(1, box.stepY - .6), fill: heatColour(shade(cell))
    });
    const life = kept ? "never given back" : "lives for " + rangeText(cell.x, state.heatLife === "time" ? timeText : v => countText(v)) + (state.heatLife === "time" ? "" : " calls");
    rect.addEventListener("pointermove", event => showTip(event, rangeText(cell.y, bytesText) + ", " + life + "\n" +
      counted(cell.count, "block", "blocks") + ", " + bytesText(cell.bytes) + " (" + percentText(value(cell) / (all || 1)) + ")"));
    rect.addEventListener("pointerleave", () => showTip(null, ""));
  }
  drawHeatKey(svg, box, most, bytes);
}

function drawHeatAxes(svg, box) {
  const right = box.left + box.plotWidth, bottom = box.bottomY + .5;
  const everyY = Math.max(1, Math.ceil(17 / (2 * box.stepY))), everyX = Math.max(1, Math.ceil(46 / (2 * box.stepX)));
  for (let step = box.y0; step <= box.y1 + 1; step++) {
    const doubling = (step - 1) / 2, y = box.bottomY - (step - box.y0) * box.stepY + .5;
    if (step > 0 && step % 2 === 1 && doubling % everyY === 0) {
      make(svg, "line", {class: "axis", x1: box.left - 4, x2: box.left, y1: y, y2: y});
      make(svg, "text", {x: box.left - 6, y: y + 4, "text-anchor": "end"}, bytesText(2 ** doubling).replace(/\.0+ /, " "));
    }
  }
  for (let step = box.x0; step <= box.x1 + 1; step++) {
    const doubling = (step - 1) / 2, x = box.left + (step - box.x0) * box.stepX + .5;
    if (step > 0 && step % 2 === 1 && doubling % everyX === 0 && x < right - 10) {
      make(svg, "line", {class: "axis", x1: x, x2: x, y1: bottom, y2: bottom + 4});
      make(svg, "text", {x, y: bottom + 15, "text-anchor": "middle"},
        state.heatLife === "time" ? timeText(2 ** doubling, 2) : shortText(2 ** doubling, 2));
    }
  }
  make(svg, "line", {class: "axis", x1: box.left, x2: right, y1: bottom, y2: bottom});
  make(svg, "line", {class: "axis", x1: box.left - .5, x2: box.left - .5, y1: box.top, y2: bottom});
  make(svg, "text", {x: right + 19, y: bottom + 15, "text-anchor": "middle"}, "kept");
  make(svg, "text", {class: "title", x: (box.left + right) / 2, y: bottom + 29, "text-anchor": "middle"},
    state.heatLife === "time" ? "lifetime, time" : "lifetime, calls");
  const middle = box.top + box.plotHeight / 2;
  make(svg, "text", {class: "title", x: 9, y: middle, "text-anchor": "middle", transform: "rotate(-90 9 " + middle + ")"}, "size");
}

/* The scale of colours, with powers of ten. */
function drawHeatKey(svg, box, most, bytes) {
  const y = box.height - 30, width = box.plotWidth, count = 60;
  for (let i = 0; i < count; i++)
    make(svg, "rect", {x: box.left + i * width / count, y, width: width / count + .5, height: 9, fill: heatColour((i + .5) / count)});
  const base = bytes ? 1024 : 10, logOfMost = Math.log(Math.max(2, most));
  for (let power = 0; base ** power <= most; power++) {
    const x = box.left + Math.log(base ** power) / logOfMost * width;
    make(svg, "line", {class: "axis", x1: x, x2: x, y1: y + 9, y2: y + 13});
    make(svg, "text", {x, y: y + 24, "text-anchor": x > box.left + width - 14 ? "end" : "middle"},
      bytes ? bytesText(base ** power).replace(/\.0+ /, " ") : shortText(base ** power));
  }
  make(svg, "text", {class: "title", x: box.left - 8, y: y + 8, "text-anchor": "end"}, state.heatWhat);
}
