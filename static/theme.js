// @ts-check
// What every page does: the light/dark switch, times in the reader's own zone, the current tab in view. The theme is a
// cookie, too, so that the server can write it into the page and nothing flashes.

const root = document.documentElement;
const KEY = "marginalia.theme";

/** @param {string} theme */
function wear(theme) {
  root.classList.remove("light", "dark");
  root.classList.add(theme);
  document.cookie = `theme=${theme}; path=/; max-age=31536000; samesite=lax`;
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // Storage may be forbidden; the cookie is enough.
  }
}

/** @returns {string | null} */
function remembered() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

const kept = remembered();
if (kept === "light" || kept === "dark") wear(kept);

for (const button of document.querySelectorAll("[data-theme-switch]")) {
  if (!(button instanceof HTMLElement)) continue;
  button.hidden = false;
  button.addEventListener("click", () => {
    const dark = root.classList.contains("dark")
      || (!root.classList.contains("light") && matchMedia("(prefers-color-scheme: dark)").matches);
    wear(dark ? "light" : "dark");
  });
}

/** Write every time element in the reader's zone. @param {ParentNode} within */
export function localTimes(within) {
  const form = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  for (const time of within.querySelectorAll("time[data-local]")) {
    time.textContent = form.format(new Date(time.getAttribute("datetime") ?? ""));
  }
}

localTimes(document);

// On a phone the tabs are wider than the page, and the page's own must be seen.
document.querySelector(".tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
