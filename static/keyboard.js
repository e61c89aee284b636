// @ts-check
// Keys and buttons: which key does what, and when a key belongs to something else.

import { isTyping } from "./desk.js";

const stage = /** @type {HTMLElement} */ (document.querySelector(".stage"));
const skipMenu = /** @type {HTMLDetailsElement} */ (document.querySelector("[data-skip]"));
const skips = /** @type {HTMLButtonElement[]} */ ([...skipMenu.querySelectorAll(".skip-menu button")]);

/** @type {Record<string, () => void>} */
const scrolling = {
  " ": () => stage.scrollBy({ top: stage.clientHeight * 0.8 }),
  ArrowDown: () => stage.scrollBy({ top: 60 }),
  ArrowUp: () => stage.scrollBy({ top: -60 }),
};

/** @type {Record<string, string>} */
const KEYS = {
  u: "undo", Backspace: "undo", s: "skip", g: "guide", "?": "keys", m: "mine", x: "unsure", c: "comment", Escape: "keep", f: "focus",
};

/**
 * @param {Record<string, (event?: Event) => void>} acts what the page can do, by name
 * @param {(event: KeyboardEvent) => boolean} widgetKey whether the widget took the key
 * @param {(reason: string) => void} skip
 */
export function listen(acts, widgetKey, skip) {
  const all = { ...acts, skip: () => (skipMenu.open = true) };
  document.addEventListener("keydown", (event) => pressed(event, all, widgetKey, skip));
  for (const button of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-do]"))) {
    const act = acts[button.dataset.do ?? ""];
    button.hidden = !act;
    button.addEventListener("click", (event) => {
      event.preventDefault();
      act?.(event);
    });
  }
  for (const button of skips) {
    button.addEventListener("click", (event) => {
      event.preventDefault();
      leave(button.value, skip);
    });
  }
}

/** @param {string} reason @param {(reason: string) => void} skip */
function leave(reason, skip) {
  skipMenu.open = false;
  skip(reason);
}

/** @param {KeyboardEvent} event @param {(reason: string) => void} skip */
function skipMenuKey(event, skip) {
  const chosen = skips[Number(event.key) - 1];
  if (event.key === "Escape") skipMenu.open = false;
  else if (chosen) leave(chosen.value, skip);
  else return event.key !== "Tab" && event.key !== "Enter" && event.key !== " ";
  return true;
}

/**
 * @param {KeyboardEvent} event @param {Record<string, () => void>} acts
 * @param {(event: KeyboardEvent) => boolean} widgetKey @param {(reason: string) => void} skip
 */
function pressed(event, acts, widgetKey, skip) {
  if (isTyping(event) || event.altKey || event.metaKey) return;
  if (event.ctrlKey) {
    if (event.key !== "z") return;
    event.preventDefault();
    acts.undo();
    return;
  }
  // Enter and Space belong to a focused control; a held key must not answer thirty items.
  const onControl = /** @type {HTMLElement} */ (event.target).closest("button, summary, a, input");
  if (onControl && (event.key === " " || (event.key === "Enter" && !onControl.matches("input")))) return;
  const scrolls = event.key in scrolling;
  if (event.repeat && !scrolls && !event.key.startsWith("Arrow")) return;
  if (skipMenu.open ? skipMenuKey(event, skip) : widgetKey(event)) {
    event.preventDefault();
    return;
  }
  const act = scrolling[event.key] ?? acts[KEYS[event.key] ?? KEYS[event.key.toLowerCase()]];
  if (!act || (onControl && scrolls)) return;
  event.preventDefault();
  act();
}
