/** Who this tab is, and which rooms it was in: remembered for the tab, so that two tabs are two people. */

import { guestWords } from "./words.js";

/** @typedef {{id: string, username: string, token?: string}} Identity `token`: a JSON Web Token, where there are no guests. */

const KEY = "tidings.identity";
const ROOMS_KEY = "tidings.rooms";

/**
 * Who the address says that the user is, by `token=…` or as another device of `as=…&name=…`; or who this tab was before.
 * @param {URLSearchParams} address
 * @returns {Identity | null}
 */
export function remembered(address) {
  const [token, id] = [address.get("token"), address.get("as")];
  const named = token ? bearer(token) : id ? { id, username: address.get("name") || id } : null;
  if (named) remember(named);
  const kept = named ?? read(KEY);
  return typeof kept?.id === "string" && typeof kept.username === "string" ? kept : null;
}

/** @param {Identity} identity */
export function remember(identity) {
  sessionStorage.setItem(KEY, JSON.stringify(identity));
}

/** Whom a token is about; whether it is good is the server's business. @param {string} token @returns {Identity} */
function bearer(token) {
  try {
    const bytes = Uint8Array.from(atob((token.split(".")[1] ?? "").replace(/-/g, "+").replace(/_/g, "/")), (it) => it.charCodeAt(0));
    const { sub, name = sub } = JSON.parse(new TextDecoder().decode(bytes));
    return { id: String(sub), username: String(name), token };
  } catch {
    return { id: "?", username: "?", token };
  }
}

/** @returns {string[]} */
export function rememberedRooms() {
  const kept = read(ROOMS_KEY);
  return Array.isArray(kept) ? kept.filter((it) => typeof it === "string") : [];
}

/** @param {string[]} rooms */
export function rememberRooms(rooms) {
  sessionStorage.setItem(ROOMS_KEY, JSON.stringify(rooms));
}

/** @returns {Identity} */
export function guest() {
  const { first, second, join } = guestWords();
  const number = crypto.getRandomValues(new Uint32Array(2));
  return { id: `guest-${Array.from(number, (it) => it.toString(36)).join("")}`, username: pick(first) + join + pick(second) };
}

/** @param {string} key @returns {any} */
function read(key) {
  try {
    return JSON.parse(sessionStorage.getItem(key) ?? "null");
  } catch {
    return null;
  }
}

/** @param {readonly string[]} list */
function pick(list) {
  return list[Math.floor(Math.random() * list.length)] ?? "";
}
