/** How long something has been so, in at most two units. */

import { locale } from "../demo/language.js";

const UNITS = /** @type {const} */ ([
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
]);

/** @param {string} unit @param {number} value */
const format = (unit, value) => new Intl.NumberFormat(locale, { style: "unit", unit, unitDisplay: "narrow" }).format(value);

/** @param {number} seconds */
export function duration(seconds) {
  let left = Math.max(0, Math.round(seconds));
  const first = UNITS.findIndex(([unit, length]) => left >= length || unit === "second");
  const parts = [];
  for (const [unit, length] of UNITS.slice(first, first + 2)) {
    const value = Math.floor(left / length);
    left -= value * length;
    if (value > 0 || parts.length === 0) parts.push(format(unit, value));
  }
  return parts.join(" ");
}

/** Between two moments, as the server has them. @param {string} from @param {string} to */
export const between = (from, to) => duration((Date.parse(to) - Date.parse(from)) / 1_000);
