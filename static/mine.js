// @ts-check
// My own latest answers, newest first, each to be opened again.

import { spoken } from "./content.js";
import { t } from "./words.js";

const list = /** @type {HTMLElement} */ (document.querySelector("[data-mine-list]"));
const MOST = 50;

/** An answer in a few words. @param {any} answer @param {string | null} [skipped] */
export function inWords(answer, skipped) {
  if (!answer) return t("skipped", { reason: skipped ?? "" });
  if ("class" in answer) return answer.class;
  if ("classes" in answer) return answer.classes.join(", ") || t("none_of_them");
  if ("spans" in answer) return t("spans_marked", { n: answer.spans.length });
  return Object.values(answer).join(", ");
}

/**
 * @param {import("./label.js").Past[]} past oldest first
 * @param {(one: import("./label.js").Past) => void} open
 */
export function listMine(past, open) {
  list.replaceChildren(...past.slice(-MOST).reverse().map((one) => {
    const row = document.createElement("li");
    const button = document.createElement("button");
    const [said, text] = [document.createElement("strong"), document.createElement("span")];
    said.textContent = inWords(one.answer, one.skipped);
    text.textContent = spoken(one.claim.item.content).slice(0, 120);
    text.dir = said.dir = "auto";
    button.type = "button";
    button.append(said, text);
    if (one.remark?.unsure) said.append(` · ${t("unsure")}`);
    button.addEventListener("click", () => open(one));
    row.append(button);
    return row;
  }));
  if (past.length) return;
  const row = document.createElement("li");
  row.textContent = t("nothing_yet");
  list.append(row);
}
