/**
 * Notices a connection that is dead without having ended.
 *
 * Browsers answer the pings of the server by themselves and do not show them. So when nothing was heard for a while, something
 * small is asked; when nothing is heard then either, the connection is dead. With the defaults that takes ten seconds.
 */

/**
 * @typedef {object} HeartbeatOptions
 * @property {number} [quietMs] How long nothing has to be heard before the server is asked. 6 s.
 * @property {number} [answerMs] How long an answer may take. 4 s.
 */

export class Heartbeat {
  #quiet;
  #answer;
  #ask;
  #dead;
  #heardAt = 0;
  #asking = false;
  #running = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {HeartbeatOptions} options
   * @param {() => void} ask
   * @param {() => void} dead
   */
  constructor({ quietMs = 6_000, answerMs = 4_000 }, ask, dead) {
    this.#quiet = quietMs;
    this.#answer = answerMs;
    this.#ask = ask;
    this.#dead = dead;
  }

  start() {
    this.#running = true;
    this.heard();
    this.#listen();
  }

  stop() {
    this.#running = false;
    this.#asking = false;
    clearTimeout(this.#timer);
  }

  /** Something came from the server. */
  heard() {
    this.#heardAt = Date.now();
    if (this.#asking) this.#listen();
  }

  /** Asks now: there is reason to doubt the connection. */
  doubt() {
    if (!this.#running || this.#asking) return;
    clearTimeout(this.#timer);
    this.#asking = true;
    this.#timer = setTimeout(this.#dead, this.#answer);
    this.#ask();
  }

  #listen() {
    if (!this.#running) return;
    clearTimeout(this.#timer);
    this.#asking = false;
    const left = this.#heardAt + this.#quiet - Date.now();
    // One timer that is late rather than one that is moved with everything that is heard.
    this.#timer = setTimeout(() => (Date.now() - this.#heardAt < this.#quiet ? this.#listen() : this.doubt()), Math.max(left, 1));
  }
}
