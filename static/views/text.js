// @ts-check
// Texts, and conversations: texts that were given as turns. What stands in the page, read from its beginning to its end,
// is exactly the item's text, so that places in the one are places in the other.

import { declare } from "../keys.js";

const SHORT = 160; // a text below it is set larger

/** @param {any} content @returns {HTMLElement} */
export function draw({ text, turns }) {
  const box = document.createElement("div");
  box.dir = "auto";
  box.className = turns ? "text turns" : text.length < SHORT ? "text short" : "text";
  if (turns) box.append(...drawTurns(turns));
  else box.textContent = text;
  return box;
}

/** Words for the live region, and for lists. @param {any} content */
export const spoken = (content) => String(content.text).slice(0, 300);

/** The speakers take sides in the order in which they begin to speak. @param {any[]} turns */
function drawTurns(turns) {
  /** @type {string[]} */
  const speakers = [];
  return turns.map((turn, number) => {
    const name = turn.speaker ?? turn.role ?? "";
    if (!speakers.includes(name)) speakers.push(name);
    const row = document.createElement("div");
    row.className = `turn side${speakers.indexOf(name) % 2}`;
    row.dir = "auto";
    // Leaves: a widget may divide what is in them, and takes none of them away.
    if (name) row.append(leaf("b", "who", name), leaf("span", "colon", ": "));
    const isLast = number === turns.length - 1;
    row.append(leaf("span", "said", (turn.text ?? turn.content) + (isLast ? "" : "\n")));
    return row;
  });
}

/** @param {string} tag @param {string} name @param {string} text */
function leaf(tag, name, text) {
  const made = document.createElement(tag);
  made.className = name;
  made.dataset.leaf = "";
  made.textContent = text;
  return made;
}

export function mount() {
  declare({ name: "search", keys: ["t"], label: "key_search", act: () => void search() });
}

/** The field comes when it is first wanted. Not by an import above: panels wait for this view. */
async function search() {
  const { wanted } = await import("../panels.js");
  await wanted(async () => (await import("./search.js")).open());
}
