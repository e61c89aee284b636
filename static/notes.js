// @ts-check
// Quiet notes on the way of answers: how many wait, and how to go on where a sign-in has ended.

import { linkAside, say } from "./sheet.js";
import { t } from "./words.js";

const NOTE_AFTER_MS = 1500; // what is sent sooner needs no word

export class Notes {
  /** @param {import("./outbox.js").Outbox} outbox @param {string} signIn the address of the door, beside this page */
  constructor(outbox, signIn) {
    this.outbox = outbox;
    this.signIn = signIn;
    this.isSignedOut = false;
    this.isSaying = false;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
  }

  /** Say it once something has waited for a while. */
  soon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.tell(), NOTE_AFTER_MS);
  }

  tell() {
    const n = this.outbox.size;
    const isLate = [...this.outbox.entries.values()].some((entry) => Date.now() - entry.at >= NOTE_AFTER_MS);
    if (this.isSignedOut) say(linkAside(t("sign_in"), this.signIn), " ", n ? t("sign_in_to_send", { n }) : t("sign_in_to_go_on"));
    else if (isLate) say(t("answers_wait", { n }));
    else if (this.isSaying) say(this.outbox.isDurable ? "" : t("not_kept"));
    this.isSaying = this.isSignedOut || isLate;
    if (n && !this.isSaying) this.soon();
  }
}
