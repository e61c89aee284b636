// @ts-check
// How this person wants the page: language (the server writes it), text size and contrast (classes of the root).

const root = document.documentElement;
const key = (/** @type {string} */ name) => `marginalia.${name}`;

/** @param {string} name */
function kept(name) {
  try {
    return localStorage.getItem(key(name)) ?? "usual";
  } catch {
    return "usual"; // storage may be forbidden; it lasts as long as the page, then
  }
}

/** @param {string} name @param {string} value */
function wear(name, value) {
  for (const one of [...root.classList]) if (one.startsWith(`${name}-`)) root.classList.remove(one);
  if (value !== "usual") root.classList.add(`${name}-${value}`);
}

for (const select of /** @type {NodeListOf<HTMLSelectElement>} */ (document.querySelectorAll("[data-prefer]"))) {
  const name = select.dataset.prefer ?? "";
  if (name !== "language") {
    select.value = kept(name);
    wear(name, select.value);
  }
  select.addEventListener("change", () => {
    if (name === "language") {
      document.cookie = `language=${select.value}; path=/; max-age=31536000; samesite=lax`;
      location.reload(); // what is unsent lies on the disk
      return;
    }
    wear(name, select.value);
    try {
      localStorage.setItem(key(name), select.value);
    } catch {
      // Not remembered, then.
    }
  });
}
