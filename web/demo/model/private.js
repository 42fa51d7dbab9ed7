/** The rooms of private conversations: `dm:`, the two user ids in order, and a colon between. */

const PREFIX = "dm:";

/** @param {string} one @param {string} other @returns {string} */
export function privateRoom(one, other) {
  const [first, second] = precedes(one, other) ? [one, other] : [other, one];
  return `${PREFIX}${escape(first)}:${escape(second)}`;
}

/** Whom a private conversation is with; null when the room is none. @param {string} roomId @param {string} self @returns {string | null} */
export function peerOf(roomId, self) {
  if (!roomId.startsWith(PREFIX)) return null;
  const [first = "", second = ""] = roomId.slice(PREFIX.length).split(":").map(unescape);
  return first === self ? second : first;
}

/** The server orders ids by their bytes, which JavaScript does not when there are characters beyond 16 bits. */
function precedes(/** @type {string} */ one, /** @type {string} */ other) {
  const [a, b] = [one, other].map((id) => Array.from(id, (character) => character.codePointAt(0) ?? 0));
  if (!a || !b) return true;
  for (let i = 0; i < Math.min(a.length, b.length); i += 1) {
    const [x = 0, y = 0] = [a[i], b[i]];
    if (x !== y) return x < y;
  }
  return a.length <= b.length;
}

/** @param {string} id */
const escape = (id) => id.replaceAll("%", "%25").replaceAll(":", "%3A");

/** @param {string} id */
const unescape = (id) => id.replaceAll("%3A", ":").replaceAll("%25", "%");
