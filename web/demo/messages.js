/** The list of messages: grouped by author, days apart, ours on the right. Follows the newest unless the reader went up. */

import { initials } from "./identity.js";
import { locale, say } from "./words.js";

/** @typedef {import("./room.js").Message} Message */

/** Within this time, messages of one author stand together. */
const GROUP_MS = 5 * 60_000;
/** The page keeps this many; older ones leave at the top. */
const ENTRIES_MAX = 500;
/** This near to the bottom, the reader is taken to follow. */
const FOLLOW_PX = 80;
/** An acknowledgement that takes longer than this is worth a word. */
const WAITING_AFTER_MS = 600;

const clock = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat(locale, { weekday: "long", month: "long", day: "numeric" });

export class Messages {
  #scroller;
  #list;
  #empty;
  #jump;
  #onRetry;
  /** @type {{author: string, at: number, element: HTMLElement} | null} */
  #group = null;
  #day = "";
  /** Ours without an acknowledgement, by clientMessageId. @type {Map<string, HTMLElement>} */
  #pending = new Map();

  /**
   * @param {{scroller: HTMLElement, list: HTMLElement, empty: HTMLElement, jump: HTMLButtonElement}} elements
   * @param {(clientMessageId: string, content: string) => void} onRetry
   */
  constructor({ scroller, list, empty, jump }, onRetry) {
    this.#scroller = scroller;
    this.#list = list;
    this.#empty = empty;
    this.#jump = jump;
    this.#onRetry = onRetry;
    jump.addEventListener("click", () => this.#follow());
    scroller.addEventListener("scroll", () => {
      if (this.#isFollowing()) jump.hidden = true;
    });
    // The keyboard of a phone, or a longer composer, must not push the newest message out of sight.
    new ResizeObserver(() => {
      if (jump.hidden) this.#follow();
    }).observe(scroller);
  }

  /**
   * @param {Message} message
   * @param {boolean} own
   */
  add(message, own) {
    const at = new Date(message.timestamp);
    this.#place(() => {
      this.#openGroup(message.senderId, message.senderName, at, own).append(bubble(message.content, at));
    });
  }

  /**
   * One of ours, on its way.
   * @param {{clientMessageId: string, content: string, timestamp: string}} message
   * @param {import("./room.js").Member} self
   */
  addPending({ clientMessageId, content, timestamp }, self) {
    const at = new Date(timestamp);
    const element = bubble(content, at);
    this.#pending.set(clientMessageId, element);
    this.#wait(clientMessageId);
    this.#place(() => this.#openGroup(self.userId, self.username, at, true).append(element));
    this.#follow();
  }

  /** @param {string} clientMessageId */
  sent(clientMessageId) {
    const element = this.#pending.get(clientMessageId);
    this.#pending.delete(clientMessageId);
    element?.removeAttribute("data-state");
  }

  /**
   * @param {string} clientMessageId
   * @param {string} reason
   */
  notSent(clientMessageId, reason) {
    const element = this.#pending.get(clientMessageId);
    if (!element) return;
    const text = element.querySelector(".text")?.textContent ?? "";
    const retry = document.createElement("button");
    retry.type = "button";
    retry.textContent = say("retry");
    const failure = make("p", "failure", `${say("notSent", { reason })} `);
    failure.append(retry);
    retry.addEventListener("click", () => {
      failure.remove();
      element.removeAttribute("data-state");
      this.#wait(clientMessageId);
      this.#onRetry(clientMessageId, text);
    });
    this.#place(() => {
      element.dataset.state = "failed";
      element.append(failure);
    });
  }

  /** @param {string} clientMessageId */
  #wait(clientMessageId) {
    setTimeout(() => {
      const element = this.#pending.get(clientMessageId);
      if (!element || element.dataset.state) return;
      element.dataset.note = say("sending");
      element.dataset.state = "waiting";
      if (this.#jump.hidden) this.#follow();
    }, WAITING_AFTER_MS);
  }

  /** @param {string} text */
  notice(text) {
    this.#place(() => {
      this.#group = null;
      this.#list.append(make("li", "notice", text));
    });
  }

  /**
   * The group that the message belongs to: the open one, or a new one below it.
   * @param {string} author
   * @param {string} name
   * @param {Date} at
   * @param {boolean} own
   */
  #openGroup(author, name, at, own) {
    this.#openDay(at);
    if (this.#group?.author === author && at.getTime() - this.#group.at < GROUP_MS) {
      this.#group.at = at.getTime();
      return this.#group.element;
    }
    const item = make("li", own ? "group own" : "group");
    const avatar = make("span", "avatar", initials(name));
    avatar.setAttribute("aria-hidden", "true");
    const head = make("p", "head");
    const time = make("time", "", clock.format(at));
    time.setAttribute("datetime", at.toISOString());
    head.append(make("span", own ? "author visually-hidden" : "author", own ? say("you") : name), " ", time);
    const body = make("div", "body");
    body.append(head);
    item.append(avatar, body);
    this.#list.append(item);
    this.#group = { author, at: at.getTime(), element: body };
    return body;
  }

  /** @param {Date} at */
  #openDay(at) {
    const date = at.toDateString();
    if (date === this.#day) return;
    this.#day = date;
    this.#group = null;
    this.#list.append(make("li", "day", dayName(at)));
  }

  /**
   * Changes the list, and then keeps the reader where the reader was.
   * @param {() => void} change
   */
  #place(change) {
    const following = this.#isFollowing();
    change();
    this.#empty.hidden = this.#list.querySelector(".group") !== null;
    while (this.#list.childElementCount > ENTRIES_MAX) this.#list.firstElementChild?.remove();
    if (following) this.#follow();
    else this.#jump.hidden = false;
  }

  #isFollowing() {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroller;
    return scrollHeight - scrollTop - clientHeight < FOLLOW_PX;
  }

  #follow() {
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
    this.#jump.hidden = true;
  }
}

/**
 * @param {string} content
 * @param {Date} at
 */
function bubble(content, at) {
  const element = make("div", "bubble");
  element.title = at.toLocaleString(locale);
  element.append(make("p", "text", content));
  return element;
}

/** @param {Date} at */
function dayName(at) {
  const today = new Date();
  if (at.toDateString() === today.toDateString()) return say("today");
  today.setDate(today.getDate() - 1);
  return at.toDateString() === today.toDateString() ? say("yesterday") : day.format(at);
}

/**
 * @param {string} tag
 * @param {string} className
 * @param {string} [text]
 */
function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}
