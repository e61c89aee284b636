// @ts-check
// Tells the labelling pages in other tabs that they can go on.

const { user = "" } = document.body.dataset;
if ("BroadcastChannel" in window) new BroadcastChannel(`marginalia.outbox.${user}`).postMessage({ kind: "signed-in" });
