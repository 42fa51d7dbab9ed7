/**
 * Joins rooms on one link: a few at a time, and no faster than the server wants.
 *
 * A client that comes back with a hundred rooms would be refused for its haste. So when one is refused for now, all of them wait.
 */

/** @typedef {import("./transports.js").Link} Link */
/** @typedef {import("./room.js").Room} Room */

const AT_ONCE = 4;
/** After a refusal, so that each pause is good for many rooms: a server closes clients that are refused all the time. */
const PAUSE_MS = 500;

export class Joiner {
  #link;
  #isCurrent;
  /** @type {Set<Room>} */
  #queue = new Set();
  #running = 0;
  #holding = false;
  /** @type {(() => void)[]} */
  #idle = [];

  /** @param {Link} link @param {() => boolean} isCurrent */
  constructor(link, isCurrent) {
    this.#link = link;
    this.#isCurrent = isCurrent;
  }

  /** @param {Room} room */
  add(room) {
    this.#queue.add(room);
    this.#pump();
  }

  /** Resolves when every room has been joined or refused, or the link is gone. @returns {Promise<void>} */
  idle() {
    if (this.#queue.size === 0 && this.#running === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #pump() {
    if (!this.#isCurrent()) this.#queue.clear();
    while (!this.#holding && this.#running < AT_ONCE && this.#queue.size > 0) {
      const [room] = this.#queue;
      if (!room) break;
      this.#queue.delete(room);
      void this.#run(room);
    }
    if (this.#queue.size === 0 && this.#running === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  /** @param {Room} room */
  async #run(room) {
    this.#running += 1;
    const waitMs = await room.enter(this.#link);
    this.#running -= 1;
    if (waitMs > 0) {
      this.#queue.add(room);
      if (!this.#holding) {
        this.#holding = true;
        setTimeout(() => {
          this.#holding = false;
          this.#pump();
        }, Math.max(waitMs, PAUSE_MS));
      }
    }
    this.#pump();
  }
}
