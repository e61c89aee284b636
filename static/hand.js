// @ts-check
// The items in this tab's hands: the one on screen and the ones behind it, leased and ready to be painted.

import { brought } from "./api.js";
import { Locks } from "./locks.js";
import { Supply } from "./supply.js";

/**
 * @typedef {{item: {id: number, content: any}, lease: {id: number}, chosen_by?: string, reason: string, why?: any, suggestion: any, node?: HTMLElement}} Claim
 * @typedef {{arrived: () => void, empty: (reason: string | null) => void, failed: (detail: string, status: number) => void, gone: () => void}} Events
 */

const RENEW_MS = 60_000;

export class Hand {
  /**
   * @param {string} project @param {import("./api.js").Call} call
   * @param {(claim: Claim) => HTMLElement} draw makes what will be painted, and begins to decode its media
   * @param {{size: number, isQuick: boolean}} outbox answers on their way: their items are in our hands for the server
   * @param {Events} events
   */
  constructor(project, call, draw, outbox, events) {
    this.call = call;
    this.draw = draw;
    this.events = events;
    /** @type {Claim | null} */
    this.current = null;
    /** @type {Claim[]} */
    this.ahead = [];
    // Answered here or in another tab: a "next" that was asked before an answer arrived still names its item.
    /** @type {Set<number>} */
    this.spent = new Set();
    this.locks = new Locks();
    this.inOtherTabs = 0;
    this.hasLapsed = false; // the lease of the one on screen
    this.supply = new Supply(project, call, this, outbox);
    this.taking = Promise.resolve(0);
    setInterval(() => void this.renew(), RENEW_MS);
  }

  /** The item that came with the page; false where it is answered already or another tab has it. @param {Claim} claim */
  async begin(claim) {
    if (this.spent.has(claim.item.id) || !(await this.locks.hold(claim.item.id))) return false;
    this.current = { ...claim, node: this.draw(claim) };
    return true;
  }

  /** The one on screen is answered; the next takes its place. @returns {Claim | null} */
  next() {
    if (this.current) this.spent.add(this.current.item.id);
    this.supply.answered();
    this.hasLapsed = false;
    this.current = this.ahead.shift() ?? null;
    return this.current;
  }

  /** An answered one comes back on top. @param {Claim} claim */
  reopen(claim) {
    const { id } = claim.item;
    if (this.current && this.current.item.id !== id) this.ahead.unshift(this.current);
    this.ahead = this.ahead.filter((one) => one.item.id !== id);
    this.spent.delete(id);
    this.hasLapsed = false;
    this.current = claim;
    void this.locks.hold(id);
  }

  /** The server put an item back into our hands. @param {number} itemId @param {{id: number}} lease */
  adopt(itemId, lease) {
    for (const claim of [this.current, ...this.ahead]) if (claim?.item.id === itemId) claim.lease = lease;
  }

  /** The server has its answer: other tabs will not be given it any more. @param {number} itemId */
  settle(itemId) {
    if (this.current?.item.id !== itemId) this.locks.letGo(itemId);
  }

  /** An answer was refused, so that its item is ours again. @param {number} itemId */
  restore(itemId) {
    this.spent.delete(itemId);
  }

  /**
   * What the server gave, what is known left out; one gift after the other, for a lock that is being asked for looks
   * like another tab's.
   * @param {Claim[]} items @param {string | null} reason why there are none @param {boolean} mayCome more, once what is on its way has arrived
   * @returns {Promise<number>} how many were new
   */
  take(items, reason, mayCome) {
    this.taking = this.taking.catch(() => 0).then(() => this.#take(items, reason, mayCome));
    return this.taking;
  }

  /** @param {Claim[]} items @param {string | null} reason @param {boolean} mayCome */
  async #take(items, reason, mayCome) {
    this.#checkCurrent(items);
    let came = 0;
    const before = this.inOtherTabs;
    let others = 0;
    for (const claim of items) {
      const { id } = claim.item;
      const isKnown = () => this.spent.has(id) || [this.current, ...this.ahead].some((one) => one?.item.id === id);
      if (isKnown()) continue;
      if (!(await this.locks.hold(id))) {
        others += 1;
        continue;
      }
      if (isKnown()) continue; // meanwhile
      this.ahead.push({ ...claim, node: this.draw(claim) });
      came += 1;
      if (!this.current) this.#show();
    }
    this.inOtherTabs = others;
    if (!this.current && this.ahead.length) this.#show();
    else if (!this.current && !mayCome && others <= before) this.events.empty(reason);
    return came;
  }

  #show() {
    this.current = this.ahead.shift() ?? null;
    this.events.arrived();
  }

  /** After a long absence: is the one on screen still ours? @param {Claim[]} items */
  #checkCurrent(items) {
    if (!this.hasLapsed || !this.current) return;
    const { current } = this;
    const again = items.find((one) => one.item.id === current.item.id);
    this.hasLapsed = false;
    if (again) {
      current.lease = again.lease;
    } else {
      this.locks.letGo(current.item.id);
      this.current = null;
      this.events.gone();
    }
  }

  /** Push the leases' ends while the page is looked at, and let go what was lost. */
  async renew() {
    const held = [this.current, ...this.ahead].filter((claim) => claim !== null);
    if (document.visibilityState !== "visible" || !held.length) return;
    const ids = held.map((claim) => claim.lease.id).filter(Boolean);
    const renewed = await brought(this.call("POST", "leases/renew", { ids }));
    if (!renewed) return;
    const alive = new Set(renewed.leases.map((/** @type {{id: number}} */ lease) => lease.id));
    const lost = this.ahead.filter((claim) => ids.includes(claim.lease.id) && !alive.has(claim.lease.id));
    for (const claim of lost) this.locks.letGo(claim.item.id);
    this.ahead = this.ahead.filter((claim) => !lost.includes(claim));
    const { current } = this;
    this.hasLapsed = current !== null && ids.includes(current.lease.id) && !alive.has(current.lease.id);
    void this.supply.refill();
  }

  /** Others may have what lies behind the one on screen: the page is left. */
  giveBack() {
    for (const claim of this.ahead) void this.call("DELETE", `leases/${claim.lease.id}`, null, { keepalive: true, signal: null }).catch(() => {});
    this.ahead = [];
  }
}
