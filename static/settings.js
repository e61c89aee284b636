// @ts-check
// The settings dialog: language (the server writes it), text size, contrast, what may be switched off, and the keys.

import { listKeys } from "./keys-settings.js";
import { prefer, preferred } from "./preferences.js";

const dialog = /** @type {HTMLDialogElement} */ (document.querySelector("[data-settings]"));

/** @param {HTMLSelectElement} select */
function follow(select) {
  const name = select.dataset.prefer ?? "";
  if (name !== "language") select.value = preferred(name);
  select.addEventListener("change", () => {
    if (name !== "language") {
      prefer(name, select.value);
      return;
    }
    document.cookie = `language=${select.value}; path=/; max-age=31536000; samesite=lax`;
    location.reload(); // what is unsent lies on the disk
  });
}

/** Switched on unless somebody has switched it off. @param {HTMLInputElement} box */
function followSwitch(box) {
  const name = box.dataset.switch ?? "";
  box.checked = preferred(name) !== "off";
  box.addEventListener("change", () => prefer(name, box.checked ? "usual" : "off"));
}

for (const select of dialog.querySelectorAll("[data-prefer]")) follow(/** @type {HTMLSelectElement} */ (select));
for (const box of dialog.querySelectorAll("[data-switch]")) followSwitch(/** @type {HTMLInputElement} */ (box));

export function open() {
  listKeys();
  dialog.showModal();
}
