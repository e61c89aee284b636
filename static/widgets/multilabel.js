// @ts-check
// Several classes: keys tick boxes, Enter sends. A suggestion is marked, never ticked: ticking it would answer
// for the person.

import { declare, pressedKey } from "../keys.js";
import { t } from "../words.js";
import { declareClasses, finderOf } from "./classes.js";

/** @param {HTMLElement} host @param {(answer: object) => void} send */
export async function mount(host, send) {
  const labels = /** @type {HTMLElement[]} */ ([...host.querySelectorAll("[data-class]")]);
  const button = /** @type {HTMLElement} */ (host.querySelector("[data-send]"));
  /** @param {HTMLElement} label */
  const box = (label) => /** @type {HTMLInputElement} */ (label.querySelector("input"));
  declareClasses(labels, "key_choose");
  declare({ name: "send", keys: ["Enter"], label: "key_send", isFixed: true });
  const find = await finderOf(host, labels, (label) => box(label).click());

  for (const label of labels) box(label).addEventListener("change", () => box(label).checked && find.used(label));
  const sendTicked = () => send({ classes: labels.filter((label) => box(label).checked).map((label) => label.dataset.class) });
  button.addEventListener("click", (event) => {
    event.preventDefault();
    sendTicked();
  });

  return {
    /** @param {any} before @param {any} suggestion */
    show(before, suggestion) {
      find.clear();
      find.order(suggestion?.answer?.classes ?? []);
      for (const label of labels) {
        const suggested = suggestion?.answer?.classes?.includes(label.dataset.class) ?? false;
        label.classList.toggle("suggested", suggested);
        box(label).checked = before?.classes?.includes(label.dataset.class) ?? false;
        const sure = label.querySelector("[data-sure]");
        if (sure) sure.textContent = suggested ? t("suggested") : "";
      }
    },
    /** @param {KeyboardEvent} event */
    key(event) {
      if (event.key === "Enter") {
        sendTicked();
        return true;
      }
      const label = labels.find((one) => one.dataset.key === pressedKey(event));
      if (label) box(label).click();
      return Boolean(label);
    },
  };
}
