/** The head of the conversation: what it is called, who is there, and the title of the tab. */

import { say } from "../words.js";
import { avatar } from "./avatar.js";
import { any, button, make, setText } from "./dom.js";
import { presenceOf } from "./people.js";

/** @param {import("../model/chat.js").Chat} chat */
export function showHeader(chat) {
  const { current, people, unread } = chat;
  const { peer, id, room, refused } = current;
  const person = peer === null ? null : people.get(peer);
  const name = person?.username ?? id;
  const title = any("title");
  const key = `${id} ${name}`;
  if (title.dataset.shown !== key) {
    title.dataset.shown = key;
    const sign = person ? avatar(person.userId, name) : make("span", "hash", "#");
    sign.setAttribute("aria-hidden", "true");
    title.replaceChildren(sign, make("span", "name", name));
    title.title = name;
  }
  const count = Math.max(room.memberCount, 1);
  setText(any("subtitle"), refused ? "" : person ? presenceOf(person) : say(count === 1 ? "membersOne" : "membersMany", { count }));
  button("leave").hidden = peer !== null || id === "lobby";
  button("copy-link").hidden = peer !== null;
  document.title = `${unread > 0 ? `(${unread}) ` : ""}${person ? name : `#${id}`} · Tidings`;
  button("sidebar-open").classList.toggle("unread", unread > current.unread);
}
