// @ts-check
// What the class widgets share: finding one of many classes by name.

import { t } from "../words.js";

/** @param {number} share */
export const percent = (share) => `${Math.round(100 * share)}\u00a0%`;

const MANY = 12;

/**
 * Where there are many classes, a box that narrows them; "/" goes there, Enter takes the first, Escape leaves.
 * @param {HTMLElement} host @param {HTMLElement[]} classes @param {(one: HTMLElement) => void} take
 */
export function addFinder(host, classes, take) {
  if (classes.length <= MANY) return { clear() {}, key: () => false };
  const input = document.createElement("input");
  input.type = "search";
  input.className = "find";
  input.placeholder = `${t("find")}  /`;
  input.setAttribute("aria-label", t("find"));
  host.prepend(input);

  const narrow = () => {
    const wanted = input.value.trim().toLowerCase();
    for (const one of classes) one.hidden = !(one.dataset.class ?? "").toLowerCase().includes(wanted);
  };
  const clear = () => {
    if (input.value) {
      input.value = "";
      narrow();
    }
    input.blur();
  };
  input.addEventListener("input", narrow);
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape") clear();
    if (event.key !== "Enter") return;
    event.preventDefault();
    const first = classes.find((one) => !one.hidden);
    if (first && input.value.trim()) {
      clear();
      take(first);
    }
  });
  return {
    clear,
    /** @param {KeyboardEvent} event */
    key(event) {
      if (event.key !== "/") return false;
      input.focus();
      return true;
    },
  };
}
