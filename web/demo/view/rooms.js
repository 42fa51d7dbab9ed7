/** The conversations in the sidebar: rooms and private ones, with what is unread in them. */

import { say } from "../words.js";
import { avatar, paint } from "./avatar.js";
import { any, keep, make, setText, within } from "./dom.js";
import { oneStop, rove } from "./roving.js";

/** @typedef {import("../model/chat.js").Chat} Chat */
/** @typedef {import("../model/conversation.js").Conversation} Conversation */

const COUNTED_MOST = 99;

export class Rooms {
  #chat;
  #open;

  /** @param {Chat} chat @param {(id: string) => void} open */
  constructor(chat, open) {
    this.#chat = chat;
    this.#open = open;
    for (const id of ["rooms", "privates"]) rove(any(id), "button");
  }

  show() {
    const { rooms, privates } = this.#chat.list;
    for (const [id, items] of /** @type {const} */ ([
      ["rooms", rooms],
      ["privates", privates],
    ])) {
      const list = any(id);
      keep(list, items, (it) => it.id, (it) => this.#draw(it), (element, it) => this.#update(element, it));
      oneStop(list, "button", list.querySelector("[aria-current]"));
    }
    any("no-privates").hidden = privates.length > 0;
  }

  /** @param {Conversation} conversation */
  #draw({ id, peer }) {
    const sign = peer === null ? make("span", "hash", "#") : avatar(peer, peer);
    sign.setAttribute("aria-hidden", "true");
    const button = make("button", "", sign, make("span", "name"), make("span", "count"));
    button.type = "button";
    button.addEventListener("click", () => this.#open(id));
    return make("li", "", button);
  }

  /** @param {HTMLElement} item @param {Conversation} conversation */
  #update(item, conversation) {
    const { id, peer } = conversation;
    const button = within(item, "button");
    const person = peer === null ? null : this.#chat.people.get(peer);
    const name = person?.username ?? id;
    setText(within(button, ".name"), name);
    button.title = name;
    if (person) paint(within(button, ".avatar"), person.userId, name, person.status);
    const { unread } = conversation;
    const isOpen = conversation === this.#chat.current;
    const count = within(button, ".count");
    setText(count, unread === 0 ? "" : unread > COUNTED_MOST ? `${COUNTED_MOST}+` : String(unread));
    button.classList.toggle("unread", unread > 0);
    button.classList.toggle("refused", conversation.refused !== null);
    if (isOpen) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
    const shown = peer === null ? `#${name}` : `${name}, ${say(`status_${person?.status ?? "offline"}`)}`;
    button.setAttribute("aria-label", unread > 0 ? `${shown}, ${say("unread", { count: unread })}` : shown);
  }
}
