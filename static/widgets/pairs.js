// @ts-check
// A comparison of two: as one class, and the arrow towards a thing chooses it.

import { declare } from "../keys.js";
import { mount as mountClasses } from "./classification.js";

/** @param {HTMLElement} host @param {(answer: object) => void} send */
export async function mount(host, send) {
  const made = await mountClasses(host, send, true);
  const names = /** @type {HTMLElement[]} */ ([...host.querySelectorAll("[data-class]")]).map((one) => one.dataset.class);
  declare({ name: "towards", keys: ["ArrowLeft", "ArrowRight"], label: "key_towards", isFixed: true });
  return {
    ...made,
    /** @param {KeyboardEvent} event */
    key(event) {
      const towards = { ArrowLeft: 0, ArrowRight: 1 }[event.key];
      if (towards === undefined || event.shiftKey || event.repeat) return made.key(event);
      const isMirrored = getComputedStyle(host).direction === "rtl";
      send({ class: names[isMirrored ? 1 - towards : towards] });
      return true;
    },
  };
}
