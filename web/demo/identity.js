/** Who this tab is: remembered for the tab, so that two tabs are two people. */

import { guestWords } from "./words.js";

/** @typedef {{id: string, username: string}} Identity */

const KEY = "tidings.identity";

/** @returns {Identity | null} */
export function remembered() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY) ?? "null");
  } catch {
    return null;
  }
}

/** @param {Identity} identity */
export function remember(identity) {
  sessionStorage.setItem(KEY, JSON.stringify(identity));
}

/** @returns {Identity} */
export function guest() {
  const { first, second, join } = guestWords();
  return { id: `guest-${randomId(8)}`, username: pick(first) + join + pick(second) };
}

/**
 * Letters and digits that nobody else will come up with.
 * @param {number} length
 */
export function randomId(length) {
  return Array.from(crypto.getRandomValues(new Uint8Array(length)), (byte) => (byte % 36).toString(36)).join("");
}

/** @param {string[]} list */
function pick(list) {
  return list[Math.floor(Math.random() * list.length)] ?? "";
}

/**
 * What stands in the circle beside a name: the first letters of its first two words, or one Chinese character.
 * @param {string} name
 */
export function initials(name) {
  const words = name.trim().split(/\s+/u).slice(0, 2);
  return words.map((word) => [...word][0] ?? "").join("").toLocaleUpperCase();
}
