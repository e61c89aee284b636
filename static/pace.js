// @ts-check
// How fast this person answers, by the time in which they attended, and how long it has gone on without a pause.

import { preferred } from "./preferences.js";
import { number, t } from "./words.js";

const WINDOW_MS = 600_000; // of ten minutes
const FEWEST = 5; // of fewer answers nothing can be said
const LONG_S = 45 * 60;
const BREAK_S = 300; // so long away from the page is a pause
const KEPT = "marginalia.pace"; // outlives a reload, not the tab

/** `at`: when; `seconds`: of attention. @typedef {{at: number, seconds: number}} Step */

export class Pace {
  /** @param {HTMLElement} place where it is told */
  constructor(place) {
    this.place = place;
    /** @type {Step[]} */
    this.steps = [];
    this.stretch = 0; // seconds of attention since the last pause
    this.hasSaid = false; // once in a stretch
    this.#read();
    this.#tell();
  }

  /** An item has been answered or skipped. @param {{seconds: number, raw_seconds: number}} taken */
  add({ seconds, raw_seconds }) {
    const now = Date.now();
    const away = (now - (this.steps.at(-1)?.at ?? now)) / 1000 - raw_seconds; // between a page and the next
    if (Math.max(raw_seconds - seconds, away) >= BREAK_S) {
      this.stretch = 0;
      this.hasSaid = false;
    } else {
      this.stretch += seconds;
    }
    this.steps = [...this.steps.filter((one) => one.at > now - WINDOW_MS), { at: now, seconds }];
    this.#keep();
    this.#tell();
    if (this.stretch >= LONG_S && !this.hasSaid && preferred("pause") !== "off") {
      this.hasSaid = true;
      void import("./pause.js").then(({ suggest }) => suggest(Math.round(this.stretch / 60))).catch(() => (this.hasSaid = false));
    }
  }

  #tell() {
    const seconds = this.steps.reduce((sum, one) => sum + one.seconds, 0);
    const perMinute = (60 * this.steps.length) / Math.max(1, seconds);
    const isSlow = perMinute < 2;
    const said = t(isSlow ? "pace_hour" : "pace_minute", { n: number(Math.round(isSlow ? 60 * perMinute : perMinute)) });
    this.place.textContent = this.steps.length < FEWEST ? "" : ` · ${said}`;
  }

  #read() {
    try {
      const { steps = [], stretch = 0, hasSaid = false } = JSON.parse(sessionStorage.getItem(KEPT) ?? "{}");
      const now = Date.now();
      this.steps = steps.filter((/** @type {Step} */ one) => one.at > now - WINDOW_MS);
      if (this.steps.length) [this.stretch, this.hasSaid] = [stretch, hasSaid];
    } catch {
      // It begins anew, then.
    }
  }

  #keep() {
    try {
      sessionStorage.setItem(KEPT, JSON.stringify({ steps: this.steps, stretch: this.stretch, hasSaid: this.hasSaid }));
    } catch {
      // It lasts as long as the page, then.
    }
  }
}
