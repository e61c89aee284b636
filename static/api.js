// @ts-check
// Calls of our REST API: who is meant to be calling, a limit in time, and what went wrong in words.

const PATIENCE_MS = 15_000;

/**
 * @callback Call
 * @param {string} method @param {string} path @param {any} [body] @param {RequestInit} [options]
 * @returns {Promise<Response>}
 */

/**
 * Calls in the name of one person: the server refuses them when somebody else has signed in in this browser since.
 * @param {string} base @param {string} user @returns {Call}
 */
export function callsBy(base, user) {
  return (method, path, body, options) => fetch(`${base}/${path}`, {
    method,
    headers: { "Marginalia-User": user, ...(body ? { "Content-Type": "application/json" } : {}) },
    body: body ? JSON.stringify(body) : undefined,
    signal: AbortSignal.timeout(PATIENCE_MS),
    ...options,
  });
}

/** What a call brought; null where it failed, also on the way of its body. @param {Promise<Response>} coming @returns {Promise<any>} */
export const brought = (coming) => coming.then((response) => (response.ok ? response.json() : null)).catch(() => null);

/** The detail of a problem+json response, or a plain sentence. @param {Response} response */
export async function detailOf(response) {
  try {
    return (await response.json()).detail || `The server answered ${response.status}.`;
  } catch {
    return `The server answered ${response.status}.`;
  }
}

/** A random UUID; crypto.randomUUID is missing where a page comes over plain HTTP from another machine. */
export function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
