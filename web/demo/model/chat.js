/**
 * All that this tab knows: the connection, the conversations, the people and the notifications.
 *
 * Every event of the client comes through here and goes to what it is about; what has changed is told by topic. Draws nothing.
 */

import { Client } from "/client/index.js";
import { Conversation } from "./conversation.js";
import { Inbox } from "./inbox.js";
import { People } from "./people.js";
import { peerOf, privateRoom } from "./private.js";

/** @typedef {import("/client/index.js").StateChange} StateChange */
/** @typedef {import("../identity.js").Identity} Identity */
/** @typedef {"state" | "self" | "rooms" | "messages" | "people" | "typing" | "inbox"} Topic */
/** @typedef {"online" | "away" | "invisible"} OwnStatus */

/**
 * @typedef {object} Listener
 * @property {(topic: Topic) => void} changed
 * @property {(conversation: Conversation, message: any) => void} said Somebody else said something.
 * @property {(notification: import("./inbox.js").Notification) => void} notified
 * @property {(direction: "up" | "down", frame: any) => void} frame
 * @property {(error: unknown) => void} failed Something that the user asked for was not done.
 */

/** Messages that may wait for a connection. */
const WAITING_MOST = 500;
const LOBBY = "lobby";
/** Who was heard of last in a room, beyond those who are in it. */
const EARLIER_MOST = 12;
const LOOKED_BACK = 300;

export class Chat {
  /** @type {Map<string, Conversation>} */
  conversations = new Map();
  people = new People();
  /** @type {StateChange} */
  state = { state: "connecting" };
  /** @type {OwnStatus} */
  status = "online";
  #listener;
  #identity;
  #wasOnline = false;
  /** What the client signs in with, each time. @type {{id: string, username: string}} */
  #guest;

  /** @param {Identity} identity @param {Listener} listener */
  constructor(identity, listener) {
    this.#identity = identity;
    this.#guest = { id: identity.id, username: identity.username };
    this.#listener = listener;
    this.client = this.#connect();
    this.inbox = new Inbox(this.client, () => listener.changed("inbox"));
    this.current = this.conversation(LOBBY);
  }

  /** Who the user is. */
  get self() {
    const { id: userId, username } = this.#identity;
    return { userId, username };
  }

  /** The user wants another name. @param {string} username */
  async rename(username) {
    this.#identity.username = this.#guest.username = username;
    this.#listener.changed("self");
    // Without a connection, the next one begins with it.
    if (this.client.state !== "online") return;
    try {
      await this.client.request("auth", this.#guest);
      // Those in a room hear of a name by its being entered.
      for (const { id: roomId, room } of this.conversations.values()) {
        if (room.joined) await this.client.request("room:join", { roomId, after: room.lastSeq ?? undefined });
      }
    } catch (error) {
      this.#listener.failed(error);
    }
  }

  /** Rooms first, then private conversations, each with the one that said something last first. */
  get list() {
    const all = [...this.conversations.values()];
    const latest = (/** @type {Conversation} */ it) => it.timeline.last?.timestamp ?? "";
    return {
      rooms: all.filter((it) => it.peer === null),
      privates: all.filter((it) => it.peer !== null).sort((a, b) => latest(b).localeCompare(latest(a))),
    };
  }

  get unread() {
    return [...this.conversations.values()].reduce((sum, it) => sum + it.unread, 0);
  }

  /** Begins, with the rooms that were there before. @param {string[]} rooms */
  open(rooms) {
    for (const id of rooms) this.conversation(id);
    for (const conversation of this.conversations.values()) void conversation.join();
    this.client.open();
  }

  /** The conversation in a room; it is begun when there is none. @param {string} id @returns {Conversation} */
  conversation(id) {
    const known = this.conversations.get(id);
    if (known) return known;
    const conversation = new Conversation({
      room: this.client.room(id),
      peer: peerOf(id, this.self.userId),
      self: () => this.self,
      client: this.client,
      changed: (topic) => {
        if (topic === "rooms" || conversation === this.current) this.#listener.changed(topic);
      },
    });
    this.conversations.set(id, conversation);
    return conversation;
  }

  /** Shows a room, and enters it. @param {string} id */
  show(id) {
    const begun = !this.conversations.has(id);
    this.current = this.conversation(id);
    this.current.look();
    if (begun || this.current.refused) void this.current.join();
    for (const topic of /** @type {const} */ (["rooms", "messages", "people", "typing"])) this.#listener.changed(topic);
  }

  /** The private conversation with somebody. @param {string} userId */
  privateWith(userId) {
    return privateRoom(this.self.userId, userId);
  }

  /** Leaves a room. @param {Conversation} conversation */
  leave(conversation) {
    this.conversations.delete(conversation.id);
    conversation.room.leave().catch((error) => this.#listener.failed(error));
    if (conversation === this.current) this.show(LOBBY);
    else this.#listener.changed("rooms");
  }

  /** Those who are in the room that is shown, and those who were. */
  get company() {
    const { room, timeline, peer } = this.current;
    const here = [...room.members.keys()];
    if (peer !== null && !room.members.has(peer)) here.push(peer);
    const present = new Set(here);
    /** @type {Set<string>} */
    const earlier = new Set();
    const { entries } = timeline;
    for (let i = entries.length - 1; i >= Math.max(0, entries.length - LOOKED_BACK) && earlier.size < EARLIER_MOST; i -= 1) {
      const sender = entries[i]?.senderId;
      if (sender !== undefined && !present.has(sender)) earlier.add(sender);
    }
    const known = (/** @type {string} */ userId) => this.people.get(userId);
    return { here: here.map(known), earlier: [...earlier].map(known), count: room.memberCount };
  }

  /** Asks how the people on the page are. */
  async refreshPeople() {
    if (this.client.state !== "online") return;
    const { here, earlier } = this.company;
    const peers = this.list.privates.map((it) => it.peer ?? "");
    const ids = new Set([...here, ...earlier].map((it) => it.userId).concat(peers));
    await this.people.ask(this.client, [...ids]).catch(() => {});
    for (const topic of /** @type {const} */ (["people", "rooms"])) this.#listener.changed(topic);
  }

  /** @param {OwnStatus} status */
  async setStatus(status) {
    this.status = status;
    this.#listener.changed("self");
    await this.client.setPresence(status).catch((error) => this.#listener.failed(error));
  }

  #connect() {
    const { token } = this.#identity;
    const who = token ? { getToken: () => token } : { guest: this.#guest };
    const frame = this.#listener.frame;
    const client = new Client(location.origin, { ...who, queue: { limit: WAITING_MOST }, onFrame: frame });
    client.on("*", (data, name) => this.#hear(name, data));
    return client;
  }

  /** @param {string} name @param {any} data */
  #hear(name, data) {
    if (name === "state") return this.#stateChanged(data);
    if (name === "error") return this.#listener.failed(data);
    if (name === "notification" && !this.inbox.list.some((it) => it.notificationId === data.notificationId)) {
      this.#listener.notified(data);
    }
    if (this.inbox.hear(name, data)) return;
    if (this.people.hear(name, data)) {
      this.#listener.changed("people");
      this.#listener.changed("rooms");
    }
    const roomId = data?.roomId;
    if (typeof roomId !== "string") return;
    const isFirst = name === "chat:message" && !this.conversations.has(roomId);
    // Somebody begins a private conversation.
    const conversation = isFirst && peerOf(roomId, this.self.userId) !== null ? this.conversation(roomId) : this.conversations.get(roomId);
    if (!conversation) return;
    if (name === "chat:message") this.people.noteName(data.senderId, data.senderName);
    if (name === "room:reset") for (const it of data.messages) this.people.noteName(it.senderId, it.senderName);
    conversation.hear(name, data);
    if (conversation !== this.current) conversation.timeline.trim();
    if (isFirst) void conversation.join();
    if (name === "chat:message" && data.senderId !== this.self.userId) this.#listener.said(conversation, data);
    if (name === "room:members") void this.refreshPeople();
  }

  /** @param {StateChange} change */
  #stateChanged(change) {
    this.state = change;
    this.#listener.changed("state");
    if (change.state !== "online") return;
    this.#listener.changed("self");
    void this.#comeBack();
  }

  /** What no room tells after a time without connection. */
  async #comeBack() {
    const isFirst = !this.#wasOnline;
    this.#wasOnline = true;
    try {
      if (this.status !== "online") await this.client.setPresence(this.status);
      const fresh = await this.inbox.refresh();
      if (!isFirst) for (const it of fresh.filter(({ read }) => !read).reverse()) this.#listener.notified(it);
      const { rooms } = await this.client.request("room:list");
      for (const { roomId } of rooms) {
        if (this.conversations.has(roomId)) continue;
        void this.conversation(roomId).join();
      }
    } catch {
      // With the next connection.
    }
    void this.refreshPeople();
  }
}
