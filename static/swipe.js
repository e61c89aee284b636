// @ts-check
// Answering by a finger: to one side the one answer, to the other the other. Only a long, level, single-finger movement
// counts; while it lasts, the sheet says what it would answer, and going back takes it back.

import { look } from "./panels.js";
import { preferred } from "./preferences.js";

/** What lies at a side: its name, and the answer. @typedef {{name: string, act: () => void}} Side */

const EDGE = 24; // pixels, which belong to the browser's own gesture
const SHARE = 0.3; // of the sheet's width; less is no answer
const LEVEL = 2; // so many times further sideways than up or down

/**
 * @param {[Side, Side]} sides the left one and the right one
 * @param {() => boolean} mayAnswer whether an item is there
 */
export async function follow(sides, mayAnswer) {
  const sheet = /** @type {HTMLElement} */ (document.querySelector("[data-sheet]"));
  const isOn = () => preferred("swipe") !== "off";
  await look("swipe.css");
  const hint = hintOf(sides);
  sheet.append(hint);
  hint.hidden = !isOn();
  const box = /** @type {HTMLInputElement | null} */ (document.querySelector("[data-switch=swipe]"));
  box?.addEventListener("change", () => (hint.hidden = !box.checked));
  sheet.classList.add("swipes");

  /** @type {{id: number, x: number, y: number} | null} */
  let began = null;
  const settle = () => {
    began = null;
    sheet.classList.remove("left", "right", "held");
    sheet.style.removeProperty("translate");
  };
  /** Which side it would be now; -1: none. @param {PointerEvent} event */
  const sideOf = (event) => {
    if (!began) return -1;
    const [x, y] = [event.clientX - began.x, event.clientY - began.y];
    if (Math.abs(x) < SHARE * sheet.offsetWidth || Math.abs(x) < LEVEL * Math.abs(y)) return -1;
    return x < 0 ? 0 : 1;
  };
  sheet.addEventListener("pointerdown", (event) => {
    const isOurs = event.isPrimary && event.pointerType === "touch" && isOn() && mayAnswer();
    const inside = event.clientX > EDGE && event.clientX < innerWidth - EDGE;
    const onOther = /** @type {HTMLElement} */ (event.target).closest("button, a, input, textarea, summary, .enlarged, [data-no-swipe]");
    if (isOurs && inside && !onOther) began = { id: event.pointerId, x: event.clientX, y: event.clientY };
    else settle(); // a second finger ends it
  });
  sheet.addEventListener("pointermove", (event) => {
    if (!began || event.pointerId !== began.id) return;
    if (Math.abs(event.clientX - began.x) < Math.abs(event.clientY - began.y)) return; // it scrolls
    const side = sideOf(event);
    sheet.classList.add("held");
    sheet.style.translate = `${event.clientX - began.x}px`;
    sheet.classList.toggle("left", side === 0);
    sheet.classList.toggle("right", side === 1);
  });
  sheet.addEventListener("pointerup", (event) => {
    const side = began?.id === event.pointerId && document.getSelection()?.isCollapsed !== false ? sideOf(event) : -1;
    settle();
    if (side >= 0) sides[side].act();
  });
  sheet.addEventListener("pointercancel", settle);
  // Else the browser takes the movement for a fling, and the next tap for its end.
  sheet.addEventListener("touchmove", (event) => began && event.cancelable && sheet.classList.contains("held") && event.preventDefault(), { passive: false });
}

/** @param {[Side, Side]} sides */
function hintOf([left, right]) {
  const hint = document.createElement("p");
  hint.className = "swipe-hint";
  hint.dir = "ltr"; // the arrows stand where the fingers go
  hint.ariaHidden = "true"; // the buttons say it
  for (const [before, { name }, after] of /** @type {[string, Side, string][]} */ ([["← ", left, ""], ["", right, " →"]])) {
    const [part, named] = [document.createElement("span"), document.createElement("bdi")];
    named.textContent = name;
    part.append(before, named, after);
    hint.append(part);
  }
  return hint;
}
