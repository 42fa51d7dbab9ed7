/**
 * Brings what happened in a room into the order of its numbers, each of them once.
 *
 * Messages, edits and deletions of a room take numbers of one sequence, without gaps. An event that is one ahead is handed over;
 * one that is behind is known; one that is further ahead shows that something is missing, and waits until the room was asked
 * (`room:join` with `after`) for it. A machine without timers or network: every call returns what is to be done.
 */

/**
 * @typedef {object} Message
 * @property {string} messageId
 * @property {number} seq
 * @property {string} roomId
 * @property {string} senderId
 * @property {string} senderName
 * @property {string} [content] Nothing when it was deleted.
 * @property {string} timestamp
 * @property {string} [clientMessageId]
 * @property {string} [replyTo]
 * @property {any} [meta]
 * @property {number} [changeSeq]
 * @property {string} [changedAt]
 * @property {boolean} [deleted]
 */

/** @typedef {{name: string, data: any, number: number}} Happening An event with its number in the sequence. */

/**
 * @typedef {object} Answer What `room:join` answers, as far as it matters here.
 * @property {Message[]} messages
 * @property {Message[]} [changed]
 * @property {number} lastSeq
 * @property {boolean} recovered
 */

/**
 * @typedef {object} Outcome
 * @property {Happening[]} deliver To hand over now, in this order.
 * @property {boolean} ask Whether the room has to be asked for what is missing.
 * @property {boolean} reset Whether the page has to start anew from the messages of the answer, before `deliver`.
 */

/** Events that wait for what is missing; what comes beyond is asked for again. */
const HELD_MOST = 1_000;

export class Sequence {
  /** The number up to which everything was handed over; null when nothing is known of the room. @type {number | null} */
  last;
  /** @type {Map<number, Happening>} */
  #held = new Map();
  /** The highest number that was heard of. */
  #highest = 0;
  #asking = false;

  /** @param {number | null} [last] Where the page is already. */
  constructor(last = null) {
    this.last = last;
  }

  /** The room is being asked, once or until it answers; whatever comes meanwhile waits. */
  begin() {
    this.#asking = true;
  }

  /**
   * An event came.
   * @param {Happening} happening
   * @returns {Outcome}
   */
  take(happening) {
    const { number } = happening;
    if (this.last !== null && number <= this.last) return { deliver: [], ask: false, reset: false };
    this.#highest = Math.max(this.#highest, number);
    if (!this.#asking && (this.last === null || number === this.last + 1)) {
      this.last = number;
      return { deliver: [happening, ...this.#release()], ask: false, reset: false };
    }
    if (this.#held.size < HELD_MOST) this.#held.set(number, happening);
    return { deliver: [], ask: !this.#asking, reset: false };
  }

  /**
   * The room answered.
   * @param {Answer} answer
   * @returns {Outcome}
   */
  settle({ messages, changed = [], lastSeq, recovered }) {
    this.#asking = false;
    const from = this.last;
    const reset = from === null || !recovered;
    const missed = reset ? [] : since(from, messages, changed);
    // A room that counts from the beginning again is a new one; nothing of the old count is of use.
    this.last = reset ? lastSeq : Math.max(from, lastSeq);
    if (reset && from !== null && lastSeq < from) this.#held.clear();
    for (const number of this.#held.keys()) if (number <= this.last) this.#held.delete(number);
    const deliver = [...missed, ...this.#release()];
    const ask = this.#held.size > 0 || (!reset && this.#highest > this.last);
    if (reset) this.#highest = Math.max(this.last, ...this.#held.keys());
    return { deliver, ask, reset };
  }

  /** What waited and follows on. @returns {Happening[]} */
  #release() {
    const released = [];
    for (;;) {
      const next = this.last === null ? undefined : this.#held.get(this.last + 1);
      if (!next) return released;
      this.#held.delete(next.number);
      this.last = next.number;
      released.push(next);
    }
  }
}

/**
 * What an answer tells of the time after a number, as the events that it would have been.
 * @param {number} last
 * @param {Message[]} messages
 * @param {Message[]} changed
 * @returns {Happening[]}
 */
function since(last, messages, changed) {
  const said = messages.filter((it) => it.seq > last).map((data) => ({ name: "chat:message", data, number: data.seq }));
  const changes = changed.map((message) => {
    const { messageId, roomId, content, changeSeq = 0, changedAt: timestamp } = message;
    const data = { messageId, roomId, seq: changeSeq, timestamp };
    return message.deleted
      ? { name: "chat:deleted", data, number: changeSeq }
      : { name: "chat:edited", data: { ...data, content }, number: changeSeq };
  });
  return [...said, ...changes.filter((it) => it.number > last)].sort((one, other) => one.number - other.number);
}
