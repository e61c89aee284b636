// @ts-check
// Keys and buttons: whose a key is, and what it does.

import { actions, declare, holderOf, pressedKey } from "./keys.js";

const stage = /** @type {HTMLElement} */ (document.querySelector(".stage"));
const skipMenu = /** @type {HTMLDetailsElement} */ (document.querySelector("[data-skip]"));
const skips = /** @type {HTMLButtonElement[]} */ ([...skipMenu.querySelectorAll(".skip-menu button")]);
const scroll = (/** @type {number} */ top) => stage.scrollBy({ top });

export const openSkip = () => (skipMenu.open = true);

/**
 * @param {(event: KeyboardEvent) => boolean} widgetKey whether the widget took the key
 * @param {(reason: string) => void} skip
 */
export function listen(widgetKey, skip) {
  declare(
    { name: "page", keys: [" "], label: "key_page", act: () => scroll(stage.clientHeight * 0.8), isFixed: true, isScroll: true },
    { name: "down", keys: ["ArrowDown"], label: "key_down", act: () => scroll(60), isFixed: true, isScroll: true },
    { name: "up", keys: ["ArrowUp"], label: "key_up", act: () => scroll(-60), isFixed: true, isScroll: true },
  );
  document.addEventListener("keydown", (event) => pressed(event, widgetKey, skip));
  document.addEventListener("pointerdown", ({ target }) => {
    for (const menu of document.querySelectorAll("details.skip[open]")) if (!menu.contains(/** @type {Node} */ (target))) menu.removeAttribute("open");
  });
  document.addEventListener("click", (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    const reason = skips.find((one) => one.contains(target));
    const act = actions.get(/** @type {HTMLElement | null} */ (target.closest("[data-do]"))?.dataset.do ?? "")?.act;
    if (!reason && !act) return;
    event.preventDefault();
    if (reason) leave(reason.value, skip);
    else act?.(event);
  });
}

/** @param {string} reason @param {(reason: string) => void} skip */
function leave(reason, skip) {
  skipMenu.open = false;
  skip(reason);
}

/** @param {KeyboardEvent} event @param {(reason: string) => void} skip */
function skipMenuKey(event, skip) {
  const chosen = skips[Number(pressedKey(event)) - 1];
  if (event.key === "Escape") skipMenu.open = false;
  else if (chosen) leave(chosen.value, skip);
  else return event.key !== "Tab" && event.key !== "Enter" && event.key !== " ";
  return true;
}

/** Whether a key belongs to what has the focus, not to the page. @param {HTMLElement} target */
function isTyping(target) {
  if (target.closest("dialog[open]")) return true;
  if (target instanceof HTMLInputElement) return target.type !== "checkbox" && target.type !== "radio";
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement;
}

/** @param {KeyboardEvent} event @param {(event: KeyboardEvent) => boolean} widgetKey @param {(reason: string) => void} skip */
function pressed(event, widgetKey, skip) {
  const target = /** @type {HTMLElement} */ (event.target);
  if (event.defaultPrevented || isTyping(target) || event.altKey || event.metaKey) return;
  if (event.ctrlKey) {
    if (event.key !== "z") return;
    event.preventDefault();
    actions.get("undo")?.act?.();
    return;
  }
  // Enter and Space belong to a focused control; a held key must not answer thirty items.
  const onControl = target.closest("button, summary, a, input");
  if (onControl && (event.key === " " || (event.key === "Enter" && !onControl.matches("input")))) return;
  const found = holderOf(pressedKey(event), (one) => one.act !== undefined);
  if (event.repeat && !found?.isScroll && !event.key.startsWith("Arrow")) return;
  if (skipMenu.open ? skipMenuKey(event, skip) : widgetKey(event)) {
    event.preventDefault();
    return;
  }
  if (!found || (onControl && found.isScroll)) return;
  event.preventDefault();
  found.act?.(event);
}
