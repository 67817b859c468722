/* view_data.js: the data of the page, positions on the time axis, and how figures are written.
 *
 * A position is how many bins of calls went by: 0 is before the first call, `last` is the end. */

const data = JSON.parse(document.getElementById("data").textContent);
const last = data.bins.live.length;
const hasTime = data.duration > 0;

/* What is shown, and of which moment. */
const state = {
  at: 0, from: 0, to: last,           /* positions */
  mode: "calls",                      /* or "time" */
  map: 0, kind: 0,                    /* indices */
  heatWhat: "blocks", heatLife: "calls"
};

/* ---- positions ---- */

function callOf(position) {
  return Math.min(Math.round(position * data.bin_calls), data.calls);
}

function timeOf(position) {
  return position < 1 ? 0 : data.bins.time[Math.min(Math.floor(position), last) - 1];
}

function positionOfCall(call) {
  return call >= data.calls ? last : call / data.bin_calls;
}

/* Where a position is on the axis: calls or nanoseconds. */
function axisOf(position) {
  if (state.mode === "calls")
    return callOf(position);
  const low = Math.floor(position), part = position - low;
  return part === 0 ? timeOf(low) : timeOf(low) + part * (timeOf(low + 1) - timeOf(low));
}

/* The last whole position that is not beyond a place on the axis. */
function positionBefore(value) {
  let low = 0, high = last;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (axisOf(middle) <= value)
      low = middle;
    else
      high = middle - 1;
  }
  return low;
}

/* The whole position that is nearest. */
function positionAt(value) {
  const low = positionBefore(value);
  return low < last && axisOf(low + 1) - value < value - axisOf(low) ? low + 1 : low;
}

function liveAt(position) {
  return position < 1 ? 0 : data.bins.live[Math.min(position, last) - 1];
}

function blocksAt(position) {
  return position < 1 ? 0 : data.bins.blocks[Math.min(position, last) - 1];
}

/* ---- maps ---- */

/* The cells of all frames, one byte each: see view_write.c for how they are written. */
function decodeLevels(map) {
  const all = new Uint8Array(map.levels.length * map.cells);
  map.levels.forEach(function (text, frame) {
    const start = frame * map.cells;
    let at = start, i = 0;
    while (i < text.length) {
      const letter = text.charCodeAt(i++);
      let run = 0;
      while (i < text.length && text.charCodeAt(i) < 58)
        run = run * 10 + text.charCodeAt(i++) - 48;
      run = run || 1;
      if (letter === 61)
        all.copyWithin(at, at - map.cells, at - map.cells + run);
      else
        all.fill(letter - 65, at, at + run);
      at += run;
    }
    if (at !== start + map.cells)
      throw new Error("frame " + frame + " of " + map.name + " has " + (at - start) + " cells");
  });
  return all;
}

/* The frame that shows a position: the last one that is not beyond it; -1: there is none. */
function frameAt(map, position) {
  const call = callOf(position);
  let low = -1, high = map.call.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (map.call[middle] <= call)
      low = middle;
    else
      high = middle - 1;
  }
  return low;
}

function part(whole, of) {
  return of > 0 && whole !== null ? Math.max(0, 1 - whole / of) : null;
}

/* The figures of a frame. */
function figuresOf(map, frame) {
  if (!map || frame < 0)
    return null;
  const live = map.live[frame], held = map.held[frame], span = map.span[frame];
  const resident = map.resident[frame];
  return {
    live, held, span, resident, internal: part(live, held), external: part(held, span),
    idle: resident === null ? null : part(live, resident)
  };
}

for (const map of data.maps) {
  map.pixels = decodeLevels(map);
  map.positions = map.call.map(positionOfCall);
}

/* ---- figures as text ---- */

const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

function bytesText(value) {
  if (value === null || value === undefined)
    return "–";
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return (unit === 0 ? String(value) : value.toFixed(value < 10 ? 2 : 1)) + " " + units[unit];
}

function countText(value) {
  return String(value).replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

function counted(value, one, many) {
  return countText(value) + " " + (value === 1 ? one : many);
}

/* 1234567 as 1.235 M, with so many digits. */
function shortText(value, digits) {
  const names = ["", " k", " M", " G", " T"];
  let unit = 0;
  while (value >= 1000 && unit < names.length - 1) {
    value /= 1000;
    unit++;
  }
  return (unit === 0 ? String(Math.round(value * 100) / 100) : String(Number(value.toPrecision(digits || 4)))) + names[unit];
}

function timeText(nanoseconds, digits) {
  const names = [["ns", 1], ["µs", 1e3], ["ms", 1e6], ["s", 1e9]];
  let unit = 0;
  while (unit < 3 && nanoseconds >= names[unit + 1][1])
    unit++;
  return Number((nanoseconds / names[unit][1]).toPrecision(digits || 4)) + " " + names[unit][0];
}

function percentText(value) {
  return value === null || value === undefined ? "–" : (value * 100).toFixed(1) + " %";
}

/* The smallest value of a step of the logarithmic scales of the heat map. */
function stepStart(step) {
  if (step === 0)
    return 0;
  const doubling = Math.floor((step - 1) / 2);
  return (step - 1) % 2 === 0 ? 2 ** doubling : 1.5 * 2 ** doubling;
}
