/**
 * Says that the user is typing for as long as that is so. A page calls `start` with every key; the server is told now and then,
 * since its hint ends by itself, and told of the end when no key came for a while.
 */

/** The server's hint lasts 5 s. */
const REPEAT_MS = 3_000;
const IDLE_MS = 4_000;

export class Typing {
  #tell;
  #saidAt = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #idle;

  /** @param {(type: "typing:start" | "typing:stop") => void} tell */
  constructor(tell) {
    this.#tell = tell;
  }

  start() {
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => this.stop(), IDLE_MS);
    if (Date.now() - this.#saidAt < REPEAT_MS) return;
    this.#saidAt = Date.now();
    this.#tell("typing:start");
  }

  stop() {
    if (this.#idle === undefined) return;
    this.ended();
    this.#tell("typing:stop");
  }

  /** The server ends the hint without being told, as with a message. */
  ended() {
    clearTimeout(this.#idle);
    this.#idle = undefined;
    this.#saidAt = 0;
  }
}
