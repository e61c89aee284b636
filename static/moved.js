// @ts-check
// What moved the model to its suggestion: asked of the server when somebody wants to know, and shown as a list below the
// item; words are underlined in it as well, and over a picture lies a veil.

import { Places } from "./places.js";
import { t } from "./words.js";

/** @typedef {{rows: number, columns: number, values: number[]}} Grid */

const ASK_MS = [150, 250, 400, 600];
const PATIENCE_MS = 20_000;
const MOST = 8; // words in the list
const WEAK = 0.15; // of the strongest: what is weaker is not shown
const panel = /** @type {HTMLElement} */ (document.querySelector("[data-moved]"));
const opener = /** @type {HTMLElement} */ (document.querySelector("[data-do=moved]"));
const item = /** @type {HTMLElement} */ (document.querySelector("[data-item]"));

/** Show it, or take it away. @param {import("./hand.js").Claim | null} claim @param {import("./api.js").Call} call */
export async function toggle(claim, call) {
  if (!panel.hidden || !claim?.suggestion) {
    close();
    return;
  }
  const lease = claim.lease.id;
  panel.hidden = false;
  panel.dataset.lease = String(lease);
  opener.setAttribute("aria-expanded", "true");
  panel.replaceChildren(line(t("moved_waits")));
  const found = lease ? await asked(lease, call) : { state: "late" };
  if (panel.hidden || panel.dataset.lease !== String(lease)) return; // another item is there by now
  if (found.state === "done") show(found, claim.item.content);
  else panel.replaceChildren(line(t(found.state === "failed" ? "moved_failed" : "moved_late")));
}

function close() {
  panel.hidden = true;
  opener.setAttribute("aria-expanded", "false");
  item.querySelector(".veil")?.remove();
  for (const name of ["moved-for", "moved-against"]) CSS.highlights?.delete(name);
}

/** @param {number} lease @param {import("./api.js").Call} call @returns {Promise<any>} */
async function asked(lease, call) {
  const path = `leases/${lease}/explanation`;
  const until = Date.now() + PATIENCE_MS;
  for (let turn = 0; Date.now() < until && !panel.hidden && panel.dataset.lease === String(lease); turn += 1) {
    const response = await call(turn ? "GET" : "POST", path).catch(() => null);
    if (response && !response.ok) return { state: "failed" };
    const found = await response?.json();
    if (found && found.state !== "waiting") return found;
    await new Promise((done) => setTimeout(done, ASK_MS[Math.min(turn, ASK_MS.length - 1)]));
  }
  return { state: "late" };
}

/** @param {any} found @param {any} content */
function show(found, content) {
  const head = line("");
  const classes = document.createElement("strong");
  classes.textContent = t("moved_for", { classes: found.classes.map((/** @type {string} */ one) => `\u2068${one}\u2069`).join(", ") });
  head.append(classes, found.method === "none" ? "" : ` · ${t(`moved_${found.method}`)}`);
  const all = found.words ? merged(found.words, content.text) : (found.columns ?? []);
  const told = all.filter((/** @type {[string, number]} */ one) => Math.abs(one[1]) >= WEAK * Math.abs(all[0][1]));
  const body = found.map ? line(t("moved_regions", { regions: regionsOf(found.map).join(", ") })) : told.length ? listOf(told) : line(t("moved_none"));
  panel.replaceChildren(head, body);
  if (found.map) veil(found.map);
  if (found.words) underline(found.words, content.text);
  panel.scrollIntoView({ block: "nearest" });
}

/** The same word in several places is one. @param {[number, number, number][]} words @param {string} text @returns {[string, number][]} */
function merged(words, text) {
  const places = new Places(text);
  /** @type {Map<string, [string, number]>} */
  const sums = new Map();
  for (const [start, end, weight] of words) {
    const word = text.slice(places.unit(start), places.unit(end));
    const [first, sum] = sums.get(word.toLowerCase()) ?? [word, 0];
    sums.set(word.toLowerCase(), [first, sum + weight]);
  }
  return [...sums.values()].sort((a, b) => Math.abs(b[1]) - Math.abs(a[1]));
}

/** @param {[string, number][]} told the strongest first */
function listOf(told) {
  const list = document.createElement("ul");
  const most = Math.abs(told[0][1]);
  list.append(...told.slice(0, MOST).map(([name, weight]) => {
    const row = document.createElement("li");
    const [sign, word, bar, how] = ["span", "bdi", "span", "span"].map((tag) => document.createElement(tag));
    sign.textContent = weight > 0 ? "+" : "\u2212";
    sign.className = "sign";
    sign.ariaHidden = bar.ariaHidden = "true";
    word.textContent = name;
    how.className = "visually-hidden";
    how.textContent = t(weight > 0 ? "moved_speaks_for" : "moved_speaks_against");
    bar.className = weight > 0 ? "share" : "share against";
    bar.style.inlineSize = `${Math.max(4, (100 * Math.abs(weight)) / most)}%`;
    row.append(sign, word, how, bar);
    return row;
  }));
  return list;
}

/** Underline words where they stand, without a change to what stands there. @param {[number, number, number][]} words @param {string} text */
function underline(words, text) {
  if (!CSS.highlights || item.textContent?.trim() !== text.trim()) return; // the list says it all, too
  const before = /** @type {string} */ (item.textContent).indexOf(text.trim()) - text.indexOf(text.trim());
  const places = new Places(text);
  const [speakFor, against] = [new Highlight(), new Highlight()];
  for (const [start, end, weight] of words.filter((one) => Math.abs(one[2]) >= WEAK * Math.abs(words[0][2]))) {
    const range = rangeOf(places.unit(start) + before, places.unit(end) + before);
    if (range) (weight > 0 ? speakFor : against).add(range);
  }
  CSS.highlights.set("moved-for", speakFor);
  CSS.highlights.set("moved-against", against);
}

/** @param {number} start @param {number} end units of the item's text */
function rangeOf(start, end) {
  const range = new Range();
  const walker = document.createTreeWalker(item, NodeFilter.SHOW_TEXT);
  let at = 0;
  let isBegun = false;
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const length = node.textContent?.length ?? 0;
    if (!isBegun && start < at + length) {
      range.setStart(node, start - at);
      isBegun = true;
    }
    if (isBegun && end <= at + length) {
      range.setEnd(node, end - at);
      return range;
    }
    at += length;
  }
  return null;
}

/** The ninths of the picture where most was seen, in words. @param {Grid} grid */
function regionsOf({ rows, columns, values }) {
  /** @type {number[][]} */
  const inside = Array.from({ length: 9 }, () => []);
  values.forEach((value, place) => {
    const [row, column] = [Math.floor(place / columns), place % columns];
    inside[3 * Math.floor((3 * (row + 0.5)) / rows) + Math.floor((3 * (column + 0.5)) / columns)].push(Math.max(value, 0));
  });
  const means = inside.map((one) => one.reduce((sum, value) => sum + value, 0) / Math.max(one.length, 1));
  const order = means.map((_, place) => place).sort((a, b) => means[b] - means[a]);
  return order.filter((place) => means[place] > 0.7 * means[order[0]]).slice(0, 3).map((place) => t(`region_${place}`));
}

/** A veil over the picture, clearer where more was seen: brightness and no colour tells it. @param {Grid} grid */
function veil({ rows, columns, values }) {
  const image = item.querySelector("img");
  const canvas = document.createElement("canvas");
  const brush = canvas.getContext("2d");
  if (!image?.parentElement || !brush) return;
  [canvas.width, canvas.height, canvas.className] = [columns, rows, "veil"];
  const pixels = brush.createImageData(columns, rows);
  values.forEach((value, place) => (pixels.data[4 * place + 3] = Math.round(165 * (1 - Math.max(value, 0) / 100))));
  brush.putImageData(pixels, 0, 0);
  image.parentElement.append(canvas);
  const watch = new ResizeObserver(() => (canvas.isConnected ? cover(image, canvas) : watch.disconnect()));
  watch.observe(image.parentElement); // a panel that opens beside it moves the picture
}

/** Lay the veil over the picture, which may be smaller than its box: it keeps its proportions. @param {HTMLImageElement} image @param {HTMLElement} canvas */
function cover(image, canvas) {
  const scale = Math.min(image.clientWidth / image.naturalWidth, image.clientHeight / image.naturalHeight);
  const [width, height] = [scale * image.naturalWidth, scale * image.naturalHeight];
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  canvas.style.left = `${image.offsetLeft + (image.clientWidth - width) / 2}px`;
  canvas.style.top = `${image.offsetTop + (image.clientHeight - height) / 2}px`;
}

/** @param {string} text */
function line(text) {
  const made = document.createElement("p");
  made.textContent = text;
  return made;
}
