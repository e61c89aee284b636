// @ts-check
// A rating: the step's own digit is its key, and the answer.

import { declare, pressedKey } from "../keys.js";
import { t } from "../words.js";
import { percent } from "./classes.js";

/** @param {HTMLElement} host @param {(answer: object) => void} send */
export function mount(host, send) {
  const steps = /** @type {HTMLElement[]} */ ([...host.querySelectorAll("[data-class]")]);
  // Steps that are no digits are counted from 1.
  const areDigits = steps.every((step) => /^\d$/.test(step.dataset.class ?? ""));
  const keyOf = (/** @type {HTMLElement} */ step) => (areDigits ? step.dataset.class ?? "" : String(steps.indexOf(step) + 1));
  const rate = (/** @type {HTMLElement} */ step) => send({ rating: areDigits ? Number(step.dataset.class) : step.dataset.class });
  const expectedPlace = /** @type {HTMLElement} */ (host.querySelector("[data-expected]"));
  const oneDigit = new Intl.NumberFormat(document.documentElement.lang, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
  declare({ name: "answer", keys: steps.map(keyOf), label: "key_answer", isFixed: true });

  for (const step of steps) {
    step.addEventListener("click", (event) => {
      event.preventDefault();
      rate(step);
    });
  }

  return {
    /** @param {any} before @param {any} suggestion */
    show(before, suggestion) {
      for (const step of steps) {
        const suggested = String(suggestion?.answer?.rating) === step.dataset.class;
        step.classList.toggle("suggested", suggested);
        step.classList.toggle("before", before !== null && String(before?.rating) === step.dataset.class);
        const sure = step.querySelector("[data-sure]");
        const share = suggestion?.probabilities?.[steps.indexOf(step)] ?? (suggested ? suggestion.confidence : null);
        if (sure) sure.textContent = share === null ? "" : percent(share);
        step.style.setProperty("--share", String(share ?? 0));
      }
      const { expected = null } = suggestion ?? {};
      expectedPlace.textContent = expected === null ? "" : t("expected", { value: oneDigit.format(expected) });
    },
    /** @param {KeyboardEvent} event */
    key(event) {
      const step = steps.find((each) => keyOf(each) === pressedKey(event));
      if (step) rate(step);
      return Boolean(step);
    },
  };
}
