// @ts-check
// Items that show what a class is, below its description in the guidelines; fetched when they are opened.

import { draw } from "./content.js";
import { Places } from "./places.js";
import { t } from "./words.js";

/** @typedef {{id: number, content: any, marks: [number, number][]}} Shown */

const FRESH_MS = 60_000; // rounds choose anew; what was looked at a moment ago is not fetched again
/** @type {WeakMap<Element, number>} */
const fetched = new WeakMap();

/**
 * One class's exemplars were opened, or closed.
 * @param {HTMLDetailsElement} details @param {import("./api.js").Call} call
 * @param {{project?: string, media?: string, role?: string}} page
 */
export async function opened(details, call, page) {
  if (!details.open || Date.now() - (fetched.get(details) ?? 0) < FRESH_MS) return;
  const place = /** @type {HTMLElement} */ (details.querySelector("[data-shown]"));
  const name = details.dataset.examples ?? "";
  place.setAttribute("aria-busy", "true");
  const response = await call("GET", `projects/${page.project}/exemplars?class=${encodeURIComponent(name)}`).catch(() => null);
  place.removeAttribute("aria-busy");
  if (!response?.ok) {
    place.replaceChildren(line(t("exemplars_away")));
    return;
  }
  fetched.set(details, Date.now());
  const found = await response.json();
  const list = document.createElement("ul");
  /** @param {Shown[]} shown @param {string} said @param {boolean} [isPinned] */
  const add = (shown, said, isPinned = false) => list.append(...shown.map((one) => {
    const row = document.createElement("li");
    const note = line(said);
    row.append(drawn(one, name, page), note);
    if (page.role === "lead") note.append(" ", pinButton(one.id, name, isPinned));
    return row;
  }));
  add(found.pinned, t("exemplar_pinned"), true);
  add(found.typical, t("exemplar_typical"));
  add(found.near, t("exemplar_near", { class: `\u2068${found.neighbour}\u2069` }));
  place.replaceChildren(list.children.length ? list : line(t("exemplar_none")));

  /** @param {number} id @param {string} of @param {boolean} isPinned */
  function pinButton(id, of, isPinned) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quiet-button";
    button.textContent = t(isPinned ? "unpin" : "pin");
    button.addEventListener("click", async () => {
      button.disabled = true;
      const done = await (isPinned
        ? call("DELETE", `projects/${page.project}/exemplars/${id}?class=${encodeURIComponent(of)}`)
        : call("POST", `projects/${page.project}/exemplars`, { item_id: id, class: of })).catch(() => null);
      button.disabled = false;
      if (!done?.ok) return;
      fetched.delete(details);
      await opened(details, call, page);
      place.querySelector("button")?.focus(); // the one that was pressed is gone
    });
    return button;
  }
}

/** @param {string} text */
function line(text) {
  const made = document.createElement("p");
  made.className = "soft small";
  made.textContent = text;
  return made;
}

/** @param {Shown} one @param {string} name @param {{media?: string}} page */
function drawn({ content, marks }, name, { media = "" }) {
  const box = marks.length ? marked(content.text, marks) : draw(media, content);
  const image = box instanceof HTMLImageElement ? box : box.querySelector("img");
  if (image) image.alt = t("exemplar_image", { class: name });
  const frame = document.createElement("div");
  frame.className = "exemplar";
  frame.append(box);
  return frame;
}

/** @param {string} text @param {[number, number][]} marks in code points */
function marked(text, marks) {
  const places = new Places(text);
  const box = document.createElement("div");
  box.dir = "auto";
  let end = 0;
  for (const [from, to] of [...marks].sort((a, b) => a[0] - b[0])) {
    const [start, stop] = [Math.max(places.unit(from), end), places.unit(to)];
    if (stop <= start) continue; // it lies in the one before
    const mark = document.createElement("mark");
    mark.textContent = text.slice(start, stop);
    box.append(text.slice(end, start), mark);
    end = stop;
  }
  box.append(text.slice(end));
  return box;
}
