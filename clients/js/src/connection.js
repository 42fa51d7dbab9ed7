/**
 * Keeps a client connected: opens a link, notices when it is gone, and opens the next when it is time.
 *
 * Owns the state that a page shows. Knows nothing of rooms or messages: whoever has something to set up on a new link does it in
 * `ready`, before the state is `online`. Everything that belongs to an earlier link than the current one is passed over.
 */

import { Backoff } from "./backoff.js";
import { asTidingsError, TidingsError } from "./errors.js";
import { Heartbeat } from "./heartbeat.js";
import { randomKey } from "./key.js";
import { Transports } from "./transports.js";

/** @typedef {import("./transports.js").Link} Link */
/** @typedef {import("./transports.js").Credentials} Credentials */
/** @typedef {"connecting" | "online" | "reconnecting" | "offline" | "closed"} State */

/**
 * @typedef {object} StateChange
 * @property {State} state
 * @property {import("./transports.js").TransportName} [transport] While online: what carries it.
 * @property {number} [retryAt] While reconnecting or offline: when the next attempt is due, as a time of `Date.now()`.
 * @property {TidingsError} [error] What ended the connection, or kept it from being opened.
 */

/**
 * @typedef {object} Parts
 * @property {string} base
 * @property {readonly import("./transports.js").TransportName[]} transports
 * @property {number} connectTimeoutMs
 * @property {import("./backoff.js").BackoffOptions} backoff
 * @property {import("./heartbeat.js").HeartbeatOptions} heartbeat
 * @property {typeof WebSocket | undefined} WebSocket
 * @property {typeof fetch} fetch
 * @property {() => Promise<Credentials>} credentials Asked before every attempt.
 * @property {(link: Link) => Promise<void>} ready Sets a new link up.
 * @property {(type: string, data: any) => void} event
 * @property {(change: StateChange) => void} changed
 * @property {(direction: "up" | "down", frame: object) => void} frame
 */

/** How long the answer to a question of the heartbeat may take is its own business; this only ends the call. */
const PROBE_TIMEOUT_MS = 10_000;

export class Connection {
  /** @type {State} */
  state = "closed";
  #parts;
  #transports;
  #backoff;
  #heartbeat;
  #session = randomKey();
  /** @type {Link | null} */
  #link = null;
  /** The attempt or link under way; aborted when it is over. */
  #current = new AbortController();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retry;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #stable;
  /** A pause that the server asked everybody for. @type {number | null} */
  #draining = null;

  /** @param {Parts} parts */
  constructor(parts) {
    this.#parts = parts;
    this.#transports = new Transports(parts.transports, parts.connectTimeoutMs);
    this.#backoff = new Backoff(parts.backoff);
    this.#heartbeat = new Heartbeat(
      parts.heartbeat,
      // The smallest question there is; a refusal is a sign of life as well.
      () => void this.#link?.call("presence:get", { userIds: [] }, PROBE_TIMEOUT_MS).catch(() => {}),
      () => this.#lost(new TidingsError("connection_lost", "Nothing was heard from the server."), true),
    );
  }

  /** The link, while the state is `online`. */
  get link() {
    return this.state === "online" ? this.#link : null;
  }

  open() {
    if (this.state !== "closed") return;
    this.#backoff.reset();
    this.#listen(true);
    void this.#attempt("connecting");
  }

  close() {
    if (this.state !== "closed") this.#end({ state: "closed" });
  }

  /** There is reason to believe that the network is back, or has changed. */
  wake() {
    if (this.#retry !== undefined) void this.#attempt("reconnecting");
    else this.#heartbeat.doubt();
  }

  /** @param {State} state */
  async #attempt(state) {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    const current = new AbortController();
    this.#current = current;
    if (this.state !== state) this.#change({ state });
    const over = () => current.signal.aborted;
    try {
      const credentials = await this.#parts.credentials();
      if (over()) return;
      const link = await this.#transports.open({
        ...this.#parts,
        credentials,
        session: this.#session,
        signal: current.signal,
        event: (type, data) => over() || this.#event(type, data),
        heard: () => over() || this.#heartbeat.heard(),
        closed: (error) => over() || this.#lost(error, false),
      });
      if (over()) return link.close(false);
      this.#link = link;
      this.#heartbeat.start();
      await this.#parts.ready(link);
      if (over()) return;
      this.#stable = setTimeout(() => this.#backoff.reset(), this.#backoff.stableMs);
      this.#change({ state: "online", transport: link.transport });
    } catch (error) {
      if (!over()) this.#lost(asTidingsError(error, "unreachable"), true);
    }
  }

  /** @param {string} type @param {any} data */
  #event(type, data) {
    if (type === "server:draining") this.#draining = data?.reconnectAfterMs ?? 0;
    this.#parts.event(type, data);
  }

  /** @param {TidingsError} error @param {boolean} dead */
  #lost(error, dead) {
    this.#drop(dead);
    if (error.final) return this.#end({ state: "closed", error });
    const asked = error.retryAfterMs ?? this.#draining;
    this.#draining = null;
    const wait = asked === null ? this.#backoff.next() : this.#backoff.after(asked);
    this.#retry = setTimeout(() => void this.#attempt("reconnecting"), wait);
    // A browser that is sure of having no network will say when that has changed; it may also be wrong.
    const offline = globalThis.navigator?.onLine === false;
    this.#change({ state: offline ? "offline" : "reconnecting", retryAt: Date.now() + wait, error });
  }

  /** @param {StateChange} change */
  #end(change) {
    this.#drop(false);
    this.#listen(false);
    this.#change(change);
  }

  /** @param {boolean} dead */
  #drop(dead) {
    clearTimeout(this.#retry);
    clearTimeout(this.#stable);
    this.#retry = undefined;
    this.#heartbeat.stop();
    this.#current.abort();
    const link = this.#link;
    this.#link = null;
    link?.close(dead);
  }

  /** @param {StateChange} change */
  #change(change) {
    this.state = change.state;
    this.#parts.changed(change);
  }

  /** Listens to what the browser knows of the network, or no longer. @param {boolean} listen */
  #listen(listen) {
    const { addEventListener, removeEventListener, document } = globalThis;
    const change = listen ? addEventListener : removeEventListener;
    if (typeof document === "undefined" || !change) return;
    change.call(globalThis, "online", this.#onNetwork);
    change.call(globalThis, "offline", this.#onNetwork);
    document[listen ? "addEventListener" : "removeEventListener"]("visibilitychange", this.#onVisible);
  }

  #onNetwork = () => this.wake();
  #onVisible = () => {
    if (document.visibilityState === "visible") this.wake();
  };
}
