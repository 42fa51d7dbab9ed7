/**
 * `/sse`: events come down a response that does not end, commands go up by `/rpc`. It is read by `fetch` and not by
 * `EventSource`, so that the token travels in a header, and so that it works in Node.
 */

import { asTidingsError, TidingsError } from "../errors.js";
import { EventStreamParser } from "./event-stream-parser.js";
import { address, headers, refusal, Rpc } from "./rpc.js";

/** @typedef {import("../transports.js").Opening} Opening */
/** @typedef {import("../transports.js").Link} Link */

/** The server sends a comment every 15 s. Commands may pass while the stream itself has died. */
const SILENCE_MS = 35_000;
const TELL_TIMEOUT_MS = 10_000;

/** @param {Opening} opening @returns {Promise<Link>} */
export async function openEventStream(opening) {
  const stream = new AbortController();
  const giveUp = () => stream.abort();
  opening.signal.addEventListener("abort", giveUp);
  try {
    const response = await opening.fetch(address(opening, "sse"), {
      headers: { accept: "text/event-stream", ...headers(opening) },
      cache: "no-store",
      signal: stream.signal,
    });
    const type = response.headers.get("content-type") ?? "";
    if (!response.ok || !response.body || !type.startsWith("text/event-stream")) throw await refusal(response);
    const link = new EventStreamLink(opening, stream, response.body);
    await link.welcomed;
    return link;
  } catch (error) {
    stream.abort();
    throw asTidingsError(error, "unreachable");
  } finally {
    opening.signal.removeEventListener("abort", giveUp);
  }
}

/** @implements {Link} */
class EventStreamLink {
  /** @readonly */
  transport = "sse";
  #opening;
  #stream;
  #rpc;
  #ended = false;
  #signedIn = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #silence;
  /** @type {() => void} */
  #welcome = () => {};
  /** @type {(error: TidingsError) => void} */
  #failed = () => {};

  /** @param {Opening} opening @param {AbortController} stream @param {ReadableStream<Uint8Array>} body */
  constructor(opening, stream, body) {
    this.#opening = opening;
    this.#stream = stream;
    this.#rpc = new Rpc(opening, (error) => this.#lost(error));
    /** @type {Promise<void>} */
    this.welcomed = new Promise((resolve, reject) => {
      this.#welcome = resolve;
      this.#failed = reject;
    });
    void this.#read(body);
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
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#silence);
    this.#rpc.end();
    this.#stream.abort();
  }

  /** @param {ReadableStream<Uint8Array>} body */
  async #read(body) {
    const parser = new EventStreamParser((name, text) => this.#event(name, JSON.parse(text)));
    const reader = body.getReader();
    let error = new TidingsError("connection_lost", "The event stream has ended.");
    try {
      for (;;) {
        clearTimeout(this.#silence);
        this.#silence = setTimeout(() => this.#lost(error), SILENCE_MS);
        const { done, value } = await reader.read();
        if (done || this.#ended) break;
        this.#opening.heard();
        parser.push(value);
      }
    } catch (cause) {
      error = new TidingsError("connection_lost", cause instanceof Error ? cause.message : String(cause));
    }
    this.#lost(error);
  }

  /** @param {string} type @param {any} data */
  #event(type, data) {
    if (this.#ended) return;
    this.#opening.frame("down", { type, data });
    this.#opening.event(type, data);
    if (type !== "welcome" || this.#signedIn) return;
    this.#signedIn = true;
    this.#welcome();
  }

  /** @param {TidingsError} error */
  #lost(error) {
    if (this.#ended) return;
    this.close();
    if (this.#signedIn) this.#opening.closed(error);
    else this.#failed(new TidingsError("unreachable", error.message));
  }
}
