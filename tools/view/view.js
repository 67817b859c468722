/* view.js: puts the page together, and moves it to moments and stretches. */

/* ---- the head ---- */

function showHead() {
  const about = [counted(data.calls, "call", "calls")];
  if (hasTime)
    about.push("in " + timeText(data.duration));
  about.push(counted(data.threads, "thread", "threads"));
  if (data.start)
    about.push("recorded " + new Date(data.start / 1e6).toISOString().slice(0, 16).replace("T", " ") + " UTC");
  if (data.lost)
    about.push(counted(data.lost, "call is", "calls are") + " missing");
  byId("title").textContent = data.title;
  byId("title").title = data.title;
  byId("about").textContent = about.join(" · ");
  const figures = [
    ["Peak of live bytes", bytesText(data.peak_bytes), "after call " + shortText(data.peak_call)],
    ["Most live blocks", countText(data.peak_blocks), ""],
    ["Live at the end", bytesText(data.end_bytes), "in " + countText(data.end_blocks)],
    ["Requests", shortText(data.requests), bytesText(data.total_bytes) + " in all"],
    ["Given back", shortText(data.frees), data.bulks ? shortText(data.bulk_blocks) + " in " + shortText(data.bulks) + " bulks" : ""],
    ["Largest request", bytesText(data.largest), ""]
  ];
  for (const [name, value, small] of figures) {
    const box = make(byId("figures"), "div");
    make(box, "dt", null, name);
    const dd = make(box, "dd", null, value + " ");
    make(dd, "small", null, small);
  }
  byId("foot").textContent = "Made by loam view " + data.loam + " of the trace " + data.file +
    ". One bin is " + counted(data.bin_calls, "call", "calls") + ".";
}

/* ---- legends ---- */

function showLegend(holder, items) {
  holder.textContent = "";
  for (const [fill, name, value] of items) {
    const span = make(holder, "span"), key = make(span, "i");
    key.className = "key";
    key.style.background = fill;
    span.append(name + " ");
    make(span, "b", null, value);
  }
}

const lines = {
  bytes: [["live", "--c0", "live"], ["held", "--c2", "held"], ["span", "--c3", "span"], ["resident", "--c1", "resident"]],
  waste: [["internal", "--c2", "internal"], ["external", "--c3", "external"], ["idle", "--c1", "idle (resident, not live)"]]
};

function showLegends() {
  const map = data.maps[state.map], figures = figuresOf(map, map ? frameAt(map, state.at) : -1);
  showLegend(byId("p-bytes").querySelector(".legend"), lines.bytes.filter(l => l[0] === "live" || map).map(l =>
    ["var(" + l[1] + ")", l[2], bytesText(l[0] === "live" ? liveAt(state.at) : figures && figures[l[0]])]));
  const legends = byId("p-waste").querySelectorAll(".legend");
  showLegend(legends[0], lines.waste.map(l => ["var(" + l[1] + ")", l[2], percentText(figures && figures[l[0]])]));
  showLegend(legends[1], [["var(--c0)", "blocks", countText(blocksAt(state.at))]]);
}

/* ---- the moment ---- */

function showMoment() {
  const map = data.maps[state.map], frame = map ? frameAt(map, state.at) : -1, root = document.documentElement;
  const line = byId("moment");
  line.textContent = "";
  line.append("call " + countText(callOf(state.at)));
  make(line, "span", null, " of " + countText(data.calls));
  if (hasTime)
    line.append(" · " + timeText(timeOf(state.at)));
  line.append(" · " + bytesText(liveAt(state.at)) + " live");
  make(line, "span", null, " in " + counted(blocksAt(state.at), "block", "blocks"));
  byId("map-note").textContent = frame < 0 ? "" : "after call " + countText(map.call[frame]) + " · a square is " + bytesText(map.cell_bytes) +
    (map.segments.length > 1 ? " · " + map.segments.length + " stretches" : "");
  root.dataset.call = callOf(state.at);
  root.dataset.live = liveAt(state.at);
  root.dataset.frame = frame;
  showLegends();
  showTable();
}

const rows = [
  ["held by blocks", "held", bytesText], ["span", "span", bytesText], ["resident", "resident", bytesText],
  ["internal fragmentation", "internal", percentText], ["external fragmentation", "external", percentText],
  ["idle", "idle", percentText]
];

/* `chosen`: the cell of the allocator that is shown. */
function addRow(table, name, cells, kind, chosen) {
  const row = make(table, "tr", {class: kind || ""});
  make(row, kind === "head" ? "th" : "td", null, name);
  cells.forEach(function (cell, i) {
    const made = make(row, kind === "head" ? "th" : "td", null, cell);
    if (i === chosen)
      made.className = "now";
  });
}

function showTable() {
  const table = byId("moment-table"), chosen = data.maps.length > 1 ? state.map : -1;
  const figures = data.maps.map(map => figuresOf(map, frameAt(map, state.at)));
  table.textContent = "";
  table.classList.toggle("many", data.maps.length > 3);
  if (data.maps.length === 0) {
    addRow(table, "There was no replay.", []);
    return;
  }
  addRow(table, "replayed over", data.maps.map(map => map.name), "head", chosen);
  addRow(table, "live at the last look", figures.map(f => bytesText(f && f.live)), "", chosen);
  for (const [name, key, write] of rows)
    addRow(table, name, figures.map(f => write(f && f[key])), "", chosen);
  addRow(table, "most resident of all", data.maps.map(map => bytesText(mostResident(map))), "gap", chosen);
  addRow(table, "over the peak of live bytes", data.maps.map(function (map) {
    const most = mostResident(map);
    return most === null || !data.peak_bytes ? "–" : "× " + (most / data.peak_bytes).toFixed(3);
  }), "", chosen);
  for (const map of data.maps.filter(m => m.failed))
    make(make(table, "tr"), "td", {colspan: data.maps.length + 1, class: "failed"}, map.name + ": " + map.failed);
}

function mostResident(map) {
  const known = map.resident.filter(v => v !== null);
  return known.length && !map.failed ? Math.max(...known) : null;
}

/* ---- moving ---- */

function moveTo(position) {
  state.at = Math.min(last, Math.max(0, Math.round(position)));
  byId("slider").value = axisOf(state.at);
  byId("slider").setAttribute("aria-valuetext", "call " + callOf(state.at) + ", " + bytesText(liveAt(state.at)) + " live");
  showMoment();
  showRows();
  drawGrid();
  charts.forEach(moveCursor);
  moveOverview();
}

/* The smallest stretch is of two bins. */
function zoomTo(from, to) {
  const least = Math.min(last, 2);
  from = Math.max(0, Math.floor(from));
  to = Math.min(last, Math.ceil(to));
  if (to - from < least)
    to = Math.min(last, from + least);
  state.from = Math.min(from, to - least);
  state.to = to;
  const slider = byId("slider");
  slider.min = axisOf(state.from);
  slider.max = axisOf(state.to);
  byId("zoom-all").disabled = byId("zoom-out").disabled = state.from === 0 && state.to === last;
  byId("zoom-in").disabled = state.to - state.from <= least;
  charts.forEach(drawChart);
  moveTo(Math.min(state.to, Math.max(state.from, state.at)));
}

function zoomBy(factor) {
  const width = (state.to - state.from) * factor, middle = Math.min(Math.max(state.at, state.from), state.to);
  const from = Math.max(0, Math.min(last - width, middle - (middle - state.from) * factor));
  zoomTo(from, from + width);
}

function chooseMap(index) {
  state.map = index;
  byId("over").value = index;
  charts.forEach(drawChart);
  moveTo(state.at);
}

function chooseMode(mode) {
  state.mode = mode;
  byId("mode").value = mode;
  drawOverview();
  zoomTo(state.from, state.to);
}

/* ---- the overview ---- */

const overview = {window: null, cursor: null, width: 0};

function overviewX(position) {
  return axisOf(position) / (axisOf(last) || 1) * overview.width;
}

function drawOverview() {
  const holder = byId("overview"), height = 34;
  overview.width = holder.clientWidth;
  holder.textContent = "";
  const svg = make(holder, "svg", {width: overview.width, height, role: "img", "aria-label": "live bytes of the whole trace"});
  const most = Math.max(1, data.peak_bytes), points = ["M0 " + height];
  let column = -1, top = 0;
  for (let i = 0; i < last; i++) {
    const x = Math.floor(overviewX(i + 1));
    top = Math.max(top, data.bins.top[i]);
    if (x !== column || i === last - 1) {
      points.push("L" + x + " " + (height - top / most * (height - 3)).toFixed(1));
      column = x;
      top = 0;
    }
  }
  const area = make(svg, "path", {d: points.join("") + "V" + height + "Z"});
  area.style.fill = "var(--c0)";
  area.style.opacity = .55;
  overview.window = make(svg, "rect", {class: "window", y: .5, height: height - 1});
  overview.cursor = make(svg, "line", {class: "cursor", y1: 0, y2: height});
  moveOverview();
}

function moveOverview() {
  const whole = state.from === 0 && state.to === last, x = overviewX(state.at);
  if (!overview.window)
    return;
  overview.window.setAttribute("x", overviewX(state.from));
  overview.window.setAttribute("width", whole ? 0 : Math.max(2, overviewX(state.to) - overviewX(state.from)));
  overview.cursor.setAttribute("x1", x);
  overview.cursor.setAttribute("x2", x);
}

function pickOverview() {
  const holder = byId("overview");
  const go = function (event) {
    const x = event.clientX - holder.getBoundingClientRect().left, whole = state.from === 0 && state.to === last;
    const position = positionAt(Math.min(1, Math.max(0, x / overview.width)) * axisOf(last)), width = state.to - state.from;
    if (!whole) {
      const from = Math.max(0, Math.min(last - width, Math.round(position - width / 2)));
      zoomTo(from, from + width);
    }
    moveTo(position);
  };
  holder.addEventListener("pointerdown", function (event) {
    holder.setPointerCapture(event.pointerId);
    go(event);
  });
  holder.addEventListener("pointermove", event => event.buttons & 1 && go(event));
}

/* ---- threads, tags, allocators ---- */

function groupColour(index, group) {
  return "var(--c" + (group.others && index === group.rows.length - 1 ? 7 : index % 7) + ")";
}

function drawGroups(chart) {
  const group = data.groups[state.kind], inside = plotGroup(chart);
  let below = null;
  group.rows.forEach(function (row, index) {
    const points = binPoints(chart, row.series, group.every);
    const stacked = points.map((p, i) => [p[0], p[1] + (below && below[i] ? below[i][1] : 0)]);
    drawArea(inside, chart, stacked, below, groupColour(index, group));
    below = stacked;
  });
}

function mostOfGroups() {
  const group = data.groups[state.kind];
  const sums = (group.rows[0] || {series: []}).series.map((v, i) => group.rows.reduce((sum, row) => sum + row.series[i], 0));
  return mostInWindow(sums, group.every);
}

function showRows() {
  const group = data.groups[state.kind], table = byId("rows");
  const at = Math.floor(state.at / group.every);
  const names = {thread: "Threads", tag: "Tags", allocator: "Allocators of the program"};
  byId("rows-title").textContent = names[group.kind] + (group.others ? ", those with the highest peaks" : "");
  table.textContent = "";
  addRow(table, "", ["live now", "peak", "requests", "given back"], "head");
  group.rows.forEach(function (row, index) {
    const line = make(table, "tr"), name = make(line, "td"), key = make(name, "i");
    key.className = "box";
    key.style.background = groupColour(index, group);
    name.append(group.others && index === group.rows.length - 1 ? countText(group.others) + " others" : row.name);
    name.title = row.name;
    const live = at < 1 ? 0 : row.series[Math.min(at, row.series.length) - 1];
    for (const cell of [bytesText(live), bytesText(row.peak), shortText(row.requests), shortText(row.frees)])
      make(line, "td", null, cell);
  });
}

/* ---- buttons and keys ---- */

function addChoices(holder, choices, chosen, choose) {
  holder.textContent = "";
  choices.forEach(function ([value, text]) {
    const button = make(holder, "button", null, text);
    button.setAttribute("aria-pressed", String(value === chosen));
    button.addEventListener("click", () => choose(value));
  });
}

function showChoices() {
  const kinds = {thread: "thread", tag: "tag", allocator: "allocator"};
  addChoices(byId("kinds"), data.groups.map((g, i) => [i, kinds[g.kind]]), state.kind, function (kind) {
    state.kind = kind;
    showChoices();
    charts.forEach(drawChart);
    showRows();
  });
  addChoices(byId("heat-what"), [["blocks", "blocks"], ["bytes", "bytes"]], state.heatWhat, function (what) {
    state.heatWhat = what;
    showChoices();
    drawHeat();
  });
  const lives = [["calls", "life in calls"]].concat(data.heat.time ? [["time", "in time"]] : []);
  addChoices(byId("heat-life"), lives, state.heatLife, function (life) {
    state.heatLife = life;
    showChoices();
    drawHeat();
  });
}

let playing = 0;

function play() {
  const began = performance.now(), start = state.at >= state.to ? state.from : state.at, number = ++playing;
  const first = axisOf(start), whole = axisOf(state.to) - axisOf(state.from);
  byId("play").textContent = "Stop";
  const step = function (now) {
    if (number !== playing)
      return;
    const value = first + (now - began) / 12000 * whole;
    moveTo(Math.min(state.to, positionAt(value)));
    if (state.at >= state.to)
      stop();
    else
      requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
}

function stop() {
  playing++;
  byId("play").textContent = "Play";
}

const keys = {
  ArrowLeft: event => moveTo(state.at - (event.shiftKey ? Math.max(1, (state.to - state.from) / 20) : 1)),
  ArrowRight: event => moveTo(state.at + (event.shiftKey ? Math.max(1, (state.to - state.from) / 20) : 1)),
  Home: () => moveTo(state.from),
  End: () => moveTo(state.to),
  p: () => toPeak(),
  m: () => data.maps.length && chooseMap((state.map + 1) % data.maps.length),
  t: () => hasTime && chooseMode(state.mode === "calls" ? "time" : "calls"),
  "+": () => zoomBy(.5),
  "=": () => zoomBy(.5),
  "-": () => zoomBy(2),
  "0": () => zoomTo(0, last),
  " ": () => byId("play").textContent === "Play" ? play() : stop()
};

function onKey(event) {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key, target = event.target.tagName;
  if (!keys[key] || event.ctrlKey || event.altKey || event.metaKey || target === "SELECT" || target === "SUMMARY")
    return;
  if (key === " " && target === "BUTTON")
    return;
  event.preventDefault();
  keys[key](event);
  if (state.at < state.from || state.at > state.to)
    zoomTo(Math.max(0, state.at - (state.to - state.from) / 2), Math.max(0, state.at - (state.to - state.from) / 2) + state.to - state.from);
}

function toPeak() {
  const position = Math.ceil(data.peak_call / data.bin_calls);
  if (position < state.from || position > state.to)
    zoomTo(0, last);
  moveTo(position);
}

function listen() {
  byId("slider").addEventListener("input", () => moveTo(positionAt(Number(byId("slider").value))));
  byId("play").addEventListener("click", () => byId("play").textContent === "Play" ? play() : stop());
  byId("to-peak").addEventListener("click", toPeak);
  byId("zoom-in").addEventListener("click", () => zoomBy(.5));
  byId("zoom-out").addEventListener("click", () => zoomBy(2));
  byId("zoom-all").addEventListener("click", () => zoomTo(0, last));
  byId("over").addEventListener("change", () => chooseMap(Number(byId("over").value)));
  byId("mode").addEventListener("change", () => chooseMode(byId("mode").value));
  document.addEventListener("keydown", onKey);
  addEventListener("resize", drawAll);
  addEventListener("hashchange", readHash);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  addEventListener("beforeprint", () => printing(true));
  addEventListener("afterprint", () => printing(false));
  pickOverview();
}

function printing(on) {
  document.documentElement.classList.toggle("printing", on);
  byId("words").open = on;
  drawAll();
}

/* ---- the whole ---- */

/* "#call=1000&over=libc&axis=time&from=500&to=2000&by=tag", all of them in calls: a place in the page. */
function readHash() {
  const words = new URLSearchParams(location.hash.slice(1));
  const number = (name, otherwise) => words.has(name) && Number(words.get(name)) >= 0 ? Number(words.get(name)) : otherwise;
  const over = data.maps.findIndex(map => map.name === words.get("over"));
  const kind = data.groups.findIndex(group => group.kind === words.get("by"));
  state.map = over >= 0 ? over : state.map;
  state.kind = kind >= 0 ? kind : state.kind;
  if (words.get("axis") === "time" && hasTime)
    state.mode = "time";
  state.at = Math.ceil(positionOfCall(number("call", data.peak_call)));
  byId("over").value = state.map;
  byId("mode").value = state.mode;
  showChoices();
  drawOverview();
  zoomTo(positionOfCall(number("from", 0)), positionOfCall(number("to", data.calls)));
}

function addCharts() {
  const space = byId("p-space").querySelector(".chart"), waste = byId("p-waste").querySelectorAll(".chart");
  const map = () => data.maps[state.map];
  addChart(byId("p-bytes").querySelector(".chart"), {
    height: 238, paper: 190, title: "bytes", label: "bytes over time", scale: bytesScale,
    top: () => 1.04 * Math.max(mostInWindow(data.bins.top, 1), ...(map() ? lines.bytes.map(l => mostOfFrames(map(), map()[l[0]])) : [0])),
    draw(chart) {
      const inside = plotGroup(chart), live = binPoints(chart, data.bins.top, 1);
      drawArea(inside, chart, live, null, "var(--fill)");
      for (const [key, name] of map() ? lines.bytes.slice(1) : [])
        drawFrames(inside, chart, map(), map()[key], "var(" + name + ")");
      drawLine(inside, chart, live, "var(--c0)");
    }
  });
  addChart(space, {
    height: 300, paper: 236, title: "addresses", label: "addresses over time", scale: bytesScale, canvas: true,
    top: () => map() ? map().cells * map().cell_bytes : 1, draw: drawSpace
  });
  addChart(waste[0], {
    height: 160, paper: 160, title: "part", label: "fragmentation over time", scale: percentScale,
    top: () => map() ? Math.min(1, 1.04 * Math.max(.05, ...lines.waste.map(l => mostOfFrames(map(), wasteOf(map(), l[0]))))) : 1,
    draw(chart) {
      const inside = plotGroup(chart);
      for (const [key, name] of map() ? lines.waste : [])
        drawFrames(inside, chart, map(), wasteOf(map(), key), "var(" + name + ")");
    }
  });
  addChart(waste[1], {
    height: 120, paper: 120, title: "blocks", label: "live blocks over time", scale: countScale,
    top: () => 1.04 * mostInWindow(data.bins.blocks, 1),
    draw(chart) {
      const inside = plotGroup(chart), points = binPoints(chart, data.bins.blocks, 1);
      drawArea(inside, chart, points, null, "var(--fill)");
      drawLine(inside, chart, points, "var(--c0)");
    }
  });
  addChart(byId("p-groups").querySelector(".chart"), {
    height: 220, paper: 200, title: "live bytes", label: "live bytes by thread, tag or allocator", scale: bytesScale,
    top: () => 1.04 * mostOfGroups(), draw: drawGroups
  });
}

function wasteOf(map, key) {
  map.waste = map.waste || {};
  map.waste[key] = map.waste[key] || map.call.map((call, frame) => figuresOf(map, frame)[key]);
  return map.waste[key];
}

function drawAll() {
  levelLegend(byId("p-space").querySelector(".legend"));
  drawOverview();
  drawHeat();
  zoomTo(state.from, state.to);
}

function begin() {
  for (const mode of hasTime ? ["calls", "time"] : ["calls"])
    make(byId("mode"), "option", {value: mode}, mode);
  data.maps.forEach((map, i) => make(byId("over"), "option", {value: i}, map.name));
  byId("over").disabled = data.maps.length < 2;
  byId("mode").disabled = !hasTime;
  state.kind = Math.max(0, data.groups.findIndex(group => group.rows.length > 1));
  showHead();
  addCharts();
  listen();
  levelLegend(byId("p-space").querySelector(".legend"));
  drawHeat();
  readHash();
}

addEventListener("error", function (event) {
  document.documentElement.dataset.error = event.message;
  byId("error").hidden = false;
  byId("error").textContent = "This page could not be drawn: " + event.message;
});
begin();
document.documentElement.dataset.ready = "true";
