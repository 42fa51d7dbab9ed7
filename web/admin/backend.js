/**
 * What the page asks of the server: the methods of the HTTP API, with the credentials of whoever sits here.
 *
 * They are kept for as long as this tab is open, and sent in a header. There are no cookies.
 */

const KEY = "tidings.admin";
const PATIENCE_MS = 10_000;

/** What the server, or the way to it, refused. */
export class Refusal extends Error {
  /** @param {string} message @param {string} code @param {number} [retryAfterMs] */
  constructor(message, code, retryAfterMs = 0) {
    super(message);
    this.code = code;
    this.retryAfterMs = retryAfterMs;
  }

  /** Whether other credentials would help. */
  get isOfCredentials() {
    return ["unauthenticated", "invalid_token", "token_expired", "permission_denied"].includes(this.code);
  }
}

export class Backend {
  #credentials = sessionStorage.getItem(KEY) ?? "";

  get hasCredentials() {
    return this.#credentials !== "";
  }

  /** @param {string} credentials A password or a token; none: forgets them. */
  set credentials(credentials) {
    this.#credentials = credentials;
    if (credentials) sessionStorage.setItem(KEY, credentials);
    else sessionStorage.removeItem(KEY);
  }

  /**
   * @param {string} method @param {object} [body] @returns {Promise<any>} The answer.
   * @throws {Refusal}
   */
  async ask(method, body = {}) {
    const headers = new Headers({ "Content-Type": "application/json" });
    // Headers carry bytes, and so the password its UTF-8.
    if (this.#credentials) headers.set("Authorization", `Bearer ${latin1(this.#credentials)}`);
    let response;
    let answer;
    try {
      const signal = AbortSignal.timeout(PATIENCE_MS);
      response = await fetch(`/admin/api/${method}`, { method: "POST", headers, body: JSON.stringify(body), signal, credentials: "omit" });
      answer = await response.json();
    } catch (error) {
      throw new Refusal(error instanceof Error ? error.message : String(error), "away");
    }
    if (answer?.success !== true) throw new Refusal(answer?.error ?? `HTTP ${response.status}`, answer?.code ?? "away", answer?.retryAfterMs);
    return answer;
  }
}

/** @param {string} text */
const latin1 = (text) => String.fromCharCode(...new TextEncoder().encode(text));
