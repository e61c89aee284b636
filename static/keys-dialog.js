// @ts-check
// The list of keys, made from what the parts of the page have declared.

import { actions, keysOf, written } from "./keys.js";
import { t } from "./words.js";

const dialog = /** @type {HTMLDialogElement} */ (document.querySelector("[data-keys]"));
const list = /** @type {HTMLElement} */ (dialog.querySelector(".keys"));

const MOST = 4; // keys of a row; of more, as those of classes, the first and the last are shown

export function open() {
  list.replaceChildren(...[...actions.values()].flatMap(row));
  dialog.showModal();
}

/** @param {import("./keys.js").Action} one @returns {HTMLElement[]} */
function row(one) {
  const keys = keysOf(one);
  if (!keys.length) return [];
  const [said, shown] = [document.createElement("dt"), document.createElement("dd")];
  said.textContent = t(one.label);
  if (keys.length > MOST) shown.append(signOf(keys[0]), " … ", signOf(keys[keys.length - 1]));
  else shown.append(...keys.flatMap((key, place) => [place ? " " : "", signOf(key)]));
  return [said, shown];
}

/** @param {string} key */
export function signOf(key) {
  const made = document.createElement("kbd");
  made.textContent = written(key);
  return made;
}
