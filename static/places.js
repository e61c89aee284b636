// @ts-check
// Places in a text: JavaScript counts UTF-16 units, answers count code points, people see graphemes and words.

export class Places {
  /** @param {string} text */
  constructor(text) {
    this.text = text;
    /** @type {number[]} */
    this.starts = []; // the unit at which each code point begins
    for (let unit = 0; unit < text.length; unit += /** @type {number} */ (text.codePointAt(unit)) > 0xffff ? 2 : 1) this.starts.push(unit);
    this.starts.push(text.length);
    /** @type {[number, number][] | null} */
    this.cut = null;
  }

  /** Code points before a unit; one in the middle of a pair counts as before it. @param {number} unit */
  point(unit) {
    let [low, high] = [0, this.starts.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.starts[middle] <= unit) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** @param {number} point */
  unit(point) {
    return this.starts[point];
  }

  /** The words, as pairs of code points: what a dictionary of the language would cut, and signs that stand alone. */
  get words() {
    if (this.cut) return this.cut;
    const pieces = [...new Intl.Segmenter(undefined, { granularity: "word" }).segment(this.text)];
    this.cut = pieces
      .filter((piece) => piece.segment.trim())
      .map((piece) => [this.point(piece.index), this.point(piece.index + piece.segment.length)]);
    return this.cut;
  }

  /**
   * A range of units as code points, without blanks at its ends, and such that no grapheme is torn: half of a family
   * emoji or a letter without its accent is nobody's wish.
   * @param {number} start @param {number} end @returns {[number, number] | null}
   */
  snap(start, end) {
    while (start < end && !this.text[start].trim()) start += 1;
    while (end > start && !this.text[end - 1].trim()) end -= 1;
    if (start >= end) return null;
    const from = Math.max(0, start - 64); // graphemes are short; a whole book need not be cut
    for (const piece of new Intl.Segmenter(undefined, { granularity: "grapheme" }).segment(this.text.slice(this.unit(this.point(from)), end + 64))) {
      const at = this.unit(this.point(from)) + piece.index;
      const after = at + piece.segment.length;
      if (at < start && start < after) start = at;
      if (at < end && end < after) end = after;
    }
    return [this.point(start), this.point(end)];
  }
}
