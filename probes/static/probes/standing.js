// Keeps the panel of a resource's page current. Without this script the page shows how things stood when it was made.
"use strict";

const EVERY_MS = 2000;

function watch(panel) {
  const refresh = async () => {
    try {
      if (!document.hidden) {
        const reply = await fetch(panel.dataset.address, { credentials: "same-origin", redirect: "error" });
        if (reply.ok) {
          panel.innerHTML = await reply.text();
        }
      }
    } catch {
      // The server is away, or the login has ended: what is shown stays, and its ages are those of then.
    }
    setTimeout(refresh, EVERY_MS);
  };
  setTimeout(refresh, EVERY_MS);
}

document.addEventListener("DOMContentLoaded", () => {
  const panel = document.getElementById("kairos-standing");
  if (panel) {
    watch(panel);
  }
});
