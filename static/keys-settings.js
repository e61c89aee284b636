// @ts-check
// Changing keys: press the new one; a key that means something already, here or to the browser, is refused in words.

import { actions, choose, chosen, holderOf, keysOf, pressedKey, written } from "./keys.js";
import { t } from "./words.js";

const dialog = /** @type {HTMLDialogElement} */ (document.querySelector("[data-settings]"));
const list = /** @type {HTMLElement} */ (dialog.querySelector("[data-key-list]"));
const said = /** @type {HTMLElement} */ (dialog.querySelector("[data-key-said]"));
const reset = /** @type {HTMLButtonElement} */ (dialog.querySelector("[data-key-reset]"));
const EDITING = ["Backspace", "Delete", "Insert"]; // of the keys with a name, these are free on a page

/** The action whose key is being pressed. @type {{name: string, button: HTMLButtonElement} | null} */
let waiting = null;

export function listKeys() {
  waiting = null;
  list.replaceChildren(...[...actions.values()].filter((one) => one.act && !one.isFixed).map(rowOf));
  reset.disabled = Object.keys(chosen).length === 0;
}

/** @param {import("./keys.js").Action} one */
function rowOf(one) {
  const row = document.createElement("li");
  const [name, button] = [document.createElement("span"), document.createElement("button")];
  const keys = keysOf(one).map(written).join(", ");
  name.textContent = t(one.label);
  button.type = "button";
  button.className = "button";
  button.dataset.keyFor = one.name;
  button.textContent = keys || t("key_none");
  button.setAttribute("aria-label", `${t(one.label)}: ${keys || t("key_none")}. ${t("key_change")}`);
  button.addEventListener("click", () => wait(one.name, button));
  row.append(name, button);
  return row;
}

/** @param {string} name @param {HTMLButtonElement} button */
function wait(name, button) {
  listKeys();
  waiting = { name, button: buttonFor(name) ?? button };
  waiting.button.textContent = t("key_press");
  waiting.button.classList.add("waits");
  waiting.button.focus();
  said.textContent = t("key_press_hint");
}

/** @param {string} name @returns {HTMLButtonElement | null} */
const buttonFor = (name) => list.querySelector(`[data-key-for="${name}"]`);

/** Why a key cannot be had, or nothing. @param {KeyboardEvent} event @param {string} name */
function objection(event, name) {
  const key = pressedKey(event);
  const isPlain = [...key].length === 1 && key !== " " && event.key !== "Dead" && !event.isComposing;
  if (event.ctrlKey || event.altKey || event.metaKey || !(isPlain || EDITING.includes(key))) return t("key_reserved", { key: written(event.key) });
  const holder = holderOf(key, (one) => one.name !== name);
  return holder && t("key_taken", { key: written(key), action: t(holder.label) });
}

/** @param {string} name the action whose button has the focus afterwards @param {string} told */
function done(name, told) {
  listKeys();
  buttonFor(name)?.focus();
  said.textContent = told;
}

dialog.addEventListener("keydown", (event) => {
  if (!waiting || ["Shift", "Control", "Alt", "Meta", "CapsLock", "AltGraph"].includes(event.key)) return;
  const { name } = waiting;
  if (event.key === "Tab") {
    listKeys();
    buttonFor(name)?.focus(); // from where Tab goes on
    said.textContent = "";
    return;
  }
  event.preventDefault();
  event.stopPropagation();
  if (event.key === "Escape") {
    done(name, "");
    return;
  }
  const wrong = objection(event, name);
  if (wrong) {
    said.textContent = wrong; // and another may be pressed
    return;
  }
  const key = pressedKey(event);
  choose(name, key);
  done(name, t("key_chosen", { key: written(key), action: t(actions.get(name)?.label ?? name) }));
}, true);
// Escape ends the choosing, not the dialog.
dialog.addEventListener("cancel", (event) => waiting && event.preventDefault());
reset.addEventListener("click", () => {
  for (const name of Object.keys(chosen)) choose(name, null);
  listKeys();
  said.textContent = t("keys_usual");
});
