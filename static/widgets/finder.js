// @ts-check
// Finding one of many classes by name, the likely ones first.

import { declare, keysOf, written } from "../keys.js";
import { t } from "../words.js";

const FIRST = 5; // of those used last

/** @typedef {{clear: () => void, used: (one: HTMLElement) => void, order: (suggested: string[]) => void}} Finder */

/**
 * A box that narrows them; Enter takes the first, Escape leaves. What the model suggests and what was used last stand in
 * front.
 * @param {HTMLElement} host @param {HTMLElement[]} classes @param {(one: HTMLElement) => void} take
 * @returns {Finder}
 */
export function addFinder(host, classes, take) {
  const action = { name: "find", keys: ["/"], label: "key_find", act: () => input.focus() };
  declare(action);
  const input = document.createElement("input");
  input.type = "search";
  input.className = "find";
  input.placeholder = [t("find"), ...keysOf(action).map(written)].join("  ");
  input.setAttribute("aria-label", t("find"));
  host.prepend(input);
  const list = /** @type {HTMLElement} */ (classes[0].parentElement);
  const nameOf = (/** @type {HTMLElement} */ one) => (one.dataset.class ?? "").toLocaleLowerCase();
  /** @type {HTMLElement[]} */
  let recent = [];

  /** Those that hold every word that is typed; where a word begins counts for more than its middle. */
  function matches() {
    const typed = input.value.trim().toLocaleLowerCase().split(/\s+/).filter(Boolean);
    const holding = [...list.children].filter((one) => typed.every((word) => nameOf(/** @type {HTMLElement} */ (one)).includes(word)));
    const begins = (/** @type {Element} */ one) => typed.every((word) => ` ${nameOf(/** @type {HTMLElement} */ (one))}`.includes(` ${word}`));
    return /** @type {HTMLElement[]} */ ([...holding.filter(begins), ...holding.filter((one) => !begins(one))]);
  }
  const narrow = () => {
    const found = new Set(matches());
    for (const one of classes) one.hidden = !found.has(one);
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
    const [first] = matches();
    if (first && input.value.trim()) {
      clear();
      take(first);
    }
  });
  return {
    clear,
    /** @param {HTMLElement} one */
    used(one) {
      recent = [one, ...recent.filter((each) => each !== one)].slice(0, FIRST);
    },
    /** The suggested ones, the ones used last, then all in their order. @param {string[]} suggested */
    order(suggested) {
      const front = new Set([...classes.filter((one) => suggested.includes(one.dataset.class ?? "")), ...recent]);
      const wanted = [...front, ...classes.filter((one) => !front.has(one))];
      if (wanted.some((one, place) => list.children[place] !== one)) list.append(...wanted);
      list.scrollTop = 0;
    },
  };
}
