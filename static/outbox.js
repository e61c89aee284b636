// @ts-check
// Answers on their way: kept in localStorage until the server has said that it has them, sent one after the
// other, retried with the same id. Every entry has a storage key of its own, so that two tabs cannot overwrite
// each other's; both may send the same one, and the server counts it once.

/**
 * @typedef {{id: string, at: number, url: string, body: object, itemId: number}} Entry
 * @typedef {{kind: "sent" | "refused" | "waiting" | "signed-out", entry: Entry, detail: string}} Report
 */

const RETRY_SECONDS = [1, 2, 4, 8, 15];

/** A random UUID; crypto.randomUUID is missing where a page comes over plain HTTP from another machine. */
export function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** The detail of a problem+json response, or a plain sentence. @param {Response} response */
export async function detailOf(response) {
  try {
    return (await response.json()).detail || `The server answered ${response.status}.`;
  } catch {
    return `The server answered ${response.status}.`;
  }
}

export class Outbox {
  /**
   * @param {string} name whose answers: another person on this browser must never send them
   * @param {(report: Report) => void} report
   * @param {() => Promise<boolean>} isStillMe asked after a sign-in has ended: somebody else may have signed in
   */
  constructor(name, report, isStillMe) {
    this.isStillMe = isStillMe;
    this.wasSignedOut = false;
    this.prefix = `marginalia.outbox.${name}.`;
    this.report = report;
    /** @type {Map<string, Entry>} */
    this.entries = new Map(this.#stored().map((entry) => [entry.id, entry]));
    /** @type {string | null} */
    this.inFlight = null;
    this.tries = 0;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    addEventListener("online", () => this.hurry());
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.hurry());
    addEventListener("beforeunload", (event) => this.size && event.preventDefault());
  }

  get size() {
    return this.entries.size;
  }

  /** @param {Omit<Entry, "at">} what */
  add(what) {
    const entry = { ...what, at: Date.now() };
    this.entries.set(entry.id, entry);
    try {
      localStorage.setItem(this.prefix + entry.id, JSON.stringify(entry));
    } catch {
      // Full or forbidden storage: the entry lives in memory, and beforeunload warns.
    }
    void this.drain();
  }

  /** Take an entry back before it was sent; false if it is on its way or gone. @param {string} id */
  takeBack(id) {
    if (this.inFlight === id || !this.entries.has(id)) return false;
    this.#forget(id);
    return true;
  }

  /** Wait until an entry is delivered (or taken back). @param {string} id */
  async delivered(id) {
    while (this.entries.has(id)) await new Promise((done) => setTimeout(done, 30));
  }

  /** Try again now rather than at the next retry. */
  hurry() {
    clearTimeout(this.timer);
    void this.drain();
  }

  async drain() {
    if (this.inFlight !== null) return;
    for (const entry of this.entries.values()) {
      this.inFlight = entry.id;
      const outcome = await this.#send(entry);
      this.inFlight = null;
      if (outcome.kind === "sent" || outcome.kind === "refused") {
        this.tries = 0;
        this.#forget(entry.id);
        this.report(outcome);
        continue;
      }
      const wait = RETRY_SECONDS[Math.min(this.tries, RETRY_SECONDS.length - 1)];
      this.tries += 1;
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.drain(), wait * 1000);
      this.report(outcome);
      return;
    }
  }

  /** @param {Entry} entry @returns {Promise<Report>} */
  async #send(entry) {
    let response;
    try {
      if (this.wasSignedOut && !(await this.isStillMe())) return { kind: "signed-out", entry, detail: "" };
      response = await fetch(entry.url, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(entry.body),
        signal: AbortSignal.timeout(15_000),
      });
    } catch {
      return { kind: "waiting", entry, detail: "" };
    }
    this.wasSignedOut = response.status === 401;
    if (response.ok) return { kind: "sent", entry, detail: "" };
    const detail = await detailOf(response);
    if (this.wasSignedOut) return { kind: "signed-out", entry, detail };
    const mayPass = response.status >= 500 || response.status === 429 || response.status === 408;
    return { kind: mayPass ? "waiting" : "refused", entry, detail };
  }

  /** @param {string} id */
  #forget(id) {
    this.entries.delete(id);
    try {
      localStorage.removeItem(this.prefix + id);
    } catch {
      // Nothing was stored, then.
    }
  }

  /** What an earlier page left unsent, oldest first. @returns {Entry[]} */
  #stored() {
    try {
      return Object.keys(localStorage)
        .filter((key) => key.startsWith(this.prefix))
        .map((key) => JSON.parse(localStorage.getItem(key) ?? "null"))
        .filter(Boolean)
        .sort((a, b) => a.at - b.at);
    } catch {
      return [];
    }
  }
}
