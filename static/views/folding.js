// @ts-check
// Texts as they are searched: without case, accents, Hebrew points, Arabic vowel signs and tatweel, and with signs of
// full and half width alike. Signs that make another letter, as the dakuten and the vowels of Indic scripts, stay.

const DROPPED = /[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed]/g;

/** @type {Map<string, string>} */
const known = new Map();

/** A sign as it is searched; a sign that is dropped is "". @param {string} sign */
function folded(sign) {
  let made = known.get(sign);
  if (made === undefined) {
    made = sign.normalize("NFKD").replace(DROPPED, "").toLowerCase().replace(/ς/g, "σ");
    known.set(sign, made);
  }
  return made;
}

/**
 * A text as it is searched, and where in it each code unit of that stands; one place more for the end.
 * @param {string} text @returns {{folded: string, places: number[]}}
 */
export function fold(text) {
  const parts = [];
  const places = [];
  let at = 0;
  for (const sign of text) {
    const made = sign < "\u0080" ? sign.toLowerCase() : folded(sign);
    parts.push(made);
    for (let k = 0; k < made.length; k += 1) places.push(at);
    at += sign.length;
  }
  places.push(at);
  return { folded: parts.join(""), places };
}

/**
 * Where words stand in a text, as [start, end] in code units; what is dropped goes with the sign before it.
 * @param {string} text @param {string} words @param {number} most @returns {[number, number][]}
 */
export function find(text, words, most) {
  const wanted = fold(words).folded;
  if (!wanted.trim()) return [];
  const { folded: all, places } = fold(text);
  /** @type {[number, number][]} */
  const found = [];
  const isBorder = (/** @type {number} */ at) => places[at] !== places[at - 1]; // of a sign that stands for several
  for (let at = all.indexOf(wanted); at >= 0 && found.length < most;) {
    const end = at + wanted.length;
    const isWhole = isBorder(at) && isBorder(end);
    if (isWhole) found.push([places[at], places[end]]);
    at = all.indexOf(wanted, isWhole ? end : at + 1);
  }
  return found;
}
