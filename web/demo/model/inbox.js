/** The user's notifications: those that came while the page was open, and those that wait on the server. */

/** @typedef {{notificationId: string, title: string, body?: string, data?: any, timestamp: string, read: boolean}} Notification */

const PAGE = 20;

export class Inbox {
  /** The newest first. @type {Notification[]} */
  list = [];
  unread = 0;
  hasMore = false;
  #client;
  #changed;

  /** @param {import("/client/index.js").Client} client @param {() => void} changed */
  constructor(client, changed) {
    this.#client = client;
    this.#changed = changed;
  }

  /** What is new since the page was here last; called for each connection. @returns {Promise<Notification[]>} What was not known. */
  async refresh() {
    const { notifications, unread } = await this.#client.notifications({ limit: PAGE });
    const known = new Set(this.list.map((it) => it.notificationId));
    const fresh = notifications.filter((it) => !known.has(it.notificationId));
    const named = new Set(notifications.map((it) => it.notificationId));
    const older = fresh.length < notifications.length ? this.list.filter((it) => !named.has(it.notificationId)) : [];
    this.list = [...notifications, ...older];
    this.unread = unread;
    if (older.length === 0) this.hasMore = notifications.length === PAGE;
    this.#changed();
    return fresh;
  }

  /** @param {string} name @param {any} data @returns {boolean} Whether it is about notifications. */
  hear(name, data) {
    if (name === "notification") {
      if (this.list.some((it) => it.notificationId === data.notificationId)) return true;
      this.list.unshift(data);
      this.unread += 1;
    } else if (name === "notification:changed") {
      const ids = new Set(data.ids);
      this.#mark((it) => ids.has(it.notificationId) || data.unread === 0);
      this.unread = data.unread;
    } else {
      return false;
    }
    this.#changed();
    return true;
  }

  async older() {
    const before = this.list.at(-1)?.notificationId;
    const { notifications } = await this.#client.notifications({ limit: PAGE, before });
    this.list.push(...notifications);
    this.hasMore = notifications.length === PAGE;
    this.#changed();
  }

  /** Marks as read. @param {string} [id] All of them, without. */
  async read(id) {
    const { unread } = await this.#client.readNotifications(id === undefined ? undefined : [id]);
    this.#mark((it) => id === undefined || it.notificationId === id);
    this.unread = unread;
    this.#changed();
  }

  /** @param {(it: Notification) => boolean} which */
  #mark(which) {
    this.list = this.list.map((it) => (which(it) ? { ...it, read: true } : it));
  }
}
