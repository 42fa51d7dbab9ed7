/**
 * `/poll`: a request waits for events, and the cursor of its answer goes into the next, which acknowledges them. Commands go up by
 * `/rpc`.
 */

import { asTidingsError, TidingsError } from "../errors.js";
import { address, headers, refusal, Rpc } from "./rpc.js";

/** @typedef {import("../transports.js").Opening} Opening */
/** @typedef {import("../transports.js").Link} Link */

/** The server answers a poll after 25 s, with no events when there are none. */
const POLL_TIMEOUT_MS = 35_000;
const TELL_TIMEOUT_MS = 10_000;

/** @param {Opening} opening @returns {Promise<Link>} */
export async function openLongPoll(opening) {
  const link = new LongPollLink(opening);
  const giveUp = () => link.close();
  opening.signal.addEventListener("abort", giveUp);
  try {
    await link.poll();
    void link.run();
    return link;
  } catch (error) {
    link.close();
    throw asTidingsError(error, "unreachable");
  } finally {
    opening.signal.removeEventListener("abort", giveUp);
  }
}

/** @implements {Link} */
class LongPollLink {
  /** @readonly */
  transport = "poll";
  #opening;
  #rpc;
  #stop = new AbortController();
  #cursor = "";

  /** @param {Opening} opening */
  constructor(opening) {
    this.#opening = opening;
    this.#rpc = new Rpc(opening, (error) => this.#lost(error));
  }

  /** @param {string} type @param {any} data @param {number} timeoutMs */
  call(type, data, timeoutMs) {
    return this.#rpc.call(type, data, timeoutMs);
  }

  /** @param {string} type @param {any} data */
  tell(type, data) {
    this.#rpc.tell(type, data, TELL_TIMEOUT_MS);
  }

  close() {
    this.#rpc.end();
    this.#stop.abort();
  }

  /** Polls for as long as the link lasts. */
  async run() {
    try {
      while (!this.#stop.signal.aborted) await this.poll();
    } catch (error) {
      this.#lost(asTidingsError(error, "connection_lost"));
    }
  }

  /** One poll. The first signs in, and its answer begins with the welcome. */
  async poll() {
    const { fetch, heard, event, frame } = this.#opening;
    const attempt = new AbortController();
    const end = () => attempt.abort();
    this.#stop.signal.addEventListener("abort", end);
    const timer = setTimeout(end, POLL_TIMEOUT_MS);
    try {
      const query = this.#cursor ? { cursor: this.#cursor } : undefined;
      const url = address(this.#opening, "poll", query);
      const response = await fetch(url, { headers: headers(this.#opening), cache: "no-store", signal: attempt.signal });
      if (!response.ok) throw await refusal(response);
      const body = await response.json();
      if (this.#stop.signal.aborted) return;
      if (!Array.isArray(body?.events)) throw new TidingsError("unreachable", "The answer to a poll is none of ours.");
      heard();
      this.#cursor = body.cursor;
      for (const { type, data } of body.events) {
        frame("down", { type, data });
        event(type, data);
      }
    } finally {
      clearTimeout(timer);
      this.#stop.signal.removeEventListener("abort", end);
    }
  }

  /** @param {TidingsError} error */
  #lost(error) {
    if (this.#stop.signal.aborted) return;
    this.close();
    this.#opening.closed(error);
  }
}
