// Turns one tree into another node by node, so that whatever stays the same also stays in place: focus, selection,
// scroll position, opened details. What a script added to it is gone then: it hears `live:shown`, and adds it again.

// What the reader did to the page; the server knows nothing of it.
const READERS_OWN = new Set(["open"]);

function keyOf(node) {
  return node.nodeType === Node.ELEMENT_NODE ? node.id : "";
}

function matches(old, fresh) {
  return old.nodeName === fresh.nodeName && keyOf(old) === keyOf(fresh);
}

function announceChange(element) {
  element.classList.add("has-changed");
  element.addEventListener("animationend", () => element.classList.remove("has-changed"), { once: true });
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

function turn(old, fresh) {
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
      turn(same, wanted);
    } else if (here && matches(here, wanted)) {
      turn(here, wanted);
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

export function morph(old, fresh) {
  const focused = document.activeElement;
  turn(old, document.adoptNode(fresh));
  // What moved to another place took the focus with it, and the browser let go of it.
  if (focused?.isConnected && focused !== document.activeElement) focused.focus({ preventScroll: true });
  document.dispatchEvent(new Event("live:shown"));
}
