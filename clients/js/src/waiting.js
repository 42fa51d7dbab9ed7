/** What waits for the connection, in order and bounded. */

import { TidingsError } from "./errors.js";

/** @typedef {import("./outbox.js").Overflow} Overflow */

/**
 * @typedef {object} Entry
 * @property {() => void} run Does it now.
 * @property {(error: TidingsError) => void} drop It will not be done.
 */

export class Waiting {
  /** @type {Entry[]} */
  #entries = [];
  #limit;
  #overflow;

  /** @param {{limit: number, overflow: Overflow}} bound */
  constructor({ limit, overflow }) {
    this.#limit = limit;
    this.#overflow = overflow;
  }

  get size() {
    return this.#entries.length;
  }

  /** Takes it, or drops it or the oldest. @param {Entry} entry @returns {boolean} Whether it was taken. */
  add(entry) {
    if (this.#entries.length >= this.#limit) {
      const oldest = this.#overflow === "drop-oldest" ? this.#entries.shift() : undefined;
      const full = new TidingsError("queue_full", `${this.#limit} commands wait for the connection already.`);
      (oldest ?? entry).drop(full);
      if (!oldest) return false;
    }
    this.#entries.push(entry);
    return true;
  }

  /** Takes one out that was given up. @param {Entry} entry */
  remove(entry) {
    this.#entries = this.#entries.filter((it) => it !== entry);
  }

  /** There is a connection. */
  flush() {
    for (const { run } of this.#entries.splice(0)) run();
  }

  /** There will be none. @param {TidingsError} error */
  clear(error) {
    for (const { drop } of this.#entries.splice(0)) drop(error);
  }
}
