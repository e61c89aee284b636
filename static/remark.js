// @ts-check
// What is said beside an answer: that one is not sure, and a comment.

const unsure = /** @type {HTMLInputElement} */ (document.querySelector("[data-unsure]"));
const comment = /** @type {HTMLTextAreaElement} */ (document.querySelector("[data-comment-text]"));
const holder = /** @type {HTMLDetailsElement} */ (document.querySelector("[data-comment]"));

/** @typedef {{unsure: boolean, comment: string}} Remark */

/** @returns {Remark} */
export const readRemark = () => ({ unsure: unsure.checked, comment: comment.value.trim() });

/** @param {Remark} [remark] */
export function showRemark(remark) {
  unsure.checked = remark?.unsure ?? false;
  comment.value = remark?.comment ?? "";
  holder.open = false;
  holder.classList.toggle("filled", comment.value !== "");
}

export const toggleUnsure = () => unsure.click();

export function openComment() {
  holder.open = true;
  comment.focus();
}

comment.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" && (event.key !== "Enter" || event.shiftKey)) return;
  event.preventDefault();
  event.stopPropagation();
  holder.open = false;
  comment.blur();
});
holder.addEventListener("toggle", () => holder.classList.toggle("filled", comment.value.trim() !== ""));
