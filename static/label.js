// @ts-check
// The labelling loop: an answer paints the next item at once and is sent in the background.

import { callsBy, detailOf, uuid } from "./api.js";
import { draw } from "./content.js";
import { Clock, panelOf } from "./desk.js";
import { Hand } from "./hand.js";
import { listen } from "./keyboard.js";
import { listMine } from "./mine.js";
import { Outbox } from "./outbox.js";
import "./preferences.js";
import { openComment, readRemark, showRemark, toggleUnsure } from "./remark.js";
import { count, linkAside, say, showItem, showPending, showRest } from "./sheet.js";
import { t } from "./words.js";

/**
 * @typedef {import("./hand.js").Claim} Claim
 * What was answered in this sitting, or before it.
 * @typedef {{labelId: string, claim: Claim, answer: any, skipped?: string | null, remark?: import("./remark.js").Remark}} Past
 */

const NOTE_AFTER_MS = 1500; // what is sent sooner needs no word

const desk = /** @type {HTMLElement} */ (document.querySelector("[data-label-page]"));
const { api = "", project = "", user = "", modality = "", media = "", widget: widgetUrl = "" } = desk.dataset;
const undoButton = /** @type {HTMLButtonElement} */ (document.querySelector("[data-do=undo]"));
const keysDialog = /** @type {HTMLDialogElement} */ (document.querySelector("[data-keys]"));
const keepButton = /** @type {HTMLElement} */ (document.querySelector("[data-do=keep]"));
const minePanel = /** @type {HTMLElement} */ (document.querySelector("[data-mine]"));
const settingsDialog = /** @type {HTMLDialogElement} */ (document.querySelector("[data-settings]"));
const emptyReasons = JSON.parse(desk.dataset.empty ?? "{}");

/** @type {Past[]} */
let past = [];
/** @type {Past | null} */
let revisited = null; // it stands until another answer takes its place
/** @type {ReturnType<typeof setTimeout> | undefined} */
let noteTimer;
let isSignedOut = false;
let hasNote = false;

const call = callsBy(api, user);
const clock = new Clock();
const outbox = await Outbox.open(user, call, heard);
const drawn = (/** @type {Claim} */ claim) => draw(modality, media, claim.item.content);
const hand = new Hand(project, call, drawn, () => outbox.size, {
  arrived: () => paint(),
  empty: (reason) => showRest(emptyReasons[reason ?? ""] ?? reason ?? ""),
  failed: unreachable,
  gone: () => say(t("gone")),
});
const widget = (await import(widgetUrl)).mount(document.querySelector("[data-widget-host]"), answer);
const earlier = fetchEarlier();

// --- answering

/** @param {any} before its answer, where it comes back @param {import("./remark.js").Remark} [remark] */
function paint(before = null, remark = undefined) {
  const claim = /** @type {Claim} */ (hand.current);
  showItem(claim, modality, before !== null);
  showRemark(remark);
  keepButton.hidden = revisited === null;
  widget.show(before, claim.suggestion, claim.item.content);
  clock.restart();
}

/** @param {object} given */
function answer(given) {
  put("labels", given, { answer: given });
}

/** @param {string} what @param {any} given @param {any} body */
function put(what, given, body) {
  const done = hand.current;
  if (!done) return;
  const id = uuid();
  const remark = readRemark();
  const whole = { id, ...body, ...clock.read(), ...remark };
  const replaced = revisited?.answer ? 1 : 0;
  past = past.filter((one) => one !== revisited);
  past.push({ labelId: id, claim: done, answer: given, skipped: body.reason, remark });
  revisited = null;
  goOn();
  outbox.add({ id, method: "POST", path: `items/${done.item.id}/${what}`, body: whole, itemId: done.item.id });
  tally((given ? 1 : 0) - replaced);
  noteSoon();
  void hand.refill();
}

function goOn() {
  if (hand.next()) paint();
  else showPending();
}

/** @param {number} by */
function tally(by) {
  count(by);
  undoButton.disabled = past.length === 0;
  if (!minePanel.hidden) showMine();
}

// --- undoing

/** The last answer comes back, marked, at once; the server is told in its turn. */
async function undo() {
  if (!past.length) await earlier;
  if (revisited) keep();
  const last = past.pop();
  if (!last) return;
  const { labelId, claim } = last;
  outbox.add({ id: uuid(), method: "DELETE", path: `labels/${labelId}`, body: null, itemId: claim.item.id });
  bringBack(last);
  tally(last.answer ? -1 : 0);
}

/** @param {Past} one */
function bringBack({ claim, answer: given, remark }) {
  hand.reopen({ ...claim, lease: { id: 0 }, node: claim.node ?? drawn(claim) });
  paint(given ?? {}, remark);
}

/** Open one of my answers again: it stands until I give another. @param {Past} one */
function revisit(one) {
  if (revisited) keep();
  revisited = one;
  bringBack(one);
}

/** Leave the opened answer as it was. */
function keep() {
  if (!revisited) return;
  revisited = null;
  goOn();
  void hand.refill();
}

function showMine() {
  listMine(past, modality, revisit);
}

/** What was answered before this page was loaded, below what is answered on it. */
async function fetchEarlier() {
  const known = new Set(past.map((one) => one.labelId));
  const response = await call("GET", `projects/${project}/labels/mine?limit=50`).catch(() => null);
  if (!response?.ok) return;
  const { labels } = await response.json();
  const older = labels.reverse().filter((/** @type {any} */ one) => !known.has(one.id) && !past.some((each) => each.labelId === one.id));
  past = [...older.map((/** @type {any} */ one) => ({
    labelId: one.id,
    claim: { item: one.item, lease: { id: 0 }, reason: "", suggestion: null },
    answer: one.answer,
    skipped: one.skip_reason,
    remark: { unsure: one.unsure, comment: one.comment ?? "" },
  })), ...past];
  tally(0);
}

// --- what becomes of answers

/** @param {import("./outbox.js").Report} report */
function heard(report) {
  const { kind, entry, body } = report;
  if (kind === "signed-out") {
    isSignedOut = true;
  } else if (kind === "elsewhere") {
    hand.spent.add(entry.itemId);
    tally(entry.body?.answer ? 1 : 0);
  } else if (kind === "sent") {
    isSignedOut = false;
    if (body?.claim) hand.adopt(entry.itemId, body.claim.lease);
    hand.settle(entry.itemId);
    void hand.refill();
  } else if (kind === "refused") {
    refused(report);
  }
  note();
}

/** @param {import("./outbox.js").Report} report */
function refused({ entry, detail }) {
  if (entry.method === "DELETE") {
    say(t("undo_failed", { detail }));
    return;
  }
  past = past.filter((one) => one.labelId !== entry.id);
  hand.restore(entry.itemId);
  tally(entry.body.answer ? -1 : 0);
  say(t("not_taken", { detail }));
  void hand.refill();
}

function noteSoon() {
  clearTimeout(noteTimer);
  noteTimer = setTimeout(note, NOTE_AFTER_MS);
}

/** How many answers wait, once they have waited a while; how to go on, where a sign-in has ended. */
function note() {
  const n = outbox.size;
  const isLate = [...outbox.entries.values()].some((entry) => Date.now() - entry.at >= NOTE_AFTER_MS);
  if (isSignedOut) say(linkAside(t("sign_in"), desk.dataset.signIn ?? "/sign-in"), " ", n ? t("sign_in_to_send", { n }) : t("sign_in_to_go_on"));
  else if (isLate) say(t("answers_wait", { n }));
  else if (hasNote) say(outbox.isDurable ? "" : t("not_kept"));
  hasNote = isSignedOut || isLate;
  if (n && !hasNote) noteSoon();
}

/** Nothing came. Only who has no item any more needs to know. @param {string} detail @param {number} status */
function unreachable(detail, status) {
  if (status === 401) {
    isSignedOut = true;
    note();
  }
  if (hand.current) return;
  const isAway = status === 0 || status >= 500;
  showRest(isAway ? t(past.length ? "hand_empty" : "away") : detail);
}

// --- beginning

listen(
  {
    undo: () => void undo(),
    guide: panelOf("guide"),
    mine: panelOf("mine", () => void earlier.then(showMine)),
    unsure: toggleUnsure,
    comment: openComment,
    keep,
    keys: () => keysDialog.showModal(),
    settings: () => settingsDialog.showModal(),
    focus: () => document.body.classList.toggle("focused"),
  },
  (event) => hand.current !== null && widget.key(event),
  (reason) => put("skip", null, { reason }),
);
document.querySelector("[data-answer-form]")?.addEventListener("submit", (event) => {
  event.preventDefault();
  const box = /** @type {HTMLTextAreaElement | null} */ (document.querySelector("textarea[name=answer]"));
  if (box) answer(JSON.parse(box.value));
});
addEventListener("pagehide", () => hand.giveBack());
addEventListener("pageshow", (event) => event.persisted && void hand.refill());
document.addEventListener("visibilitychange", () => void hand.renew());

for (const entry of outbox.entries.values()) hand.spent.add(entry.itemId); // left unsent by an earlier page
if (!outbox.isDurable) say(t("not_kept"));
/** @type {Claim | null} */
const first = JSON.parse(desk.dataset.claim ?? "null");
const before = JSON.parse(desk.dataset.before ?? "{}");
keepButton.hidden = true;
if (first && (await hand.begin(first))) paint(Object.keys(before).length ? before : null);
else showPending(true);
void hand.refill();
desk.dataset.ready = "yes";
