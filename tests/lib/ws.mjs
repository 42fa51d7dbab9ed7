// WebSocket clients: one that speaks well, one that writes whatever frames it is told to.

import { randomBytes } from "node:crypto";
import { WebSocket } from "ws";
import { Line, statusOf } from "./http.mjs";
import { Inbox, within } from "./wait.mjs";

/** @typedef {string | Buffer} Message text frames are strings */

/** @extends {Inbox<Message>} */
export class Ws extends Inbox {
  /** @param {WebSocket} socket */
  constructor(socket) {
    super();
    this.socket = socket;
    socket.on("message", (data, binary) => {
      this.push(binary ? /** @type {Buffer} */ (data) : data.toString());
    });
    socket.on("error", () => {});
    /** @type {Promise<{code: number, reason: string}>} */
    this.closed = new Promise((resolve) => {
      socket.on("close", (code, reason) => resolve({ code, reason: reason.toString() }));
    });
  }

  /**
   * @param {number} port @param {string} path @param {import("ws").ClientOptions} [options]
   * @returns {Promise<Ws>}
   */
  static open(port, path, options = {}) {
    const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, { perMessageDeflate: false, ...options });
    const ws = new Ws(socket);
    const open = new Promise((resolve, reject) => {
      socket.once("open", () => resolve(ws));
      socket.once("error", reject);
    });
    return within(/** @type {Promise<Ws>} */ (open), 5000, `WebSocket ${path}`);
  }

  /** @param {Message} data */
  send(data) {
    this.socket.send(data, { binary: typeof data !== "string" });
  }

  /** The next message that is not an Engine.IO ping; pings are answered. @param {number} [ms] */
  async packet(ms = 5000) {
    for (;;) {
      const message = await this.next(ms, "packet");
      if (message !== "2") return message;
      this.send("3");
    }
  }

  /** @param {number} [ms] */
  close_(ms = 5000) {
    return within(this.closed, ms, "close of the WebSocket");
  }

  end() {
    this.socket.terminate();
  }
}

/**
 * The HTTP answer to an upgrade request; the connection is left in `line`.
 * @param {number} port @param {string} path @param {Record<string, string>} [headers]
 */
export async function upgrade(port, path, headers = {}) {
  const line = await Line.connect(port);
  const all = {
    Host: `127.0.0.1:${port}`,
    Connection: "Upgrade",
    Upgrade: "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": randomBytes(16).toString("base64"),
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  await line.write(`GET ${path} HTTP/1.1\r\n${lines.join("")}\r\n`);
  const head = await line.head();
  return { line, status: statusOf(head), head };
}

/**
 * One client frame.
 * @param {string | Buffer} payload
 * @param {{opcode?: number, fin?: boolean, rsv1?: boolean, mask?: boolean}} [shape]
 */
export function frame(payload, { opcode = 1, fin = true, rsv1 = false, mask = true } = {}) {
  const body = Buffer.from(payload);
  const first = (fin ? 0x80 : 0) | (rsv1 ? 0x40 : 0) | opcode;
  const masked = mask ? 0x80 : 0;
  /** @type {Buffer} */
  let head;
  if (body.length < 126) head = Buffer.from([first, masked | body.length]);
  else if (body.length < 65536) {
    head = Buffer.from([first, masked | 126, 0, 0]);
    head.writeUInt16BE(body.length, 2);
  } else {
    head = Buffer.alloc(10);
    head[0] = first;
    head[1] = masked | 127;
    head.writeBigUInt64BE(BigInt(body.length), 2);
  }
  // A zero key leaves the payload readable in a dump and is as legal as any other.
  return Buffer.concat([head, mask ? Buffer.alloc(4) : Buffer.alloc(0), body]);
}

/**
 * The server frames in what a raw connection has read after its 101.
 * @param {Buffer} bytes @returns {{opcode: number, fin: boolean, payload: Buffer}[]}
 */
export function frames(bytes) {
  let at = bytes.indexOf("\r\n\r\n") + 4;
  const all = [];
  while (at + 2 <= bytes.length) {
    const opcode = bytes[at] & 15;
    const fin = bytes[at] >= 128;
    let length = bytes[at + 1] & 127;
    at += 2;
    if (length === 126) (length = bytes.readUInt16BE(at)), (at += 2);
    else if (length === 127) (length = Number(bytes.readBigUInt64BE(at))), (at += 8);
    if (at + length > bytes.length) break;
    all.push({ opcode, fin, payload: bytes.subarray(at, at + length) });
    at += length;
  }
  return all;
}

/** The code of a close frame in what a raw connection has read; 1005 for one without code. @param {Buffer} bytes */
export function closeCode(bytes) {
  const close = frames(bytes).find((one) => one.opcode === 8);
  if (!close) return undefined;
  return close.payload.length >= 2 ? close.payload.readUInt16BE(0) : 1005;
}
