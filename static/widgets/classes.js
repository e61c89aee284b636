// @ts-check
// What the class widgets share: their keys, shares in words, and a finder where they are many.

import { declare } from "../keys.js";

const MANY = 12;

/** @param {number} share */
export const percent = (share) => `${Math.round(100 * share)}\u00a0%`;

/** Their keys, for the list of keys. @param {HTMLElement[]} classes @param {string} label */
export function declareClasses(classes, label) {
  declare({ name: "answer", keys: classes.flatMap((one) => one.dataset.key ?? []), label, isFixed: true });
}

/**
 * Where there are many classes, a box to find one of them by name; else what does nothing.
 * @param {HTMLElement} host @param {HTMLElement[]} classes @param {(one: HTMLElement) => void} take
 * @returns {Promise<import("./finder.js").Finder>}
 */
export async function finderOf(host, classes, take) {
  if (classes.length <= MANY) return { clear() {}, used() {}, order() {} };
  return (await import("./finder.js")).addFinder(host, classes, take);
}
