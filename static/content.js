// @ts-check
// An item's content, drawn by its modality's view as templates/_content.html draws it, before it is shown: its media are
// decoded by then.

/** @typedef {{draw: (content: any, media: string) => HTMLElement, spoken: (content: any) => string, mount?: () => void, shown?: (node: HTMLElement) => void}} View */

const page = /** @type {HTMLElement} */ (document.querySelector("[data-label-page]"));
/** @type {View} */
const view = await import(/** @type {string} */ (page.dataset.view));

/** @param {string} media @param {any} content */
export const draw = (media, content) => view.draw(content, media);

/** Words for the live region, and for lists. @param {any} content */
export const spoken = (content) => view.spoken(content);

/** What was drawn is on the page now. @param {HTMLElement} node */
export const shown = (node) => view.shown?.(node);

view.mount?.();
