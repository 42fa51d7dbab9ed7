/** Who is in the room, and who is typing. */

import { initials } from "./identity.js";
import { say } from "./words.js";

/** @typedef {import("./room.js").Member} Member */

/**
 * @param {{list: HTMLElement, counts: Iterable<HTMLElement>}} elements
 * @param {Member[]} members
 * @param {string} selfId
 */
export function showMembers({ list, counts }, members, selfId) {
  const rank = (/** @type {Member} */ member) => (member.userId === selfId ? 0 : 1);
  const sorted = members.toSorted((a, b) => rank(a) - rank(b) || a.username.localeCompare(b.username));
  list.replaceChildren(...sorted.map((member) => row(member, member.userId === selfId)));
  for (const count of counts) count.textContent = String(members.length);
}

/**
 * @param {Member} member
 * @param {boolean} self
 */
function row({ username }, self) {
  const item = document.createElement("li");
  item.className = self ? "self" : "";
  const avatar = document.createElement("span");
  avatar.className = "avatar";
  avatar.setAttribute("aria-hidden", "true");
  avatar.textContent = initials(username);
  const name = document.createElement("span");
  name.className = "name";
  name.textContent = username;
  item.append(avatar, name);
  if (self) {
    const note = document.createElement("span");
    note.className = "note";
    note.textContent = say("you");
    item.append(note);
  }
  return item;
}

/**
 * @param {HTMLElement} hint
 * @param {string[]} names
 */
export function showTyping(hint, names) {
  const [a = "", b = ""] = names;
  const text = hint.querySelector(".who");
  hint.classList.toggle("active", names.length > 0);
  if (!text || names.length === 0) return;
  if (names.length === 1) text.textContent = say("typingOne", { a });
  else if (names.length === 2) text.textContent = say("typingTwo", { a, b });
  else text.textContent = say("typingMany", { count: names.length });
}
