// @ts-check
// Draws an item's content as templates/_content.html does, before it is shown: its media are decoded by then.

/** @param {string} modality @param {string} media @param {any} content @returns {HTMLElement} */
export function draw(modality, media, content) {
  if (modality === "text") return drawText(content.text);
  if (modality === "image") return drawImage(`${media}/${content.image}`, content);
  return drawTable(content.columns ?? content);
}

/** Words for the live region, and for lists. @param {string} modality @param {any} content */
export function spoken(modality, content) {
  if (modality === "text") return String(content.text).slice(0, 300);
  if (modality === "image") return "an image";
  return Object.entries(content.columns ?? content).slice(0, 6).map(([name, value]) => `${name}: ${value}`).join(", ");
}

/** @param {string} text */
function drawText(text) {
  const box = document.createElement("div");
  box.className = text.length < 160 ? "text short" : "text";
  box.dir = "auto";
  box.textContent = text;
  return box;
}

/** @param {string} source @param {{width?: number, height?: number}} content */
function drawImage(source, content) {
  const image = new Image();
  image.alt = "The image to label";
  if (content.width && content.height) {
    image.width = content.width;
    image.height = content.height;
    image.classList.toggle("tiny", content.width <= 128);
  }
  image.src = source;
  image.decode().catch(() => {}); // an image that cannot be shown says so by its alternative text
  return image;
}

/** @param {Record<string, unknown>} columns */
function drawTable(columns) {
  const list = document.createElement("dl");
  for (const [name, value] of Object.entries(columns)) {
    const term = document.createElement("dt");
    const detail = document.createElement("dd");
    term.textContent = name;
    detail.dir = "auto";
    if (value === null || value === "") {
      const nothing = document.createElement("span");
      nothing.className = "nothing";
      nothing.textContent = "empty";
      detail.append(nothing);
    } else {
      detail.textContent = String(value);
    }
    list.append(term, detail);
  }
  return list;
}
