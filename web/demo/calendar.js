/** Days and times, as they are written where the user is. */

import { locale, say } from "./words.js";

const clock = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit" });
const exactClock = new Intl.DateTimeFormat(locale, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
  hourCycle: "h23",
});
const day = new Intl.DateTimeFormat(locale, { weekday: "long", month: "long", day: "numeric" });
const dayOfYear = new Intl.DateTimeFormat(locale, { year: "numeric", month: "long", day: "numeric" });
const full = new Intl.DateTimeFormat(locale, { dateStyle: "full", timeStyle: "medium" });
const relative = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });

/** @param {string} timestamp */
export const timeOf = (timestamp) => clock.format(new Date(timestamp));

/** @param {Date} date */
export const exactTimeOf = (date) => exactClock.format(date);

/** @param {string} timestamp */
export const momentOf = (timestamp) => full.format(new Date(timestamp));

/** Equal for two moments of one day. @param {string} timestamp */
export const dayKey = (timestamp) => new Date(timestamp).toDateString();

/** @param {string} timestamp */
export function dayName(timestamp) {
  const [date, now] = [new Date(timestamp), new Date()];
  if (date.toDateString() === now.toDateString()) return say("today");
  const yesterday = new Date(now);
  yesterday.setDate(now.getDate() - 1);
  if (date.toDateString() === yesterday.toDateString()) return say("yesterday");
  return (date.getFullYear() === now.getFullYear() ? day : dayOfYear).format(date);
}

/** How long ago, in the largest unit that fits. @param {string} timestamp */
export function ago(timestamp) {
  const seconds = Math.round((Date.parse(timestamp) - Date.now()) / 1_000);
  const units = /** @type {const} */ ([
    ["day", 86_400],
    ["hour", 3_600],
    ["minute", 60],
  ]);
  for (const [unit, length] of units) if (Math.abs(seconds) >= length) return relative.format(Math.trunc(seconds / length), unit);
  return say("justNow");
}
