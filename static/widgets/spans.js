// @ts-check
// Spans of text: select words and press a class, or write lines “class: words”. Offsets count code points.

/** @typedef {{start: number, end: number, class: string}} Span */

/** Code points before a place in UTF-16. @param {string} text @param {number} place */
const points = (text, place) => [...text.slice(0, place)].length;

/** @param {string} text @param {Span} span */
const words = (text, span) => [...text].slice(span.start, span.end).join("");

/** @param {HTMLElement} host @param {(answer: object) => void} send */
export function mount(host, send) {
  const lines = /** @type {HTMLTextAreaElement} */ (host.querySelector("[data-spans]"));
  const buttons = /** @type {HTMLElement[]} */ ([...host.querySelectorAll("[data-class]")]);
  const wrong = /** @type {HTMLElement} */ (host.querySelector("[data-wrong]"));
  const guess = /** @type {HTMLElement} */ (host.querySelector("[data-guess]"));
  const names = buttons.map((button) => button.dataset.class ?? "");
  let text = "";

  /** The answer that the lines stand for. @returns {{spans: Span[]}} */
  function read() {
    /** @type {Map<string, number>} */
    const after = new Map();
    const spans = [];
    for (const line of lines.value.split("\n").filter((each) => each.trim())) {
      const name = names.find((each) => line.trim().startsWith(`${each}:`));
      const said = name === undefined ? "" : line.trim().slice(name.length + 1).trim();
      if (name === undefined || !said) throw new Error(`“${line.trim()}” has not the form “class: words of the text”.`);
      const place = text.indexOf(said, after.get(said) ?? 0);
      if (place < 0) throw new Error(`“${said}” does not stand in the text, or not so often.`);
      after.set(said, place + said.length);
      spans.push({ start: points(text, place), end: points(text, place + said.length), class: name });
    }
    return { spans };
  }

  function done() {
    try {
      wrong.textContent = "";
      send(read());
    } catch (error) {
      wrong.textContent = /** @type {Error} */ (error).message;
    }
  }

  /** @param {string} name */
  function mark(name) {
    const said = String(document.getSelection() ?? "").trim();
    if (lines.value && !lines.value.endsWith("\n")) lines.value += "\n";
    lines.value += `${name}: ${said}`;
    if (said) document.getSelection()?.removeAllRanges();
    else lines.focus();
  }

  for (const button of buttons) {
    button.hidden = false;
    button.addEventListener("mousedown", (event) => event.preventDefault()); // keeps the selection
    button.addEventListener("click", () => mark(button.dataset.class ?? ""));
  }
  host.querySelector("[data-send]")?.addEventListener("click", (event) => {
    event.preventDefault();
    done();
  });

  return {
    /** @param {any} before @param {any} suggestion @param {any} content */
    show(before, suggestion, content) {
      text = content?.text ?? "";
      wrong.textContent = "";
      const told = (/** @type {Span[]} */ spans) => spans.map((span) => `${span.class}: ${words(text, span)}`);
      lines.value = told(before?.spans ?? []).join("\n");
      const suggested = told(suggestion?.answer?.spans ?? []);
      guess.textContent = suggested.length ? `Suggested: ${suggested.join("; ")}` : "";
    },
    /** @param {KeyboardEvent} event */
    key(event) {
      if (event.key === "Enter") {
        done();
        return true;
      }
      const button = buttons.find((one) => one.dataset.key === event.key.toLowerCase());
      if (button) mark(button.dataset.class ?? "");
      return Boolean(button);
    },
  };
}
