// @ts-check
// The settings dialog: language (the server writes it), text size, contrast.

import { prefer, preferred } from "./preferences.js";

const dialog = /** @type {HTMLDialogElement} */ (document.querySelector("[data-settings]"));

for (const select of /** @type {NodeListOf<HTMLSelectElement>} */ (dialog.querySelectorAll("[data-prefer]"))) {
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

export const open = () => dialog.showModal();
