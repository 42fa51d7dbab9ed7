// HTTP as bytes: requests of node:http with nothing hidden, and a bare TCP line for what no client would send.

import http from "node:http";
import net from "node:net";
import { within } from "./wait.mjs";

/** @typedef {{status: number, headers: http.IncomingHttpHeaders, body: Buffer, text: string}} Answer */

/**
 * @param {number} port @param {string} path
 * @param {{method?: string, headers?: Record<string, string | string[]>, body?: string | Buffer, ms?: number,
 *   signal?: AbortSignal}} [options]
 * @returns {Promise<Answer>}
 */
export function request(port, path, options = {}) {
  const { method = "GET", headers = {}, body, ms = 5000, signal } = options;
  const answer = new Promise((resolve, reject) => {
    const req = http.request({ host: "127.0.0.1", port, path, method, headers, agent: false, signal }, (res) => {
      /** @type {Buffer[]} */
      const chunks = [];
      res.on("data", (chunk) => chunks.push(chunk));
      res.on("error", reject);
      res.on("end", () => {
        const all = Buffer.concat(chunks);
        resolve({ status: res.statusCode, headers: res.headers, body: all, text: all.toString() });
      });
    });
    req.on("error", reject);
    req.end(body);
  });
  return within(/** @type {Promise<Answer>} */ (answer), ms, `answer to ${method} ${path}`);
}

/** A TCP connection that remembers what it read. */
export class Line {
  /** @type {Buffer[]} */
  #chunks = [];

  /** @param {net.Socket} socket */
  constructor(socket) {
    this.socket = socket;
    socket.on("data", (chunk) => this.#chunks.push(chunk));
    socket.on("error", () => {});
    /** Resolves when the peer has gone, by FIN or RST. @type {Promise<void>} */
    this.gone = new Promise((resolve) => {
      socket.on("end", () => resolve());
      socket.on("close", () => resolve());
    });
  }

  /** @param {number} port @returns {Promise<Line>} */
  static connect(port) {
    const socket = net.connect(port, "127.0.0.1");
    const line = new Line(socket);
    const open = new Promise((resolve, reject) => {
      socket.once("connect", () => resolve(line));
      socket.once("error", reject);
    });
    return within(/** @type {Promise<Line>} */ (open), 5000, "TCP connection");
  }

  get bytes() {
    return Buffer.concat(this.#chunks);
  }

  get text() {
    return this.bytes.toString("latin1");
  }

  /** @param {string | Buffer} data @returns {Promise<void>} resolves once the kernel took it, or the peer has gone */
  write(data) {
    const taken = new Promise((resolve) => this.socket.write(data, () => resolve(undefined)));
    // A write to a dead socket fails before its end is heard of; the turn lets a writing loop hear it.
    return Promise.race([taken, this.gone]).then(() => new Promise((resolve) => setImmediate(resolve)));
  }

  /** @param {(text: string) => boolean} check @param {string} what @param {number} [ms] @returns {Promise<string>} */
  read(check, what, ms = 5000) {
    const arrived = new Promise((resolve, reject) => {
      const look = () => check(this.text) && resolve(this.text);
      look();
      this.socket.on("data", look);
      this.gone.then(() => (look(), reject(new Error(`closed before ${what}; got ${this.text.slice(0, 500)}`))));
    });
    return within(/** @type {Promise<string>} */ (arrived), ms, what);
  }

  /** The status line and headers. @param {number} [ms] */
  head(ms) {
    return this.read((text) => text.includes("\r\n\r\n"), "response head", ms);
  }

  close() {
    this.socket.destroy();
  }
}

/** The status of a response head. @param {string} head */
export const statusOf = (head) => Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1]);
