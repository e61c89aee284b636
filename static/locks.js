// @ts-check
// A lock for each item in a tab's hands, so that two tabs of one person never show the same.

export class Locks {
  constructor() {
    /** @type {Map<number, () => void>} */
    this.held = new Map();
  }

  /** Take an item for this tab; false where another tab has it. @param {number} id @returns {Promise<boolean>} */
  hold(id) {
    if (!navigator.locks || this.held.has(id)) return Promise.resolve(true);
    return new Promise((answer) => {
      const got = (/** @type {Lock | null} */ lock) => {
        answer(lock !== null);
        return lock && new Promise((release) => this.held.set(id, () => release(null)));
      };
      navigator.locks.request(`marginalia.item.${id}`, { ifAvailable: true }, got).catch(() => answer(true));
    });
  }

  /** @param {number} id */
  letGo(id) {
    this.held.get(id)?.();
    this.held.delete(id);
  }
}
