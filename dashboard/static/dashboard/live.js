// Keeps a page current without reloading it.
//
// The element with data-live holds the fragment that its URL serves. Every few seconds the fragment is fetched
// and the live one is turned into it node by node, so that whatever stays the same also stays in place: focus,
// selection, scroll position, opened details. Without this file the page reloads itself now and then.

const live = document.querySelector("[data-live]");
const status = document.getElementById("live-status");
const statusText = document.getElementById("live-text");
const lost = document.getElementById("live-lost");
const said = document.getElementById("live-said");
const pauseButton = document.getElementById("live-pause");

const PERIOD_MS = 1000 * Number(live?.dataset.refreshSeconds);
const TIMEOUT_MS = 10_000;
// What the reader did to the page; the server knows nothing of it.
const READERS_OWN = new Set(["open"]);

let updatedAt = Date.now();
let trouble = "";
let paused = false;
let timer = 0;
let underWay = null;

function ago(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s ago`;
  return seconds < 3600 ? `${Math.floor(seconds / 60)} min ago` : `${Math.floor(seconds / 3600)} h ago`;
}

// --- turning one tree into another ------------------------------------------------------------------

function keyOf(node) {
  return node.nodeType === Node.ELEMENT_NODE ? node.id : "";
}

function matches(old, fresh) {
  return old.nodeName === fresh.nodeName && keyOf(old) === keyOf(fresh);
}

function morphAttributes(old, fresh) {
  let looksDifferent = false;
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !READERS_OWN.has(name)) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (READERS_OWN.has(name) || old.getAttribute(name) === value) continue;
    looksDifferent ||= name === "data-look";
    old.setAttribute(name, value);
  }
  if (looksDifferent) announceChange(old);
}

function morph(old, fresh) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
    return;
  }
  morphAttributes(old, fresh);
  const known = new Map();
  for (const child of old.children) if (child.id) known.set(child.id, child);
  let here = old.firstChild;
  for (const wanted of [...fresh.childNodes]) {
    const same = known.get(keyOf(wanted));
    if (same && same !== here) {
      old.insertBefore(same, here);
      morph(same, wanted);
    } else if (here && matches(here, wanted)) {
      morph(here, wanted);
      here = here.nextSibling;
    } else {
      old.insertBefore(wanted, here);
    }
  }
  while (here) {
    const next = here.nextSibling;
    here.remove();
    here = next;
  }
}

function announceChange(element) {
  element.classList.add("has-changed");
  element.addEventListener("animationend", () => element.classList.remove("has-changed"), { once: true });
}

// --- fetching ---------------------------------------------------------------------------------------

async function fetchFragment(signal) {
  const response = await fetch(live.dataset.live, {
    cache: "no-store",
    credentials: "same-origin",
    redirect: "manual",
    signal,
  });
  if (response.type === "opaqueredirect") throw new Error("Signed out: reload this page to sign in");
  if (response.status === 404) throw new Error("This is gone: reload this page");
  if (!response.ok) throw new Error(`The server has a problem (HTTP ${response.status})`);
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const fragment = page.body.firstElementChild;
  if (!fragment || fragment.id !== live.id) throw new Error("The server answered something else");
  return fragment;
}

async function refresh() {
  clearTimeout(timer);
  underWay?.abort("superseded");
  const mine = new AbortController();
  underWay = mine;
  const giveUp = setTimeout(() => mine.abort(), TIMEOUT_MS);
  try {
    show(await fetchFragment(mine.signal));
    updatedAt = Date.now();
    trouble = "";
  } catch (error) {
    if (mine.signal.reason === "superseded") return;
    const isAnswer = error instanceof Error && error.name === "Error";
    trouble = isAnswer ? error.message : "Connection lost";
  } finally {
    clearTimeout(giveUp);
  }
  tell();
  schedule();
}

function show(fragment) {
  const focused = document.activeElement;
  morph(live, document.adoptNode(fragment));
  if (live.dataset.title) document.title = live.dataset.title;
  // A row that moved to another place took the focus with it, and the browser let go of it.
  if (focused?.isConnected && focused !== document.activeElement) focused.focus({ preventScroll: true });
}

function schedule() {
  clearTimeout(timer);
  if (!paused && !document.hidden) timer = setTimeout(refresh, PERIOD_MS);
}

// --- telling ----------------------------------------------------------------------------------------

function tell() {
  const age = Date.now() - updatedAt;
  const state = trouble ? "lost" : paused ? "paused" : age > 3 * PERIOD_MS ? "late" : "live";
  status.dataset.state = state;
  const texts = { lost: "Not live", paused: `Paused, updated ${ago(age)}`, late: "Updating…", live: "Live" };
  statusText.textContent = texts[state];
  lost.textContent = trouble ? `${trouble}, last update ${ago(age)}.` : "";
  lost.hidden = !trouble;
  // Heard when trouble comes and goes, and not every second.
  if (said.textContent !== trouble) said.textContent = trouble;
  live.classList.toggle("is-outdated", Boolean(trouble));
}

if (live) {
  status.hidden = false;
  pauseButton.hidden = false;
  pauseButton.addEventListener("click", () => {
    paused = !paused;
    pauseButton.setAttribute("aria-pressed", String(paused));
    if (paused) clearTimeout(timer);
    else refresh();
    tell();
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) clearTimeout(timer);
    else if (!paused) refresh();
  });
  setInterval(() => document.hidden || tell(), 1000);
  tell();
  schedule();
}
