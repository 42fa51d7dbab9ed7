/** Names that nobody else will come up with. */

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** 20 characters of A to Z, a to z, 0 to 9, - and _: the form of a session, and 120 bits. @returns {string} */
export function randomKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(20)), (byte) => ALPHABET[byte & 63]).join("");
}
