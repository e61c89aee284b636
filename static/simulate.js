// @ts-check
// Keeps a running simulation fresh: its part of the page is fetched again until it has ended, and not while nobody looks.

import { localTimes } from "./theme.js";

const EVERY_MS = 1500;
const place = /** @type {HTMLElement | null} */ (document.querySelector("[data-simulation]"));

function isOpen() {
  return place?.querySelector("[data-state]")?.getAttribute("data-state") === "open";
}

async function refresh() {
  if (!place || !isOpen()) return;
  if (document.visibilityState === "visible" && !place.contains(document.activeElement)) {
    const response = await fetch(place.dataset.from ?? "").catch(() => null);
    if (response?.ok) {
      const open = [...place.querySelectorAll("details")].map((one) => one.open);
      // Our own server's page, made by an escaping template; parsed without running anything.
      const found = new DOMParser().parseFromString(await response.text(), "text/html");
      place.replaceChildren(...found.body.childNodes);
      [...place.querySelectorAll("details")].forEach((one, number) => (one.open = open[number] ?? false));
      localTimes(place);
    }
  }
  setTimeout(refresh, EVERY_MS);
}

setTimeout(refresh, EVERY_MS);
