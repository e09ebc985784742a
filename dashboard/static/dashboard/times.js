// Tells times in the zone of whoever looks, and lets ages go on by themselves.
//
// The server writes <time datetime="…Z" data-time="FORM"> in UTC; this rewrites its words and its title, which has
// both. Without this file every time stays as it is written, in UTC. `tellTimes(root)` does it to a tree before it is
// shown; whatever comes into the page by other ways is seen and told as well.

const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const NEAR_MS = 100 * 86_400_000;
const TICK_MS = 1000;
// What a page takes to arrive is no difference of clocks.
const SKEW_MS = 5000;
const TICKING = '[data-time="ago"], [data-time="ahead"], [data-time="span"]';

// How far this clock is from the server's: ages are reckoned by what the server said.
let offsetMs = 0;

function now() {
  return Date.now() + offsetMs;
}

// As probes/policy/spans.py: in the largest unit, rounded down, no break within.
function span(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds >= 172_800) return `${Math.floor(seconds / 86_400)}\u00a0d`;
  if (seconds >= 3600) return `${Math.floor(seconds / 3600)}\u00a0h`;
  if (seconds >= 60) return `${Math.floor(seconds / 60)}\u00a0min`;
  return `${seconds}\u00a0s`;
}

const two = (number) => String(number).padStart(2, "0");

function parts(date, utc) {
  return utc
    ? [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate(), date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()]
    : [date.getFullYear(), date.getMonth(), date.getDate(), date.getHours(), date.getMinutes(), date.getSeconds()];
}

function whole(date, utc) {
  const [year, month, day, hour, minute, second] = parts(date, utc);
  return `${day} ${MONTHS[month]} ${year}, ${two(hour)}:${two(minute)}:${two(second)}`;
}

function clock(date, form) {
  const [year, month, day, hour, minute, second] = parts(date, false);
  const [thisYear, thisMonth, today] = parts(new Date(now()), false);
  if (form === "day") return year === thisYear ? `${day} ${MONTHS[month]}` : `${day} ${MONTHS[month]} ${year}`;
  const time = form === "moment" ? `${two(hour)}:${two(minute)}:${two(second)}` : `${two(hour)}:${two(minute)}`;
  if (year === thisYear && month === thisMonth && day === today) return time;
  if (form === "clock" && Math.abs(now() - date) >= NEAR_MS) return `${day} ${MONTHS[month]} ${year}`;
  return `${day} ${MONTHS[month]} ${time}`;
}

// Of what began on the same day without its date, else with it, also today.
function end(date, began) {
  const [year, month, day, hour, minute] = parts(date, false);
  const time = `${two(hour)}:${two(minute)}`;
  if (parts(began, false).slice(0, 3).join() === [year, month, day].join()) return time;
  return Math.abs(now() - date) >= NEAR_MS ? `${day} ${MONTHS[month]} ${year}` : `${day} ${MONTHS[month]} ${time}`;
}

function words(date, form, began) {
  const ms = now() - date;
  if (form === "ago") return ms < 1000 ? "just now" : `${span(ms)} ago`;
  if (form === "ahead") return -ms < 1000 ? "now" : `in ${span(-ms)}`;
  if (form === "end") return end(date, new Date(began));
  return form === "span" ? span(ms) : clock(date, form);
}

function tell(element) {
  const date = new Date(element.dateTime);
  if (Number.isNaN(date.getTime())) return;
  const said = words(date, element.dataset.time, element.dataset.began);
  if (element.textContent !== said) element.textContent = said;
  const title = ZONE === "UTC" ? `${whole(date, true)} UTC` : `${whole(date, false)} ${ZONE}\n${whole(date, true)} UTC`;
  if (element.title !== title) element.title = title;
}

export function tellTimes(root) {
  if (root.matches?.("time[data-time]")) tell(root);
  for (const element of root.querySelectorAll("time[data-time]")) tell(element);
}

// What the server calls now, as a Date: whoever fetches something says it.
export function serverTimeIs(date) {
  offsetMs = date.getTime() - Date.now();
}

const loaded = new Date(document.body.dataset.now);
if (Math.abs(loaded - Date.now()) > SKEW_MS) serverTimeIs(loaded);

const zone = document.getElementById("zone");
if (zone && ZONE !== "UTC") zone.textContent = `Times are those of ${ZONE}.`;

tellTimes(document.body);
new MutationObserver((changes) => {
  for (const { target } of changes) {
    const element = target.nodeType === Node.ELEMENT_NODE ? target : target.parentElement;
    const time = element?.closest("time[data-time]");
    if (time) tell(time);
    else if (element) tellTimes(element);
  }
}).observe(document.body, { childList: true, characterData: true, subtree: true, attributeFilter: ["datetime", "title"] });

setInterval(() => {
  if (!document.hidden) for (const element of document.querySelectorAll(TICKING)) tell(element);
}, TICK_MS);
