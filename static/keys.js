// @ts-check
// What can be done by key, declared once: the keyboard, the buttons, the list of keys and the settings read it. Each part
// of the page and each widget declares its own; a person may choose other keys.

/**
 * `label`: a key of the words. `act`: what it does; a widget's own keys have none, for it takes them itself. `isFixed`:
 * nobody can change it (arrows, Escape, the keys of classes). `isScroll`: may be held, and is a focused control's first.
 * @typedef {{name: string, keys: string[], label: string, act?: (event?: Event) => void, isFixed?: boolean, isScroll?: boolean}} Action
 */

const SIGNS = /** @type {Record<string, string>} */ ({ " ": "Space", ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", Escape: "Esc" });
const ARABIC = /** @type {Record<string, string>} */ ({ "؟": "?", "،": "," });
const page = /** @type {HTMLElement | null} */ (document.querySelector("[data-label-page]"));
const KEPT = `marginalia.keys.${page?.dataset.user}`;

/** @type {Map<string, Action>} */
export const actions = new Map();
/** What this person chose, by the action's name. @type {Record<string, string>} */
export const chosen = read();

/** @returns {Record<string, string>} */
function read() {
  try {
    return JSON.parse(localStorage.getItem(KEPT) ?? "{}") ?? {};
  } catch {
    return {}; // the keys are the usual ones, then
  }
}

/** Make actions known; those of the same name are replaced. Their buttons, `data-do`, appear. @param {...Action} given */
export function declare(...given) {
  for (const one of given) {
    actions.set(one.name, one);
    if (one.act) for (const button of buttonsOf(one.name)) button.hidden = false;
  }
  if (Object.keys(chosen).length) tellButtons();
}

/** @param {string} name @returns {NodeListOf<HTMLElement>} */
const buttonsOf = (name) => document.querySelectorAll(`[data-do="${name}"]`);

/** The keys of an action: this person's, else the usual ones; less what stands for a class or was chosen for another. @param {Action} one */
export function keysOf(one) {
  if (one.isFixed) return one.keys;
  const own = chosen[one.name];
  const isTaken = (/** @type {string} */ key) => [...actions.values()].some((other) =>
    other.isFixed ? other.keys.includes(key) : !own && other !== one && chosen[other.name] === key);
  return (own ? [own] : one.keys).filter((key) => !isTaken(key));
}

/** Whose key it is. @param {string} key @param {(one: Action) => boolean} [among] @returns {Action | undefined} */
export function holderOf(key, among = () => true) {
  return [...actions.values()].find((one) => among(one) && keysOf(one).includes(key));
}

/** Keys that two actions claim, of which one would never be heard: a mistake in the program. */
export function collisions() {
  const all = [...actions.values()].flatMap((one) => keysOf(one).map((key) => `${key} of ${one.name}`));
  const keys = all.map((one) => one.split(" of ")[0]);
  return all.filter((_, place) => keys.indexOf(keys[place]) !== keys.lastIndexOf(keys[place]));
}

/** Choose a key, or (null) the usual one again. @param {string} name @param {string | null} key */
export function choose(name, key) {
  if (key === null) delete chosen[name];
  else chosen[name] = key;
  try {
    localStorage.setItem(KEPT, JSON.stringify(chosen));
  } catch {
    // It lasts as long as the page, then.
  }
  tellButtons();
}

/** What was pressed: a letter is small, and one of another script is the Latin one on its key. @param {KeyboardEvent} event */
export function pressedKey({ key, code }) {
  if (key.length > 1 || key === " ") return key;
  if (key in ARABIC) return ARABIC[key];
  const place = /^(?:Key|Digit|Numpad)(\w)$/.exec(code ?? "")?.[1].toLowerCase();
  return place && key > "\u024f" ? place : key.toLowerCase();
}

/** A key as it is written on keyboards. @param {string} key */
export const written = (key) => SIGNS[key] ?? (key.length === 1 ? key.toUpperCase() : key);

/** Write the keys on the buttons where they are not the usual ones. */
function tellButtons() {
  for (const place of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-key-of]"))) {
    const one = actions.get(place.dataset.keyOf ?? "");
    if (!one) continue;
    const [key] = keysOf(one);
    place.hidden = key === undefined;
    place.textContent = key === undefined ? "" : written(key);
  }
}
