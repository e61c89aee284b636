// @ts-check
// Answers on their way: on the disk before they are sent, there until the server has said that it has them, retried
// with the same id. All tabs of a person share them; the tab that holds a lock sends for all.

import { openStore } from "./durable.js";
import { send } from "./sending.js";

/**
 * `at`: place in time among a person's entries; two of one item are sent in this order, one after the other.
 * @typedef {{id: string, at: number, method: string, path: string, body: any, itemId: number, project?: string}} Entry
 * @typedef {{kind: "sent" | "refused" | "waiting" | "signed-out" | "elsewhere", entry: Entry, detail: string, body?: any}} Report
 * @typedef {import("./supply.js").Supply} Supply
 */

const RETRY_MS = [300, 1000, 2000, 4000, 8000, 15_000];
const AT_ONCE = 4; // of a browser's six connections to a server
const SILENCE_MS = 4000; // so long may the sending tab say nothing: a phone may have put it to sleep

export class Outbox {
  /**
   * @param {string} user whose answers: another person on this browser must never send them
   * @param {import("./api.js").Call} call
   * @param {(report: Report) => void} report
   * @param {Supply["ride"]} ride how many items an answer shall bring along
   */
  static async open(user, call, report, ride) {
    const made = new Outbox(user, call, report, await openStore(user), ride);
    await made.#load();
    void made.#elect(false);
    return made;
  }

  /** @param {string} user @param {import("./api.js").Call} call @param {(report: Report) => void} report @param {import("./durable.js").Store} store @param {Supply["ride"]} ride */
  constructor(user, call, report, store, ride) {
    this.user = user;
    this.call = call;
    this.report = report;
    this.store = store;
    this.ride = ride;
    this.isDurable = store.isDurable;
    /** @type {Map<string, Entry>} */
    this.entries = new Map();
    /** @type {Set<string>} */
    this.kept = new Set(); // on the disk, so that they may be sent
    /** @type {Map<string, Entry>} */
    this.inFlight = new Map();
    this.isSender = false;
    this.tries = 0;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.pause = undefined;
    /** @type {Map<string, ReturnType<typeof setTimeout>>} */
    this.unheard = new Map();
    this.channel = "BroadcastChannel" in window ? new BroadcastChannel(`marginalia.outbox.${user}`) : null;
    this.channel?.addEventListener("message", (event) => this.#told(event.data));
    addEventListener("online", () => this.hurry());
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.hurry());
    addEventListener("beforeunload", (event) => this.size && (!this.isDurable || this.tries > 1) && event.preventDefault());
    addEventListener("pagehide", () => this.#lastWords());
  }

  get size() {
    return this.entries.size;
  }

  /** Whether what is added now is on its way in a moment. */
  get isQuick() {
    return this.isSender && this.pause === undefined && this.inFlight.size < AT_ONCE;
  }

  /** Keep an entry, then send it. Returns at once. @param {Omit<Entry, "at">} what */
  add(what) {
    const latest = [...this.entries.values()].pop()?.at ?? 0;
    const entry = { ...what, at: Math.max(Date.now(), latest + 1) };
    this.entries.set(entry.id, entry);
    void this.#keep(entry);
  }

  /** @param {Entry} entry */
  async #keep(entry) {
    try {
      await this.store.put(entry);
    } catch {
      this.isDurable = false; // a full disk: it lives in this tab, and leaving it warns
    }
    this.kept.add(entry.id);
    this.channel?.postMessage({ kind: "added", entry });
    if (this.isSender) this.#drain();
    else this.unheard.set(entry.id, setTimeout(() => void this.#elect(true), SILENCE_MS));
  }

  /** Try again now rather than at the next retry. */
  hurry() {
    clearTimeout(this.pause);
    this.pause = undefined;
    this.#drain();
  }

  /** Become the tab that sends: at once where there are no locks, else when no other is, or by taking it over. @param {boolean} byForce */
  async #elect(byForce) {
    const begin = async () => {
      this.isSender = true;
      await this.#load();
      this.#drain();
    };
    if (!navigator.locks) return begin();
    const held = () => begin().then(() => new Promise(() => {}));
    try {
      await navigator.locks.request(`marginalia.outbox.${this.user}`, { steal: byForce }, held);
    } catch {
      this.isSender = false; // another tab took over
      void this.#elect(false);
    }
  }

  async #load() {
    for (const entry of await this.store.all().catch(() => [])) {
      if (!this.entries.has(entry.id)) this.entries.set(entry.id, entry);
      this.kept.add(entry.id);
    }
  }

  #drain() {
    if (!this.isSender || this.pause !== undefined) return;
    const busy = new Set([...this.inFlight.values()].map((entry) => entry.itemId));
    for (const entry of this.entries.values()) {
      if (this.inFlight.size >= AT_ONCE) return;
      const isNext = this.kept.has(entry.id) && !busy.has(entry.itemId);
      busy.add(entry.itemId);
      if (isNext) void this.#deliver(entry);
    }
  }

  /** @param {Entry} entry */
  async #deliver(entry) {
    this.inFlight.set(entry.id, entry);
    const outcome = await send(entry, this.call, this.ride);
    if (outcome.kind === "sent" || outcome.kind === "refused") {
      this.tries = 0;
      await this.store.remove(entry.id).catch(() => {}); // it is sent once more, then, and counted once
      this.#forget(entry.id);
      this.inFlight.delete(entry.id);
      this.channel?.postMessage({ kind: "gone", report: outcome });
    } else {
      this.inFlight.delete(entry.id);
      if (this.pause === undefined) {
        const wait = RETRY_MS[Math.min(this.tries, RETRY_MS.length - 1)];
        this.tries += 1;
        this.pause = setTimeout(() => this.hurry(), wait);
      }
    }
    this.report(outcome);
    this.#drain();
  }

  /** @param {string} id */
  #forget(id) {
    this.entries.delete(id);
    this.kept.delete(id);
    clearTimeout(this.unheard.get(id));
    this.unheard.delete(id);
  }

  /** What another tab said. @param {any} message */
  #told(message) {
    if (message.kind === "added" && !this.entries.has(message.entry.id)) {
      this.entries.set(message.entry.id, message.entry);
      this.kept.add(message.entry.id);
      if (this.isSender) this.channel?.postMessage({ kind: "taken" });
      this.report({ kind: "elsewhere", entry: message.entry, detail: "" });
      this.#drain();
    } else if (message.kind === "gone") {
      this.#forget(message.report.entry.id);
      this.report(message.report);
    } else if (message.kind === "taken") {
      for (const timer of this.unheard.values()) clearTimeout(timer);
      this.unheard.clear();
    } else if (message.kind === "signed-in") {
      this.hurry();
    }
  }

  /** The tab goes: what is unsent is sent without waiting for the answer, and once more by the next page. */
  #lastWords() {
    if (!this.isSender) return;
    const items = new Set();
    for (const entry of this.entries.values()) {
      if (!items.has(entry.itemId)) void this.call(entry.method, entry.path, entry.body, { keepalive: true, signal: null }).catch(() => {});
      items.add(entry.itemId);
    }
  }
}
