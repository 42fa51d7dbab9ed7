/**
 * `/ws`: one JSON object a frame. A command goes up as `{type, data, id}` and is answered by `{type: "ack", id, data}`; an event
 * comes down as `{type, data}`. The first command signs in.
 */

import { isFinalClose, isFinalCode, TidingsError } from "../errors.js";

/** @typedef {import("../transports.js").Opening} Opening */
/** @typedef {import("../transports.js").Link} Link */
/** @typedef {{resolve: (answer: any) => void, reject: (error: Error) => void, timer: ReturnType<typeof setTimeout>}} Pending */

/** @param {Opening} opening @returns {Promise<Link>} */
export async function openWebSocket(opening) {
  if (!opening.WebSocket) throw new TidingsError("unreachable", "There is no WebSocket here; pass one in as an option.");
  const link = new WebSocketLink(opening, new opening.WebSocket(opening.base.replace(/^http/, "ws") + "ws"));
  const giveUp = () => link.end(new TidingsError("unreachable", "The WebSocket did not open in time."), true);
  opening.signal.addEventListener("abort", giveUp);
  try {
    await link.opened;
    await link.call("auth", opening.credentials, 0);
    link.signedIn = true;
    return link;
  } catch (error) {
    const refused = /** @type {TidingsError} */ (error);
    refused.final ||= isFinalCode(refused.code);
    link.end(refused, true);
    throw refused;
  } finally {
    opening.signal.removeEventListener("abort", giveUp);
  }
}

/** @implements {Link} */
class WebSocketLink {
  /** @readonly */
  transport = "ws";
  signedIn = false;
  #opening;
  #socket;
  #nextId = 1;
  /** @type {Map<number, Pending>} */
  #pending = new Map();
  /** @type {(error: TidingsError) => void} */
  #failed = () => {};
  #ended = false;

  /** @param {Opening} opening @param {WebSocket} socket */
  constructor(opening, socket) {
    this.#opening = opening;
    this.#socket = socket;
    /** @type {Promise<void>} */
    this.opened = new Promise((resolve, reject) => {
      socket.onopen = () => resolve();
      this.#failed = reject;
    });
    socket.onmessage = ({ data }) => this.#receive(data);
    socket.onclose = ({ code, reason }) => this.#closed(code, reason);
    // What follows is always a close.
    socket.onerror = () => {};
  }

  /**
   * @param {string} type
   * @param {any} data
   * @param {number} timeoutMs 0: as long as the link lasts.
   * @returns {Promise<any>}
   */
  call(type, data, timeoutMs) {
    if (this.#ended) return Promise.reject(lost());
    return new Promise((resolve, reject) => {
      const id = this.#nextId++;
      const late = () => {
        this.#pending.delete(id);
        reject(new TidingsError("timeout", `${type} was not answered within ${timeoutMs} ms.`));
      };
      const timer = timeoutMs > 0 ? setTimeout(late, timeoutMs) : undefined;
      this.#pending.set(id, { resolve, reject, timer: /** @type {any} */ (timer) });
      this.#send({ type, data, id });
    });
  }

  /** @param {string} type @param {any} data */
  tell(type, data) {
    if (!this.#ended) this.#send({ type, data });
  }

  /** @param {boolean} dead */
  close(dead) {
    this.end(lost(), dead);
  }

  /** @param {TidingsError} error @param {boolean} dead */
  end(error, dead) {
    if (this.#ended) return;
    this.#ended = true;
    const socket = this.#socket;
    socket.onopen = socket.onmessage = socket.onclose = null;
    // Outside of browsers there is a way to hang up without waiting for the goodbye of a peer that may not be there.
    const { terminate } = /** @type {any} */ (socket);
    if (dead && terminate) terminate.call(socket);
    else socket.close(1000);
    this.#failed(error);
    for (const { reject, timer } of this.#pending.values()) {
      clearTimeout(timer);
      reject(error);
    }
    this.#pending.clear();
  }

  /** @param {object} frame */
  #send(frame) {
    this.#opening.frame("up", frame);
    this.#socket.send(JSON.stringify(frame));
  }

  /** @param {unknown} text */
  #receive(text) {
    this.#opening.heard();
    if (typeof text !== "string") return;
    const frame = JSON.parse(text);
    this.#opening.frame("down", frame);
    if (frame.type !== "ack" || frame.id === undefined) return this.#opening.event(frame.type, frame.data);
    const pending = this.#pending.get(frame.id);
    if (!pending) return;
    this.#pending.delete(frame.id);
    clearTimeout(pending.timer);
    if (frame.data?.success === false) pending.reject(TidingsError.ofAnswer(frame.data));
    else pending.resolve(frame.data ?? {});
  }

  /** @param {number} closeCode @param {string} reason */
  #closed(closeCode, reason) {
    const signedIn = this.signedIn;
    // A WebSocket that did not come about ends as one that broke: nothing tells a proxy's refusal from a server that is away.
    const nameless = signedIn ? "connection_lost" : "unreachable";
    const code = closeCode < 3000 || !reason ? nameless : reason.replaceAll(" ", "_");
    const error = new TidingsError(code, reason || "The WebSocket has ended.", { closeCode, final: isFinalClose(closeCode) });
    // Whoever waits for an answer learns that there was none; why the link ended is told once.
    if (signedIn) {
      this.end(lost(), false);
      this.#opening.closed(error);
    } else {
      this.end(error, false);
    }
  }
}

const lost = () => new TidingsError("connection_lost", "The connection ended before the answer came.");
