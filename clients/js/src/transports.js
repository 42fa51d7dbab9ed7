/**
 * Which transport a client is connected with: the first that gets through, and the same again when it comes back.
 *
 * A transport that has carried the client before is given three attempts before others are tried, since a server that is away
 * for a moment is no reason to fall back. A client that fell back tries the better ones again after a while.
 */

import { asTidingsError, TidingsError } from "./errors.js";
import { openEventStream } from "./transports/event-stream.js";
import { openLongPoll } from "./transports/long-poll.js";
import { openWebSocket } from "./transports/websocket.js";

/** @typedef {"ws" | "sse" | "poll"} TransportName */
/** @typedef {{token: string} | {id: string, username?: string}} Credentials */

/**
 * A connection of which the user has signed in.
 * @typedef {object} Link
 * @property {TransportName} transport
 * @property {(type: string, data: any, timeoutMs: number) => Promise<any>} call Sends a command; the promise is its answer.
 * @property {(type: string, data: any) => void} tell Sends a command whose answer nobody waits for.
 * @property {(dead: boolean) => void} close Ends it; `dead` when there is no hope of a goodbye. Everything that waits is rejected.
 */

/**
 * @typedef {object} Opening What a transport needs.
 * @property {string} base The address under which the endpoints are, with a slash at its end.
 * @property {Credentials} credentials
 * @property {string} session Of streams and polls: the key of the client's own choice.
 * @property {(type: string, data: any) => void} event
 * @property {() => void} heard Anything came from the server.
 * @property {(error: TidingsError) => void} closed The link has ended by itself, after it had been opened.
 * @property {(direction: "up" | "down", frame: object) => void} frame
 * @property {AbortSignal} signal Gives the attempt up.
 * @property {typeof WebSocket | undefined} WebSocket
 * @property {typeof fetch} fetch
 */

/** @type {Record<TransportName, (opening: Opening) => Promise<Link>>} */
const OPEN = { ws: openWebSocket, sse: openEventStream, poll: openLongPoll };

const ATTEMPTS_OF_THE_KNOWN = 3;
const FALLEN_BACK_MS = 5 * 60_000;

export class Transports {
  #names;
  #timeout;
  /** The transport that got through last. @type {TransportName | null} */
  #known = null;
  #knownSince = 0;
  #failures = 0;

  /**
   * @param {readonly TransportName[]} names In the order of preference.
   * @param {number} timeoutMs For each to get through.
   */
  constructor(names, timeoutMs) {
    this.#names = names;
    this.#timeout = timeoutMs;
  }

  /**
   * @param {Opening} opening
   * @returns {Promise<Link>} Rejects with a TidingsError.
   */
  async open(opening) {
    let failure = new TidingsError("unreachable", "There is no transport to connect with.");
    for (const name of this.#candidates()) {
      try {
        const link = await this.#try(name, opening);
        if (this.#known !== name) this.#knownSince = Date.now();
        this.#known = name;
        this.#failures = 0;
        return link;
      } catch (error) {
        failure = asTidingsError(error, "unreachable");
        // What the server itself has said, it would say to every transport.
        if (opening.signal.aborted || failure.code !== "unreachable") break;
      }
    }
    this.#failures += 1;
    throw failure;
  }

  #candidates() {
    const [best] = this.#names;
    const fellBack = this.#known !== best && Date.now() - this.#knownSince > FALLEN_BACK_MS;
    if (!this.#known || fellBack || this.#failures >= ATTEMPTS_OF_THE_KNOWN) return this.#names;
    return [this.#known];
  }

  /** @param {TransportName} name @param {Opening} opening */
  async #try(name, opening) {
    const attempt = new AbortController();
    const giveUp = () => attempt.abort();
    const timer = setTimeout(giveUp, this.#timeout);
    opening.signal.addEventListener("abort", giveUp);
    try {
      return await OPEN[name]({ ...opening, signal: attempt.signal });
    } finally {
      clearTimeout(timer);
      opening.signal.removeEventListener("abort", giveUp);
    }
  }
}
