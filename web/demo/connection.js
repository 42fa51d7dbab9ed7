/**
 * A connection to `/ws`: plain WebSocket, one JSON object a frame.
 *
 * A command goes up as `{type, data, id}` and is answered by `{type: "ack", id, data}`; an event comes down as
 * `{type, data}`. A lost connection is opened again with growing, jittered pauses; commands that were not answered by then
 * are rejected, and whoever sent them decides whether to send again. Knows nothing of rooms or chat.
 */

/** @typedef {"connecting" | "online" | "reconnecting" | "closed"} State */
/** @typedef {{direction: "up" | "down", type: string, text: string, at: Date}} Frame */

/**
 * @typedef {object} Options
 * @property {string} url
 * @property {() => Promise<void>} greet Signs in and joins; runs on every new socket before the state is `online`.
 * @property {(state: State, detail: {retryAt?: number, reason?: string}) => void} onState
 * @property {(type: string, data: any) => void} onEvent
 * @property {(frame: Frame) => void} [onFrame] Every frame, for whoever wants to look.
 */

const ANSWER_TIMEOUT_MS = 10_000;
const PAUSE_FIRST_MS = 400;
const PAUSE_LONGEST_MS = 15_000;

/** Close codes 3500 to 3999 say: do not come back by yourself. */
const isFinal = (/** @type {number} */ code) => code >= 3500 && code <= 3999;

/** The server answered a command with a no. */
export class CommandError extends Error {
  /** @param {{error?: string, code?: string, retryAfterMs?: number}} answer */
  constructor(answer) {
    super(answer.error ?? "The server refused this.");
    this.name = "CommandError";
    this.code = answer.code ?? "unknown";
    this.retryAfterMs = answer.retryAfterMs;
  }
}

/** The connection went away before the answer came. */
export class ConnectionLost extends Error {
  constructor() {
    super("The connection was lost.");
    this.name = "ConnectionLost";
  }
}

export class Connection {
  /** @type {State} */
  state = "closed";
  #options;
  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {Map<number, {resolve: (data: any) => void, reject: (error: Error) => void, timer: number}>} */
  #waiting = new Map();
  #nextId = 1;
  #failures = 0;
  #retryTimer = 0;
  /** A pause that the server asked for, in place of our own. @type {number | null} */
  #askedPauseMs = null;

  /** @param {Options} options */
  constructor(options) {
    this.#options = options;
    // The network is back, or the laptop awake: no reason to sit out the pause.
    addEventListener("online", () => this.#retryNow());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") this.#retryNow();
    });
  }

  /** Opens the connection, or opens it anew when there is one. */
  open() {
    this.#drop();
    this.#failures = 0;
    this.#connect("connecting");
  }

  /**
   * Sends a command and waits for its answer.
   * @param {string} type
   * @param {unknown} data
   * @returns {Promise<any>} The answer. Rejects with CommandError or ConnectionLost.
   */
  request(type, data) {
    const socket = this.#socket;
    if (socket?.readyState !== WebSocket.OPEN) return Promise.reject(new ConnectionLost());
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      // No answer for this long means that the line is dead, whatever TCP believes.
      const timer = setTimeout(() => this.#lost(socket), ANSWER_TIMEOUT_MS);
      this.#waiting.set(id, { resolve, reject, timer });
      this.#send(socket, { type, data, id });
    });
  }

  /**
   * Sends a command that needs no answer. It is dropped while there is no connection.
   * @param {string} type
   * @param {unknown} data
   */
  tell(type, data) {
    if (this.state === "online" && this.#socket) this.#send(this.#socket, { type, data });
  }

  /** @param {State} state */
  #connect(state) {
    clearTimeout(this.#retryTimer);
    this.#retryTimer = 0;
    this.#setState(state);
    const socket = new WebSocket(this.#options.url);
    this.#socket = socket;
    socket.onopen = () => this.#greet(socket);
    socket.onmessage = ({ data }) => this.#receive(data);
    socket.onclose = ({ code, reason }) => this.#lost(socket, code, reason);
  }

  /** @param {WebSocket} socket */
  async #greet(socket) {
    try {
      await this.#options.greet();
      if (socket !== this.#socket) return;
      this.#failures = 0;
      this.#setState("online");
    } catch (error) {
      // A lost connection has arranged its own return; a refusal would only be repeated.
      if (error instanceof ConnectionLost || socket !== this.#socket) return;
      this.#drop();
      this.#setState("closed", { reason: error instanceof Error ? error.message : String(error) });
    }
  }

  /** @param {unknown} text */
  #receive(text) {
    if (typeof text !== "string") return;
    /** @type {{type: string, id?: number, data: any}} */
    const frame = JSON.parse(text);
    this.#options.onFrame?.({ direction: "down", type: frame.type, text, at: new Date() });
    if (frame.type === "ack" && frame.id !== undefined) return this.#answer(frame.id, frame.data);
    if (frame.type === "server:draining") this.#askedPauseMs = frame.data?.reconnectAfterMs ?? null;
    this.#options.onEvent(frame.type, frame.data);
  }

  /**
   * @param {number} id
   * @param {any} data
   */
  #answer(id, data) {
    const command = this.#waiting.get(id);
    if (!command) return;
    this.#waiting.delete(id);
    clearTimeout(command.timer);
    if (data?.success === false) command.reject(new CommandError(data));
    else command.resolve(data);
  }

  /**
   * @param {WebSocket} socket
   * @param {number} [code]
   * @param {string} [reason]
   */
  #lost(socket, code = 0, reason = "") {
    if (socket !== this.#socket) return;
    this.#drop();
    if (isFinal(code)) return this.#setState("closed", { reason });
    const longest = Math.min(PAUSE_LONGEST_MS, PAUSE_FIRST_MS * 2 ** this.#failures++);
    // Half of the pause is random, so that the clients of a restarted server do not all return at once.
    const pause = this.#askedPauseMs ?? longest * (0.5 + Math.random() / 2);
    this.#askedPauseMs = null;
    this.#retryTimer = setTimeout(() => this.#connect("reconnecting"), pause);
    this.#setState("reconnecting", { retryAt: Date.now() + pause });
  }

  #retryNow() {
    if (this.#retryTimer) this.#connect("reconnecting");
  }

  /** Lets go of the socket and of everything that waits for it. */
  #drop() {
    clearTimeout(this.#retryTimer);
    this.#retryTimer = 0;
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    for (const { reject, timer } of this.#waiting.values()) {
      clearTimeout(timer);
      reject(new ConnectionLost());
    }
    this.#waiting.clear();
  }

  /**
   * @param {WebSocket} socket
   * @param {{type: string, data: unknown, id?: number}} frame
   */
  #send(socket, frame) {
    const text = JSON.stringify(frame);
    socket.send(text);
    this.#options.onFrame?.({ direction: "up", type: frame.type, text, at: new Date() });
  }

  /**
   * @param {State} state
   * @param {{retryAt?: number, reason?: string}} [detail]
   */
  #setState(state, detail = {}) {
    this.state = state;
    this.#options.onState(state, detail);
  }
}
