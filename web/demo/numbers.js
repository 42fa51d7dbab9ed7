/** Numbers, as they are written where the user is. */

import { locale } from "./language.js";

const whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
const fraction = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });
const share = new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 1 });

/** @param {number} value */
export const number = (value) => whole.format(value);

/** With a digit behind the point where that tells something. @param {number} value */
export const short = (value) => (value < 10 ? fraction : whole).format(value);

/** @param {number} value */
export const percent = (value) => share.format(value);

/** @param {number} value */
export function bytes(value) {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte"];
  const step = Math.min(units.length - 1, value < 1 ? 0 : Math.floor(Math.log10(value) / 3));
  const unit = units[step] ?? "byte";
  const options = /** @type {const} */ ({ style: "unit", unitDisplay: "short" });
  return new Intl.NumberFormat(locale, { ...options, unit, maximumFractionDigits: step > 0 ? 1 : 0 }).format(value / 1_000 ** step);
}
