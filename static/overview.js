// @ts-check
// Keeps the overview fresh: at every event of the project the fragment is fetched again, once a second at most,
// and not while nobody looks.

import { localTimes } from "./theme.js";

const LEAST_MS = 1000;
const fragment = /** @type {HTMLElement} */ (document.querySelector("[data-live-fragment]"));
const { from = "", events = "" } = fragment.dataset;
/** @type {EventSource | null} */
let source = null;
let last = 0;
let isWanted = false;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;

function soon() {
  isWanted = true;
  clearTimeout(timer);
  if (document.visibilityState !== "visible") return;
  timer = setTimeout(refresh, Math.max(0, last + LEAST_MS - Date.now()));
}

async function refresh() {
  isWanted = false;
  last = Date.now();
  const response = await fetch(from).catch(() => null);
  if (!response?.ok) return;
  const html = await response.text();
  if (fragment.contains(document.activeElement)) return soonAfterFocus();
  const open = [...fragment.querySelectorAll("details")].map((one) => one.open);
  // Our own server's page, made by an escaping template; parsed without running anything.
  fragment.replaceChildren(...new DOMParser().parseFromString(html, "text/html").body.childNodes);
  [...fragment.querySelectorAll("details")].forEach((one, number) => (one.open = open[number] ?? false));
  localTimes(fragment);
}

/** Somebody reads or operates it: wait until they have left. */
function soonAfterFocus() {
  fragment.addEventListener("focusout", soon, { once: true });
}

function listen() {
  if (document.visibilityState === "visible") {
    if (!source) {
      source = new EventSource(events);
      source.addEventListener("progress", soon);
    }
    if (isWanted || last) soon();
  } else {
    source?.close();
    source = null;
    isWanted = true;
  }
}

document.addEventListener("visibilitychange", listen);
listen();
