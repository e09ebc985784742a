// Makes choosing feel instant, and tells more of a cell where the pointer or the focus is.
//
// Without this file the form is sent by its button, and the title of a cell tells the same.

const root = document.getElementById("overview");
const TYPING_MS = 250;

// --- choosing ---------------------------------------------------------------------------------------

let typing = 0;

// The address without what is usual, so that it is the one that links have; what is empty is dropped by frame.js.
function addressOf(form) {
  const usual = { sort: "worst", by: "group" };
  const said = [...new FormData(form)].filter(([name, value]) => value !== usual[name]);
  const query = new URLSearchParams(said).toString();
  return form.getAttribute("action") + (query ? `?${query}` : "");
}

function show(address, way = "pushState") {
  if (way) history[way](null, "", address);
  const live = new URL(root.dataset.live, location.href);
  live.search = new URL(address, location.href).search;
  root.dataset.live = live.pathname + live.search;
  root.dispatchEvent(new CustomEvent("live:now"));
}

function choose(way) {
  clearTimeout(typing);
  const form = document.getElementById("filters");
  if (form) show(addressOf(form), way);
}

if (root) {
  root.addEventListener("change", (event) => event.target.closest("#filters select") && choose());
  root.addEventListener("input", (event) => {
    if (!event.target.closest("#filters input")) return;
    clearTimeout(typing);
    // One word is one step back, not one for each letter.
    typing = setTimeout(() => choose("replaceState"), TYPING_MS);
  });
  root.addEventListener("submit", (event) => {
    if (event.target.id !== "filters") return;
    event.preventDefault();
    choose();
  });
  root.addEventListener("click", (event) => {
    const isPlain = event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
    const link = event.target.closest?.("a[href]");
    if (!isPlain || !link || new URL(link.href).pathname !== location.pathname) return;
    if (new URL(link.href).hash) return;
    event.preventDefault();
    show(link.getAttribute("href"));
    fill(new URL(link.href).searchParams);
    if (link.closest(".pages, .section-name")) document.getElementById("images")?.scrollIntoView();
  });
  addEventListener("popstate", () => {
    show(location.pathname + location.search, "");
    fill(new URLSearchParams(location.search));
  });
}

// What was typed stays typed when the page is renewed; where a link chose, the form says what that chose.
function fill(said) {
  const form = document.getElementById("filters");
  for (const field of form?.elements ?? []) {
    if (!field.name || field.type === "hidden") continue;
    const usual = field.tagName === "SELECT" ? field.options[0]?.value ?? "" : "";
    const value = said.get(field.name) ?? ({ sort: "worst", by: "group" }[field.name] ?? usual);
    if (field.value !== value) field.value = value;
    // What is chosen is not folded away.
    if (value) field.closest("details")?.setAttribute("open", "");
  }
}

// --- the card of a cell -----------------------------------------------------------------------------

let card = null;
let told = null;

function tell(link) {
  if (told === link) return;
  hush();
  const lines = (link.title || "").split("\n").filter(Boolean);
  if (!lines.length) return;
  card ??= document.body.appendChild(Object.assign(document.createElement("div"), { id: "cell-card", role: "tooltip" }));
  card.className = `cell-card ${link.parentElement.className}`;
  const where = document.getElementById(`column-${link.hash.replace("#from-", "")}`);
  const heading = document.createElement("b");
  heading.textContent = [
    link.closest("tr").querySelector(".image-name").textContent,
    where?.querySelector(".head-name").textContent ?? "",
  ].filter(Boolean).join(" from ");
  card.replaceChildren(heading, ...lines.map((line) => Object.assign(document.createElement("p"), { textContent: line })));
  link.dataset.title = link.title;
  link.removeAttribute("title");
  link.setAttribute("aria-describedby", "cell-card");
  told = link;
  card.hidden = false;
  place(link.parentElement.getBoundingClientRect());
}

function place(cell) {
  const { width, height } = card.getBoundingClientRect();
  const left = Math.max(8, Math.min(cell.left, document.documentElement.clientWidth - width - 8));
  const isBelow = cell.bottom + height + 8 < innerHeight || cell.top < height + 8;
  card.style.left = `${left + scrollX}px`;
  card.style.top = `${(isBelow ? cell.bottom + 4 : cell.top - height - 4) + scrollY}px`;
}

function hush() {
  if (!told) return;
  if (told.dataset.title && !told.title) told.title = told.dataset.title;
  delete told.dataset.title;
  told.removeAttribute("aria-describedby");
  told = null;
  if (card) card.hidden = true;
}

if (root) {
  const cellOf = (event) => event.target.closest?.(".cell > a");
  root.addEventListener("pointerover", (event) => (cellOf(event) ? tell(cellOf(event)) : hush()));
  root.addEventListener("pointerleave", hush);
  root.addEventListener("focusin", (event) => (cellOf(event)?.matches(":focus-visible") ? tell(cellOf(event)) : hush()));
  root.addEventListener("focusout", hush);
  // A row that was renewed has its title again: the card is shown of that.
  document.addEventListener("live:shown", () => {
    const link = told;
    told = null;
    if (link?.isConnected) tell(link);
    else if (card) card.hidden = true;
  });
  // What the focus goes to scrolls into view: its card goes along.
  addEventListener("scroll", () => {
    if (told?.matches(":focus-visible")) place(told.parentElement.getBoundingClientRect());
    else hush();
  }, { capture: true, passive: true });
  addEventListener("keydown", (event) => event.key === "Escape" && hush());
}
