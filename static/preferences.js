// @ts-check
// How this person wants the page: text size, contrast and the like, as classes of the root. Kept in this browser.

const root = document.documentElement;
export const PREFERENCES = ["size", "contrast"];

/** @param {string} name @param {string} [usual] */
export function preferred(name, usual = "usual") {
  try {
    return localStorage.getItem(`marginalia.${name}`) ?? usual;
  } catch {
    return usual; // storage may be forbidden; it lasts as long as the page, then
  }
}

/** @param {string} name @param {string} value */
export function prefer(name, value) {
  wear(name, value);
  try {
    localStorage.setItem(`marginalia.${name}`, value);
  } catch {
    // Not remembered, then.
  }
}

/** @param {string} name @param {string} value */
function wear(name, value) {
  for (const one of [...root.classList]) if (one.startsWith(`${name}-`)) root.classList.remove(one);
  if (value !== "usual") root.classList.add(`${name}-${value}`);
}

for (const name of PREFERENCES) wear(name, preferred(name));
