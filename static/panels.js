// @ts-check
// What opens beside the item or over it. Its looks and its code come when it is first wanted.

import { say } from "./sheet.js";
import { t } from "./words.js";

/** @type {Map<string, Promise<void>>} */
const looks = new Map();

/** Load a stylesheet once. @param {string} name in the folder of this file @returns {Promise<void>} */
export function look(name) {
  const known = looks.get(name);
  if (known) return known;
  const link = document.createElement("link");
  const coming = new Promise((/** @type {(value: void) => void} */ done, fail) => {
    link.onload = () => done();
    link.onerror = () => {
      link.remove();
      looks.delete(name); // another try may have a network
      fail(new Error(name));
    };
  });
  link.rel = "stylesheet";
  link.href = new URL(name, import.meta.url).href;
  document.head.append(link);
  looks.set(name, coming);
  return coming;
}

/** Do what needs a part that may not be here yet; without a network it is said. @param {() => Promise<any>} act */
export async function wanted(act) {
  try {
    await Promise.all([look("beside.css"), look("prose.css")]);
    await act();
  } catch {
    say(t("part_away"));
  }
}

/** The same, of help in place. @param {() => Promise<any>} act */
export const helped = (act) => wanted(async () => {
  await look("help.css");
  await act();
});

/** A panel beside the item, which stays as it was left. @param {string} name @param {() => any} [opened] @returns {() => void} toggles it */
export function panelOf(name, opened) {
  const KEY = `marginalia.${name}`;
  const panel = /** @type {HTMLElement} */ (document.querySelector(`[data-${name}]`));
  const opener = /** @type {HTMLElement} */ (document.querySelector(`.top [data-do=${name}]`));
  /** @param {boolean} open */
  const set = (open) => {
    panel.hidden = !open;
    opener.setAttribute("aria-expanded", String(open));
  };
  const open = (isAsked = true) => wanted(async () => {
    await opened?.();
    for (const other of document.querySelectorAll("aside:not([hidden]) [data-do]")) if (!panel.contains(other)) /** @type {HTMLElement} */ (other).click();
    set(true);
    if (isAsked) /** @type {HTMLElement | null} */ (panel.querySelector("[data-mine-list] button"))?.focus({ preventScroll: true });
  });
  try {
    if (localStorage.getItem(KEY) === "open" && matchMedia("(min-width: 64rem)").matches) void open(false);
  } catch {
    // Not remembered, then.
  }
  return () => {
    const opens = panel.hidden;
    if (opens) void open();
    else set(false);
    try {
      localStorage.setItem(KEY, opens ? "open" : "closed");
    } catch {
      // Not remembered, then.
    }
  };
}
