// @ts-check
// Why an item is asked, in the page's language; app/web/words/reasons.py says the same.

import { knows, percent, t } from "./words.js";

/**
 * A reason by its parts; without parts as it stands.
 * @param {{reason?: string, why?: {kind: string, classes: string[], share?: number, count?: number, by_lot?: boolean} | null}} claim
 */
export function whyOf({ reason = "", why }) {
  if (!why) return reason;
  // A class may be written the other way than the sentence around it: it is kept apart, or words would change places.
  const [a, b] = why.classes.map((name) => `\u2068${name}\u2069`);
  const n = [2, 1, 0].find((each) => each <= why.classes.length && knows(`why_${why.kind}_${each}`));
  if (n === undefined) return reason;
  const said = t(`why_${why.kind}_${n}`, { a, b, share: percent(why.share ?? 0), count: why.count });
  return why.by_lot ? t("why_by_lot", { said }) : said;
}
