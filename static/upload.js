// @ts-check
// The drop zone, and the progress of what is being sent. Without scripts the plain form does the same.

const form = /** @type {HTMLFormElement} */ (document.querySelector("[data-upload]"));
const drop = /** @type {HTMLElement} */ (form.querySelector("[data-drop]"));
const input = /** @type {HTMLInputElement} */ (form.querySelector("input[type=file]"));
const button = /** @type {HTMLButtonElement} */ (form.querySelector("button"));
const box = /** @type {HTMLElement} */ (form.querySelector("[data-progress]"));
const bar = /** @type {HTMLProgressElement} */ (box.querySelector("progress"));
const said = /** @type {HTMLElement} */ (box.querySelector("[data-said]"));
const limit = Number(form.dataset.limit);

for (const one of form.querySelectorAll("[data-if-script]")) /** @type {HTMLElement} */ (one).hidden = false;

/** @param {number} bytes */
const size = (bytes) => (bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);

/** @param {string} sentence */
function tell(sentence) {
  box.hidden = false;
  said.textContent = sentence;
}

/** @param {File} file */
function send(file) {
  if (file.size > limit) return tell(`${file.name} has ${size(file.size)}; ${size(limit)} is the most.`);
  const body = new FormData();
  body.append("file", file, file.name);
  const request = new XMLHttpRequest();
  request.upload.addEventListener("progress", (event) => {
    bar.value = event.total ? event.loaded / event.total : 0;
    tell(event.loaded < event.total ? `${size(event.loaded)} of ${size(event.total)}` : "Looking at the first rows …");
  });
  request.addEventListener("load", () => {
    if (request.status === 200) location.assign(request.responseURL);
    else stop(problemOf(request));
  });
  request.addEventListener("error", () => stop("The connection was lost. Send the file again; nothing is added twice."));
  request.open("POST", form.action);
  request.setRequestHeader("Accept", "text/html");
  request.send(body);
  button.disabled = true;
  tell(`Sending ${file.name} …`);
}

/** The sentence of an error page. @param {XMLHttpRequest} request */
function problemOf(request) {
  const page = new DOMParser().parseFromString(request.responseText, "text/html");
  return page.querySelector("main .empty p:not(.badge)")?.textContent ?? `The server answered ${request.status}.`;
}

/** @param {string} sentence */
function stop(sentence) {
  button.disabled = false;
  bar.value = 0;
  tell(sentence);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (input.files?.[0]) send(input.files[0]);
});
for (const name of ["dragenter", "dragover", "dragleave", "drop"]) {
  drop.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.toggle("over", name === "dragenter" || name === "dragover");
  });
}
drop.addEventListener("drop", (event) => {
  const file = event.dataTransfer?.files[0];
  if (file) send(file);
});
