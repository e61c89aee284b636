// @ts-check
// What must outlive the tab: entries in IndexedDB, each on the disk before its promise is kept.

/**
 * @typedef {import("./outbox.js").Entry} Entry
 * @typedef {{isDurable: boolean, all: () => Promise<Entry[]>, put: (entry: Entry) => Promise<void>, remove: (id: string) => Promise<void>}} Store
 */

const OPEN_MS = 3000; // some private windows neither open nor refuse
const OLD_PREFIX = "marginalia.outbox."; // where versions before 0.2 kept them, in localStorage

/** One person's entries in this browser; `isDurable` is false where the browser keeps nothing. @param {string} user @returns {Promise<Store>} */
export async function openStore(user) {
  try {
    const database = await Promise.race([open(), new Promise((_, fail) => setTimeout(() => fail(new Error("no answer")), OPEN_MS))]);
    return { isDurable: true, ...storeOf(database, user), all: () => all(database, user) };
  } catch {
    return { isDurable: false, all: async () => [], put: async () => {}, remove: async () => {} };
  }
}

/** @returns {Promise<IDBDatabase>} */
function open() {
  return new Promise((done, fail) => {
    const asked = indexedDB.open("marginalia", 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore("outbox", { keyPath: "id" }).createIndex("user", "user");
    asked.onsuccess = () => done(asked.result);
    asked.onerror = asked.onblocked = () => fail(asked.error);
  });
}

/** @param {IDBDatabase} database @param {(entries: IDBObjectStore) => void} act @returns {Promise<void>} */
function write(database, act) {
  return new Promise((done, fail) => {
    const transaction = database.transaction("outbox", "readwrite", { durability: "strict" });
    transaction.oncomplete = () => done();
    transaction.onerror = transaction.onabort = () => fail(transaction.error);
    act(transaction.objectStore("outbox"));
    transaction.commit(); // now, or a tab that is closed in this moment would take it along
  });
}

/** @param {IDBDatabase} database @param {string} user */
function storeOf(database, user) {
  return {
    put: (/** @type {Entry} */ entry) => write(database, (entries) => entries.put({ ...entry, user })),
    remove: (/** @type {string} */ id) => write(database, (entries) => entries.delete(id)),
  };
}

/** Oldest first. @param {IDBDatabase} database @param {string} user @returns {Promise<Entry[]>} */
async function all(database, user) {
  for (const entry of oldOnes(user)) {
    await storeOf(database, user).put(entry);
    localStorage.removeItem(`${OLD_PREFIX}${user}.${entry.id}`);
  }
  const asked = database.transaction("outbox").objectStore("outbox").index("user").getAll(user);
  /** @type {Entry[]} */
  const found = await new Promise((done, fail) => {
    asked.onsuccess = () => done(asked.result);
    asked.onerror = () => fail(asked.error);
  });
  return found.sort((a, b) => a.at - b.at);
}

/** @param {string} user @returns {Entry[]} */
function oldOnes(user) {
  try {
    return Object.keys(localStorage)
      .filter((key) => key.startsWith(`${OLD_PREFIX}${user}.`))
      .map((key) => JSON.parse(localStorage.getItem(key) ?? "null"))
      .map((old) => ({ ...old, method: "POST", path: old.url.replace(/^\/api\/v1\//, "") }));
  } catch {
    return []; // forbidden storage held nothing
  }
}
