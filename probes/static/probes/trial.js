// Tests a resource from its page and shows the results in place. Without this script the button leads to the run.
"use strict";

const PART = { "X-Kairos-Part": "1" };
const LOST_MS = 5000;
const TYPED = ["reference", "platforms", "depth", "credential", "regions"];

function tellAt(place, text) {
  const line = document.createElement("p");
  line.className = "kairos-refused";
  line.textContent = text;
  place.replaceChildren(line);
}

function wired(form) {
  const place = document.getElementById("kairos-trial-result");
  const button = form.querySelector("button");
  let turn = 0; // of the last order: whatever is heard of one before is not shown any more

  const look = async (mine, address) => {
    try {
      const reply = await fetch(address, { headers: PART, credentials: "same-origin", redirect: "error" });
      if (mine === turn && reply.ok) {
        show(mine, await reply.text());
        return;
      }
      if (mine === turn && reply.status === 404) {
        tellAt(place, "The test is not there any more.");
        return;
      }
    } catch {
      // The server is away for a moment. The run goes on.
    }
    if (mine === turn) setTimeout(look, LOST_MS, mine, address);
  };

  const show = (mine, html) => {
    place.innerHTML = html;
    const { address, againMs } = place.firstElementChild.dataset;
    if (againMs) setTimeout(look, Number(againMs), mine, address);
  };

  const body = () => {
    const sent = new FormData(form);
    const typed = form.dataset.of && document.getElementById(form.dataset.of);
    if (typed) {
      const values = new FormData(typed);
      for (const name of TYPED) for (const value of values.getAll(name)) sent.append(name, value);
    }
    return sent;
  };

  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const mine = (turn += 1);
    button.disabled = true;
    place.setAttribute("aria-busy", "true");
    try {
      const reply = await fetch(form.action, { method: "POST", body: body(), headers: PART, credentials: "same-origin", redirect: "error" });
      if (reply.ok || [400, 429, 503].includes(reply.status)) {
        show(mine, await reply.text());
      } else {
        tellAt(place, `Nothing was tested: the server answered ${reply.status}. Load the page again.`);
      }
    } catch {
      tellAt(place, "Nothing was tested: the server does not answer, or your login has ended.");
    }
    place.removeAttribute("aria-busy");
    button.disabled = false;
  });
}

document.addEventListener("DOMContentLoaded", () => {
  const form = document.getElementById("kairos-trial");
  if (form) {
    wired(form);
  }
});
