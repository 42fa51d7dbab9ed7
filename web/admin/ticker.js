/** Does something every second, while somebody looks at the page, and never twice at once. */

const EVERY_MS = 1_000;

export class Ticker {
  #work;
  #timer = 0;
  #running = false;
  #wanted = false;
  #stopped = true;

  /** @param {() => Promise<number | void>} work Answers how many milliseconds it wants to be left alone, if longer than usual. */
  constructor(work) {
    this.#work = work;
    document.addEventListener("visibilitychange", () => this.now());
  }

  start() {
    this.#stopped = false;
    this.now();
  }

  stop() {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  /** Does it at once, or once more when it is being done. */
  now() {
    clearTimeout(this.#timer);
    if (this.#running) this.#wanted = true;
    else void this.#run();
  }

  async #run() {
    if (this.#stopped || document.visibilityState !== "visible") return;
    this.#running = true;
    const began = performance.now();
    const pause = (await this.#work()) ?? 0;
    this.#running = false;
    if (this.#stopped) return;
    const again = this.#wanted;
    this.#wanted = false;
    const wait = again ? 0 : Math.max(pause, EVERY_MS - (performance.now() - began), EVERY_MS / 4);
    this.#timer = setTimeout(() => void this.#run(), wait);
  }
}
