/* view_charts.js: charts along the time axis: lines, areas, the cursor, and picking with the pointer. */

const NS = "http://www.w3.org/2000/svg";
const charts = [];

function byId(id) {
  return document.getElementById(id);
}

/* An element of HTML or, with attributes, of SVG. */
function make(parent, name, attributes, text) {
  const made = attributes && parent.namespaceURI === NS || name === "svg"
    ? document.createElementNS(NS, name) : document.createElement(name);
  for (const key in attributes || {})
    made.setAttribute(key, attributes[key]);
  if (text !== undefined)
    made.textContent = text;
  parent.appendChild(made);
  return made;
}

function onPaper() {
  return document.documentElement.classList.contains("printing");
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
}

/* ---- ticks ---- */

/* Round numbers from `low` to `high`, about `count` of them; `least` is the smallest step. */
function roundTicks(low, high, count, least) {
  const raw = Math.max((high - low) / Math.max(1, count), least || 0), power = 10 ** Math.floor(Math.log10(raw || 1));
  const step = [1, 2, 5, 10].find(n => n * power >= raw) * power || 1;
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high * (1 + 1e-9); i++)
    ticks.push(i * step);
  return ticks;
}

/* Ticks and their texts for a scale of bytes; `unit` names the unit. */
function bytesScale(high, count) {
  let unit = 0;
  while (unit < units.length - 1 && high >= 1024 ** (unit + 1))
    unit++;
  const size = 1024 ** unit;
  return {
    unit: units[unit],
    ticks: roundTicks(0, high / size, count, unit ? 0 : 1).map(v => ({at: v * size, text: String(Number(v.toPrecision(6)))}))
  };
}

function countScale(high, count) {
  return {unit: "blocks", ticks: roundTicks(0, high, count, 1).map(v => ({at: v, text: shortText(v)}))};
}

function percentScale(high, count) {
  return {unit: "%", ticks: roundTicks(0, high * 100, count).map(v => ({at: v / 100, text: String(Number(v.toPrecision(4)))}))};
}

/* The time axis: calls, or seconds and parts of them. */
function timeScale(low, high, count) {
  if (state.mode === "calls")
    return {unit: "calls", ticks: roundTicks(low, high, count, 1).map(v => ({at: v, text: shortText(v)}))};
  const names = [["ns", 1], ["µs", 1e3], ["ms", 1e6], ["s", 1e9]];
  let unit = 0;
  while (unit < 3 && high >= 2 * names[unit + 1][1])
    unit++;
  const size = names[unit][1];
  return {
    unit: "time, " + names[unit][0],
    ticks: roundTicks(low / size, high / size, count).map(v => ({at: v * size, text: String(Number(v.toPrecision(7)))}))
  };
}

/* ---- the frame of a chart ---- */

const margin = {left: 58, right: 14, top: 7, bottom: 33};

/* A chart along the time axis. `o`: height, and that on paper; top() the largest value; scale(top, ticks) of the values;
 * title of the values; draw(chart) adds what is in it. */
function addChart(holder, o) {
  const chart = Object.assign({holder, svg: make(holder, "svg", {role: "img", "aria-label": o.label})}, o);
  chart.canvas = o.canvas ? holder.insertBefore(document.createElement("canvas"), chart.svg) : null;
  holder.classList.add("pick");
  charts.push(chart);
  pick(chart);
  return chart;
}

function xOf(chart, position) {
  const low = axisOf(state.from), high = axisOf(state.to);
  return margin.left + (axisOf(position) - low) / (high - low || 1) * chart.plotWidth;
}

function yOf(chart, value) {
  return margin.top + chart.plotHeight * (1 - value / (chart.most || 1));
}

function positionOfX(chart, x) {
  const low = axisOf(state.from), high = axisOf(state.to);
  const value = low + (x - margin.left) / chart.plotWidth * (high - low);
  return Math.min(state.to, Math.max(state.from, positionAt(value)));
}

function drawAxes(chart) {
  const svg = chart.svg, bottom = margin.top + chart.plotHeight, right = margin.left + chart.plotWidth;
  const values = chart.scale(chart.most, Math.max(2, Math.floor(chart.plotHeight / 38)));
  const times = timeScale(axisOf(state.from), axisOf(state.to), Math.floor(chart.plotWidth / 95));
  for (const tick of values.ticks) {
    const y = Math.round(yOf(chart, tick.at)) + .5;
    make(svg, "line", {class: chart.canvas ? "axis" : "grid", x1: chart.canvas ? margin.left - 4 : margin.left,
      x2: chart.canvas ? margin.left : right, y1: y, y2: y});
    make(svg, "text", {x: margin.left - 6, y: y + 4, "text-anchor": "end"}, tick.text);
  }
  for (const tick of times.ticks) {
    const low = axisOf(state.from), high = axisOf(state.to);
    const x = Math.round(margin.left + (tick.at - low) / (high - low || 1) * chart.plotWidth) + .5;
    make(svg, "line", {class: "axis", x1: x, x2: x, y1: bottom, y2: bottom + 4});
    make(svg, "text", {x, y: bottom + 15, "text-anchor": x > right - 16 ? "end" : "middle"}, tick.text);
  }
  make(svg, "text", {
    class: "title", x: 11, y: margin.top + chart.plotHeight / 2, "text-anchor": "middle",
    transform: "rotate(-90 11 " + (margin.top + chart.plotHeight / 2) + ")"
  }, chart.title + (values.unit === "blocks" ? "" : ", " + values.unit));
  make(svg, "text", {class: "title", x: (margin.left + right) / 2, y: bottom + 29, "text-anchor": "middle"}, times.unit);
}

function drawChart(chart) {
  const width = Math.floor(chart.holder.clientWidth), svg = chart.svg;
  if (width < 100)
    return;
  const height = onPaper() ? chart.paper : chart.height;
  chart.plotWidth = width - margin.left - margin.right;
  chart.plotHeight = height - margin.top - margin.bottom;
  chart.most = chart.top() || 1;
  svg.textContent = "";
  svg.setAttribute("width", width);
  svg.setAttribute("height", height);
  drawAxes(chart);
  chart.draw(chart);
  const bottom = margin.top + chart.plotHeight + .5;
  make(svg, "line", {class: "axis", x1: margin.left, x2: margin.left + chart.plotWidth, y1: bottom, y2: bottom});
  chart.band = make(svg, "rect", {class: "chosen", y: margin.top, height: chart.plotHeight, width: 0});
  chart.hover = make(svg, "line", {class: "hover", y1: margin.top, y2: bottom, visibility: "hidden"});
  chart.cursor = make(svg, "line", {class: "cursor", y1: margin.top, y2: bottom});
  moveCursor(chart);
}

function moveCursor(chart) {
  if (!chart.cursor)
    return;
  const x = xOf(chart, state.at), inside = state.at >= state.from && state.at <= state.to;
  chart.cursor.setAttribute("x1", x);
  chart.cursor.setAttribute("x2", x);
  chart.cursor.setAttribute("visibility", inside ? "visible" : "hidden");
}

/* ---- lines ---- */

/* The points of a series of bins in the stretch that is shown, in pixels: where there are more bins than
 * pixels, the largest value of each pixel, so that no peak is lost. */
function binPoints(chart, series, every) {
  const points = [], first = Math.floor(state.from / every), end = Math.ceil(state.to / every);
  let column = null;
  for (let i = first; i <= end && i <= series.length; i++) {
    const position = Math.min(i * every, last), x = xOf(chart, position), value = i < 1 ? 0 : series[i - 1];
    if (column !== null && Math.floor(x) === column) {
      const point = points[points.length - 1];
      point[1] = Math.max(point[1], value);
    } else {
      points.push([x, value]);
      column = Math.floor(x);
    }
  }
  return data.bin_calls * every === 1 && points.length < chart.plotWidth / 5 ? stepsOf(points) : points;
}

/* Where each call is seen, what it left holds until the next one. */
function stepsOf(points) {
  const steps = [];
  for (const point of points) {
    if (steps.length)
      steps.push([point[0], steps[steps.length - 1][1]]);
    steps.push(point);
  }
  return steps;
}

function framePoints(chart, map, values) {
  const points = [];
  for (let i = 0; i < values.length; i++) {
    const next = i + 1 < values.length ? map.positions[i + 1] : last;
    const before = i > 0 ? map.positions[i - 1] : 0;
    if (values[i] !== null && next >= state.from && before <= state.to)
      points.push([xOf(chart, map.positions[i]), values[i]]);
  }
  return points;
}

/* Each look is at every call where there are so few. */
function frameLine(chart, points) {
  return data.bin_calls === 1 && last <= 200 ? stepsOf(points) : points;
}

function pathOf(chart, points) {
  return points.map((p, i) => (i ? "L" : "M") + p[0].toFixed(1) + " " + yOf(chart, p[1]).toFixed(1)).join("");
}

/* Whatever is drawn is cut off at the plot's edges. */
function plotGroup(chart) {
  const id = "clip-" + charts.indexOf(chart);
  const clip = make(chart.svg, "clipPath", {id});
  make(clip, "rect", {x: margin.left, y: 0, width: chart.plotWidth, height: margin.top + chart.plotHeight + 1});
  return make(chart.svg, "g", {"clip-path": "url(#" + id + ")"});
}

/* Where few looks at the memory are shown, each has a point. */
function drawPoints(group, chart, points, fill) {
  if (points.length > 40)
    return;
  for (const point of points)
    make(group, "circle", {cx: point[0], cy: yOf(chart, point[1]), r: 2.4}).style.fill = fill;
}

function drawLine(group, chart, points, stroke) {
  make(group, "path", {class: "line", d: pathOf(chart, points)}).style.stroke = stroke;
}

function drawFrames(group, chart, map, values, stroke) {
  const points = framePoints(chart, map, values);
  drawLine(group, chart, frameLine(chart, points), stroke);
  drawPoints(group, chart, points, stroke);
}

/* The area between two lines of points with the same x; `lower` null: the axis. */
function drawArea(group, chart, upper, lower, fill) {
  if (upper.length === 0)
    return;
  const below = (lower || [[upper[0][0], 0], [upper[upper.length - 1][0], 0]]).slice().reverse();
  const area = make(group, "path", {d: pathOf(chart, upper) + pathOf(chart, below).replace("M", "L") + "Z"});
  area.style.fill = fill;
}

function mostInWindow(series, every) {
  let most = 0;
  const end = Math.min(series.length, Math.ceil(state.to / every));
  for (let i = Math.max(0, Math.floor(state.from / every) - 1); i < end; i++)
    most = Math.max(most, series[i]);
  return most;
}

function mostOfFrames(map, values) {
  let most = 0;
  for (let i = 0; i < values.length; i++)
    if (map.positions[i] >= state.from && map.positions[i] <= state.to && values[i] !== null)
      most = Math.max(most, values[i]);
  return most;
}

/* ---- the pointer ---- */

function showTip(event, text) {
  const tip = byId("tip");
  tip.hidden = !text;
  if (!text)
    return;
  tip.textContent = text;
  const left = event.clientX + 14 + tip.offsetWidth > innerWidth ? event.clientX - 12 - tip.offsetWidth : event.clientX + 14;
  const top = event.clientY + 16 + tip.offsetHeight > innerHeight ? event.clientY - 10 - tip.offsetHeight : event.clientY + 16;
  tip.style.left = Math.max(2, left) + "px";
  tip.style.top = Math.max(2, top) + "px";
}

/* A click chooses a moment, a drag a stretch, two clicks the whole trace. */
function pick(chart) {
  const holder = chart.holder;
  let began = null;
  const place = event => event.clientX - holder.getBoundingClientRect().left;
  holder.addEventListener("pointerdown", function (event) {
    if (event.button === 0) {
      began = place(event);
      holder.setPointerCapture(event.pointerId);
    }
  });
  holder.addEventListener("pointermove", function (event) {
    const x = Math.min(margin.left + chart.plotWidth, Math.max(margin.left, place(event)));
    const position = positionOfX(chart, x);
    chart.hover.setAttribute("x1", x);
    chart.hover.setAttribute("x2", x);
    chart.hover.setAttribute("visibility", "visible");
    if (began !== null) {
      const low = Math.max(margin.left, Math.min(x, began));
      chart.band.setAttribute("x", low);
      chart.band.setAttribute("width", Math.max(x, began) - low);
    }
    showTip(event, chart.tip ? chart.tip(position, event) : momentText(position));
  });
  holder.addEventListener("pointerup", function (event) {
    const x = place(event), from = began;
    began = null;
    chart.band.setAttribute("width", 0);
    if (from === null)
      return;
    if (Math.abs(x - from) > 5)
      zoomTo(positionOfX(chart, Math.min(x, from)), positionOfX(chart, Math.max(x, from)));
    else
      moveTo(positionOfX(chart, x));
  });
  holder.addEventListener("pointerleave", function () {
    began = null;
    chart.hover.setAttribute("visibility", "hidden");
    chart.band.setAttribute("width", 0);
    showTip(null, "");
  });
  holder.addEventListener("dblclick", () => zoomTo(0, last));
}

function momentText(position) {
  return "call " + countText(callOf(position)) + (hasTime ? ", " + timeText(timeOf(position)) : "") +
    "\n" + bytesText(liveAt(position)) + " live in " + counted(blocksAt(position), "block", "blocks");
}
