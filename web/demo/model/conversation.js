/**
 * One room, or the private conversation with one user: its messages, how far everybody has come, who is typing, what is unread.
 *
 * Hears what happens there from the chat, and asks for what is missing. Draws nothing.
 */

import { TidingsError } from "/client/index.js";
import { Timeline } from "./timeline.js";

/** @typedef {import("/client/index.js").Room} Room */
/** @typedef {import("./timeline.js").Entry} Entry */
/** @typedef {"rooms" | "messages" | "people" | "typing"} Topic What of a conversation may have changed. */
/** @typedef {{level: "sent" | "delivered" | "read", readers: string[], receivers: string[]}} Mark */

/** Messages with which a conversation begins, and which one step back brings. */
const FIRST_PAGE = 60;
const OLDER_PAGE = 100;
/** The server ends a hint after 5 s; a little more, for the way. */
const TYPING_LASTS_MS = 6_000;
/** How many steps back a quoted message is looked for. */
const STEPS_BACK_MOST = 20;

export class Conversation {
  timeline = new Timeline();
  /** How far the others, and we ourselves, have come. @type {Map<string, {delivered: number, read: number}>} */
  #receipts = new Map();
  /** @type {Map<string, {name: string, timer: number}>} */
  #typing = new Map();
  /** @type {Promise<void> | null} */
  #loading = null;
  /** The message behind which the line "new" stands; fixed while the conversation is looked at. */
  newAfter = Number.POSITIVE_INFINITY;
  /** Why the room cannot be entered. @type {TidingsError | null} */
  refused = null;
  /** Whether the first messages are there. */
  loaded = false;

  /**
   * @param {{room: Room, peer: string | null, self: () => {userId: string, username: string}, client: import("/client/index.js").Client,
   *   changed: (topic: Topic) => void}} parts
   *   `peer`: the other one, when it is private.
   */
  constructor({ room, peer, self, client, changed }) {
    this.id = room.id;
    this.room = room;
    this.peer = peer;
    this.client = client;
    this.self = self;
    this.changed = changed;
  }

  /** Enters the room, and stays. */
  async join() {
    this.refused = null;
    try {
      await this.room.join({ limit: FIRST_PAGE });
    } catch (error) {
      if (error instanceof TidingsError && error.code !== "left" && error.code !== "closed") this.#refuse(error);
    }
  }

  /** The number up to which the user has read. */
  get readSeq() {
    return this.#receipts.get(this.self().userId)?.read ?? 0;
  }

  get unread() {
    return this.loaded ? this.timeline.countAfter(this.readSeq, this.self().userId) : 0;
  }

  /** Who is typing. @returns {string[]} */
  get typing() {
    return [...this.#typing.values()].map(({ name }) => name);
  }

  /** How far one of our messages has come. @param {Entry} entry @returns {Mark} */
  markOf({ seq }) {
    const own = this.self().userId;
    const others = [...this.#receipts].filter(([userId]) => userId !== own);
    const readers = others.filter(([, { read }]) => read >= seq).map(([userId]) => userId);
    const receivers = others.filter(([, { delivered, read }]) => delivered >= seq && read < seq).map(([userId]) => userId);
    const level = readers.length > 0 ? "read" : receivers.length > 0 ? "delivered" : "sent";
    return { level, readers, receivers };
  }

  /** What the client tells of this room. @param {string} name @param {any} data */
  hear(name, data) {
    const { timeline } = this;
    if (name === "chat:message") {
      timeline.add(data);
      this.#stopped(data.senderId);
      this.#all("messages", "rooms");
    } else if (name === "chat:edited") {
      timeline.edit(data.messageId, data.content);
      this.changed("messages");
    } else if (name === "chat:deleted") {
      timeline.delete(data.messageId);
      this.#all("messages", "rooms");
    } else if (name === "chat:receipt") {
      this.#reached(data.userId, data.status === "read" ? { delivered: data.seq, read: data.seq } : { delivered: data.seq });
      this.#all("messages", "rooms");
    } else if (name === "room:reset") {
      timeline.reset(data.messages);
      this.#all("messages", "rooms");
    } else if (name === "room:members") {
      void this.#entered();
    } else if (name === "room:refused" || name === "room:removed") {
      this.#refuse(new TidingsError(data.code ?? "permission_denied", data.message ?? ""));
    } else if (name === "typing:user") {
      this.#started(data);
    } else if (name === "typing:stopped") {
      this.#stopped(data.userId);
    }
  }

  /** The user sends a message. @param {string} content @param {string} [replyTo] */
  send(content, replyTo) {
    const { userId: senderId, username: senderName } = this.self();
    const clientMessageId = crypto.getRandomValues(new Uint32Array(4)).join("-");
    this.#deliver(this.timeline.begin({ senderId, senderName, content, replyTo, clientMessageId }));
  }

  /** Again, under the same name: had it been stored after all, it is not stored twice. @param {Entry} entry */
  retry(entry) {
    this.timeline.become(entry, "sending");
    this.#deliver(entry);
  }

  /** @param {Entry} entry */
  discard(entry) {
    this.timeline.discard(entry);
    this.changed("messages");
  }

  /** @param {Entry} entry */
  async #deliver(entry) {
    this.changed("messages");
    const { content, clientMessageId = "", replyTo } = entry;
    const options = replyTo ? { clientMessageId, replyTo } : { clientMessageId };
    const sending = this.peer === null ? this.room.send(content, options) : this.client.private(this.peer, content, options);
    if (this.peer !== null) this.room.stopTyping();
    try {
      const { messageId, seq, timestamp } = await sending;
      const { senderId, senderName } = entry;
      // Usually the message has come as an event by now; in a room that is not joined it does not.
      if (!this.timeline.find(messageId)) {
        this.timeline.add({ messageId, seq, roomId: this.id, senderId, senderName, content, timestamp, clientMessageId, replyTo });
      }
    } catch (error) {
      this.timeline.become(entry, "failed", error);
    }
    this.changed("messages");
  }

  /** Brings older messages, once at a time. @returns {Promise<void>} */
  older() {
    if (!this.timeline.hasMore || !this.loaded) return Promise.resolve();
    this.#loading ??= this.#older().finally(() => (this.#loading = null));
    return this.#loading;
  }

  async #older() {
    const before = this.timeline.first?.seq;
    const { messages, hasMore } = await this.room.history({ before, limit: OLDER_PAGE });
    this.timeline.prepend(messages, hasMore && messages.length > 0);
    this.changed("messages");
  }

  get isLoading() {
    return this.#loading !== null;
  }

  /** Goes back until a message is there. @param {string} messageId @returns {Promise<Entry | undefined>} */
  async reach(messageId) {
    for (let step = 0; step < STEPS_BACK_MOST && !this.timeline.find(messageId) && this.timeline.hasMore; step += 1) await this.older();
    return this.timeline.find(messageId);
  }

  /** The user has seen everything that is there. */
  read() {
    const { userId } = this.self();
    const seq = this.timeline.last?.seq ?? 0;
    const before = this.readSeq;
    if (seq <= before || this.client.state !== "online") return;
    this.#reached(userId, { read: seq, delivered: seq });
    this.#all("rooms");
    this.room.read(seq).catch(() => {
      // Another time, then.
      const known = this.#receipts.get(userId);
      if (known?.read === seq) known.read = before;
    });
  }

  /** Is looked at from now on: what is unread is marked so until it is left. */
  look() {
    // To somebody who is here for the first time everything is new, and nothing needs a line.
    this.newAfter = this.unread > 0 && this.readSeq > 0 ? this.readSeq : Number.POSITIVE_INFINITY;
    this.timeline.trim();
  }

  /** After joining, so that what changes meanwhile is heard. */
  async #entered() {
    this.changed("people");
    try {
      const { receipts } = await this.client.request("chat:receipts", { roomId: this.id });
      for (const { userId, delivered, read } of receipts) this.#reached(userId, { delivered, read });
    } catch {
      // The next receipts say it.
    }
    if (!this.loaded) {
      this.loaded = true;
      this.look();
    }
    this.#all("messages", "rooms");
  }

  /** @param {string} userId @param {{delivered?: number, read?: number}} to */
  #reached(userId, { delivered = 0, read = 0 }) {
    const known = this.#receipts.get(userId) ?? { delivered: 0, read: 0 };
    this.#receipts.set(userId, { delivered: Math.max(known.delivered, delivered), read: Math.max(known.read, read) });
  }

  /** @param {{userId: string, username: string}} who */
  #started({ userId, username }) {
    if (userId === this.self().userId) return;
    clearTimeout(this.#typing.get(userId)?.timer);
    this.#typing.set(userId, { name: username, timer: setTimeout(() => this.#stopped(userId), TYPING_LASTS_MS) });
    this.changed("typing");
  }

  /** @param {string} userId */
  #stopped(userId) {
    clearTimeout(this.#typing.get(userId)?.timer);
    if (this.#typing.delete(userId)) this.changed("typing");
  }

  /** @param {TidingsError} error */
  #refuse(error) {
    this.refused = error;
    this.loaded = true;
    this.#all("messages", "rooms", "people");
  }

  /** @param {Topic[]} topics */
  #all(...topics) {
    for (const topic of topics) this.changed(topic);
  }
}
