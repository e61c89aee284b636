// @ts-check
// The parts of the labelling page that are not the loop: the clock, the panels beside the item.

const IDLE_MS = 60_000; // so long may somebody read without moving anything
const SIGNS = ["pointermove", "pointerdown", "keydown", "wheel", "touchstart", "scroll"];

/** How long the item has been before the person: all of it, and the part in which they attended to it. */
export class Clock {
  constructor() {
    this.restart();
    const seen = () => this.#count(performance.now());
    for (const sign of SIGNS) addEventListener(sign, seen, { capture: true, passive: true });
    document.addEventListener("visibilitychange", seen);
  }

  restart() {
    this.shownAt = Date.now(); // the time of day goes on while a laptop sleeps
    this.attended = 0;
    this.lastSign = performance.now();
    this.wasVisible = document.visibilityState === "visible";
  }

  /** @returns {{seconds: number, raw_seconds: number}} */
  read() {
    this.#count(performance.now());
    const seconds = Math.round(this.attended / 10) / 100;
    return { seconds, raw_seconds: Math.max(seconds, Math.round((Date.now() - this.shownAt) / 10) / 100) };
  }

  /** A sign of life: what passed since the last one counts if the page was visible, up to the bound. @param {number} now */
  #count(now) {
    if (this.wasVisible) this.attended += Math.min(now - this.lastSign, IDLE_MS);
    this.lastSign = now;
    this.wasVisible = document.visibilityState === "visible";
  }
}

/** A panel beside the item, which stays as it was left. @param {string} name @param {() => void} [opened] @returns {() => void} toggles it */
export function panelOf(name, opened) {
  const KEY = `marginalia.${name}`;
  const panel = /** @type {HTMLElement} */ (document.querySelector(`[data-${name}]`));
  const opener = /** @type {HTMLElement} */ (document.querySelector(`.top [data-do=${name}]`));
  /** @param {boolean} open */
  const set = (open) => {
    if (open) for (const other of document.querySelectorAll("aside:not([hidden]) [data-do]")) if (!panel.contains(other)) /** @type {HTMLElement} */ (other).click();
    panel.hidden = !open;
    opener.setAttribute("aria-expanded", String(open));
    if (open) opened?.();
  };
  let kept = null;
  try {
    kept = localStorage.getItem(KEY);
  } catch {
    // Not remembered, then.
  }
  set(kept === "open" && matchMedia("(min-width: 64rem)").matches);
  return () => {
    set(panel.hidden);
    try {
      localStorage.setItem(KEY, panel.hidden ? "closed" : "open");
    } catch {
      // Not remembered, then.
    }
  };
}

/** Whether a key belongs to what has the focus, not to the page. @param {KeyboardEvent} event */
export function isTyping(event) {
  const target = /** @type {HTMLElement} */ (event.target);
  if (target.closest("dialog[open]")) return true;
  if (target instanceof HTMLInputElement) return target.type !== "checkbox" && target.type !== "radio";
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement;
}
