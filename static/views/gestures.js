// @ts-check
// Wheel, drag, pinch and double click on an image's frame.

/** @param {HTMLElement} frame @param {import("./lens.js").Lens} lens */
export function followGestures(frame, lens) {
  /** @type {Map<number, PointerEvent>} */
  const down = new Map();

  frame.addEventListener("wheel", (event) => {
    event.preventDefault();
    lens.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : event.ctrlKey ? 0.01 : 0.002)), event);
  }, { passive: false });
  frame.addEventListener("dblclick", (event) => lens.toggle(event));

  frame.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    down.set(event.pointerId, event);
    if (!lens.isEnlarged && down.size < 2) return;
    frame.setPointerCapture(event.pointerId);
  });
  frame.addEventListener("pointermove", (event) => {
    const last = down.get(event.pointerId);
    if (!last) return;
    const other = [...down.values()].find((one) => one.pointerId !== event.pointerId);
    if (other) {
      const middle = { x: (event.x + other.x) / 2, y: (event.y + other.y) / 2 };
      lens.move((event.x - last.x) / 2, (event.y - last.y) / 2);
      lens.zoom(apart(event, other) / (apart(last, other) || 1), middle);
    } else if (lens.isEnlarged) {
      lens.move(event.x - last.x, event.y - last.y);
    }
    down.set(event.pointerId, event);
  });
  const up = (/** @type {PointerEvent} */ event) => void down.delete(event.pointerId);
  frame.addEventListener("pointerup", up);
  frame.addEventListener("pointercancel", up);
  frame.addEventListener("lostpointercapture", up);
}

/** @param {PointerEvent} a @param {PointerEvent} b */
const apart = (a, b) => Math.hypot(a.x - b.x, a.y - b.y);
