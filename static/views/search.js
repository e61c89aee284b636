// @ts-check
// Search in the item: every hit is marked, and the text itself is left as it is, so that selections and spans in it stay.

import { look } from "../panels.js";
import { t } from "../words.js";
import { find } from "./folding.js";
import { Marks } from "./marks.js";

const MOST = 5000;
const item = /** @type {HTMLElement} */ (document.querySelector("[data-item]"));
const marks = new Marks(item);
const bar = document.createElement("div");
const input = document.createElement("input");
const told = document.createElement("output");
/** @type {Range[]} */
let hits = [];
let at = 0;
/** @type {Element | null} */
let from = null; // where the focus was
/** @type {MutationObserver} */
const changed = new MutationObserver(() => search(false));

/** Open the field, or go to it. */
export async function open() {
  await look("views/search.css");
  if (!bar.childElementCount) build();
  if (bar.hidden || !bar.isConnected) {
    from = document.activeElement;
    /** @type {HTMLElement} */ (document.querySelector(".stage")).before(bar);
    bar.hidden = false;
    changed.observe(item, { childList: true, subtree: true, characterData: true });
    search(true);
  }
  input.focus();
  input.select();
}

function close() {
  bar.hidden = true;
  changed.disconnect();
  marks.clear();
  /** @type {HTMLElement | null} */ (from?.isConnected ? from : null)?.focus();
  if (document.activeElement === input) input.blur();
}

function build() {
  bar.className = "search-bar";
  bar.role = "search";
  bar.hidden = true;
  input.type = "search";
  input.dir = "auto";
  input.setAttribute("aria-label", t("search"));
  input.placeholder = t("search");
  input.autocomplete = "off";
  input.spellcheck = false;
  input.addEventListener("input", () => search(true));
  bar.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close();
    else if (event.key === "Enter" && event.target === input) go(event.shiftKey ? -1 : 1);
    else return;
    event.preventDefault();
  });
  bar.append(input, told, button("search_last", "↑", () => go(-1)), button("search_next", "↓", () => go(1)), button("close", "×", close));
}

/** @param {string} word @param {string} sign @param {() => void} act */
function button(word, sign, act) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "quiet-button";
  made.textContent = sign;
  made.setAttribute("aria-label", t(word));
  made.addEventListener("click", act);
  return made;
}

/** @param {boolean} isNew the words are: then the first hit is gone to */
function search(isNew) {
  hits = parts().flatMap((part) => rangesIn(part)).slice(0, MOST);
  at = isNew ? 0 : Math.min(at, Math.max(hits.length - 1, 0));
  marks.show(hits, at);
  if (isNew && hits.length) reveal();
  tell();
}

/** What is searched for itself: a text, the names and the values of a table. @returns {Element[]} */
function parts() {
  return [...item.querySelectorAll(".text, dt, dd")];
}

/** @param {Element} part @returns {Range[]} */
function rangesIn(part) {
  const walker = document.createTreeWalker(part, NodeFilter.SHOW_TEXT, (node) => (node.parentElement?.closest("button") ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT));
  /** @type {{node: Text, end: number}[]} */
  const nodes = [];
  let length = 0;
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    length += /** @type {Text} */ (node).length;
    nodes.push({ node: /** @type {Text} */ (node), end: length });
  }
  let start = 0; // hits come in order, and so do their nodes
  return find(nodes.map(({ node }) => node.data).join(""), input.value, MOST).map(([begin, end]) => {
    while (nodes[start].end <= begin) start += 1;
    let last = start;
    while (nodes[last].end < end) last += 1;
    const range = new Range();
    range.setStart(nodes[start].node, begin - nodes[start].end + nodes[start].node.length);
    range.setEnd(nodes[last].node, end - nodes[last].end + nodes[last].node.length);
    return range;
  });
}

/** @param {number} step */
function go(step) {
  if (!hits.length) return;
  at = (at + step + hits.length) % hits.length;
  marks.show(hits, at);
  reveal();
  tell();
}

/** Bring the hit into view, out of a folded value too. */
function reveal() {
  const place = hits[at].startContainer.parentElement;
  const folded = place?.closest(".folded");
  if (folded) /** @type {HTMLElement} */ (folded.nextElementSibling).click();
  const stage = /** @type {HTMLElement} */ (document.querySelector(".stage"));
  const [box, view] = [hits[at].getBoundingClientRect(), stage.getBoundingClientRect()];
  if (box.top < view.top + 24 || box.bottom > view.bottom - 24) stage.scrollTop += box.top - view.top - view.height / 3;
}

function tell() {
  const isMost = hits.length === MOST;
  told.textContent = !input.value.trim() ? "" : hits.length ? t(isMost ? "search_many" : "search_at", { at: at + 1, of: hits.length }) : t("search_none");
}
