// Tells what a slot of a timeline says, when the pointer is over it or an arrow key comes to it.
//
// A bar (dashboard/charts/bars.py) is one SVG with what its slots say in data-slots. One tooltip serves all bars of a
// page, and those that come later: events are listened to at the document. Without this file the bars are pictures
// with a label, and the table beneath them says the same.

const NAMES = {
  u: "Unavailable",
  d: "Degraded",
  k: "Unknown",
  n: "No data",
  m: "Maintenance",
  p: "Paused",
  a: "Available",
};
const TOKEN = /^(\d*)([a-z][a-z0-9]*|-)(?:~(\d+))?(?:\*(\d+))?$/;
const SVG = "http://www.w3.org/2000/svg";
const SLOT_WIDTH = 4;

let tip = null;
let chosen = null; // the bar that is spoken of, and the number of its slot
let place = 0;
let read = []; // when that slot begins, and how long its bar's slots are

// --- reading ----------------------------------------------------------------------------------------

function startOf(bar, wanted) {
  return Number(bar.dataset.origin) + wanted * Number(bar.dataset.length);
}

function slotAt(bar, wanted) {
  const { length, since, until, slots, causes } = bar.dataset;
  let first = 0;
  for (const token of slots.split(" ")) {
    const [, times, said, cause, checks] = TOKEN.exec(token) ?? [];
    const count = Number(times || 1);
    if (said && wanted < first + count) {
      const start = startOf(bar, wanted);
      return {
        start: Math.max(start, Number(since)),
        end: Math.min(start + Number(length), Number(until)),
        faces: said === "-" ? [] : [...said.matchAll(/([a-z])(\d*)/g)].map(([, face, seconds]) => [face, Number(seconds)]),
        cause: cause ? (causes ?? "").split("|")[Number(cause)] : "",
        checks: checks === undefined ? null : Number(checks),
      };
    }
    first += count;
  }
  return null;
}

function countOf(bar) {
  return Math.max(1, Math.round(bar.viewBox.baseVal.width / SLOT_WIDTH));
}

// --- saying -----------------------------------------------------------------------------------------

function span(seconds) {
  const sizes = [[86_400, "d"], [3_600, "h"], [60, "min"], [1, "s"]];
  for (const [index, [size, unit]] of sizes.entries()) {
    if (seconds < size && size > 1) continue;
    const rest = sizes[index + 1] ? Math.floor((seconds % size) / sizes[index + 1][0]) : 0;
    return `${Math.floor(seconds / size)} ${unit}${rest ? ` ${rest} ${sizes[index + 1][1]}` : ""}`;
  }
  return "0 s";
}

function times(start, end, zone) {
  const day = { day: "numeric", month: "short", timeZone: zone };
  const clock = { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: zone };
  const from = new Date(start * 1000);
  const to = new Date(end * 1000);
  const dayOf = (time) => time.toLocaleDateString("en-GB", day);
  const clockOf = (time) => time.toLocaleTimeString("en-GB", clock);
  const until = dayOf(from) === dayOf(to) ? clockOf(to) : `${dayOf(to)}, ${clockOf(to)}`;
  return `${dayOf(from)}, ${clockOf(from)} – ${until}`;
}

function linesOf(slot, bar) {
  const nameOf = (face) => (face === "p" && bar.dataset.paused) || NAMES[face];
  const total = slot.faces.reduce((sum, [, seconds]) => sum + seconds, 0);
  const lines = slot.faces.map(([face, seconds]) =>
    total && seconds < total ? `${nameOf(face)} ${percent(seconds / total)}, ${span(seconds)}` : nameOf(face),
  );
  if (!lines.length) lines.push("Not there yet");
  if (slot.cause) lines.push(`Why: ${slot.cause}`);
  if (slot.checks !== null) lines.push(slot.checks === 1 ? "1 check" : `${slot.checks} checks`);
  return lines;
}

function percent(share) {
  const whole = Math.floor(share * 100);
  return whole ? `${whole} %` : "under 1 %";
}

// --- showing ----------------------------------------------------------------------------------------

function make() {
  tip = document.createElement("div");
  tip.className = "slot-tip";
  tip.id = "slot-tip";
  tip.setAttribute("role", "status");
  document.body.append(tip);
}

function show(bar, wanted, { isSpoken }) {
  const count = countOf(bar);
  place = Math.min(count - 1, Math.max(0, wanted));
  const slot = slotAt(bar, place);
  if (!slot || slot.end <= slot.start) return hide();
  if (!tip?.isConnected) make();
  if (chosen !== bar) unmark();
  chosen = bar;
  read = [startOf(bar, place), bar.dataset.length];
  tip.setAttribute("aria-live", isSpoken ? "polite" : "off");
  const lines = told(slot, bar);
  // What is there already is not spoken once more.
  if (tip.hidden || lines.some((one, index) => !one.isEqualNode(tip.children[index])) || tip.children[lines.length]) {
    tip.replaceChildren(...lines);
  }
  tip.hidden = false;
  mark(bar);
  moveTo(bar, count);
}

function told(slot, bar) {
  const time = times(slot.start, slot.end);
  const universal = times(slot.start, slot.end, "UTC");
  const lines = [line("b", time), ...linesOf(slot, bar).map((text) => line("span", text))];
  if (universal === time) lines[0].append(" UTC");
  else lines.push(line("small", `${universal} UTC`));
  return lines;
}

function line(name, text) {
  const element = document.createElement(name);
  element.textContent = text;
  return element;
}

function moveTo(bar, count) {
  const box = bar.getBoundingClientRect();
  const middle = box.left + ((place + 0.5) * box.width) / count;
  const { offsetWidth: width, offsetHeight: height } = tip;
  const left = Math.min(document.documentElement.clientWidth - width - 4, Math.max(4, middle - width / 2));
  const above = box.top - height - 8;
  // Properties of the CSSOM are no inline style to the Content-Security-Policy.
  tip.style.left = `${left + window.scrollX}px`;
  tip.style.top = `${(above > 4 ? above : box.bottom + 8) + window.scrollY}px`;
}

function mark(bar) {
  let frame = bar.querySelector(".slot-chosen");
  if (!frame) {
    frame = document.createElementNS(SVG, "path");
    frame.setAttribute("class", "slot-chosen");
    bar.append(frame);
  }
  const x = place * SLOT_WIDTH;
  frame.setAttribute("d", `M${x - 0.5} -1.5h4v${bar.viewBox.baseVal.height + 3}h-4z`);
}

function unmark() {
  chosen?.querySelector(".slot-chosen")?.remove();
}

function hide() {
  unmark();
  chosen = null;
  if (tip) tip.hidden = true;
}

// --- listening --------------------------------------------------------------------------------------

const barOf = (event) => (event.target instanceof Element ? event.target.closest("svg.slots") : null);

document.addEventListener("pointermove", (event) => {
  const bar = barOf(event);
  if (!bar) {
    if (chosen && document.activeElement !== chosen) hide();
    return;
  }
  const box = bar.getBoundingClientRect();
  show(bar, Math.floor(((event.clientX - box.left) / box.width) * countOf(bar)), { isSpoken: false });
});

document.addEventListener("focusin", (event) => {
  const bar = barOf(event);
  if (bar) show(bar, bar === chosen ? place : countOf(bar) - 1, { isSpoken: true });
  else if (chosen) hide();
});

document.addEventListener("focusout", (event) => {
  if (barOf(event)) hide();
});

document.addEventListener("keydown", (event) => {
  const bar = barOf(event);
  if (!bar || event.altKey || event.ctrlKey || event.metaKey) {
    if (event.key === "Escape") hide();
    return;
  }
  const steps = { ArrowLeft: place - 1, ArrowRight: place + 1, Home: 0, End: countOf(bar) - 1 };
  steps.PageUp = place - 10;
  steps.PageDown = place + 10;
  if (event.key === "Escape") hide();
  else if (event.key in steps) {
    event.preventDefault();
    show(bar, steps[event.key], { isSpoken: true });
  }
});

// The tree that came knows no frame. Whoever reads a slot goes on reading that time, wherever it stands by now.
document.addEventListener("live:shown", () => {
  if (!chosen) return;
  const [began, length] = read;
  if (!chosen.isConnected || chosen.dataset.length !== length) return hide();
  const moved = Math.round((began - startOf(chosen, place)) / Number(length));
  show(chosen, place + moved, { isSpoken: document.activeElement === chosen });
});
