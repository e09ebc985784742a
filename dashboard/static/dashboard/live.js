// Keeps a page current without reloading it.
//
// Each element with data-live is a part of the page: it holds the fragment that its URL serves, and its data-topics say
// what it is about. Of a topic that changed the stream tells (stream.js); then the fragment is fetched, or with data-rows
// the rows alone that changed, and turned into the live one (morph.js). Without a stream the fragment is fetched every few
// seconds. A part with data-wanted is not there yet: it is fetched as soon as the rest is shown. Without this file the
// page reloads itself now and then, and links to what is not there.

import { morph } from "./morph.js";
import { Stream } from "./stream.js";
import { serverTimeIs, tellTimes } from "./times.js";

const status = document.getElementById("live-status");
const statusText = document.getElementById("live-text");
const lost = document.getElementById("live-lost");
const said = document.getElementById("live-said");
const pauseButton = document.getElementById("live-pause");

const TIMEOUT_MS = 10_000;
const STALE_MS = 15_000;
// Beside the stream, for what goes by without a change; a page of its own, which no other has made, half as often.
const SELDOM_MS = 90_000;
const SELDOM_ALONE_MS = 180_000;
const GAP_MS = 2000;
// A page of rows has its rows at once; its counts and its order every so many tellings, at the same one as all others.
const ROWS_GAP_MS = 6000;
const TOGETHER = 6;
const QUIET_MS = 12_000;
const PROMPT_MS = 600;
// Tellings come a second apart where there is much: after this there were no more for now.
const SETTLED_MS = 2500;
// Rows go first: they are what changed.
const ROWS_FIRST_MS = 400;
const SPREAD_MS = 3000;
// What was checked and came out as before.
const ROUTINE_MS = 8000;
const MOST_ROWS = 50;

const stream = new Stream(status?.dataset.events, status?.dataset.position ?? "", told);

let paused = false;

function ago(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s ago`;
  return seconds < 3600 ? `${Math.floor(seconds / 60)} min ago` : `${Math.floor(seconds / 3600)} h ago`;
}

function upTo(ms) {
  return Math.random() * ms;
}

function numberOf(position) {
  return Number(position.split("-")[1]);
}

// As of which telling an answer is: it may be newer than was asked for.
function numberAs(response, since) {
  return numberOf(response.headers.get("Kairos-Live") ?? since);
}

// --- one part ---------------------------------------------------------------------------------------

class Part {
  updatedAt = Date.now();
  wholeAt = 0;
  dueAt = Infinity;
  tag = "";
  // As of which telling the whole part is wanted, where that is not the last.
  wanted = "";
  trouble = "";
  timer = 0;
  rowsTimer = 0;
  settling = 0;
  underWay = null;
  isSeen = true;
  // Was to be fetched while nobody saw it.
  isOwed = false;
  // Rows that changed, and which telling told so.
  rows = new Map();
  // Rows that were brought up to date alone, and as of which telling.
  newer = new Map();

  constructor(element) {
    this.element = element;
    this.periodMs = 1000 * Number(element.dataset.refreshSeconds);
    this.seldomMs = element.dataset.rows ? SELDOM_MS : SELDOM_ALONE_MS;
    // Who chooses something else does not wait.
    element.addEventListener("live:now", () => this.refresh());
    element.addEventListener("click", (event) => {
      if (!event.target.closest?.("[data-again]")) return;
      this.trouble = "";
      this.refresh();
    });
  }

  get isThere() {
    return !("wanted" in this.element.dataset);
  }

  get topics() {
    return this.element.dataset.topics ?? "";
  }

  // --- what changed ---

  told(topics) {
    if (!topics || topics.includes("all")) {
      this.newer.clear();
      this.whole(upTo(1000));
      return;
    }
    let isCounted = false;
    for (const topic of topics) {
      const [kind, name] = topic.split(":");
      if (kind === "checked") this.whole(ROUTINE_MS * (1 + Math.random()));
      else if (!this.element.dataset.rows) this.whole(upTo(300));
      else if (kind !== "resource") isCounted = true;
      else if (document.getElementById(`image-${name}`)) this.rows.set(name, numberOf(stream.position));
    }
    if (isCounted) this.together();
    if (this.rows.size > MOST_ROWS) this.whole(upTo(300));
    else if (this.rows.size && !this.rowsTimer) this.rowsTimer = setTimeout(() => this.refreshRows(), upTo(300));
  }

  // Many pages show the same rows: they ask as of the same telling, so that the server makes the page once for all, and
  // not all at once. That is the first after a quiet time, then each sixth, and the last before it is quiet again.
  together() {
    clearTimeout(this.settling);
    const isQuiet = Date.now() - this.wholeAt > QUIET_MS;
    const isTurn = numberOf(stream.position) % TOGETHER === 0;
    if (isQuiet) this.joint(Date.now() + upTo(PROMPT_MS));
    else if (isTurn) this.joint(Date.now() + ROWS_FIRST_MS + upTo(SPREAD_MS));
    else this.settling = setTimeout(() => this.joint(this.soonest() + upTo(SPREAD_MS)), SETTLED_MS);
  }

  joint(at) {
    this.wanted = stream.position;
    this.plan(at);
  }

  soonest() {
    return Math.max(Date.now(), this.wholeAt + (this.element.dataset.rows ? ROWS_GAP_MS : GAP_MS));
  }

  whole(wait) {
    this.wanted = "";
    this.plan(this.soonest() + wait);
  }

  // Has the whole fragment fetched then, unless it is sooner anyway.
  plan(at) {
    if (paused || document.hidden || at >= this.dueAt) return;
    this.dueAt = at;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.refresh(), at - Date.now());
  }

  schedule() {
    this.dueAt = Infinity;
    // What could not be had is tried again soon.
    const isSeldom = stream.isHeard && this.isThere && !this.trouble;
    this.plan(Date.now() + (isSeldom ? this.seldomMs * (0.75 + upTo(0.5)) : this.periodMs));
  }

  rest() {
    clearTimeout(this.timer);
    clearTimeout(this.rowsTimer);
    clearTimeout(this.settling);
    this.rowsTimer = 0;
    this.dueAt = Infinity;
  }

  // What is far from being seen waits until it comes near: of most pages that are open somebody looks at the head.
  see(isSeen) {
    this.isSeen = isSeen;
    if (isSeen && this.isOwed && !paused && !document.hidden) this.refresh();
  }

  // --- fetching ---

  async refresh() {
    clearTimeout(this.timer);
    this.dueAt = Infinity;
    this.isOwed = !this.isSeen && this.isThere && stream.isHeard;
    if (this.isOwed) return;
    this.underWay?.abort("superseded");
    const mine = new AbortController();
    this.underWay = mine;
    this.wholeAt = Date.now();
    const since = this.wanted || stream.position;
    this.wanted = "";
    if (since === stream.position) this.rows.clear();
    // What is tried again by itself takes no button away from under a finger.
    if (!this.trouble) this.tellPlace("asked");
    const giveUp = setTimeout(() => mine.abort(), TIMEOUT_MS);
    try {
      const known = this.tag ? { "If-None-Match": this.tag } : {};
      const response = await ask(this.element.dataset.live, mine.signal, known, since);
      if (response.status !== 304) {
        const fragment = await treeOf(response);
        if (!fragment || fragment.id !== this.element.id) throw new Error("The server answered something else");
        this.tag = response.headers.get("ETag") ?? "";
        this.keepNewer(fragment, numberAs(response, since));
        this.show(fragment);
      }
      this.forgetRows(numberAs(response, since));
      this.updatedAt = Date.now();
      this.trouble = "";
    } catch (error) {
      if (mine.signal.reason === "superseded") return;
      const isAnswer = error instanceof Error && error.name === "Error";
      this.trouble = isAnswer ? error.message : "Connection lost";
      this.tellPlace("lost");
    } finally {
      clearTimeout(giveUp);
    }
    tell();
    if (this.dueAt === Infinity) this.schedule();
  }

  // A page that was made for all some seconds ago must not take back what a row has shown since.
  keepNewer(fragment, number) {
    for (const [id, shown] of this.newer) {
      const current = document.getElementById(`image-${id}`);
      if (shown > number && current) fragment.querySelector(`#image-${id}`)?.replaceWith(current.cloneNode(true));
      else this.newer.delete(id);
    }
  }

  // What was told of a row by then is shown.
  forgetRows(number) {
    for (const [id, told] of this.rows) if (told <= number) this.rows.delete(id);
  }

  async refreshRows() {
    this.rowsTimer = 0;
    if (!this.rows.size || paused || document.hidden) return;
    const asked = [...this.rows.keys()];
    const since = stream.position;
    this.rows.clear();
    try {
      const joint = this.element.dataset.rows.includes("?") ? "&" : "?";
      const url = `${this.element.dataset.rows}${joint}ids=${asked.join(",")}`;
      const response = await ask(url, AbortSignal.timeout(TIMEOUT_MS), {}, since);
      const number = numberAs(response, since);
      const table = await treeOf(response);
      for (const id of asked) {
        const old = document.getElementById(`image-${id}`);
        const fresh = table?.querySelector(`#image-${id}`);
        if (old && fresh) {
          morph(old, fresh);
          this.newer.set(id, number);
        } else {
          this.whole(upTo(400));
        }
      }
      // What is shown is not that of the tag any more.
      this.tag = "";
      this.updatedAt = Date.now();
      tell();
    } catch {
      this.whole(upTo(400));
    }
  }

  // --- showing ---

  show(fragment) {
    const isFirst = !this.isThere;
    morph(this.element, fragment);
    if (this.element.dataset.title) document.title = this.element.dataset.title;
    listen();
    if (isFirst) this.reach();
  }

  // Whoever came for something in here has waited for it: going there once more finds it.
  reach() {
    const target = document.getElementById(location.hash.slice(1));
    if (target && this.element.contains(target)) location.replace(location.hash);
  }

  // Where this part is not there yet, what is said in its place.
  tellPlace(state) {
    if (this.isThere) return;
    for (const line of this.element.querySelectorAll("[data-when]")) line.hidden = line.dataset.when !== state;
    for (const line of this.element.querySelectorAll("[data-why]")) line.textContent = `${this.trouble}.`;
    this.element.setAttribute("aria-busy", String(state === "asked"));
  }
}

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

// --- all of them ------------------------------------------------------------------------------------

const parts = [...document.querySelectorAll("[data-live]")].map((element) => new Part(element));
const periodMs = Math.max(...parts.map((part) => part.periodMs));

function told(topics) {
  for (const part of parts) {
    part.updatedAt = Math.max(part.updatedAt, stream.heardAt);
    part.told(topics);
  }
}

function listen() {
  stream.listenTo([...new Set(parts.flatMap((part) => part.topics.split(" ")))].filter(Boolean).join(" "));
}

function rest() {
  for (const part of parts) part.rest();
  stream.close();
}

function wake() {
  listen();
  for (const part of parts) part.refresh();
}

function tell() {
  // Of what is not there yet its place tells.
  const shown = parts.filter((part) => part.isThere);
  const isHeard = stream.isHeard;
  const oldest = Math.min(...shown.map((part) => part.updatedAt));
  const age = Date.now() - (isHeard ? Math.max(oldest, stream.heardAt) : oldest);
  const late = age > 3 * periodMs;
  const trouble = shown.find((part) => part.trouble)?.trouble ?? "";
  const state = trouble ? "lost" : paused ? "paused" : age > STALE_MS ? "stale" : late && !isHeard ? "late" : "live";
  status.dataset.state = state;
  status.title = isHeard ? "Changes are told as they come." : `Asked for every ${periodMs / 1000} s.`;
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
  for (const part of shown) {
    part.element.classList.toggle("is-outdated", Boolean(part.trouble || part.isOwed || state === "stale"));
  }
}

let wasHeard = false;

function look() {
  if (document.hidden) return;
  stream.look();
  // Without the stream pages poll, from that moment on.
  if (wasHeard && !stream.isHeard) for (const part of parts) part.plan(Date.now() + upTo(part.periodMs));
  wasHeard = stream.isHeard;
  tell();
}

if (parts.length) {
  status.hidden = false;
  pauseButton.hidden = false;
  pauseButton.addEventListener("click", () => {
    paused = !paused;
    pauseButton.setAttribute("aria-pressed", String(paused));
    if (paused) rest();
    else wake();
    tell();
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) rest();
    else if (!paused) wake();
  });
  // A page that the browser keeps for the way back must not keep its stream.
  window.addEventListener("pagehide", rest);
  window.addEventListener("pageshow", (event) => event.persisted && !paused && wake());
  setInterval(look, 1000);
  tell();
  listen();
  for (const part of parts) {
    if (part.isThere) {
      part.schedule();
      continue;
    }
    part.tellPlace("asked");
    // Near is a window's height.
    const near = new IntersectionObserver((seen) => part.see(seen.at(-1).isIntersecting), { rootMargin: "100% 0px" });
    near.observe(part.element);
    // Not before the rest is painted. A page that is hidden asks when it is looked at.
    requestAnimationFrame(() => setTimeout(() => part.wholeAt || part.refresh()));
  }
}
