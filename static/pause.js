// @ts-check
// A pause is suggested: beside the item, told politely, never in the way of a key.

import { look } from "./panels.js";
import { prefer } from "./preferences.js";
import { t } from "./words.js";

const place = /** @type {HTMLElement} */ (document.querySelector("[data-pause]"));

/** @param {number} minutes without a pause */
export async function suggest(minutes) {
  await look("beside.css");
  const words = document.createElement("p");
  words.textContent = t("pause_said", { n: minutes });
  place.replaceChildren(words, buttonOf("pause_fine", () => {}), buttonOf("pause_never", () => prefer("pause", "off")));
}

/** @param {string} label @param {() => void} act */
function buttonOf(label, act) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "quiet-button";
  button.textContent = t(label);
  button.addEventListener("click", () => {
    act();
    place.replaceChildren();
    document.querySelector(/** @type {any} */ (".stage"))?.focus({ preventScroll: true }); // the button is gone
  });
  return button;
}
