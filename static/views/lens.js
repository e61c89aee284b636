// @ts-check
// Where an image's plane lies in its frame: how far enlarged, and moved by how much.

const MOST = 16; // times the image's own size

export class Lens {
  /** @param {HTMLElement} frame @param {(share: number) => void} changed told the share of the image's own size */
  constructor(frame, changed) {
    this.frame = frame;
    this.plane = /** @type {HTMLElement} */ (frame.firstElementChild);
    this.image = /** @type {HTMLImageElement} */ (this.plane.querySelector("img"));
    this.changed = changed;
    this.scale = 1; // of the fitted size
    this.share = 1; // of the image's own size
    this.x = this.y = 0; // of the plane's middle from the frame's, in pixels of the page
    if (this.image.complete) this.#place();
    else this.image.addEventListener("load", () => this.#place(), { once: true });
    new ResizeObserver(() => this.#resized()).observe(frame);
  }

  get isEnlarged() {
    return this.scale > 1.001;
  }

  /** The scale at which a pixel of the image is one of the screen. */
  get own() {
    return this.image.naturalWidth / devicePixelRatio / (this.image.offsetWidth || 1) || 1;
  }

  /** Show all of it. */
  fit() {
    this.scale = 1;
    this.x = this.y = 0;
    this.#place();
  }

  /** Between all of it and its own size; of a small image four times that. @param {{x: number, y: number}} [at] of the window */
  toggle(at) {
    if (this.isEnlarged) this.fit();
    else this.zoom(this.own > 1.1 ? this.own : 4, at);
  }

  /** @param {number} factor @param {{x: number, y: number}} [at] the place of the window that stays where it is */
  zoom(factor, at) {
    const box = this.frame.getBoundingClientRect();
    const [px, py] = at ? [at.x - box.x - box.width / 2, at.y - box.y - box.height / 2] : [0, 0];
    let scale = Math.min(Math.max(this.scale * factor, 1), Math.max(MOST * this.own, 4));
    // On the way past its own size it stops there, where it is sharpest.
    const passes = (this.scale - this.own) * (scale - this.own) < 0 && Math.abs(this.scale / this.own - 1) > 0.01;
    if (passes && this.own > 1) scale = this.own;
    this.x = px - ((px - this.x) * scale) / this.scale;
    this.y = py - ((py - this.y) * scale) / this.scale;
    this.scale = scale;
    this.#place();
  }

  /** @param {number} dx @param {number} dy */
  move(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.#place();
  }

  /** What was enlarged stays as large. */
  #resized() {
    if (this.isEnlarged) this.scale = Math.max(1, this.share * this.own);
    this.#place();
  }

  /** No further than its edges; at whole pixels, so that it is sharp at its own size. */
  #place() {
    const most = (/** @type {number} */ size, /** @type {number} */ room) => Math.max(0, (size * this.scale - room) / 2);
    const [mx, my] = [most(this.image.offsetWidth, this.frame.clientWidth), most(this.image.offsetHeight, this.frame.clientHeight)];
    this.x = Math.min(Math.max(this.x, -mx), mx);
    this.y = Math.min(Math.max(this.y, -my), my);
    const whole = (/** @type {number} */ value) => Math.round(value * devicePixelRatio) / devicePixelRatio;
    this.plane.style.transform = this.isEnlarged ? `translate(${whole(this.x)}px, ${whole(this.y)}px) scale(${this.scale})` : "";
    const share = (this.share = this.scale / this.own);
    this.frame.classList.toggle("enlarged", this.isEnlarged);
    this.frame.toggleAttribute("data-no-swipe", this.isEnlarged); // a finger moves the image, and answers nothing
    this.image.classList.toggle("grained", share > 3); // single pixels can be told, rather than guessed between
    this.changed(share);
  }
}
