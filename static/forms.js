// @ts-check
// Forms made easier where scripts run: more class rows, and only the chosen plug-in's settings in view.

for (const rows of document.querySelectorAll("[data-class-rows]")) {
  const button = /** @type {HTMLButtonElement | null} */ (rows.parentElement?.querySelector("[data-add-class]"));
  if (!button) continue;
  button.hidden = false;
  button.addEventListener("click", () => {
    const all = /** @type {NodeListOf<HTMLElement>} */ (rows.querySelectorAll("[data-class-row]"));
    const row = /** @type {HTMLElement} */ (all[all.length - 1].cloneNode(true));
    const colors = [...all].map((one) => /** @type {HTMLInputElement} */ (one.querySelector("[type=color]")).value);
    for (const input of row.querySelectorAll("input")) {
      if (input.type !== "color") input.value = "";
      else input.value = colors[all.length % Math.max(1, new Set(colors).size)];
    }
    rows.append(row);
    /** @type {HTMLInputElement} */ (row.querySelector("[name=class_name]")).focus();
  });
}

for (const select of /** @type {NodeListOf<HTMLSelectElement>} */ (document.querySelectorAll("select[data-plugin]"))) {
  const settings = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(`[data-settings-of="${select.name}"]`));
  const show = () => {
    for (const one of settings) one.hidden = one.dataset.pluginName !== select.value;
  };
  select.addEventListener("change", show);
  show();
}

const modality = () => /** @type {HTMLInputElement | null} */ (document.querySelector("[name=modality]:checked"))?.value;
const encoders = /** @type {HTMLSelectElement | null} */ (document.querySelector("select[name=encoder]"));
/** Only encoders that can read what is to be labelled. */
function fit() {
  if (!encoders || !modality()) return;
  for (const option of encoders.options) {
    const reads = /\((\w+)\)$/.exec(option.text)?.[1];
    option.hidden = option.disabled = Boolean(reads) && reads !== modality();
  }
  if (encoders.selectedOptions[0]?.disabled) encoders.value = "auto";
}
for (const radio of document.querySelectorAll("[name=modality]")) radio.addEventListener("change", fit);
fit();
