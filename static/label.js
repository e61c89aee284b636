// @ts-check
// The labelling loop: an answer paints the next item at once and is sent in the background.

import { draw, preload, spoken } from "./content.js";
import { Clock, guidelines, isTyping } from "./desk.js";
import { Outbox, detailOf, uuid } from "./outbox.js";

/**
 * @typedef {{item: {id: number, content: any}, lease: {id: number}, reason: string, suggestion: any}} Claim
 * @typedef {{labelId: string, claim: Claim | null, answer: any}} Past
 */

const AHEAD = 2; // items held beside the one on screen
const RENEW_MS = 60_000;
const RETRY_MS = 5_000;

const desk = /** @type {HTMLElement} */ (document.querySelector("[data-label-page]"));
const { api = "", project = "", user = "", modality = "", media = "", widget: widgetUrl = "" } = desk.dataset;
const at = (/** @type {string} */ name) => /** @type {HTMLElement} */ (document.querySelector(`[data-${name}]`));
const [sheet, item, why, rest, restReason, retryNote, dock, waiting, live] =
  ["sheet", "item", "why", "rest", "rest-reason", "retry", "dock", "waiting", "live"].map(at);
const stage = /** @type {HTMLElement} */ (document.querySelector(".stage"));
const undoButton = /** @type {HTMLButtonElement} */ (document.querySelector("[data-do=undo]"));
const skipMenu = /** @type {HTMLDetailsElement} */ (at("skip"));
const keysDialog = /** @type {HTMLDialogElement} */ (at("keys"));
const emptyReasons = JSON.parse(desk.dataset.empty ?? "{}");

/** @type {Claim | null} */
let current = null;
/** @type {Claim[]} */
let ahead = [];
/** @type {Past[]} */
let past = JSON.parse(desk.dataset.recent ?? "[]").map((/** @type {any} */ one) => ({ labelId: one.id, claim: null, answer: one.answer }));
// Answered here: a "next" that was asked before an answer arrived, and comes after it, still names its item.
/** @type {Set<number>} */
const answered = new Set();
let isFetching = false;
let isStale = false; // an answer has arrived since the fetch under way was sent
let isUndoing = false;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let retryTimer;

class Refused extends Error {}

const clock = new Clock();
const toggleGuide = guidelines();
const outbox = new Outbox(user, heard, isStillMe);
const widget = (await import(widgetUrl)).mount(at("widget-host"), answer);

// --- showing

/** @param {Claim} claim @param {any} before */
function paint(claim, before = null) {
  current = claim;
  at("widget-host").classList.remove("pending");
  item.replaceChildren(draw(modality, media, claim.item.content));
  why.textContent = claim.reason ?? "";
  /** @type {HTMLElement} */ (why.parentElement).classList.toggle("visually-hidden", !claim.reason);
  widget.show(before, claim.suggestion, claim.item.content);
  showRest(null);
  stage.scrollTop = 0;
  sheet.classList.remove("arriving");
  void sheet.offsetWidth; // restarts the animation
  sheet.classList.add("arriving");
  live.textContent = `${before ? "Back again" : "Next item"}: ${spoken(modality, claim.item.content)}`;
  clock.restart();
}

/** Show why there is nothing, or (null) the item. @param {string | null} reason */
function showRest(reason) {
  rest.hidden = reason === null;
  sheet.hidden = dock.hidden = reason !== null;
  retryNote.hidden = reason === null;
  if (reason !== null) restReason.textContent = reason;
  if (reason !== null && past.length) dock.hidden = false; // the last answers can still be undone
  at("widget-host").hidden = skipMenu.hidden = reason !== null;
}

/** @param {string} text */
function say(text) {
  waiting.textContent = text;
}

function count(by = 0) {
  for (const [name, step] of /** @type {[string, number][]} */ ([["today", by], ["labelled", by]])) {
    const place = at(name);
    const value = Math.max(0, Number(place.dataset[name]) + step);
    place.dataset[name] = String(value);
    place.textContent = value.toLocaleString("en").replaceAll(",", "\u202f");
  }
  const thread = /** @type {HTMLProgressElement} */ (document.querySelector(".thread"));
  thread.value = Number(at("labelled").dataset.labelled);
  undoButton.disabled = past.length === 0;
}

// --- answering

/** @param {object} given */
function answer(given) {
  put("labels", given, { answer: given, seconds: clock.seconds() });
}

/** @param {string} reason */
function skip(reason) {
  skipMenu.open = false;
  put("skip", null, { reason });
}

/** @param {string} what @param {any} given @param {object} body */
function put(what, given, body) {
  if (!current || isUndoing) return;
  const done = current;
  const id = uuid();
  current = null;
  answered.add(done.item.id);
  past = [...past.slice(-49), { labelId: id, claim: done, answer: given }];
  outbox.add({ id, url: `${api}/items/${done.item.id}/${what}`, body: { id, ...body }, itemId: done.item.id });
  count(given ? 1 : 0);
  advance();
}

function advance() {
  const next = ahead.shift();
  if (next) paint(next);
  else at("widget-host").classList.add("pending");
  void refill();
}

/** Hold the next items; the server gives what we hold already first, so what is known is left out. */
async function refill() {
  isStale = isFetching;
  if (isFetching || (current && ahead.length >= AHEAD)) return;
  isFetching = true;
  clearTimeout(retryTimer);
  try {
    const response = await fetch(`${api}/projects/${project}/next?n=${1 + AHEAD + outbox.size}`);
    if (!response.ok) throw new Error(await detailOf(response));
    const given = await response.json();
    const known = new Set([current, ...ahead].map((claim) => claim?.item.id));
    const fresh = given.items.filter((/** @type {Claim} */ claim) => !known.has(claim.item.id) && !answered.has(claim.item.id));
    for (const claim of fresh) preload(modality, media, claim.item.content);
    ahead.push(...fresh);
    if (!current && !isUndoing) nothingOrNext(given.empty_reason);
  } catch (error) {
    if (!current) later(navigator.onLine ? String(/** @type {Error} */ (error).message) : "The network is away.");
  } finally {
    isFetching = false;
  }
  if (isStale) await refill();
}

/** @param {string | null} emptyReason */
function nothingOrNext(emptyReason) {
  const next = ahead.shift();
  if (next) {
    paint(next);
    if (ahead.length < AHEAD) queueMicrotask(refill);
  } else if (outbox.size) {
    later(outbox.tries ? "Waiting for the network: your answers are safe in this browser." : "Sending your last answers …");
  } else {
    later(emptyReasons[emptyReason ?? ""] ?? emptyReason ?? "");
  }
}

/** @param {string} reason */
function later(reason) {
  showRest(reason);
  clearTimeout(retryTimer);
  retryTimer = setTimeout(refill, RETRY_MS);
}

/** What became of an answer. @param {import("./outbox.js").Report} report */
function heard(report) {
  const many = outbox.size === 1 ? "1 answer waits" : `${outbox.size} answers wait`;
  if (report.kind === "sent") {
    say(outbox.size > 2 ? `${many} to be sent` : "");
    void refill();
  } else if (report.kind === "refused") {
    past = past.filter((one) => one.labelId !== report.entry.id);
    answered.delete(report.entry.itemId);
    count("answer" in report.entry.body ? -1 : 0);
    say(`An answer was not taken: ${report.detail}`);
    void refill();
  } else if (report.kind === "waiting") {
    say(`${many} to be sent`);
  } else {
    const link = document.createElement("a");
    link.href = desk.dataset.signIn ?? "/sign-in";
    link.target = "_blank";
    link.textContent = "Sign in again";
    waiting.replaceChildren(link, ` to send: ${many}, safe in this browser`);
  }
}

// --- undoing

async function undo() {
  const last = past[past.length - 1];
  if (!last || isUndoing) return;
  isUndoing = true;
  let taken = false;
  try {
    const claim = await takeBack(last);
    taken = true;
    past = past.filter((one) => one !== last);
    if (!claim) {
      say("It was taken back; somebody else has the item now.");
      if (!current) advance();
      return;
    }
    answered.delete(claim.item.id);
    if (current) ahead.unshift(current);
    ahead = ahead.filter((one) => one.item.id !== claim.item.id);
    paint(claim, last.answer);
    say("");
  } catch (error) {
    // What the server refuses once it refuses always; what lies below it can still be undone.
    if (error instanceof Refused) past = past.filter((one) => one !== last);
    say(`Undo did not work: ${/** @type {Error} */ (error).message}`);
  } finally {
    isUndoing = false;
    count(last.answer && taken ? -1 : 0);
  }
}

/** @param {Past} last @returns {Promise<Claim | null>} */
async function takeBack(last) {
  if (last.claim && outbox.takeBack(last.labelId)) return last.claim;
  if (last.claim) await outbox.delivered(last.labelId);
  const response = await fetch(`${api}/labels/${last.labelId}`, { method: "DELETE" });
  if (!response.ok) throw new (response.status < 500 ? Refused : Error)(await detailOf(response));
  const body = await response.json();
  return body.claim;
}

// --- holding

/** Keep what we hold while the page is looked at; after a long absence, drop what was lost. */
async function renew() {
  const held = [current, ...ahead].filter((claim) => claim !== null);
  if (document.visibilityState !== "visible" || !held.length) return;
  const response = await fetch(`${api}/leases/renew`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ ids: held.map((claim) => claim.lease.id) }),
  }).catch(() => null);
  if (!response?.ok) return;
  const { leases } = await response.json();
  const alive = new Set(leases.map((/** @type {{id: number}} */ lease) => lease.id));
  ahead = ahead.filter((claim) => alive.has(claim.lease.id));
  if (current && !alive.has(current.lease.id)) {
    current = null; // somebody else may have it by now
    advance();
  }
}

/** Whether this browser is still signed in as the person this page was made for. */
async function isStillMe() {
  const response = await fetch(`${api}/me`);
  return response.ok && String((await response.json()).user_id) === user;
}

function giveBack() {
  for (const claim of ahead) void fetch(`${api}/leases/${claim.lease.id}`, { method: "DELETE", keepalive: true });
  ahead = [];
}

// --- keys and buttons

/** @type {Record<string, () => void>} */
const pageKeys = {
  u: undo,
  Backspace: undo,
  s: () => (skipMenu.open = true),
  g: toggleGuide,
  "?": () => keysDialog.showModal(),
  " ": () => stage.scrollBy({ top: stage.clientHeight * 0.8 }),
  ArrowDown: () => stage.scrollBy({ top: 60 }),
  ArrowUp: () => stage.scrollBy({ top: -60 }),
};

/** @param {KeyboardEvent} event */
function skipMenuKey(event) {
  const buttons = /** @type {NodeListOf<HTMLButtonElement>} */ (skipMenu.querySelectorAll(".skip-menu button"));
  if (event.key === "Escape") skipMenu.open = false;
  else if (/^[1-9]$/.test(event.key) && buttons[Number(event.key) - 1]) skip(buttons[Number(event.key) - 1].value);
  else return event.key !== "Tab" && event.key !== "Enter" && event.key !== " ";
  return true;
}

/** @param {KeyboardEvent} event */
function pressed(event) {
  if (isTyping(event) || event.altKey || event.metaKey) return;
  if (event.ctrlKey) {
    if (event.key !== "z") return;
    event.preventDefault();
    void undo();
    return;
  }
  // Enter and Space belong to a focused control; a held key must not answer thirty items.
  const onControl = /** @type {HTMLElement} */ (event.target).closest("button, summary, a, input");
  if (onControl && (event.key === " " || (event.key === "Enter" && !onControl.matches("input")))) return;
  const scrolls = event.key.startsWith("Arrow");
  if (event.repeat && !scrolls) return;
  if (skipMenu.open ? skipMenuKey(event) : current && widget.key(event)) {
    event.preventDefault();
    return;
  }
  const act = pageKeys[event.key] ?? pageKeys[event.key.toLowerCase()];
  if (!act || (onControl && scrolls)) return;
  event.preventDefault();
  act();
}

document.addEventListener("keydown", pressed);
for (const button of document.querySelectorAll("[data-do]")) {
  /** @type {HTMLElement} */ (button).hidden = false;
  const act = { undo, guide: toggleGuide, keys: pageKeys["?"] }[/** @type {HTMLElement} */ (button).dataset.do ?? ""];
  button.addEventListener("click", (event) => {
    event.preventDefault();
    act?.();
  });
}
for (const button of /** @type {NodeListOf<HTMLButtonElement>} */ (skipMenu.querySelectorAll(".skip-menu button"))) {
  button.addEventListener("click", (event) => {
    event.preventDefault();
    skip(button.value);
  });
}
at("answer-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const box = /** @type {HTMLTextAreaElement | null} */ (document.querySelector("textarea[name=answer]"));
  if (box) answer(JSON.parse(box.value));
});
addEventListener("pagehide", giveBack);
addEventListener("pageshow", (event) => event.persisted && void refill());
document.addEventListener("visibilitychange", () => void renew());
setInterval(renew, RENEW_MS);

for (const entry of outbox.entries.values()) answered.add(entry.itemId); // left unsent by an earlier page
/** @type {Claim | null} */
const first = JSON.parse(desk.dataset.claim ?? "null");
if (first && !answered.has(first.item.id)) paint(first, JSON.parse(desk.dataset.before ?? "null"));
else if (first) showRest("");
count();
void outbox.drain();
void refill();
desk.dataset.ready = "yes";
