// Keeps a page current without reloading it.
//
// The element with data-live holds the fragment that its URL serves, and its data-topics say what it is about. Of a
// topic that changed the stream tells (stream.js); then the fragment is fetched, or with data-rows the rows alone that
// changed, and turned into the live one (morph.js). Without a stream the fragment is fetched every few seconds. Without
// this file the page reloads itself now and then.

import { morph } from "./morph.js";
import { Stream } from "./stream.js";
import { serverTimeIs, tellTimes } from "./times.js";

const live = document.querySelector("[data-live]");
const status = document.getElementById("live-status");
const statusText = document.getElementById("live-text");
const lost = document.getElementById("live-lost");
const said = document.getElementById("live-said");
const pauseButton = document.getElementById("live-pause");

const PERIOD_MS = 1000 * Number(live?.dataset.refreshSeconds);
const TIMEOUT_MS = 10_000;
const STALE_MS = 15_000;
// Beside the stream, for what goes by without a change.
const SELDOM_MS = 90_000;
const GAP_MS = 2000;
// A page of rows has its rows at once; its counts and its order every so many tellings, at the same one as all others.
const ROWS_GAP_MS = 6000;
const TOGETHER = 6;
const PROMPT_MS = 600;
const SPREAD_MS = 3000;
// What was checked and came out as before.
const ROUTINE_MS = 8000;
const MOST_ROWS = 50;

const stream = new Stream(status?.dataset.events, status?.dataset.position ?? "", told);
const rows = new Set();
// Rows that were brought up to date alone, and as of which telling.
const newer = new Map();

let updatedAt = Date.now();
let wholeAt = 0;
let dueAt = Infinity;
let tag = "";
// As of which telling the whole page is wanted, where that is not the last; and at which it was last told to be wanted.
let wanted = "";
let toldAt = 0;
let trouble = "";
let paused = false;
let timer = 0;
let rowsTimer = 0;
let underWay = null;

function ago(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s ago`;
  return seconds < 3600 ? `${Math.floor(seconds / 60)} min ago` : `${Math.floor(seconds / 3600)} h ago`;
}

function upTo(ms) {
  return Math.random() * ms;
}

// --- what changed -----------------------------------------------------------------------------------

function told(topics) {
  updatedAt = Math.max(updatedAt, stream.heardAt);
  if (!topics || topics.includes("all")) {
    newer.clear();
    whole(upTo(1000));
    return;
  }
  for (const topic of topics) {
    const [kind, name] = topic.split(":");
    if (kind === "checked") whole(ROUTINE_MS * (1 + Math.random()));
    else if (!live.dataset.rows) whole(upTo(300));
    else if (kind !== "resource") together();
    else if (document.getElementById(`image-${name}`)) rows.add(name);
  }
  if (rows.size > MOST_ROWS) whole(upTo(300));
  else if (rows.size && !rowsTimer) rowsTimer = setTimeout(refreshRows, upTo(300));
}

function numberOf(position) {
  return Number(position.split("-")[1]);
}

// Many pages show the same rows: they ask as of the same telling, so that the server makes the page once for all, and
// not all at once. After a quiet time at once nevertheless.
function together() {
  toldAt = numberOf(stream.position);
  const isQuiet = Date.now() - wholeAt > ROWS_GAP_MS + SPREAD_MS;
  const isTurn = isQuiet || toldAt % TOGETHER === 0;
  const at = isTurn ? Date.now() + upTo(isQuiet ? PROMPT_MS : SPREAD_MS) : wholeAt + ROWS_GAP_MS + SPREAD_MS;
  if (at >= dueAt) return;
  wanted = isTurn ? stream.position : "";
  plan(at);
}

function whole(wait) {
  wanted = "";
  plan(Math.max(Date.now(), wholeAt + (live.dataset.rows ? ROWS_GAP_MS : GAP_MS)) + wait);
}

// Has the whole fragment fetched then, unless it is sooner anyway.
function plan(at) {
  if (paused || document.hidden || at >= dueAt) return;
  dueAt = at;
  clearTimeout(timer);
  timer = setTimeout(refresh, at - Date.now());
}

function schedule() {
  dueAt = Infinity;
  plan(Date.now() + (stream.isHeard ? SELDOM_MS * (0.75 + upTo(0.5)) : PERIOD_MS));
}

function rest() {
  clearTimeout(timer);
  clearTimeout(rowsTimer);
  rowsTimer = 0;
  dueAt = Infinity;
  stream.close();
}

// --- fetching ---------------------------------------------------------------------------------------

async function ask(url, signal, headers = {}, since = stream.position) {
  // What is as new as this may be had from what was made for others.
  const position = stream.isHeard ? { "Kairos-Live": since } : {};
  const response = await fetch(url, {
    cache: "no-store",
    credentials: "same-origin",
    redirect: "manual",
    headers: { ...position, ...headers },
    signal,
  });
  if (response.type === "opaqueredirect") throw new Error("Signed out: reload this page to sign in");
  if (response.status === 404) throw new Error("This is gone: reload this page");
  if (!response.ok && response.status !== 304) throw new Error(`The server has a problem (HTTP ${response.status})`);
  const date = new Date(response.headers.get("Date"));
  if (!Number.isNaN(date.getTime())) serverTimeIs(date);
  return response;
}

async function treeOf(response) {
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  tellTimes(page);
  return page.body.firstElementChild;
}

async function refresh() {
  clearTimeout(timer);
  dueAt = Infinity;
  underWay?.abort("superseded");
  const mine = new AbortController();
  underWay = mine;
  wholeAt = Date.now();
  const since = wanted || stream.position;
  wanted = "";
  if (since === stream.position) rows.clear();
  const giveUp = setTimeout(() => mine.abort(), TIMEOUT_MS);
  try {
    const response = await ask(live.dataset.live, mine.signal, tag ? { "If-None-Match": tag } : {}, since);
    if (response.status !== 304) {
      const fragment = await treeOf(response);
      if (!fragment || fragment.id !== live.id) throw new Error("The server answered something else");
      tag = response.headers.get("ETag") ?? "";
      keepNewer(fragment, numberOf(since));
      show(live, fragment);
    }
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
  if (dueAt === Infinity) schedule();
  // What was told since is not in it.
  if (stream.isHeard && live.dataset.rows && toldAt > numberOf(since)) plan(wholeAt + ROWS_GAP_MS + upTo(SPREAD_MS));
}

// A page that was made for all some seconds ago must not take back what a row has shown since.
function keepNewer(fragment, number) {
  for (const [id, shown] of newer) {
    const current = document.getElementById(`image-${id}`);
    if (shown > number && current) fragment.querySelector(`#image-${id}`)?.replaceWith(current.cloneNode(true));
    else newer.delete(id);
  }
}

async function refreshRows() {
  rowsTimer = 0;
  if (!rows.size || paused || document.hidden) return;
  const asked = [...rows];
  const number = numberOf(stream.position);
  rows.clear();
  try {
    const joint = live.dataset.rows.includes("?") ? "&" : "?";
    const url = `${live.dataset.rows}${joint}ids=${asked.join(",")}`;
    const table = await treeOf(await ask(url, AbortSignal.timeout(TIMEOUT_MS)));
    for (const id of asked) {
      const old = document.getElementById(`image-${id}`);
      const fresh = table?.querySelector(`#image-${id}`);
      if (old && fresh) {
        show(old, fresh);
        newer.set(id, number);
      } else {
        whole(upTo(400));
      }
    }
    // What is shown is not that of the tag any more.
    tag = "";
    updatedAt = Date.now();
    tell();
  } catch {
    whole(upTo(400));
  }
}

function show(old, fresh) {
  morph(old, fresh);
  if (live.dataset.title) document.title = live.dataset.title;
  stream.listenTo(live.dataset.topics ?? "");
}

// --- telling ----------------------------------------------------------------------------------------

function tell() {
  const isHeard = stream.isHeard;
  const age = Date.now() - (isHeard ? Math.max(updatedAt, stream.heardAt) : updatedAt);
  const late = age > 3 * PERIOD_MS;
  const state = trouble ? "lost" : paused ? "paused" : age > STALE_MS ? "stale" : late && !isHeard ? "late" : "live";
  status.dataset.state = state;
  status.title = isHeard ? "Changes are told as they come." : `Asked for every ${PERIOD_MS / 1000} s.`;
  const texts = {
    lost: "Not live",
    paused: `Paused, updated ${ago(age)}`,
    stale: `Stale, updated ${ago(age)}`,
    late: "Updating…",
    live: "Live",
  };
  statusText.textContent = texts[state];
  const notice = trouble || (state === "stale" ? "Nothing is heard from the server, so what is shown may be old" : "");
  lost.textContent = notice ? `${notice}, last update ${ago(age)}.` : "";
  lost.hidden = !notice;
  // Heard when trouble comes and goes, and not every second.
  if (said.textContent !== notice) said.textContent = notice;
  live.classList.toggle("is-outdated", Boolean(notice));
}

let wasHeard = false;

function look() {
  if (document.hidden) return;
  stream.look();
  // Without the stream pages poll, from that moment on.
  if (wasHeard && !stream.isHeard) plan(Date.now() + upTo(PERIOD_MS));
  wasHeard = stream.isHeard;
  tell();
}

function wake() {
  stream.listenTo(live.dataset.topics ?? "");
  refresh();
}

if (live) {
  status.hidden = false;
  pauseButton.hidden = false;
  pauseButton.addEventListener("click", () => {
    paused = !paused;
    pauseButton.setAttribute("aria-pressed", String(paused));
    if (paused) rest();
    else wake();
    tell();
  });
  // Who chooses something else does not wait.
  live.addEventListener("live:now", refresh);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) rest();
    else if (!paused) wake();
  });
  // A page that the browser keeps for the way back must not keep its stream.
  window.addEventListener("pagehide", rest);
  window.addEventListener("pageshow", (event) => event.persisted && !paused && wake());
  setInterval(look, 1000);
  tell();
  stream.listenTo(live.dataset.topics ?? "");
  schedule();
}
