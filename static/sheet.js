// @ts-check
// What the person sees of the loop: the item on its sheet, why there is none, the tally, and quiet notes.

import { shown, spoken } from "./content.js";
import { whyOf } from "./reasons.js";
import { number, t } from "./words.js";

const at = (/** @type {string} */ name) => /** @type {HTMLElement} */ (document.querySelector(`[data-${name}]`));
const [sheet, item, why, rest, restReason, host, skipMenu, waiting, live] =
  ["sheet", "item", "why", "rest", "rest-reason", "widget-host", "skip", "waiting", "live"].map(at);
const stage = /** @type {HTMLElement} */ (document.querySelector(".stage"));
const thread = /** @type {HTMLProgressElement} */ (document.querySelector(".thread"));
const isStill = matchMedia("(prefers-reduced-motion: reduce)");

/**
 * Show an item that has been drawn already.
 * @param {import("./hand.js").Claim} claim @param {boolean} isBack it was answered before
 */
export function showItem(claim, isBack) {
  offerHelp(claim);
  host.classList.remove("pending");
  item.replaceChildren(/** @type {HTMLElement} */ (claim.node));
  why.textContent = whyOf(claim);
  /** @type {HTMLElement} */ (why.parentElement).classList.toggle("visually-hidden", !why.textContent);
  showRest(null);
  shown(/** @type {HTMLElement} */ (claim.node));
  stage.scrollTop = 0;
  // Motion without fading: the item must be readable in its first frame.
  if (!isStill.matches) item.animate([{ transform: "translateY(4px)" }, { transform: "none" }], { duration: 110, easing: "ease-out" });
  live.textContent = t(isBack ? "back_again" : "next_item", { said: spoken(claim.item.content) });
}

/** What moved the model to a suggestion can be asked where there is one; what was told of another item goes. @param {import("./hand.js").Claim} claim */
function offerHelp({ suggestion }) {
  const opener = /** @type {HTMLElement} */ (document.querySelector("[data-do=moved]"));
  opener.hidden = !suggestion;
  if (at("moved").hidden) return;
  at("moved").hidden = true;
  opener.setAttribute("aria-expanded", "false");
  for (const veil of document.querySelectorAll(".veil")) veil.remove();
}

/** No item is at hand yet: what is there can no longer be answered. @param {boolean} [isBlank] show nothing */
export function showPending(isBlank = false) {
  host.classList.add("pending");
  if (isBlank) item.replaceChildren();
}

/** Say why there is nothing, or (null) make place for the item. @param {string | null} reason */
export function showRest(reason) {
  const isResting = reason !== null;
  if (rest.hidden === !isResting && (!isResting || restReason.textContent === reason)) return;
  rest.hidden = !isResting;
  sheet.hidden = host.hidden = skipMenu.hidden = at("retry").hidden = isResting;
  at("retry").hidden = !isResting;
  at("dock").hidden = false; // what was answered can still be undone, and notes are read there
  if (isResting) restReason.textContent = live.textContent = reason;
}

/** @param {...(string | Node)} parts */
export function say(...parts) {
  waiting.replaceChildren(...parts);
}

/** @param {string} text @param {string} address */
export function linkAside(text, address) {
  const link = document.createElement("a");
  link.href = address;
  link.target = "_blank";
  link.textContent = text;
  return link;
}

/** Move the tallies. @param {number} by */
export function count(by) {
  for (const name of ["today", "labelled"]) {
    const place = at(name);
    const value = Math.max(0, Number(place.dataset[name]) + by);
    place.dataset[name] = String(value);
    place.textContent = number(value);
  }
  thread.value = Number(at("labelled").dataset.labelled);
}
