// @ts-check
// The page's strings in its language, as the server put them into it; a count chooses its form by the language's rules.

const page = /** @type {HTMLElement} */ (document.querySelector("[data-words]"));
/** @type {Record<string, string | Record<string, string>>} */
const words = JSON.parse(page.dataset.words ?? "{}");
const language = document.documentElement.lang;
const rules = new Intl.PluralRules(language);
const numbers = new Intl.NumberFormat(language);

const shares = new Intl.NumberFormat(language, { style: "percent" });

/** A number as the language writes it. @param {number} value */
export const number = (value) => numbers.format(value);

/** A share as the language writes it. @param {number} value */
export const percent = (value) => shares.format(value);

/** Whether there is such a string. @param {string} key */
export const knows = (key) => key in words;

/** The words of a key, with {names} put in; `n` chooses the form. @param {string} key @param {Record<string, any>} [values] */
export function t(key, values = {}) {
  const found = words[key] ?? key;
  const form = typeof found === "string" ? found : found[rules.select(values.n)] ?? found.other;
  return form.replace(/\{(\w+)\}/g, (_, name) => (typeof values[name] === "number" ? number(values[name]) : values[name] ?? ""));
}
