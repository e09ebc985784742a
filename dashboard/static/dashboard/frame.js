// The frame of every page: menus that close, a theme that changes without a reload, and forms that write into the
// address what was chosen. All of it works without.

const form = document.getElementById("theme");
const scheme = document.querySelector('meta[name="color-scheme"]');

form?.addEventListener("submit", (event) => {
  const chosen = event.submitter?.value;
  if (!chosen) return;
  event.preventDefault();
  document.documentElement.dataset.theme = chosen;
  if (scheme) scheme.content = chosen === "auto" ? "light dark" : chosen;
  for (const button of form.querySelectorAll("button")) {
    button.setAttribute("aria-pressed", String(button.value === chosen));
  }
  // The server keeps it: the next page comes in it.
  const body = new URLSearchParams({ theme: chosen });
  fetch(form.action, { method: "POST", body, credentials: "same-origin", redirect: "manual", keepalive: true });
});

// Of a form that is sent by its address, and of one that a script reads, what is empty says nothing.
document.addEventListener("formdata", ({ target, formData }) => {
  if (target.getAttribute("method")?.toLowerCase() === "post") return;
  for (const name of new Set(formData.keys())) {
    const said = formData.getAll(name).filter((value) => value.trim());
    formData.delete(name);
    for (const value of said) formData.append(name, value);
  }
});

const openMenus = () => document.querySelectorAll("details.menu[open]");

document.addEventListener("click", (event) => {
  for (const menu of openMenus()) if (!menu.contains(event.target)) menu.open = false;
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of openMenus()) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

// In a row that scrolls, the way to where one is stands in sight.
document.querySelector(".ways [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
