/**
 * Messages on their way: each is sent until the server says that it is stored, or refuses it for good.
 *
 * A message keeps its `clientMessageId`, so that sending it again is not a second message. Those of one lane (a room) go one at a
 * time: they are stored in the order in which they were sent, whatever is lost, limited or repeated between.
 */

import { isPassing, isUnanswered, TidingsError } from "./errors.js";
import { randomKey } from "./key.js";

/** @typedef {"reject" | "drop-oldest"} Overflow What happens to what does not fit: it is refused, or the oldest goes. */
/** @typedef {{messageId: string, roomId: string, seq: number, timestamp: string, duplicate: boolean}} Sent */

/**
 * @typedef {object} Entry
 * @property {string} type
 * @property {any} data
 * @property {number} number In the order in which they came.
 * @property {boolean} sending
 * @property {(sent: Sent) => void} resolve
 * @property {(error: Error) => void} reject
 */

const RETRY_MS = 1_000;

export class Outbox {
  /** @type {Map<string, Entry[]>} */
  #lanes = new Map();
  #size = 0;
  #nextNumber = 0;
  #limit;
  #overflow;
  #call;

  /**
   * @param {{limit: number, overflow: Overflow}} bound
   * @param {(type: string, data: any) => Promise<any> | null} call Sends a command now; null while there is no connection.
   */
  constructor({ limit, overflow }, call) {
    this.#limit = limit;
    this.#overflow = overflow;
    this.#call = call;
  }

  /** How many messages are on their way. */
  get size() {
    return this.#size;
  }

  /**
   * @param {string} lane
   * @param {string} type
   * @param {Record<string, any>} data
   * @returns {Promise<Sent>} Resolves when the message is stored.
   */
  send(lane, type, data) {
    if (this.#size >= this.#limit && !(this.#overflow === "drop-oldest" && this.#dropOldest())) {
      return Promise.reject(new TidingsError("queue_full", `${this.#size} messages are on their way already.`));
    }
    return new Promise((resolve, reject) => {
      const named = { ...data, clientMessageId: data.clientMessageId ?? randomKey() };
      const number = this.#nextNumber++;
      const entry = { type, data: named, number, sending: false, resolve, reject };
      const entries = this.#lanes.get(lane) ?? [];
      this.#lanes.set(lane, entries);
      this.#size += 1;
      if (entries.push(entry) === 1) void this.#run(lane, entry);
    });
  }

  /** There is a connection: whatever waits is sent. */
  resume() {
    for (const [lane, [first]] of this.#lanes) if (first && !first.sending) void this.#run(lane, first);
  }

  /** Gives everything up. @param {TidingsError} error */
  clear(error) {
    const lanes = [...this.#lanes.values()];
    this.#lanes.clear();
    this.#size = 0;
    for (const entries of lanes) for (const { reject } of entries) reject(error);
  }

  /** @returns {boolean} Whether there was one that could be dropped. */
  #dropOldest() {
    /** @type {{lane: string, entry: Entry} | null} */
    let oldest = null;
    for (const [lane, entries] of this.#lanes) {
      const entry = entries.find((it) => !it.sending);
      if (entry && entry.number < (oldest?.entry.number ?? Infinity)) oldest = { lane, entry };
    }
    if (!oldest) return false;
    const { lane, entry } = oldest;
    const left = (this.#lanes.get(lane) ?? []).filter((it) => it !== entry);
    if (left.length) this.#lanes.set(lane, left);
    else this.#lanes.delete(lane);
    this.#size -= 1;
    entry.reject(new TidingsError("queue_full", "Newer messages have taken its place."));
    return true;
  }

  /**
   * Sends the first message of a lane, and then the next.
   * @param {string} lane
   * @param {Entry} entry
   */
  async #run(lane, entry) {
    const call = this.#call(entry.type, entry.data);
    if (!call) return;
    entry.sending = true;
    try {
      entry.resolve(await call);
    } catch (error) {
      if (isPassing(error) || isUnanswered(error)) {
        const waits = isPassing(error) ? (/** @type {TidingsError} */ (error).retryAfterMs ?? RETRY_MS) : 0;
        setTimeout(() => {
          entry.sending = false;
          if (this.#lanes.get(lane)?.[0] === entry) void this.#run(lane, entry);
        }, waits);
        return;
      }
      entry.reject(/** @type {Error} */ (error));
    }
    this.#done(lane, entry);
  }

  /** @param {string} lane @param {Entry} entry */
  #done(lane, entry) {
    const entries = this.#lanes.get(lane);
    if (entries?.[0] !== entry) return;
    entries.shift();
    this.#size -= 1;
    const [next] = entries;
    if (next) void this.#run(lane, next);
    else this.#lanes.delete(lane);
  }
}

