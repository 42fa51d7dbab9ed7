/**
 * What goes wrong, as something that a program can tell apart.
 *
 * `code` is a word of the server (docs/protocol.md, "Codes") or one of ours:
 *
 * | code | |
 * | --- | --- |
 * | `connection_lost` | The connection ended before the answer came; the command may have been done, or not. |
 * | `timeout` | No answer in time; the command may have been done, or not. |
 * | `queue_full` | Too much waits for the connection already. |
 * | `closed` | The client is closed. |
 * | `left` | The room was left before the answer came. |
 * | `unreachable` | No transport got through to the server. |
 */

/** A command that was refused, or a connection that did not come about. */
export class TidingsError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {{retryAfterMs?: number, final?: boolean, closeCode?: number}} [more]
   */
  constructor(code, message, more = {}) {
    super(message);
    this.name = "TidingsError";
    /** What a program may act on. */
    this.code = code;
    /** When it is worth trying again, in milliseconds. @type {number | undefined} */
    this.retryAfterMs = more.retryAfterMs;
    /** Whether a connection that ended so shall not be opened again by itself. */
    this.final = more.final ?? false;
    /** The close code of the WebSocket, where there was one. @type {number | undefined} */
    this.closeCode = more.closeCode;
  }

  /**
   * The error of an answer that says `success: false`.
   * @param {{error?: string, code?: string, retryAfterMs?: number}} answer
   * @param {{final?: boolean, retryAfterMs?: number}} [more]
   */
  static ofAnswer(answer, more = {}) {
    const { error = "The server refused this.", code = "unknown", retryAfterMs = more.retryAfterMs } = answer;
    return new TidingsError(code, error, { retryAfterMs, final: more.final });
  }
}

/** Codes with which the server asks for the same again later. */
const PASSING = new Set(["rate_limited", "overloaded", "unavailable", "too_many_requests"]);

/** Codes with which signing in would only fail again. */
const FINAL = new Set([
  "invalid_token",
  "permission_denied",
  "already_authenticated",
  "connection_limit",
  "too_many_rooms",
  "bad_request",
  "bad_session",
  "origin_not_allowed",
]);

/** Whether the same command is welcome later. @param {unknown} error */
export const isPassing = (error) => error instanceof TidingsError && PASSING.has(error.code);

/** Whether the command did not get its answer, for no reason of its own. @param {unknown} error */
export const isUnanswered = (error) =>
  error instanceof TidingsError && (error.code === "connection_lost" || error.code === "timeout");

/** Whether a client that was refused so when it signed in shall stay away. @param {string | undefined} code */
export const isFinalCode = (code) => code !== undefined && FINAL.has(code);

/**
 * Whether a client whose WebSocket was closed with this code shall stay away: 3500 to 3999 and 4500 to 4999 say so, and the
 * standard codes that tell of something that it would only repeat.
 * @param {number} code
 */
export function isFinalClose(code) {
  if (code >= 3000) return code % 1000 >= 500;
  return !(code === 1001 || (code >= 1004 && code <= 1006) || (code >= 1011 && code <= 1015));
}

/** What was caught, as an error of ours. @param {unknown} error @param {string} code */
export function asTidingsError(error, code) {
  if (error instanceof TidingsError) return error;
  return new TidingsError(code, error instanceof Error ? error.message : String(error));
}
