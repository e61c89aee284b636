// @ts-check
// Spans of text, by mouse, touch and keyboard: choose words, then a class. Offsets count code points.

import { declare, pressedKey } from "../keys.js";
import { Places } from "../places.js";
import { t } from "../words.js";

/** @typedef {{start: number, end: number, class: string}} Span */

/** @param {HTMLElement} host @param {(answer: object) => void} send */
export function mount(host, send) {
  const one = (/** @type {string} */ name) => /** @type {HTMLElement} */ (host.querySelector(`[data-${name}]`));
  const [root, wrong, guess, take, list, live] = ["spans-root", "wrong", "guess", "take", "span-list", "spans-live"].map(one);
  const buttons = /** @type {HTMLElement[]} */ ([...host.querySelectorAll("[data-class]")]);
  const names = buttons.map((button) => button.dataset.class ?? "");
  const mayOverlap = root.dataset.overlap === "yes";
  let places = new Places("");
  /** @type {Span[]} */
  let spans = [];
  /** @type {Span[]} */
  let suggested = [];
  /** @type {[number, number] | null} */
  let chosen = null; // code points
  let anchor = 0; // the word at which an extended choice began
  one("spans-lines").hidden = true; // the plain form's
  root.hidden = false;
  declare(
    { name: "answer", keys: buttons.flatMap((button) => button.dataset.key ?? []), label: "key_choose", isFixed: true },
    { name: "words", keys: ["ArrowLeft", "ArrowRight"], label: "key_words", isFixed: true },
    { name: "remove", keys: ["Delete"], label: "key_remove", isFixed: true },
    { name: "send", keys: ["Enter"], label: "key_send", isFixed: true },
  );

  /** What holds the text: of a conversation each name, colon and saying, which stay where they are. @returns {HTMLElement[]} */
  const leaves = () => {
    const found = /** @type {HTMLElement[]} */ ([...sheet().querySelectorAll("[data-leaf]")]);
    return found.length ? found : [sheet()];
  };
  const sheet = () => /** @type {HTMLElement} */ (document.querySelector("[data-item] .text"));
  const words = (/** @type {[number, number]} */ [start, end]) => places.text.slice(places.unit(start), places.unit(end));
  const under = () => spans.filter((span) => chosen && span.start < chosen[1] && chosen[0] < span.end);

  function draw() {
    const borders = [...spans.flatMap((span) => [span.start, span.end]), ...(chosen ?? [])];
    let unit = 0;
    for (const leaf of leaves()) {
      const [from, to] = [unit, unit + (leaf.textContent ?? "").length].map((each) => places.point(each));
      unit += (leaf.textContent ?? "").length;
      const cuts = [...new Set([from, to, ...borders.filter((each) => from < each && each < to)])].sort((a, b) => a - b);
      leaf.replaceChildren(...cuts.slice(1).map((end, number) => piece(cuts[number], end)));
    }
    list.replaceChildren(...spans.map(chip));
    one("no-spans").hidden = spans.length > 0;
  }

  /** @param {number} start @param {number} end */
  function piece(start, end) {
    const inside = spans.filter((span) => span.start <= start && end <= span.end);
    const made = document.createElement(inside.length ? "mark" : "span");
    if (inside.length) made.className = `span c${names.indexOf(inside[inside.length - 1].class)}`;
    made.classList.toggle("several", inside.length > 1);
    made.classList.toggle("chosen", chosen !== null && chosen[0] <= start && end <= chosen[1]);
    // The class as generated text: it is seen, but in no selection, so that offsets stay those of the item.
    const ending = inside.filter((span) => span.end === end).map((span) => span.class);
    if (ending.length) made.dataset.label = ending.join(", ");
    made.textContent = words([start, end]);
    return made;
  }

  /** @param {Span} span */
  function chip(span) {
    const row = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quiet-button";
    const said = document.createElement("bdi");
    said.textContent = words([span.start, span.end]);
    button.append(`${span.class}: `, said, " ×");
    button.setAttribute("aria-label", t("span_remove", { class: span.class, words: words([span.start, span.end]) }));
    button.addEventListener("click", () => remove([span]));
    row.append(button);
    return row;
  }

  /** @param {Span[]} gone */
  function remove(gone) {
    spans = spans.filter((span) => !gone.includes(span));
    wrong.textContent = "";
    live.textContent = gone.map((span) => t("span_removed", { class: span.class })).join(" ");
    draw();
  }

  /** @param {string} name */
  function mark(name) {
    chosen = fromSelection() ?? chosen;
    if (!chosen) {
      wrong.textContent = t("span_choose_first");
      return;
    }
    const [start, end] = chosen;
    const others = under().filter((span) => span.start !== start || span.end !== end || mayOverlap);
    const isThere = others.some((span) => span.start === start && span.end === end && span.class === name);
    if ((others.length && !mayOverlap) || isThere) {
      wrong.textContent = t("span_overlaps");
      return;
    }
    wrong.textContent = "";
    spans = [...spans.filter((span) => mayOverlap || span.start !== start || span.end !== end), { start, end, class: name }];
    spans.sort((a, b) => a.start - b.start || a.end - b.end || names.indexOf(a.class) - names.indexOf(b.class));
    live.textContent = t("span_marked", { words: words(chosen), class: name });
    document.getSelection()?.removeAllRanges();
    draw();
  }

  /** What is selected in the text, by mouse or finger. @returns {[number, number] | null} */
  function fromSelection() {
    const selection = document.getSelection();
    if (!selection || selection.isCollapsed || !sheet().contains(selection.anchorNode) || !sheet().contains(selection.focusNode)) return null;
    const range = selection.getRangeAt(0);
    const before = document.createRange();
    before.selectNodeContents(sheet());
    before.setEnd(range.startContainer, range.startOffset);
    const start = before.toString().length;
    return places.snap(start, start + range.toString().length);
  }

  /** Choose the next or last word, or go on with the choice. @param {number} step @param {boolean} extend */
  function move(step, extend) {
    const all = places.words;
    if (!all.length) return;
    const forward = step > 0;
    let at = all.findIndex(([, end]) => chosen && end >= chosen[1]);
    if (chosen && !forward) at = all.findIndex(([start, end]) => chosen && start <= chosen[0] && chosen[0] < end);
    if (extend && chosen) {
      const isBehind = all[anchor] && chosen[0] < all[anchor][0];
      at = all.findIndex(([start, end]) => chosen && (isBehind ? start >= chosen[0] : end >= chosen[1]));
    }
    const next = chosen ? Math.min(Math.max(at + step, 0), all.length - 1) : forward ? 0 : all.length - 1;
    if (!extend || !chosen) anchor = next;
    const [low, high] = [Math.min(anchor, next), Math.max(anchor, next)];
    chosen = [all[low][0], all[high][1]];
    live.textContent = [words(chosen), ...under().map((span) => span.class)].join(", ");
    draw();
    sheet().querySelector(".chosen")?.scrollIntoView({ block: "nearest" });
  }

  /** @param {PointerEvent} event */
  function tapped(event) {
    const selected = fromSelection();
    if (selected) {
      chosen = selected;
      return; // the browser shows it
    }
    const caret = document.caretRangeFromPoint?.(event.clientX, event.clientY);
    if (!caret || !sheet().contains(caret.startContainer)) return;
    const before = document.createRange();
    before.selectNodeContents(sheet());
    before.setEnd(caret.startContainer, caret.startOffset);
    const point = places.point(before.toString().length);
    const span = spans.find((each) => each.start <= point && point < each.end);
    const word = places.words.findIndex(([start, end]) => start <= point && point <= end);
    if (!span && word < 0) return;
    anchor = Math.max(word, 0);
    chosen = span ? [span.start, span.end] : places.words[word];
    draw();
  }

  document.addEventListener("pointerup", (event) => {
    if (sheet()?.contains(/** @type {Node} */ (event.target))) tapped(event);
  });
  for (const button of buttons) {
    button.hidden = false;
    button.addEventListener("pointerdown", (event) => event.preventDefault()); // keeps the selection
    button.addEventListener("mousedown", (event) => event.preventDefault());
    button.addEventListener("click", () => mark(button.dataset.class ?? ""));
  }
  take.addEventListener("click", () => {
    spans = suggested.map((span) => ({ ...span }));
    draw();
  });
  const done = () => send({ spans });
  one("send").addEventListener("click", (event) => {
    event.preventDefault();
    done();
  });

  return {
    /** @param {any} before @param {any} suggestion @param {any} content */
    show(before, suggestion, content) {
      places = new Places(content?.text ?? "");
      spans = (before?.spans ?? []).map((/** @type {Span} */ span) => ({ ...span }));
      suggested = suggestion?.answer?.spans ?? [];
      chosen = null;
      anchor = 0;
      wrong.textContent = "";
      take.hidden = !suggested.length;
      guess.textContent = suggested.map((span) => `${span.class}: ${words([span.start, span.end])}`).join("; ");
      draw();
    },
    /** @param {KeyboardEvent} event */
    key(event) {
      const isBackwards = getComputedStyle(sheet()).direction === "rtl" ? "ArrowRight" : "ArrowLeft";
      if (event.key === "ArrowLeft" || event.key === "ArrowRight") move(event.key === isBackwards ? -1 : 1, event.shiftKey);
      else if (event.key === "Enter") done();
      else if ((event.key === "Delete" || event.key === "Backspace") && under().length) remove(under());
      else {
        const button = buttons.find((each) => each.dataset.key === pressedKey(event));
        if (!button) return false;
        mark(button.dataset.class ?? "");
      }
      return true;
    },
  };
}
