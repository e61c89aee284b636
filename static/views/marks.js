// @ts-check
// Marks over ranges of the page that leave its text alone: the browser's own highlights, or boxes behind the text where
// it has none.

export class Marks {
  /** @param {HTMLElement} root what the ranges are in; boxes are laid over it */
  constructor(root) {
    this.root = root;
    this.isNative = "highlights" in CSS && typeof Highlight === "function";
    this.layer = document.createElement("div");
    this.layer.className = "mark-boxes";
    this.layer.setAttribute("aria-hidden", "true");
    /** @type {[Range[], number]} */
    this.last = [[], 0];
    if (!this.isNative) new ResizeObserver(() => this.show(...this.last)).observe(root);
  }

  /** @param {Range[]} ranges @param {number} at the one that is gone to */
  show(ranges, at) {
    this.last = [ranges, at];
    if (!this.isNative) {
      this.#box(ranges, at);
      return;
    }
    CSS.highlights.set("found", new Highlight(...ranges.filter((_, number) => number !== at)));
    CSS.highlights.set("found-now", new Highlight(...ranges.slice(at, at + 1)));
  }

  clear() {
    this.show([], 0);
  }

  /** Beside the root, so that what watches the root is not woken. @param {Range[]} ranges @param {number} at */
  #box(ranges, at) {
    const parent = /** @type {HTMLElement} */ (this.root.parentElement);
    const origin = parent.getBoundingClientRect();
    const boxes = ranges.flatMap((range, number) => [...range.getClientRects()].map((place) => {
      const box = document.createElement("i");
      box.className = number === at ? "now" : "";
      Object.assign(box.style, { left: `${place.left - origin.left}px`, top: `${place.top - origin.top}px`, width: `${place.width}px`, height: `${place.height}px` });
      return box;
    }));
    this.layer.replaceChildren(...boxes);
    parent.append(this.layer);
  }
}
