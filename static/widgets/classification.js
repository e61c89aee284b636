// @ts-check
// One class: a key or a click is the answer. A widget exports mount(host, send) and returns show() and key().

import { pressedKey } from "../keys.js";
import { declareClasses, finderOf, percent } from "./classes.js";

/** @param {HTMLElement} host @param {(answer: object) => void} send @param {boolean} [isPair] the first two classes are two sides */
export async function mount(host, send, isPair = false) {
  const buttons = /** @type {HTMLElement[]} */ ([...host.querySelectorAll("[data-class]")]);
  declareClasses(buttons, "key_answer");
  const find = await finderOf(host, buttons, (button) => press(button));

  /** @param {HTMLElement} button */
  function press(button) {
    button.classList.add("pressed");
    setTimeout(() => button.classList.remove("pressed"), 160);
    find.used(button);
    send({ class: button.dataset.class });
  }

  for (const button of buttons) {
    button.addEventListener("click", (event) => {
      event.preventDefault();
      press(button);
    });
  }

  const isMirrored = getComputedStyle(host).direction === "rtl";
  const sides = buttons.slice(0, 2).map((button) => ({ name: button.dataset.class ?? "", act: () => press(button) }));

  return {
    // On a phone two answers are the two sides of a swipe, as they stand on the screen.
    sides: buttons.length === 2 || isPair ? (isMirrored ? sides.reverse() : sides) : null,
    /** @param {any} before the answer that was undone @param {any} suggestion */
    show(before, suggestion) {
      find.clear();
      find.order([suggestion?.answer?.class]);
      for (const button of buttons) {
        const suggested = suggestion?.answer?.class === button.dataset.class;
        button.classList.toggle("suggested", suggested);
        button.classList.toggle("before", before?.class === button.dataset.class);
        const sure = button.querySelector("[data-sure]");
        if (sure) sure.textContent = suggested ? percent(suggestion.confidence) : "";
      }
    },
    /** @param {KeyboardEvent} event */
    key(event) {
      const button = buttons.find((one) => one.dataset.key === pressedKey(event));
      if (button) press(button);
      return Boolean(button);
    },
  };
}
