/**
 * How long to wait before the next attempt: exponential, with full jitter.
 *
 * The wait is anything between nothing and a bound that doubles with every failure, so that clients that were dropped together
 * come back spread over the whole span. Knows no timers; whoever asks does the waiting.
 */

/**
 * @typedef {object} BackoffOptions
 * @property {number} [firstMs] The bound after the first failure. 1 s.
 * @property {number} [longestMs] The bound that is not exceeded. 30 s.
 * @property {number} [stableMs] How long a connection has to last for the next failure to be a first one again. 5 s.
 */

export class Backoff {
  #failures = 0;
  #first;
  #longest;
  #random;

  /**
   * @param {BackoffOptions} [options]
   * @param {() => number} [random] From 0 to 1.
   */
  constructor({ firstMs = 1_000, longestMs = 30_000, stableMs = 5_000 } = {}, random = Math.random) {
    this.#first = firstMs;
    this.#longest = longestMs;
    this.#random = random;
    this.stableMs = stableMs;
  }

  /** The bound of the wait that comes next. */
  get bound() {
    return Math.min(this.#longest, this.#first * 2 ** Math.min(this.#failures, 30));
  }

  /** The wait after one more failure, in milliseconds. */
  next() {
    const wait = this.#random() * this.bound;
    this.#failures += 1;
    return wait;
  }

  /**
   * The wait that the server asked for, and a part of the first bound, since it asked everybody for the same.
   * @param {number} askedMs
   */
  after(askedMs) {
    return askedMs + this.#random() * this.#first;
  }

  /** A connection has proven stable. */
  reset() {
    this.#failures = 0;
  }
}
