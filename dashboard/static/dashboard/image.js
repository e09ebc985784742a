// What an image's page does besides keeping current: it copies commands, and follows a check that was ordered.
//
// Without this file a command is copied by selecting it, and the page reloads itself to tell how far the check is.

const MOST_FAILURES = 5;

function showButtons(root) {
  for (const button of root.querySelectorAll("[data-copy][hidden]")) button.hidden = false;
}

async function copy(button) {
  const source = document.getElementById(button.dataset.copy);
  if (!source) return;
  try {
    await navigator.clipboard.writeText(source.textContent);
  } catch {
    // Not allowed, or not over HTTPS: selected, it takes one key.
    getSelection().selectAllChildren(source);
    source.focus();
    return;
  }
  button.textContent = "Copied";
  setTimeout(() => (button.textContent = "Copy"), 2000);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-copy]");
  if (button) copy(button);
});

// The live part brings its buttons anew, hidden as the server writes them.
new MutationObserver(() => showButtons(document)).observe(document.body, {
  subtree: true,
  attributes: true,
  attributeFilter: ["hidden"],
  childList: true,
});
showButtons(document);

async function follow(failures = 0) {
  const panel = document.querySelector("#run[data-run]");
  if (!panel || failures > MOST_FAILURES) return;
  await new Promise((resolve) => setTimeout(resolve, Number(panel.dataset.againMs) || 1000));
  let failed = failures + 1;
  try {
    const answer = await fetch(panel.dataset.run, { cache: "no-store", credentials: "same-origin", redirect: "error" });
    if (answer.ok) {
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.getElementById("run");
      if (fresh) panel.replaceWith(document.adoptNode(fresh));
      failed = 0;
    }
  } catch {
    // The next look tells.
  }
  follow(failed);
}
follow();
