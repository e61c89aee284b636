// @ts-check
// A row of a table as a card: names and values side by side, one below the other on a phone.

import { t } from "../words.js";
import * as text from "./text.js";

const LONG = 400; // characters from which on a value is folded
const isOfTwo = /** @type {HTMLElement} */ (document.querySelector("[data-label-page]")).dataset.widgetName === "pairs";
// A whole value that is an address, of a host and without a name before it: what people see is where it leads.
const SAFE = /^https?:\/\/[^\s@/\\]+(?:[/?#]\S*)?$/i;

/** @param {any} content @returns {HTMLElement} */
export function draw(content) {
  const list = document.createElement("dl");
  for (const [name, value] of Object.entries(content.columns ?? content)) {
    const [term, detail] = [document.createElement("dt"), document.createElement("dd")];
    term.textContent = name;
    detail.dir = "auto";
    fill(detail, value);
    list.append(term, detail);
  }
  return list;
}

/** Words for the live region, and for lists. @param {any} content */
export function spoken(content) {
  return Object.entries(content.columns ?? content).slice(0, 6).map(([name, value]) => `${name}: ${value}`).join(", ");
}

/** @param {HTMLElement} cell @param {unknown} value */
function fill(cell, value) {
  const said = String(value);
  if (value === null || value === "") {
    const nothing = document.createElement("span");
    nothing.className = "nothing";
    nothing.textContent = t("empty_cell");
    cell.append(nothing);
  } else if (SAFE.test(said)) {
    const link = document.createElement("a");
    link.href = link.textContent = said;
    link.target = "_blank";
    link.rel = "noopener noreferrer nofollow";
    cell.append(link);
  } else if (said.length > LONG && !isOfTwo) {
    fold(cell, said);
  } else {
    cell.textContent = said;
    cell.classList.toggle("digits", typeof value === "number");
  }
}

/** @param {HTMLElement} cell @param {string} said */
function fold(cell, said) {
  const [part, button] = [document.createElement("div"), document.createElement("button")];
  part.className = "part folded";
  part.textContent = said;
  button.type = "button";
  button.className = "quiet-button unfold";
  button.addEventListener("click", () => show(!part.classList.toggle("folded")));
  const show = (/** @type {boolean} */ isOpen) => {
    button.textContent = t(isOpen ? "less" : "more");
    button.setAttribute("aria-expanded", String(isOpen));
  };
  show(false);
  cell.append(part, button);
}

export const mount = text.mount; // the same search
