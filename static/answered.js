// @ts-check
// What this person has answered, in this sitting and before it: to be taken back, opened again, or left as it was.

import { brought } from "./api.js";
import { wanted } from "./panels.js";

/**
 * @typedef {import("./hand.js").Claim} Claim
 * @typedef {{labelId: string, claim: Claim, answer: any, skipped?: string | null, remark?: import("./remark.js").Remark}} Past
 * What the page does for it: take an answer back at the server, show an item with its answer, go on to the next, move
 * the tallies.
 * @typedef {{takeBack: (one: Past) => void, show: (one: Past) => void, goOn: () => void, count: (by: number) => void}} Page
 */

const undoButton = /** @type {HTMLButtonElement} */ (document.querySelector("[data-do=undo]"));
const keepButton = /** @type {HTMLElement} */ (document.querySelector("[data-do=keep]"));
const panel = /** @type {HTMLElement} */ (document.querySelector("[data-mine]"));

export class Answered {
  /** @param {string} project @param {import("./api.js").Call} call @param {Page} page */
  constructor(project, call, page) {
    this.project = project;
    this.call = call;
    this.page = page;
    /** @type {Past[]} */
    this.past = []; // oldest first
    /** @type {Past | null} */
    this.revisited = null; // it stands until another answer takes its place
    this.earlier = this.#fetch();
  }

  /** @param {Past} one */
  add(one) {
    const replaced = this.revisited?.answer ? 1 : 0;
    this.past = [...this.past.filter((each) => each !== this.revisited), one];
    this.revisited = null;
    this.#changed((one.answer ? 1 : 0) - replaced);
  }

  /** It was refused: nothing was answered. @param {string} labelId @param {any} answer */
  forget(labelId, answer) {
    this.past = this.past.filter((one) => one.labelId !== labelId);
    this.#changed(answer ? -1 : 0);
  }

  /** The last answer comes back, marked, at once; the server is told in its turn. */
  async undo() {
    if (!this.past.length) await this.earlier;
    this.keep();
    const last = this.past.pop();
    if (!last) return;
    this.page.takeBack(last);
    this.page.show(last);
    this.#changed(last.answer ? -1 : 0);
  }

  /** Open one again: it stands until another answer is given. @param {Past} one */
  revisit(one) {
    this.keep();
    this.revisited = one;
    this.page.show(one);
    keepButton.hidden = false;
  }

  /** Leave the opened one as it was. */
  keep() {
    if (!this.revisited) return;
    this.revisited = null;
    keepButton.hidden = true;
    this.page.goOn();
  }

  /** List them, newest first. */
  async list() {
    await this.earlier;
    const { listMine } = await import("./mine.js");
    listMine(this.past, (one) => this.revisit(one));
  }

  /** @param {number} by what the tallies move */
  #changed(by) {
    this.page.count(by);
    undoButton.disabled = this.past.length === 0;
    keepButton.hidden = this.revisited === null;
    if (!panel.hidden) void wanted(() => this.list());
  }

  /** What was answered before this page was loaded, below what is answered on it. */
  async #fetch() {
    const mine = await brought(this.call("GET", `projects/${this.project}/labels/mine?limit=50`));
    if (!mine) return;
    const older = mine.labels.reverse().filter((/** @type {any} */ one) => !this.past.some((each) => each.labelId === one.id));
    this.past = [...older.map(pastOf), ...this.past];
    this.#changed(0);
  }
}

/** @param {any} one a label as the API gives it @returns {Past} */
function pastOf(one) {
  return {
    labelId: one.id,
    claim: { item: one.item, lease: { id: 0 }, reason: "", suggestion: null },
    answer: one.answer,
    skipped: one.skip_reason,
    remark: { unsure: one.unsure, comment: one.comment ?? "" },
  };
}
