// @ts-check
// The labelling loop: an answer paints the next item at once and is sent in the background.

import { Answered } from "./answered.js";
import { callsBy, uuid } from "./api.js";
import { Clock } from "./clock.js";
import { draw } from "./content.js";
import { Hand } from "./hand.js";
import { listen, openSkip } from "./keyboard.js";
import { declare } from "./keys.js";
import { Notes } from "./notes.js";
import { Outbox } from "./outbox.js";
import { Pace } from "./pace.js";
import { helped, panelOf, wanted } from "./panels.js";
import "./preferences.js";
import { openComment, readRemark, showRemark, toggleUnsure } from "./remark.js";
import { count, say, showItem, showPending, showRest } from "./sheet.js";
import { t } from "./words.js";

/** @typedef {import("./hand.js").Claim} Claim */

const desk = /** @type {HTMLElement} */ (document.querySelector("[data-label-page]"));
const { api = "", project = "", user = "", media = "", widget: widgetUrl = "", signIn = "/sign-in" } = desk.dataset;
const emptyReasons = JSON.parse(desk.dataset.empty ?? "{}");

const call = callsBy(api, user);
const clock = new Clock();
const drawn = (/** @type {Claim} */ claim) => draw(media, claim.item.content);
const outbox = await Outbox.open(user, call, heard, (/** @type {string | undefined} */ of) => hand.supply.ride(of));
const notes = new Notes(outbox, signIn);
const hand = new Hand(project, call, drawn, outbox, {
  arrived: () => paint(),
  empty: (reason) => showRest(emptyReasons[reason ?? ""] ?? reason ?? ""),
  failed: unreachable,
  gone: () => say(t("gone")),
});
const answered = new Answered(project, call, { takeBack, show: bringBack, goOn: leave, count });
const pace = new Pace(/** @type {HTMLElement} */ (document.querySelector("[data-pace]")));
const widget = await (await import(widgetUrl)).mount(document.querySelector("[data-widget-host]"), answer);

// --- answering

/** @param {any} before its answer, where it comes back @param {import("./remark.js").Remark} [remark] */
function paint(before = null, remark = undefined) {
  const claim = /** @type {Claim} */ (hand.current);
  showItem(claim, before !== null);
  showRemark(remark);
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
  const taken = clock.read();
  const whole = { id, ...body, ...taken, ...remark };
  goOn();
  outbox.add({ id, method: "POST", path: `items/${done.item.id}/${what}`, body: whole, itemId: done.item.id, project });
  answered.add({ labelId: id, claim: done, answer: given, skipped: body.reason, remark });
  pace.add(taken);
  notes.soon();
  void (what === "labels" ? hand.supply.refillUnlessBrought() : hand.supply.refill());
}

function goOn() {
  if (hand.next()) paint();
  else showPending();
}

// --- what was answered comes back

/** @param {import("./answered.js").Past} one */
function takeBack({ labelId, claim }) {
  outbox.add({ id: uuid(), method: "DELETE", path: `labels/${labelId}`, body: null, itemId: claim.item.id });
}

/** @param {import("./answered.js").Past} one */
function bringBack({ claim, answer: given, remark }) {
  hand.reopen({ ...claim, lease: { id: 0 }, node: claim.node ?? drawn(claim) });
  paint(given ?? {}, remark);
}

/** An opened answer is left as it was. */
function leave() {
  goOn();
  void hand.supply.refill();
}

// --- what becomes of answers

/** @param {import("./outbox.js").Report} report */
function heard(report) {
  const { kind, entry, body } = report;
  if (kind === "signed-out") {
    notes.isSignedOut = true;
  } else if (kind === "elsewhere") {
    hand.spent.add(entry.itemId);
    count(entry.body?.answer ? 1 : 0);
  } else if (kind === "sent") {
    notes.isSignedOut = false;
    if (body?.claim) hand.adopt(entry.itemId, body.claim.lease);
    hand.settle(entry.itemId);
    void hand.supply.refill();
  } else if (kind === "refused") {
    refused(report);
  }
  notes.tell();
}

/** @param {import("./outbox.js").Report} report */
function refused({ entry, detail }) {
  if (entry.method === "DELETE") {
    say(t("undo_failed", { detail }));
    return;
  }
  answered.forget(entry.id, entry.body.answer);
  hand.restore(entry.itemId);
  say(t("not_taken", { detail }));
  void hand.supply.refill();
}

/** Nothing came. Only who has no item any more needs to know. @param {string} detail @param {number} status */
function unreachable(detail, status) {
  if (status === 401) {
    notes.isSignedOut = true;
    notes.tell();
  }
  if (hand.current) return;
  const isAway = status === 0 || status >= 500;
  showRest(isAway ? t(answered.past.length ? "hand_empty" : "away") : detail);
}

// --- beginning

declare(
  { name: "undo", keys: ["u", "Backspace"], label: "key_undo", act: () => void answered.undo() },
  { name: "skip", keys: ["s"], label: "key_skip", act: openSkip },
  { name: "unsure", keys: ["x"], label: "key_unsure", act: toggleUnsure },
  { name: "comment", keys: ["c"], label: "key_comment", act: openComment },
  { name: "mine", keys: ["m"], label: "my_answers", act: panelOf("mine", () => answered.list()) },
  { name: "keep", keys: ["Escape"], label: "keep", act: () => answered.keep(), isFixed: true },
  { name: "guide", keys: ["g"], label: "guidelines", act: panelOf("guide") },
  { name: "focus", keys: ["f"], label: "key_focus", act: () => document.body.classList.toggle("focused") },
  { name: "settings", keys: [","], label: "settings", act: () => wanted(async () => (await import("./settings.js")).open()) },
  { name: "keys", keys: ["?"], label: "key_this", act: () => wanted(async () => (await import("./keys-dialog.js")).open()) },
);
declare({ name: "moved", keys: ["w"], label: "moved", act: () => helped(async () => (await import("./moved.js")).toggle(hand.current, call)) });
document.querySelector("[data-guide]")?.addEventListener("toggle", ({ target }) => {
  const details = /** @type {HTMLDetailsElement} */ (target);
  if (details.dataset.examples) void helped(async () => (await import("./exemplars.js")).opened(details, call, desk.dataset));
}, true);
listen(
  (event) => hand.current !== null && widget.key(event),
  (reason) => put("skip", null, { reason }),
);
document.querySelector("[data-answer-form]")?.addEventListener("submit", (event) => {
  event.preventDefault();
  const box = /** @type {HTMLTextAreaElement | null} */ (document.querySelector("textarea[name=answer]"));
  if (box) answer(JSON.parse(box.value));
});
addEventListener("pagehide", () => hand.giveBack());
addEventListener("pageshow", (event) => event.persisted && void hand.supply.refill());
document.addEventListener("visibilitychange", () => void hand.renew());

for (const entry of outbox.entries.values()) hand.spent.add(entry.itemId); // left unsent by an earlier page
if (!outbox.isDurable) say(t("not_kept"));
/** @type {Claim | null} */
const first = JSON.parse(desk.dataset.claim ?? "null");
const before = JSON.parse(desk.dataset.before ?? "{}");
/** @type {HTMLElement} */ (document.querySelector("[data-do=keep]")).hidden = true;
if (first && (await hand.begin(first))) paint(Object.keys(before).length ? before : null);
else showPending(true);
void hand.supply.refill();
if (widget.sides && matchMedia("(pointer: coarse)").matches) {
  void import("./swipe.js").then(({ follow }) => follow(widget.sides, () => hand.current !== null)).catch(() => {}); // there are buttons
}
desk.dataset.ready = "yes";
