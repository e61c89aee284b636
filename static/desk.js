// @ts-check
// The parts of the labelling page that are not the loop: the clock, the guidelines, the keyboard overlay.

/** Counts the seconds that the page was visible since the item came. */
export class Clock {
  constructor() {
    this.kept = 0;
    this.since = this.#isVisible() ? performance.now() : null;
    document.addEventListener("visibilitychange", () => this.#turn());
  }

  restart() {
    this.kept = 0;
    this.since = this.#isVisible() ? performance.now() : null;
  }

  seconds() {
    const running = this.since === null ? 0 : performance.now() - this.since;
    return Math.round((this.kept + running) / 10) / 100;
  }

  #isVisible() {
    return document.visibilityState === "visible";
  }

  #turn() {
    if (this.since !== null) this.kept += performance.now() - this.since;
    this.since = this.#isVisible() ? performance.now() : null;
  }
}

/** The guidelines' panel, which stays as it was left. @returns {() => void} toggles it */
export function guidelines() {
  const KEY = "marginalia.guide";
  const panel = /** @type {HTMLElement} */ (document.querySelector("[data-guide]"));
  const opener = /** @type {HTMLElement} */ (document.querySelector(".top [data-do=guide]"));
  /** @param {boolean} open */
  const set = (open) => {
    panel.hidden = !open;
    opener.setAttribute("aria-expanded", String(open));
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
