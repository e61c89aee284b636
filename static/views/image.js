// @ts-check
// An image to look at closely: zoom, pan, brightness and contrast. What is laid over it goes into its plane and follows.

import { declare } from "../keys.js";
import { t } from "../words.js";
import { Lens } from "./lens.js";
import { followGestures } from "./gestures.js";

const tools = /** @type {HTMLElement} */ (document.querySelector("[data-tools]"));
const one = (/** @type {string} */ name) => /** @type {HTMLElement} */ (tools.querySelector(`[data-tool="${name}"]`));
const light = /** @type {HTMLInputElement[]} */ ([...tools.querySelectorAll("input[type=range]")]);
const adjust = /** @type {HTMLDetailsElement} */ (tools.querySelector("details"));
/** @type {Lens | null} */
let lens = null;

/** @param {any} content @param {string} media @returns {HTMLElement} */
export function draw({ image: name, width, height }, media) {
  const [frame, plane, image] = [document.createElement("div"), document.createElement("div"), new Image()];
  image.alt = t("image_alt");
  image.draggable = false;
  if (width && height) {
    image.width = width;
    image.height = height;
    image.classList.toggle("tiny", width <= 128);
  }
  image.src = `${media}/${name}`;
  image.decode().catch(() => {}); // an image that cannot be shown says so by its alternative text
  frame.className = "picture";
  plane.className = "plane";
  plane.append(image);
  frame.append(plane);
  return frame;
}

/** Words for the live region, and for lists. */
export const spoken = () => t("an_image");

/** Each item begins whole; how light it is shown stays as it was set. @param {HTMLElement} frame */
export function shown(frame) {
  lens = new Lens(frame, tell);
  followGestures(frame, lens);
  lighten();
}

/** @param {number} share of the image's own size, in pixels of the screen */
function tell(share) {
  one("share").textContent = `${Math.round(share * 100)}\u00a0%`;
}

/** Brightness and contrast, in per cent of what they are. */
function lighten() {
  const [brightness, contrast] = light.map((input) => Number(input.value));
  const isUsual = brightness === 100 && contrast === 100;
  const image = lens?.image;
  if (image) image.style.filter = isUsual ? "" : `brightness(${brightness}%) contrast(${contrast}%)`;
  adjust.classList.toggle("filled", !isUsual);
  for (const input of light) input.setAttribute("aria-valuetext", `${input.value} %`);
}

function reset() {
  for (const input of light) input.value = "100";
  lighten();
  lens?.fit();
}

/** Open the sliders, or close them. */
function toggleAdjust() {
  adjust.open = !adjust.open;
  if (adjust.open) light[0].focus();
}

/** Arrows move what is enlarged; else they scroll the page. @param {KeyboardEvent} event */
function pan(event) {
  const way = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
  const target = /** @type {HTMLElement} */ (event.target);
  if (!way || !lens?.isEnlarged || event.ctrlKey || event.altKey || event.metaKey || target.closest("input, textarea, select, dialog[open]")) return;
  event.preventDefault();
  lens.move(60 * way[0], 60 * way[1]);
}

export function mount() {
  tools.classList.add("ready");
  document.addEventListener("keydown", pan, { capture: true });
  adjust.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !adjust.open) return;
    adjust.open = false;
    /** @type {HTMLElement} */ (adjust.firstElementChild).focus();
    event.preventDefault();
  });
  for (const input of light) input.addEventListener("input", lighten);
  declare(
    { name: "closer", keys: ["+", "="], label: "key_closer", act: () => lens?.zoom(1.25) },
    { name: "farther", keys: ["-"], label: "key_farther", act: () => lens?.zoom(0.8) },
    { name: "whole", keys: ["z"], label: "key_whole", act: () => lens?.toggle() },
    { name: "adjust", keys: ["b"], label: "key_adjust", act: toggleAdjust },
    { name: "reset", keys: ["r"], label: "key_reset", act: reset },
    { name: "pan", keys: ["ArrowLeft", "ArrowRight"], label: "key_pan", isFixed: true },
  );
}
