// @ts-check
// Keeps items behind the one on screen: answers bring the next along, and where none is under way they are asked for.

import { detailOf } from "./api.js";

/** @typedef {{items: import("./hand.js").Claim[], empty_reason: string | null}} Given */

const LEAST = 2; // held behind the one on screen
const MOST = 12;
const MOST_ASKED = 50; // the server's own bound
const RETRY_MS = [400, 1000, 2000, 5000];

export class Supply {
  /**
   * @param {string} project @param {import("./api.js").Call} call @param {import("./hand.js").Hand} hand
   * @param {{size: number, isQuick: boolean}} outbox answers on their way: their items are in our hands for the server
   */
  constructor(project, call, hand, outbox) {
    this.project = project;
    this.call = call;
    this.hand = hand;
    this.outbox = outbox;
    this.isAsking = false;
    this.isStale = false; // something has changed since the question under way was sent
    this.tries = 0;
    this.coming = 0; // items that answers under way will bring
    /** @type {number[]} */
    this.answers = []; // when the latest were given
    this.answerMs = 300; // what the server takes to give the next
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
  }

  /** An item was answered: the pace has changed. */
  answered() {
    this.answers = [...this.answers.slice(-8), performance.now()];
  }

  /** How many to hold behind the one on screen: what somebody so quick needs while the network is asked twice. */
  get wanted() {
    const n = this.answers.length;
    const span = n > 4 ? (this.answers[n - 1] - this.answers[0]) / (n - 1) : Infinity;
    return Math.min(MOST, LEAST + Math.ceil((3 * this.answerMs) / span));
  }

  /** How many are missing. */
  get need() {
    return this.wanted - this.hand.ahead.length - this.coming;
  }

  /** The server names first what we hold already. @param {number} need */
  #n(need) {
    return Math.min(MOST_ASKED, 1 + this.hand.ahead.length + this.coming + Math.max(0, need) + this.outbox.size + this.hand.inOtherTabs);
  }

  /**
   * An answer is sent: so many items it shall bring along, and what to do with them; null where none are missing. An
   * answer to another project, left by an earlier page, brings nothing.
   * @param {string | undefined} project @returns {{n: number, done: (given: Given | null) => Promise<void>} | null}
   */
  ride(project) {
    const need = this.need;
    if (project !== this.project || this.isAsking || need <= 0) return null;
    const n = this.#n(need) - 1; // its own item is answered by then
    const began = performance.now();
    this.coming += need;
    return {
      n,
      done: async (given) => {
        if (given) await this.#take(given, began).catch(() => {});
        this.coming -= need;
        void this.refill();
      },
    };
  }

  /** After an answer: nothing is asked where it will bring the next itself, in time. */
  async refillUnlessBrought() {
    if (!this.outbox.isQuick || !this.hand.ahead.length || this.hand.hasLapsed) await this.refill();
  }

  /** Hold the next items, or, where all are held, do nothing. */
  async refill() {
    clearTimeout(this.timer);
    if (this.isAsking) {
      this.isStale = true;
      return;
    }
    if (this.hand.current && !this.hand.hasLapsed && this.need <= 0) return;
    this.isAsking = true;
    this.isStale = false;
    const isFull = await this.#ask().catch((error) => this.#failed(String(error?.message ?? error), 0));
    this.isAsking = false;
    if (this.isStale || isFull) await this.refill();
  }

  /** @returns {Promise<boolean>} whether there may be more behind what other tabs hold */
  async #ask() {
    const n = this.#n(this.need);
    const began = performance.now();
    const response = await this.call("GET", `projects/${this.project}/next?n=${n}`);
    if (!response.ok) return this.#failed(await detailOf(response), response.status);
    const others = this.hand.inOtherTabs;
    const came = await this.#take(await response.json(), began);
    return this.hand.inOtherTabs > others && came === 0 && n < MOST_ASKED;
  }

  /** @param {Given} given @param {number} began when it was asked for @returns {Promise<number>} how many were new */
  #take(given, began) {
    this.answerMs = 0.7 * this.answerMs + 0.3 * (performance.now() - began);
    this.tries = 0;
    return this.hand.take(given.items, given.empty_reason, this.outbox.size > 0);
  }

  /** @param {string} detail @param {number} status @returns {false} */
  #failed(detail, status) {
    const wait = RETRY_MS[Math.min(this.tries, RETRY_MS.length - 1)];
    this.tries += 1;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.refill(), wait);
    this.hand.events.failed(detail, status);
    return false;
  }
}
