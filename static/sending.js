// @ts-check
// One try to send an entry, and what became of it.

import { detailOf } from "./api.js";

/**
 * An answer may bring the next items along, which saves asking for them.
 * @param {import("./outbox.js").Entry} entry @param {import("./api.js").Call} call @param {import("./supply.js").Supply["ride"]} ride
 * @returns {Promise<import("./outbox.js").Report>}
 */
export async function send(entry, call, ride) {
  const brings = /^items.*labels$/.test(entry.path) ? ride(entry.project) : null;
  let response;
  let body;
  try {
    response = await call(entry.method, entry.path + (brings ? `?then_next=${brings.n}` : ""), entry.body);
    if (response.ok) body = response.status === 204 ? null : await response.json();
  } catch {
    return { kind: "waiting", entry, detail: "" };
  } finally {
    void brings?.done(body?.next ?? null);
    delete body?.next; // other tabs need not hear of it
  }
  if (response.ok) return { kind: "sent", entry, detail: "", body };
  const detail = await detailOf(response);
  if (response.status === 401) return { kind: "signed-out", entry, detail };
  const mayPass = response.status >= 500 || response.status === 429 || response.status === 408;
  return { kind: mayPass ? "waiting" : "refused", entry, detail };
}
