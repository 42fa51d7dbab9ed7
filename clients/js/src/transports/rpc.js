/**
 * `POST /rpc`: commands of a client that hears by an event stream or by polls. A request is a command, its response the answer.
 */

import { isFinalCode, TidingsError } from "../errors.js";

/** @typedef {import("../transports.js").Opening} Opening */
/** @typedef {import("../transports.js").Link} Link */

/**
 * The address of an endpoint, with the session and, of a guest, who it is.
 * @param {Opening} opening
 * @param {string} endpoint
 * @param {Record<string, string>} [query]
 */
export function address({ base, session, credentials }, endpoint, query = {}) {
  /** @type {Record<string, string>} */
  const guest = "id" in credentials ? { id: credentials.id, username: credentials.username ?? credentials.id } : {};
  return `${base}${endpoint}?${new URLSearchParams({ session, ...guest, ...query })}`;
}

/** The headers that sign a request in. @param {Opening} opening @returns {Record<string, string>} */
export const headers = ({ credentials }) =>
  "token" in credentials ? { authorization: `Bearer ${credentials.token}` } : {};

/**
 * What a response that is not as it should be says of the connection.
 * @param {Response} response
 * @returns {Promise<TidingsError>}
 */
export async function refusal(response) {
  const seconds = Number(response.headers.get("retry-after"));
  const retryAfterMs = seconds > 0 ? seconds * 1000 : undefined;
  const body = await response.json().catch(() => null);
  if (body?.success === false && typeof body.code === "string") {
    return TidingsError.ofAnswer(body, { final: isFinalCode(body.code), retryAfterMs });
  }
  // Not our server, but something in between that does not let this through.
  return new TidingsError("unreachable", `The server answered with status ${response.status}.`, { retryAfterMs });
}

/** The commands of one session, which ends with the stream or the polls that it belongs to. */
export class Rpc {
  #opening;
  #url;
  #ended = new AbortController();
  #lost;
  /** Commands without an answer go one after the other, so that they arrive in their order. @type {Promise<void>} */
  #told = Promise.resolve();

  /** @param {Opening} opening @param {(error: TidingsError) => void} lost The session or the network is no more. */
  constructor(opening, lost) {
    this.#opening = opening;
    this.#url = `${opening.base}rpc?session=${opening.session}`;
    this.#lost = lost;
  }

  /**
   * @param {string} type
   * @param {any} data
   * @param {number} timeoutMs
   * @returns {Promise<any>}
   */
  async call(type, data, timeoutMs) {
    const { fetch, heard, frame } = this.#opening;
    const attempt = new AbortController();
    const end = () => attempt.abort();
    if (this.#ended.signal.aborted) throw connectionLost();
    this.#ended.signal.addEventListener("abort", end);
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      end();
    }, timeoutMs);
    frame("up", { type, data });
    try {
      const body = JSON.stringify({ type, data });
      const init = { method: "POST", body, headers: { "content-type": "application/json" }, signal: attempt.signal };
      const response = await fetch(this.#url, init);
      const answer = response.status === 204 ? {} : await response.json();
      heard();
      frame("down", { type: "ack", data: answer });
      if (answer?.success !== false) return answer;
      const error = TidingsError.ofAnswer(answer);
      if (error.code !== "unknown_session") throw error;
      this.#lost(error);
    } catch (error) {
      if (error instanceof TidingsError) throw error;
      if (late) throw new TidingsError("timeout", `${type} was not answered within ${timeoutMs} ms.`);
      if (!this.#ended.signal.aborted) this.#lost(connectionLost());
    } finally {
      clearTimeout(timer);
      this.#ended.signal.removeEventListener("abort", end);
    }
    throw connectionLost();
  }

  /** @param {string} type @param {any} data @param {number} timeoutMs */
  tell(type, data, timeoutMs) {
    this.#told = this.#told
      .then(() => this.call(type, data, timeoutMs))
      .then(
        () => {},
        // As over a WebSocket: whoever wants no answer hears of a failure by an event.
        ({ code, message }) => {
          if (code !== "connection_lost") this.#opening.event("error", { code, message });
        },
      );
  }

  end() {
    this.#ended.abort();
  }
}

const connectionLost = () => new TidingsError("connection_lost", "The connection ended before the answer came.");
