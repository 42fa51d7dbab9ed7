/**
 * The client: signs in, gives out rooms, and passes commands and events between the page and the connection.
 */

import { Connection } from "./connection.js";
import { Emitter } from "./emitter.js";
import { asTidingsError, isUnanswered, TidingsError } from "./errors.js";
import { Identity } from "./identity.js";
import { Joiner } from "./joiner.js";
import { Outbox } from "./outbox.js";
import { NUMBERED, Room } from "./room.js";
import { Waiting } from "./waiting.js";

/** @typedef {import("./transports.js").Link} Link */
/** @typedef {import("./transports.js").TransportName} TransportName */

/**
 * @typedef {object} Options
 * @property {() => string | Promise<string>} [getToken] Gives a token that is good now. Asked for every connection, and when the
 *   token of the connection that there is is about to expire.
 * @property {{id: string, username?: string}} [guest] Who the user is, on a server in development that lets guests in.
 * @property {readonly TransportName[]} [transports] What to connect with, in the order of preference. `["ws", "sse", "poll"]`.
 * @property {typeof WebSocket} [WebSocket] A constructor, where there is none (Node 20): that of the package `ws` will do.
 * @property {typeof fetch} [fetch] Another `fetch` than that of the platform.
 * @property {{limit?: number, overflow?: import("./outbox.js").Overflow}} [queue] How many commands, and how many messages, may wait
 *   for a connection, and what happens to more: `"reject"` the new one, or `"drop-oldest"`. 100, `"reject"`.
 * @property {number} [requestTimeoutMs] How long an answer may take, the wait for a connection included. 10 s.
 * @property {number} [connectTimeoutMs] How long a token, and each transport, may take. 10 s.
 * @property {import("./backoff.js").BackoffOptions} [backoff]
 * @property {import("./heartbeat.js").HeartbeatOptions} [heartbeat]
 * @property {(direction: "up" | "down", frame: any) => void} [onFrame] Sees all that goes over the wire, the token as well,
 *   for whoever wants to look.
 */

const ALL_TRANSPORTS = /** @type {const} */ (["ws", "sse", "poll"]);
/** A client is online when it is back in its rooms, or after so long. */
const ROOMS_TIMEOUT_MS = 5_000;

export class Client extends Emitter {
  /** Who has signed in, by the word of the server. @type {{userId: string, username: string, clientId: string} | null} */
  user = null;
  #identity;
  #connection;
  #waiting;
  #outbox;
  /** @type {Map<string, Room>} */
  #rooms = new Map();
  #requestTimeoutMs;
  /** Joins rooms on the link that there is. @type {Joiner | null} */
  #joiner = null;

  /**
   * A client that is not connected yet; see `open`, and `connect`.
   * @param {string | URL} url The address of the server: http, https, ws or wss, with a path when it lives under one.
   * @param {Options} [options]
   */
  constructor(url, options = {}) {
    super();
    const { limit = 100, overflow = "reject" } = options.queue ?? {};
    const { connectTimeoutMs = 10_000, getToken, guest } = options;
    this.#identity = new Identity(getToken, guest, connectTimeoutMs);
    this.#requestTimeoutMs = options.requestTimeoutMs ?? 10_000;
    this.#waiting = new Waiting({ limit, overflow });
    const stores = (/** @type {string} */ type, /** @type {any} */ data) =>
      this.#connection.link?.call(type, data, this.#requestTimeoutMs) ?? null;
    this.#outbox = new Outbox({ limit, overflow }, stores);
    const fetch = options.fetch ?? globalThis.fetch;
    this.#connection = new Connection({
      base: baseOf(url),
      transports: options.transports ?? ALL_TRANSPORTS,
      connectTimeoutMs,
      backoff: options.backoff ?? {},
      heartbeat: options.heartbeat ?? {},
      WebSocket: options.WebSocket ?? globalThis.WebSocket,
      // Browsers want it called as a function of the window.
      fetch: (/** @type {any} */ input, /** @type {any} */ init) => fetch(input, init),
      credentials: () => this.#identity.credentials(),
      ready: (link) => this.#enterRooms(link),
      event: (type, data) => this.#hear(type, data),
      changed: (change) => this.#changed(change),
      frame: (direction, frame) => options.onFrame?.(direction, frame),
    });
  }

  /** `connecting`, `online`, `reconnecting`, `offline` or `closed`; the event `state` tells of changes. */
  get state() {
    return this.#connection.state;
  }

  /** Messages that the server has not stored yet. */
  get unsent() {
    return this.#outbox.size;
  }

  /** Connects. A client that was refused may be opened again. */
  open() {
    this.#connection.open();
    return this;
  }

  /** Makes the next attempt now instead of when it is due, for a page that has a button for that. */
  retry() {
    this.#connection.wake();
  }

  /** Ends the connection. What was not answered is rejected. */
  close() {
    this.#connection.close();
  }

  /**
   * A room, whether it is joined or not. Listen to it, and then join it.
   * @param {string} roomId
   * @returns {Room}
   */
  room(roomId) {
    const known = this.#rooms.get(roomId);
    if (known) return known;
    const room = new Room(roomId, {
      emit: (type, data) => void this.emit(type, data),
      request: (type, data) => this.request(type, data),
      send: (lane, type, data) => this.#store(lane, type, data),
      tell: (name, data) => this.tell(name, data),
      enter: (entering) => this.#joiner?.add(entering),
      adopt: (joining) => void this.#rooms.set(joining.id, joining),
      forget: (left) => this.#rooms.get(left.id) === left && this.#rooms.delete(left.id),
    });
    this.#rooms.set(roomId, room);
    return room;
  }

  /** Joins a room. @param {string} roomId @param {Parameters<Room["join"]>[0]} [options] @returns {Promise<Room>} */
  join(roomId, options) {
    return this.room(roomId).join(options);
  }

  /** Leaves a room. @param {string} roomId */
  async leave(roomId) {
    await this.#rooms.get(roomId)?.leave();
  }

  /**
   * Sends a message to a room; see `Room.send`.
   * @param {string} roomId
   * @param {string} content
   * @param {import("./room.js").SendOptions} [options]
   */
  send(roomId, content, options) {
    return this.room(roomId).send(content, options);
  }

  /**
   * Sends a message to one user. The conversation of the two is the room that the answer names.
   * @param {string} userId
   * @param {string} content
   * @param {import("./room.js").SendOptions} [options]
   */
  private(userId, content, options = {}) {
    return this.#store(`to ${userId}`, "chat:private", { to: userId, content, ...options });
  }

  /**
   * Who of these is online, and since when the others are not.
   * @param {string[]} userIds
   * @returns {Promise<{userId: string, status: string, lastSeen?: string, devices: number}[]>}
   */
  async presence(userIds) {
    return (await this.request("presence:get", { userIds })).users;
  }

  /** What others see of this device. @param {"online" | "away" | "invisible"} status @returns {Promise<object>} */
  setPresence(status) {
    return this.request("presence:set", { status });
  }

  /**
   * The user's inbox, newest first.
   * @param {{unreadOnly?: boolean, before?: string, limit?: number}} [page]
   * @returns {Promise<{notifications: any[], unread: number}>}
   */
  notifications(page = {}) {
    return this.request("notification:list", page);
  }

  /** Marks notifications as read, or all of them. @param {string[]} [ids] @returns {Promise<{unread: number}>} */
  readNotifications(ids) {
    return this.request("notification:read", { ids });
  }

  /**
   * Sends a command that wants no answer. Without a connection it waits for one, as far as the queue goes; when a connection
   * breaks under it, it is lost.
   * @param {string} type
   * @param {any} [data]
   * @returns {boolean} Whether it was sent, or waits.
   */
  emit(type, data = {}) {
    const link = this.#connection.link;
    if (link) {
      link.tell(type, data);
      return true;
    }
    if (this.state === "closed") return false;
    const run = () => void this.#connection.link?.tell(type, data);
    const drop = (/** @type {TidingsError} */ error) => this.tell("dropped", { type, data, code: error.code });
    return this.#waiting.add({ run, drop });
  }

  /**
   * Sends a command and waits for the answer. Without a connection it waits for one, within the same time.
   * @param {string} type
   * @param {any} [data]
   * @param {{timeoutMs?: number}} [options]
   * @returns {Promise<any>} Rejects with a TidingsError. It is not sent again: after `connection_lost` or `timeout` it may have
   *   been done, or not.
   */
  request(type, data = {}, { timeoutMs = this.#requestTimeoutMs } = {}) {
    const link = this.#connection.link;
    if (link) return link.call(type, data, timeoutMs);
    if (this.state === "closed") return Promise.reject(new TidingsError("closed", "The client is closed."));
    const until = Date.now() + timeoutMs;
    return new Promise((resolve, reject) => {
      const late = () => {
        this.#waiting.remove(entry);
        reject(new TidingsError("timeout", `There was no connection for ${type} within ${timeoutMs} ms.`));
      };
      const timer = setTimeout(late, timeoutMs);
      const entry = {
        run: () => {
          clearTimeout(timer);
          resolve(this.request(type, data, { timeoutMs: Math.max(until - Date.now(), 1) }));
        },
        drop: (/** @type {TidingsError} */ error) => {
          clearTimeout(timer);
          reject(error);
        },
      };
      this.#waiting.add(entry);
    });
  }

  /** @param {string} lane @param {string} type @param {any} data */
  #store(lane, type, data) {
    if (this.state === "closed") return Promise.reject(new TidingsError("closed", "The client is closed."));
    return this.#outbox.send(lane, type, data);
  }

  /** Before the client is online, it is back in its rooms. @param {Link} link */
  async #enterRooms(link) {
    const joiner = new Joiner(link, () => this.#joiner === joiner);
    this.#joiner = joiner;
    for (const room of this.#rooms.values()) joiner.add(room);
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    const late = new Promise((resolve) => (timer = setTimeout(resolve, ROOMS_TIMEOUT_MS)));
    await Promise.race([joiner.idle(), late]);
    clearTimeout(timer);
  }

  /** @param {import("./connection.js").StateChange} change */
  #changed(change) {
    const { state, error } = change;
    if (state === "reconnecting" || state === "offline" || state === "closed") {
      this.#joiner = null;
      for (const room of this.#rooms.values()) room.interrupted();
    }
    this.tell("state", change);
    if (state === "online") {
      this.#outbox.resume();
      this.#waiting.flush();
    }
    if (state === "closed") {
      const closed = error ?? new TidingsError("closed", "The client is closed.");
      this.#waiting.clear(closed);
      this.#outbox.clear(closed);
      for (const room of this.#rooms.values()) room.closed();
    }
  }

  /** @param {string} type @param {any} data */
  #hear(type, data) {
    if (type === "welcome") this.user = { userId: data.userId, username: data.username, clientId: data.clientId };
    if (type === "auth:expiring") void this.#refresh();
    const roomId = data?.roomId;
    // A private conversation begins with its first message, and is followed from there on.
    if (NUMBERED.has(type) && roomId.startsWith("dm:")) this.room(roomId).follow();
    const room = typeof roomId === "string" ? this.#rooms.get(roomId) : undefined;
    if (room) room.hear(type, data);
    else this.tell(type, data);
  }

  /** Goes on with a new token on the connection that there is. */
  async #refresh() {
    try {
      const token = await this.#identity.token();
      if (token !== null) await this.request("auth", { token });
    } catch (error) {
      // Without a new token the server ends the connection, and another one is opened with one.
      const { code, message } = asTidingsError(error, "unknown");
      if (!isUnanswered(error)) this.tell("error", { code, message });
    }
  }
}

/**
 * Opens a connection that lasts until `close`.
 * @param {string | URL} url The address of the server: http, https, ws or wss, with a path when it lives under one.
 * @param {Options} [options]
 * @returns {Client}
 */
export function connect(url, options) {
  return new Client(url, options).open();
}

/** @param {string | URL} url */
function baseOf(url) {
  const base = new URL(url, globalThis.location?.href);
  base.protocol = base.protocol.replace(/^ws/, "http");
  base.search = base.hash = "";
  if (!base.pathname.endsWith("/")) base.pathname += "/";
  return base.href;
}
