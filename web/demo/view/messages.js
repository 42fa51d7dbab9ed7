/** The conversation that is shown: its messages as rows, what opens it, and the keys and pointers that act on them. */

import { dayKey } from "../calendar.js";
import { say, sayError } from "../words.js";
import { any, button, make, setText, within } from "./dom.js";
import { addToolbar, drawMessage, signature, updateMessage } from "./message.js";
import { Window } from "./window.js";

/** @typedef {import("../model/chat.js").Chat} Chat */
/** @typedef {import("../model/conversation.js").Conversation} Conversation */
/** @typedef {import("./message.js").Row} Row */
/** @typedef {import("./message.js").Actions} Actions */

/** Within this time, messages of one author stand together. */
const TOGETHER_MS = 5 * 60_000;
const QUOTED_MOST = 160;
const NAMED_MOST = 3;

export class Messages {
  #chat;
  #actions;
  #window;
  /** @type {Conversation | null} */
  #shown = null;
  /** @type {WeakMap<HTMLElement, {row: Row, signature: string}>} */
  #rows = new WeakMap();
  /** The message that the keyboard is at. @type {string | null} */
  #active = null;
  #unseen = 0;
  #onRead;

  /** @param {Chat} chat @param {Omit<Actions, "goTo">} actions @param {() => void} onRead The end is in sight. */
  constructor(chat, actions, onRead) {
    this.#chat = chat;
    this.#actions = { ...actions, goTo: (/** @type {string} */ id) => void this.#goTo(id) };
    this.#onRead = onRead;
    const list = any("messages");
    this.#window = new Window(any("scroller"), list, (moved) => this.#moved(moved));
    button("jump").addEventListener("click", () => this.#window.toEnd());
    list.addEventListener("keydown", (event) => this.#key(event));
    for (const kind of /** @type {const} */ (["pointerover", "focusin"])) list.addEventListener(kind, (event) => this.#touched(event));
  }

  /** Whether the newest message is in sight. */
  get atEnd() {
    return this.#window.atEnd;
  }

  /** Brings the page up to date. */
  show() {
    const conversation = this.#chat.current;
    const { entries } = conversation.timeline;
    const rows = {
      count: entries.length,
      key: (/** @type {number} */ index) => entries[index]?.key ?? "",
      draw: (/** @type {number} */ index, /** @type {HTMLElement | undefined} */ known) => this.#draw(conversation, index, known),
    };
    this.#opening(conversation);
    if (this.#shown === conversation) {
      this.#window.show(rows);
    } else {
      this.#shown = conversation;
      this.#active = null;
      this.#unseen = 0;
      this.#window.reset(rows);
    }
    this.#showLoading();
  }

  /** Somebody said something while the reader was elsewhere in the conversation. */
  noticed() {
    if (this.atEnd) return;
    this.#unseen += 1;
    this.#showJump();
  }

  /** The reader wants to see the end: after sending, for one. */
  toEnd() {
    this.#window.toEnd();
  }

  /** @param {Conversation} conversation @param {number} index @param {HTMLElement | undefined} known */
  #draw(conversation, index, known) {
    const row = this.#row(conversation, index);
    const now = signature(row);
    const before = known && this.#rows.get(known);
    if (known && before?.signature === now) {
      before.row = row;
      return known;
    }
    const element = known ?? drawMessage(row, this.#actions);
    if (known) updateMessage(known, row, this.#actions);
    this.#rows.set(element, { row, signature: now });
    const isLast = index === conversation.timeline.entries.length - 1;
    element.tabIndex = (this.#active === null ? isLast : this.#active === row.entry.key) ? 0 : -1;
    return element;
  }

  /** @param {Conversation} conversation @param {number} index @returns {Row} */
  #row(conversation, index) {
    const { entries } = conversation.timeline;
    const entry = entries[index];
    const before = entries[index - 1];
    if (!entry) throw new RangeError(`there is no message ${index}`);
    const own = entry.senderId === this.#chat.self.userId;
    const day = !before || dayKey(before.timestamp) !== dayKey(entry.timestamp) ? dayKey(entry.timestamp) : null;
    const isNew = !own && entry.seq > conversation.newAfter && (before?.seq ?? 0) <= conversation.newAfter;
    const isFirst =
      day !== null || isNew || !before || before.senderId !== entry.senderId || Boolean(entry.replyTo) ||
      Date.parse(entry.timestamp) - Date.parse(before.timestamp) > TOGETHER_MS;
    const quoted = entry.replyTo && !entry.deleted ? this.#quoted(conversation, entry.replyTo) : null;
    const mark = own && !entry.deleted ? this.#mark(conversation, entry) : null;
    return { entry, own, isFirst, day, isNew, quoted, mark, position: index + 1 };
  }

  /** @param {Conversation} conversation @param {string} messageId */
  #quoted(conversation, messageId) {
    const entry = conversation.timeline.find(messageId);
    if (!entry) return { name: "", text: say("earlierMessage") };
    return { name: entry.senderName, text: entry.deleted ? say("deletedMessage") : entry.content.slice(0, QUOTED_MOST) };
  }

  /** @param {Conversation} conversation @param {import("../model/timeline.js").Entry} entry @returns {Row["mark"]} */
  #mark(conversation, entry) {
    if (entry.state === "failed") return null;
    if (entry.state === "sending") return { level: "sending", label: say("mark_sending") };
    const { level, readers, receivers } = conversation.markOf(entry);
    const names = this.#names(level === "read" ? readers : receivers);
    return { level, label: say(`mark_${level}`, { names }) };
  }

  /** @param {string[]} userIds */
  #names(userIds) {
    const named = userIds.slice(0, NAMED_MOST).map((userId) => this.#chat.people.nameOf(userId)).join(", ");
    const more = userIds.length - NAMED_MOST;
    return more > 0 ? say("andMore", { names: named, count: more }) : named;
  }

  /** What stands above the first message, or in the place of all. @param {Conversation} conversation */
  #opening(conversation) {
    const { timeline, loaded, refused, peer } = conversation;
    const opening = any("opening");
    const isEmpty = timeline.entries.length === 0;
    opening.hidden = !loaded || (!isEmpty && timeline.hasMore && !refused);
    opening.classList.toggle("alone", isEmpty || refused !== null);
    if (opening.hidden) return;
    const name = peer === null ? `#${conversation.id}` : this.#chat.people.nameOf(peer);
    const [title, text] = refused
      ? [say("refusedTitle"), sayError(refused)]
      : peer !== null
        ? [say("quietPrivate", { name }), say("quietPrivateText")]
        : isEmpty
          ? [say("quietTitle"), say("quietText")]
          : [say("beginning", { room: name }), ""];
    const now = `${title}\n${text}`;
    if (opening.dataset.shown === now) return;
    opening.dataset.shown = now;
    opening.replaceChildren(make("h2", "", title), ...(text ? [make("p", "", text)] : []));
  }

  /** @param {{atEnd: boolean, nearTop: boolean}} moved */
  #moved({ atEnd, nearTop }) {
    const conversation = this.#shown;
    if (!conversation) return;
    if (atEnd) {
      this.#unseen = 0;
      if (conversation.timeline.trim()) queueMicrotask(() => this.show());
      this.#onRead();
    }
    this.#showJump();
    const { timeline, loaded, isLoading, client } = conversation;
    if (!nearTop || !loaded || !timeline.hasMore || isLoading || client.state !== "online") return;
    // What cannot be fetched now is fetched when the reader moves again.
    conversation.older().catch(() => {}).finally(() => this.#showLoading());
    this.#showLoading();
  }

  #showLoading() {
    const isLoading = this.#shown?.isLoading ?? false;
    any("older").hidden = !isLoading;
    any("messages").setAttribute("aria-busy", String(isLoading));
  }

  #showJump() {
    const jump = button("jump");
    jump.hidden = this.#window.atEnd;
    setText(within(jump, ".text"), this.#unseen > 0 ? say("jumpNew", { count: this.#unseen }) : say("jump"));
    jump.classList.toggle("unread", this.#unseen > 0);
  }

  /** @param {string} messageId */
  async #goTo(messageId) {
    const conversation = this.#chat.current;
    const entry = await conversation.reach(messageId).catch(() => undefined);
    if (conversation !== this.#chat.current) return;
    if (!entry) return void (any("announcer").textContent = say("notLoaded"));
    this.#go(conversation.timeline.entries.indexOf(entry));
    const row = this.#window.row(entry.key);
    row?.classList.add("found");
    setTimeout(() => row?.classList.remove("found"), 1_600);
  }

  /** The keyboard goes to a message. @param {number} index */
  #go(index) {
    const entry = this.#chat.current.timeline.entries[index];
    if (!entry) return;
    // The list may not have been drawn since it changed last.
    this.show();
    const previous = this.#active === null ? null : this.#window.row(this.#active);
    if (previous) previous.tabIndex = -1;
    this.#active = entry.key;
    const row = this.#window.reveal(index);
    if (!row) return;
    row.tabIndex = 0;
    row.focus({ preventScroll: true });
  }

  /** @param {Event} event */
  #touched({ type, target }) {
    const article = target instanceof Element ? target.closest("article") : null;
    const known = article instanceof HTMLElement ? this.#rows.get(article) : undefined;
    if (!article || !known) return;
    addToolbar(article, known.row, this.#actions);
    if (type !== "focusin") return;
    for (const other of any("messages").querySelectorAll("article[tabindex='0']")) if (other !== article) other.setAttribute("tabindex", "-1");
    this.#active = known.row.entry.key;
    article.tabIndex = 0;
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const article = event.target;
    if (!(article instanceof HTMLElement) || article.tagName !== "ARTICLE" || event.ctrlKey || event.metaKey || event.altKey) return;
    const known = this.#rows.get(article);
    if (!known) return;
    const { entries } = this.#chat.current.timeline;
    const { row } = known;
    const index = entries.indexOf(row.entry);
    const isStored = row.entry.state === "stored" && !row.entry.deleted;
    if (event.key === "ArrowUp") this.#go(index - 1);
    else if (event.key === "ArrowDown") this.#go(index + 1);
    else if (event.key === "Home") this.#go(0);
    else if (event.key === "End") this.#go(entries.length - 1);
    else if (event.key === "r" && isStored) this.#actions.reply(row.entry);
    else if (event.key === "e" && isStored && row.own) this.#actions.edit(row.entry);
    else if (event.key === "Delete" && isStored && row.own) this.#actions.remove(row.entry);
    else return;
    event.preventDefault();
  }
}
