// @ts-check
// How many items to hold behind the one on screen: what somebody so quick needs while the network is asked twice.

const LEAST = 2;
const MOST = 12;

export class Stock {
  constructor() {
    /** @type {number[]} */
    this.answers = []; // when the latest were given
    this.answerMs = 300; // what the server takes to give the next
  }

  answered() {
    this.answers = [...this.answers.slice(-8), performance.now()];
  }

  /** @param {number} milliseconds from a question to the items */
  took(milliseconds) {
    this.answerMs = 0.7 * this.answerMs + 0.3 * milliseconds;
  }

  get wanted() {
    const n = this.answers.length;
    const span = n > 4 ? (this.answers[n - 1] - this.answers[0]) / (n - 1) : Infinity;
    return Math.min(MOST, LEAST + Math.ceil((3 * this.answerMs) / span));
  }
}
