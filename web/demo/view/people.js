/** Who is in the conversation, who was, how they are; and the line that says who is typing. */

import { ago } from "../calendar.js";
import { say } from "../words.js";
import { avatar, paint } from "./avatar.js";
import { any, keep, make, setText, within } from "./dom.js";
import { oneStop, rove } from "./roving.js";

/** @typedef {import("../model/chat.js").Chat} Chat */
/** @typedef {import("../model/people.js").Person} Person */

/** As many as are drawn; the number above them counts all. */
const DRAWN_MOST = 200;
const ORDER = { online: 0, away: 1, offline: 2 };

export class PeoplePanel {
  #chat;
  #write;

  /** @param {Chat} chat @param {(userId: string) => void} write Begins a private conversation. */
  constructor(chat, write) {
    this.#chat = chat;
    this.#write = write;
    for (const id of ["here", "earlier"]) rove(any(id), "button");
  }

  show() {
    const { company, current, self } = this.#chat;
    const { here, earlier, count } = company;
    const rank = (/** @type {Person} */ it) => (it.userId === self.userId ? -1 : ORDER[it.status]);
    const byRank = (/** @type {Person} */ a, /** @type {Person} */ b) => rank(a) - rank(b) || a.username.localeCompare(b.username);
    const all = here.toSorted(byRank).slice(0, DRAWN_MOST);
    this.#list("here", all);
    this.#list("earlier", earlier.toSorted(byRank));
    const total = Math.max(count, here.length);
    setText(any("here-title"), `${say("here")} · ${total}`);
    any("earlier-section").hidden = earlier.length === 0;
    any("alone").querySelector("a")?.setAttribute("href", `/#${new URLSearchParams({ room: current.id })}`);
    any("alone").hidden = !(current.loaded && current.peer === null && here.length === 1);
  }

  /** @param {"here" | "earlier"} id @param {Person[]} people */
  #list(id, people) {
    const list = any(id);
    keep(list, people, (it) => it.userId, (it) => this.#draw(it), (element, it) => this.#update(element, it));
    oneStop(list, "button");
  }

  /** @param {Person} person */
  #draw({ userId, username, status }) {
    const text = make("span", "who", make("span", "name"), make("span", "note"));
    const button = make("button", "person", avatar(userId, username, status), text);
    button.type = "button";
    button.addEventListener("click", () => {
      if (userId !== this.#chat.self.userId) this.#write(userId);
    });
    return make("li", "", button);
  }

  /** @param {HTMLElement} item @param {Person} person */
  #update(item, person) {
    const own = person.userId === this.#chat.self.userId;
    const username = own ? this.#chat.self.username : person.username;
    const status = own && this.#chat.status === "invisible" ? "offline" : person.status;
    const note = noteOf(person, own);
    const button = within(item, "button");
    paint(within(item, ".avatar"), person.userId, username, status);
    setText(within(item, ".name"), username);
    setText(within(item, ".note"), note);
    button.classList.toggle("self", own);
    button.setAttribute("aria-label", own ? `${username}, ${note}` : `${say("writeTo", { name: username })}, ${say(`status_${status}`)}, ${note}`);
    button.title = own ? username : say("writeTo", { name: username });
  }
}

/** What is said of somebody beneath the name. @param {Person} person @param {boolean} own */
function noteOf({ status, lastSeen, devices }, own) {
  const notes = [];
  if (own) notes.push(say("you"));
  if (status === "away") notes.push(say("status_away"));
  if (status === "offline" && !own) notes.push(lastSeen ? say("lastSeen", { when: ago(lastSeen) }) : say("neverSeen"));
  if (status === "online" && !own && devices <= 1) notes.push(say("status_online"));
  if (devices > 1) notes.push(say("devices", { count: devices }));
  return notes.join(" · ");
}

/** The line beneath the title of a private conversation. @param {Person} person */
export function presenceOf({ status, lastSeen }) {
  if (status !== "offline") return say(`status_${status}`);
  return lastSeen ? say("lastSeen", { when: ago(lastSeen) }) : say("status_offline");
}

/** @param {string[]} names */
export function showTyping(names) {
  const line = any("typing");
  const [a = "", b = ""] = names;
  line.classList.toggle("active", names.length > 0);
  const text = names.length > 2 ? say("typingMany", { count: names.length }) : names.length > 1 ? say("typingTwo", { a, b }) : say("typingOne", { a });
  setText(within(line, ".who"), names.length > 0 ? text : "");
}
