/** Everybody whom this page has heard of: what they are called, whether they are online, and since when they are not. */

/** @typedef {"online" | "away" | "offline"} Status */
/** @typedef {{userId: string, username: string, status: Status, lastSeen: string | null, devices: number}} Person */

/** As many as are kept; those that were heard of longest ago go first. */
const KNOWN_MOST = 5_000;
/** As many as one question may name. */
const ASKED_MOST = 100;

export class People {
  /** @type {Map<string, Person>} */
  #known = new Map();

  /** @param {string} userId @returns {Person} */
  get(userId) {
    return this.#known.get(userId) ?? { userId, username: userId, status: "offline", lastSeen: null, devices: 0 };
  }

  /** @param {string} userId */
  nameOf(userId) {
    return this.#known.get(userId)?.username ?? userId;
  }

  /** @param {string} userId */
  has(userId) {
    return this.#known.has(userId);
  }

  /** What is known now of somebody. @param {string} userId @param {Partial<Person>} news */
  note(userId, news) {
    const known = this.get(userId);
    this.#known.delete(userId);
    this.#known.set(userId, { ...known, ...Object.fromEntries(Object.entries(news).filter(([, value]) => value !== undefined)) });
    if (this.#known.size > KNOWN_MOST) this.#known.delete(this.#known.keys().next().value ?? "");
  }

  /** Whoever wrote a message has a name, and nothing more is known by it. @param {string} userId @param {string} username */
  noteName(userId, username) {
    if (this.#known.get(userId)?.username !== username) this.note(userId, { username });
  }

  /**
   * What the server tells of people. Whether anything has changed.
   * @param {string} name @param {any} data @returns {boolean}
   */
  hear(name, data) {
    const { userId, username, timestamp, status, lastSeen } = data ?? {};
    if (name === "user:online") {
      this.note(userId, { username, status: "online", devices: Math.max(this.get(userId).devices, 1) });
    } else if (name === "user:offline") {
      this.note(userId, { username, status: "offline", devices: 0, lastSeen: timestamp });
    } else if (name === "presence:changed") {
      this.note(userId, { status, lastSeen });
    } else if (name === "room:user-joined") {
      this.note(userId, { username, status: this.get(userId).status === "away" ? "away" : "online" });
    } else if (name === "room:members") {
      for (const { userId, username, status, devices } of data.members) this.note(userId, { username, status, devices });
    } else {
      return false;
    }
    return true;
  }

  /**
   * Asks about some.
   * @param {import("/client/index.js").Client} client @param {string[]} userIds
   */
  async ask(client, userIds) {
    if (userIds.length === 0) return;
    for (const { userId, status, lastSeen, devices } of await client.presence(userIds.slice(0, ASKED_MOST))) {
      this.note(userId, { status: /** @type {Status} */ (status), lastSeen, devices });
    }
  }
}
