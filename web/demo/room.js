/**
 * One room as this tab knows it: who is here, who is typing, what was said, and what of ours is still on its way.
 * Speaks the commands and events of Tidings through a connection, and tells a view; draws nothing itself.
 */

import { CommandError, Connection } from "./connection.js";
import { randomId } from "./identity.js";

/** @typedef {import("./identity.js").Identity} Identity */
/** @typedef {{userId: string, username: string}} Member */

/**
 * @typedef {object} Message
 * @property {string} messageId
 * @property {number} seq
 * @property {string} roomId
 * @property {string} senderId
 * @property {string} senderName
 * @property {string} content
 * @property {string} timestamp
 * @property {string} [clientMessageId]
 */

/**
 * What a view is told.
 * @typedef {object} View
 * @property {import("./connection.js").Options["onState"]} state
 * @property {(frame: import("./connection.js").Frame) => void} frame
 * @property {(member: Member) => void} self Who we are, by the word of the server.
 * @property {(members: Member[]) => void} members
 * @property {(names: string[]) => void} typing
 * @property {(message: Message) => void} message Somebody else's.
 * @property {(message: {clientMessageId: string, content: string, timestamp: string}) => void} sending One of ours.
 * @property {(clientMessageId: string, message: {timestamp: string}) => void} sent
 * @property {(clientMessageId: string, reason: string) => void} notSent
 * @property {(what: "joined" | "left" | "back", name: string) => void} notice
 */

/** The server ends a typing hint after 5 s; a little more, for the way. */
const TYPING_LASTS_MS = 6_000;
/** Repeated while somebody keeps typing, before the server's 5 s run out. */
const TYPING_REPEAT_MS = 3_000;

export class Room {
  #view;
  #roomId;
  #identity;
  #connection;
  #joinedBefore = false;
  /** The last number of the room's sequence that we have. @type {number | undefined} */
  #lastSeq;
  /** @type {Map<string, Member>} */
  #members = new Map();
  /** @type {Map<string, {name: string, timer: number}>} */
  #typing = new Map();
  #typingSaidAt = 0;
  /** Our messages without an acknowledgement, by clientMessageId, oldest first. @type {Map<string, string>} */
  #outbox = new Map();
  /** Messages already shown: a retry or a replay can bring one twice. @type {Set<string>} */
  #seen = new Set();

  /**
   * @param {{url: string, roomId: string, identity: Identity, view: View}} options
   */
  constructor({ url, roomId, identity, view }) {
    this.#view = view;
    this.#roomId = roomId;
    this.#identity = identity;
    this.#connection = new Connection({
      url,
      greet: () => this.#enter(),
      onState: (state, detail) => {
        view.state(state, detail);
        if (state === "online") for (const id of this.#outbox.keys()) this.#deliver(id);
      },
      onEvent: (type, data) => this.#event(type, data),
      onFrame: view.frame,
    });
  }

  /** Connects; or connects anew, under the name that we have by now. */
  open() {
    this.#connection.open();
  }

  /** @param {Identity} identity */
  rename(identity) {
    this.#identity = identity;
    this.#joinedBefore = false;
    this.open();
  }

  /** @param {string} content */
  send(content) {
    const clientMessageId = randomId(16);
    this.#outbox.set(clientMessageId, content);
    this.#typingSaidAt = 0;
    this.#view.sending({ clientMessageId, content, timestamp: new Date().toISOString() });
    this.#deliver(clientMessageId);
  }

  /**
   * Sends a refused message again.
   * @param {string} clientMessageId
   * @param {string} content
   */
  sendAgain(clientMessageId, content) {
    this.#outbox.set(clientMessageId, content);
    this.#deliver(clientMessageId);
  }

  /** @param {boolean} active */
  typing(active) {
    const now = Date.now();
    if (active && now - this.#typingSaidAt > TYPING_REPEAT_MS) {
      this.#typingSaidAt = now;
      this.#connection.tell("typing:start", this.#roomId);
    } else if (!active && this.#typingSaidAt) {
      this.#typingSaidAt = 0;
      this.#connection.tell("typing:stop", this.#roomId);
    }
  }

  /** Signs in and joins, on every new connection. */
  async #enter() {
    const self = await this.#connection.request("auth", this.#identity);
    // The server may know us under another id than the one that we proposed.
    this.#identity = { id: self.userId, username: self.username };
    this.#view.self(self);
    const room = await this.#connection.request("room:join", { roomId: this.#roomId, after: this.#lastSeq });
    this.#lastSeq = room.lastSeq;
    this.#members = new Map(room.members.map((/** @type {Member} */ member) => [member.userId, member]));
    this.#members.set(self.userId, self);
    this.#membersChanged();
    for (const userId of [...this.#typing.keys()]) this.#stopped(userId);
    for (const message of room.messages ?? []) this.#message(message);
    // What was said meanwhile is there; if it was too much, that is worth a word.
    if (this.#joinedBefore && !room.recovered) this.#view.notice("back", "");
    this.#joinedBefore = true;
  }

  /**
   * The same clientMessageId goes up every time, so that a retry is not a second message.
   * @param {string} clientMessageId
   */
  async #deliver(clientMessageId) {
    const content = this.#outbox.get(clientMessageId);
    if (content === undefined || this.#connection.state !== "online") return;
    try {
      const answer = await this.#connection.request("chat:send", { roomId: this.#roomId, content, clientMessageId });
      this.#seen.add(answer.messageId);
      this.#confirmed(clientMessageId, answer);
    } catch (error) {
      // What a lost connection took along stays in the outbox until we are back.
      if (!(error instanceof CommandError)) return;
      this.#outbox.delete(clientMessageId);
      this.#view.notSent(clientMessageId, error.message);
    }
  }

  /**
   * @param {string} type
   * @param {any} data
   */
  #event(type, data) {
    if (data?.roomId !== undefined && data.roomId !== this.#roomId) return;
    switch (type) {
      case "chat:message":
        return this.#message(data);
      case "room:user-joined": {
        // Somebody who is here already has a new name.
        const known = this.#members.has(data.userId);
        this.#members.set(data.userId, data);
        this.#membersChanged();
        if (!known) this.#view.notice("joined", data.username);
        return;
      }
      case "room:user-left":
        if (data.userId === this.#identity.id || !this.#members.delete(data.userId)) return;
        this.#stopped(data.userId);
        this.#membersChanged();
        return this.#view.notice("left", data.username);
      case "typing:user":
        return this.#started(data);
      case "typing:stopped":
        return this.#stopped(data.userId);
    }
  }

  /** @param {Message} message */
  #message(message) {
    if (this.#seen.has(message.messageId)) return;
    this.#seen.add(message.messageId);
    this.#lastSeq = Math.max(this.#lastSeq ?? 0, message.seq);
    this.#stopped(message.senderId);
    const { clientMessageId } = message;
    if (clientMessageId && this.#outbox.has(clientMessageId)) this.#confirmed(clientMessageId, message);
    else this.#view.message(message);
  }

  /**
   * @param {string} clientMessageId
   * @param {{timestamp: string}} message
   */
  #confirmed(clientMessageId, message) {
    if (this.#outbox.delete(clientMessageId)) this.#view.sent(clientMessageId, message);
  }

  /** @param {Member} member */
  #started({ userId, username }) {
    if (userId === this.#identity.id) return;
    clearTimeout(this.#typing.get(userId)?.timer);
    this.#typing.set(userId, { name: username, timer: setTimeout(() => this.#stopped(userId), TYPING_LASTS_MS) });
    this.#typingChanged();
  }

  /** @param {string} userId */
  #stopped(userId) {
    clearTimeout(this.#typing.get(userId)?.timer);
    if (this.#typing.delete(userId)) this.#typingChanged();
  }

  #typingChanged() {
    this.#view.typing([...this.#typing.values()].map(({ name }) => name));
  }

  #membersChanged() {
    this.#view.members([...this.#members.values()]);
  }
}
