// @ts-check
// How long an item has been before the person.

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
