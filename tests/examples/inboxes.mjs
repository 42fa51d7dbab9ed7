// What a client was shown, by the name of the event, to be waited for.

import assert from "node:assert/strict";
import { Inbox } from "../lib/wait.mjs";

/** A time of RFC 3339 in UTC with milliseconds. */
const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

export class Inboxes {
  /** @type {Map<string, Inbox<any>>} */
  #inboxes = new Map();

  /** @param {string} event @returns {Inbox<any>} */
  #of(event) {
    let inbox = this.#inboxes.get(event);
    if (!inbox) this.#inboxes.set(event, (inbox = new Inbox()));
    return inbox;
  }

  /** To be given to a client. @param {string} event @param {any} [data] */
  show = (event, data) => this.#of(event).push(data);

  /** The next of that name. @param {string} event @returns {Promise<any>} */
  next = (event) => this.#of(event).next(5000, `event "${event}"`);

  /** What came and nobody asked for. */
  get rest() {
    return [...this.#inboxes].flatMap(([event, { items }]) => items.map((data) => [event, data]));
  }
}

/** The rest of an object whose `timestamp` is a time. @param {any} object */
export function timed({ timestamp, ...rest }) {
  assert.match(timestamp, TIMESTAMP);
  return rest;
}
