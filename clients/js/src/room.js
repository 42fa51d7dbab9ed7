/**
 * One room: who is in it, what is said there in its order, and what the user does there.
 *
 * A room that was joined stays joined: on every new connection it is joined again with the last number that the page has, and
 * what happened meanwhile is handed over before what happens next.
 */

import { Emitter } from "./emitter.js";
import { asTidingsError, isPassing, isUnanswered, TidingsError } from "./errors.js";
import { Sequence } from "./sequence.js";
import { Typing } from "./typing.js";

/** @typedef {import("./transports.js").Link} Link */
/** @typedef {import("./sequence.js").Message} Message */
/** @typedef {import("./outbox.js").Sent} Sent */
/** @typedef {{userId: string, username: string, info?: any, status?: string, devices?: number}} Member */
/** @typedef {{clientMessageId?: string, replyTo?: string, meta?: any}} SendOptions */

/**
 * What a room needs of its client.
 * @typedef {object} Host
 * @property {(type: string, data: any) => void} emit
 * @property {(type: string, data: any) => Promise<any>} request
 * @property {(lane: string, type: string, data: any) => Promise<Sent>} send
 * @property {(name: string, data: any) => void} tell Tells the listeners of the client.
 * @property {(room: Room) => void} enter Has the room entered, now or with the next connection.
 * @property {(room: Room) => void} adopt It is to be told what happens in the room.
 * @property {(room: Room) => void} forget
 */

/** Events that have numbers in the sequence of their room. */
export const NUMBERED = new Set(["chat:message", "chat:edited", "chat:deleted"]);

/** As many as the server gives at most; fewer missed messages than these are told without starting anew. */
const CATCH_UP = 500;
const ENTER_TIMEOUT_MS = 10_000;
const RETRY_MS = 1_000;
const MOVEMENTS_MOST = 1_000;

export class Room extends Emitter {
  /** Who is in the room, by the id of the user; up to a thousand. @type {Map<string, Member>} */
  members = new Map();
  /** How many are in the room. */
  memberCount = 0;
  #host;
  #sequence = new Sequence();
  #typing;
  #page = 0;
  /** Whether the room is to be joined on every connection. */
  #wanted = false;
  #joined = false;
  /** The link on which the room is being joined. @type {Link | null} */
  #entering = null;
  /** @type {{promise: Promise<Room>, resolve: (room: Room) => void, reject: (error: Error) => void} | null} */
  #waiting = null;
  /** Who came and went while the room was being joined. @type {{name: string, data: any}[]} */
  #movements = [];
  /** More did than are kept. */
  #tooMany = false;

  /** @param {string} id @param {Host} host */
  constructor(id, host) {
    super();
    this.id = id;
    this.#host = host;
    this.#typing = new Typing((type) => {
      if (this.#joined) host.emit(type, { roomId: id });
    });
  }

  /** Whether the room is joined on the connection that there is. */
  get joined() {
    return this.#joined;
  }

  /** The number up to which everything was handed over; null before anything is known. */
  get lastSeq() {
    return this.#sequence.last;
  }

  /**
   * Joins the room, and stays in it over lost connections. The newest messages come as the event `room:reset`, so listen first.
   * @param {{after?: number, limit?: number}} [options] `after`: the last number that the page has already, from an earlier visit.
   * @returns {Promise<this>} Resolves when the room is joined, which may take until there is a connection.
   */
  join({ after, limit = 0 } = {}) {
    if (this.#joined) return Promise.resolve(this);
    if (after !== undefined && !this.#wanted) this.#sequence = new Sequence(after);
    this.#page = limit;
    this.#wanted = true;
    if (!this.#waiting) {
      /** @type {any} */
      const waiting = {};
      waiting.promise = new Promise((resolve, reject) => Object.assign(waiting, { resolve, reject }));
      this.#waiting = waiting;
    }
    this.#host.adopt(this);
    this.#host.enter(this);
    return /** @type {any} */ (this.#waiting).promise;
  }

  /** Leaves the room. What listens to it hears nothing more. */
  async leave() {
    const joined = this.#joined;
    this.#out(new TidingsError("left", `Room ${this.id} was left.`));
    // A connection that is lost meanwhile takes the room along.
    if (joined) await this.#host.request("room:leave", { roomId: this.id }).catch(ignoreLoss);
  }

  /**
   * Sends a message. It is kept and sent again until the server has stored it; those of a room are stored in their order.
   * @param {string} content
   * @param {SendOptions} [options]
   * @returns {Promise<Sent>}
   */
  send(content, options = {}) {
    this.#typing.ended();
    return this.#host.send(this.id, "chat:send", { roomId: this.id, content, ...options });
  }

  /** @param {string} messageId @param {string} content @returns {Promise<{seq: number}>} */
  edit(messageId, content) {
    return this.#host.request("chat:edit", { roomId: this.id, messageId, content });
  }

  /** @param {string} messageId @returns {Promise<{seq: number}>} */
  delete(messageId) {
    return this.#host.request("chat:delete", { roomId: this.id, messageId });
  }

  /**
   * Older messages, for a page that is scrolled back; or those after a number.
   * @param {{before?: number, after?: number, limit?: number}} [page]
   * @returns {Promise<{messages: Message[], hasMore: boolean}>}
   */
  history(page = {}) {
    return this.#host.request("chat:history", { roomId: this.id, ...page });
  }

  /** The user has read the room, up to a number or to the last one. @param {number} [seq] @returns {Promise<object>} */
  read(seq = this.lastSeq ?? 0) {
    return this.#host.request("chat:read", { roomId: this.id, seq });
  }

  /** To be called with every key: the others see that the user is typing, until `stopTyping`, a message, or 4 s without a key. */
  startTyping() {
    this.#typing.start();
  }

  stopTyping() {
    this.#typing.stop();
  }

  /**
   * Sends an event of any name to the others in the room; it is not stored. They hear it with `client.on(event)`, and with
   * `room.on(event)` if its data has the `roomId`, which the server does not add.
   * @param {string} event
   * @param {any} [data]
   * @param {{volatile?: boolean}} [options]
   */
  emit(event, data, { volatile = false } = {}) {
    if (volatile && !this.#joined) return;
    this.#host.emit("room:emit", { roomId: this.id, event, data, volatile });
  }

  // What follows is between the room and its client.

  /** A private conversation that was begun by its first message: it is followed from there on. */
  follow() {
    this.#wanted = true;
  }

  /**
   * Joins on a link, for the first time or again, or asks for what is missing.
   * @param {Link} link
   * @returns {Promise<number>} After how many milliseconds this has to be done again; 0 when that is not so.
   */
  async enter(link) {
    if (!this.#wanted || this.#entering === link) return 0;
    this.#entering = link;
    this.#sequence.begin();
    const { last } = this.#sequence;
    const wanted = last === null ? { limit: this.#page || undefined } : { after: last, limit: CATCH_UP };
    try {
      const answer = await link.call("room:join", { roomId: this.id, ...wanted }, ENTER_TIMEOUT_MS);
      if (this.#entering !== link) return 0;
      this.#entering = null;
      return this.#entered(answer) ? RETRY_MS : 0;
    } catch (cause) {
      // With a new link it is done anew.
      if (this.#entering !== link) return 0;
      this.#entering = null;
      this.#catchUp();
      const error = asTidingsError(cause, "internal");
      if (isPassing(error) || isUnanswered(error)) return error.retryAfterMs ?? RETRY_MS;
      this.#refused(error);
      return 0;
    }
  }

  /** The connection is gone. */
  interrupted() {
    this.#joined = false;
    this.#entering = null;
    this.#movements = [];
    this.#typing.ended();
  }

  /** The client is closed. */
  closed() {
    this.#waiting?.reject(new TidingsError("closed", "The client is closed."));
    this.#waiting = null;
  }

  /** @param {string} name @param {any} data */
  hear(name, data) {
    if (NUMBERED.has(name)) {
      const outcome = this.#sequence.take({ name, data, number: data.seq });
      this.#deliver(outcome.deliver);
      if (outcome.ask) this.#host.enter(this);
      return;
    }
    if (name === "room:removed") this.#out(new TidingsError("permission_denied", `The user may no longer be in room ${this.id}.`));
    if (name === "room:user-joined" || name === "room:user-left") return this.#moved(name, data);
    this.#say(name, data);
  }

  /**
   * Somebody came or went. With commands and events on lines of their own, this may be here before the answer to the join that
   * it follows on.
   * @param {string} name @param {any} data
   */
  #moved(name, data) {
    if (this.#entering) {
      if (this.#movements.length < MOVEMENTS_MOST) this.#movements.push({ name, data });
      else this.#tooMany = true;
      return;
    }
    const { userId, username } = data;
    const known = this.members.get(userId);
    if (name === "room:user-joined") {
      this.members.set(userId, { ...known, userId, username });
      if (!known) this.memberCount += 1;
    } else if (this.members.delete(userId) || this.members.size < this.memberCount) {
      this.memberCount -= 1;
    }
    this.#say(name, data);
  }

  /** @param {any} answer @returns {boolean} Whether the room has to be asked again. */
  #entered(answer) {
    this.#joined = true;
    this.members = new Map(answer.members.map((/** @type {Member} */ member) => [member.userId, member]));
    this.memberCount = answer.memberCount;
    const before = this.#sequence.last;
    const { reset, deliver, ask } = this.#sequence.settle(answer);
    const { id: roomId, members, memberCount } = this;
    this.#say("room:members", { roomId, members: [...members.values()], memberCount });
    if (reset) {
      const { messages, lastSeq } = answer;
      this.#say("room:reset", { roomId, messages, lastSeq, missed: before !== null });
    }
    this.#catchUp();
    this.#deliver(deliver);
    this.#waiting?.resolve(this);
    this.#waiting = null;
    const again = ask || this.#tooMany;
    this.#tooMany = false;
    return again;
  }

  /** Who came and went while the room was being joined. */
  #catchUp() {
    for (const { name, data } of this.#movements.splice(0)) this.#moved(name, data);
  }

  /** @param {TidingsError} error */
  #refused(error) {
    // Whoever waits for the join is told there.
    const waited = this.#waiting !== null;
    this.#out(error);
    if (!waited) this.#say("room:refused", { roomId: this.id, code: error.code, message: error.message });
  }

  /** @param {TidingsError} error */
  #out(error) {
    this.#wanted = false;
    this.interrupted();
    this.#sequence = new Sequence();
    this.members.clear();
    this.memberCount = 0;
    this.#waiting?.reject(error);
    this.#waiting = null;
    this.#host.forget(this);
  }

  /** @param {import("./sequence.js").Happening[]} happenings */
  #deliver(happenings) {
    for (const { name, data } of happenings) this.#say(name, data);
  }

  /** @param {string} name @param {any} data */
  #say(name, data) {
    this.tell(name, data);
    this.#host.tell(name, data);
  }
}

/** @param {unknown} error */
function ignoreLoss(error) {
  if (!isUnanswered(error)) throw error;
}
