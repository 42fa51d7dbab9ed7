/**
 * What was said in one room, as far as this page has it: stored messages by their numbers, and behind them what of ours is on its way.
 *
 * Every message stands here once, under a key that stays the same when the server has stored it.
 */

/** @typedef {import("/client/index.js").Message} Message */

/**
 * @typedef {object} Entry
 * @property {string} key
 * @property {string} senderId
 * @property {string} senderName
 * @property {string} content Empty when it was deleted.
 * @property {string} timestamp
 * @property {number} seq 0 while it is on its way.
 * @property {string} [messageId]
 * @property {string} [clientMessageId]
 * @property {string} [replyTo]
 * @property {boolean} edited
 * @property {boolean} deleted
 * @property {"stored" | "sending" | "failed"} state
 * @property {unknown} [error] Why it has failed.
 */

/** A page that only follows keeps so many messages at most; older ones are asked for again when they are wanted. */
const KEPT_MOST = 4_000;
const KEPT_AFTER_TRIM = 1_000;

export class Timeline {
  /** @type {Entry[]} */
  #stored = [];
  /** @type {Map<string, Entry>} */
  #byId = new Map();
  /** @type {Entry[]} */
  #pending = [];
  /** @type {Entry[] | null} */
  #entries = null;
  /** Whether there are older messages than the first one here. */
  hasMore = true;

  /** All of them, the newest last. */
  get entries() {
    this.#entries ??= [...this.#stored, ...this.#pending];
    return this.#entries;
  }

  get first() {
    return this.#stored[0];
  }

  get last() {
    return this.#stored.at(-1);
  }

  /** @param {string | undefined} messageId */
  find(messageId) {
    return messageId === undefined ? undefined : this.#byId.get(messageId);
  }

  /** How many of others came after a number. @param {number} seq @param {string} self */
  countAfter(seq, self) {
    let count = 0;
    for (let i = this.#stored.length - 1; i >= 0; i -= 1) {
      const entry = this.#stored[i];
      if (!entry || entry.seq <= seq) break;
      if (entry.senderId !== self && !entry.deleted) count += 1;
    }
    return count;
  }

  /** Starts anew from the newest page. @param {Message[]} messages */
  reset(messages) {
    this.#stored = [];
    this.#byId.clear();
    for (const message of messages) this.add(message);
    this.hasMore = (messages[0]?.seq ?? 0) > 1;
    this.#entries = null;
  }

  /** One that comes behind all others. @param {Message} message */
  add(message) {
    this.#entries = null;
    const entry = stored(message);
    this.#pending = this.#pending.filter((it) => it.key !== entry.key);
    const known = this.#byId.get(message.messageId);
    if (known) {
      Object.assign(known, entry);
      return;
    }
    this.#byId.set(message.messageId, entry);
    this.#stored.push(entry);
    const before = this.#stored.at(-2);
    if (before && before.seq > entry.seq) this.#stored.sort((a, b) => a.seq - b.seq);
  }

  /** Older ones. @param {Message[]} messages @param {boolean} hasMore */
  prepend(messages, hasMore) {
    const fresh = messages.filter((it) => !this.#byId.has(it.messageId)).map(stored);
    for (const entry of fresh) this.#byId.set(entry.messageId ?? "", entry);
    this.#stored = [...fresh, ...this.#stored];
    this.hasMore = hasMore;
    this.#entries = null;
  }

  /** @param {string} messageId @param {string} content */
  edit(messageId, content) {
    const entry = this.#byId.get(messageId);
    if (entry && !entry.deleted) Object.assign(entry, { content, edited: true });
  }

  /** @param {string} messageId */
  delete(messageId) {
    const entry = this.#byId.get(messageId);
    if (entry) Object.assign(entry, { content: "", deleted: true });
  }

  /** One of ours begins its way. @param {Pick<Entry, "senderId" | "senderName" | "content" | "replyTo"> & {clientMessageId: string}} message */
  begin(message) {
    const { senderId, clientMessageId } = message;
    /** @type {Entry} */
    const entry = {
      ...message,
      key: keyOf(senderId, clientMessageId),
      timestamp: new Date().toISOString(),
      seq: 0,
      edited: false,
      deleted: false,
      state: "sending",
    };
    this.#pending.push(entry);
    this.#entries = null;
    return entry;
  }

  /** @param {Entry} entry @param {"sending" | "failed"} state @param {unknown} [error] */
  become(entry, state, error) {
    Object.assign(entry, { state, error });
  }

  /** One that failed is not sent after all. @param {Entry} entry */
  discard(entry) {
    this.#pending = this.#pending.filter((it) => it !== entry);
    this.#entries = null;
  }

  /** Forgets the oldest when there are very many, and nobody reads them. @returns {boolean} Whether there were. */
  trim() {
    if (this.#stored.length <= KEPT_MOST) return false;
    for (const { messageId = "" } of this.#stored.splice(0, this.#stored.length - KEPT_AFTER_TRIM)) this.#byId.delete(messageId);
    this.hasMore = true;
    this.#entries = null;
    return true;
  }
}

/** @param {Message} message @returns {Entry} */
function stored(message) {
  const { messageId, seq, senderId, senderName, content = "", timestamp, clientMessageId, replyTo, changeSeq, deleted = false } = message;
  const key = clientMessageId ? keyOf(senderId, clientMessageId) : messageId;
  const edited = changeSeq !== undefined && !deleted;
  return { key, messageId, seq, senderId, senderName, content, timestamp, clientMessageId, replyTo, edited, deleted, state: "stored" };
}

/** @param {string} senderId @param {string} clientMessageId */
const keyOf = (senderId, clientMessageId) => `${senderId}/${clientMessageId}`;
