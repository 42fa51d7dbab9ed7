// Engine.IO sessions by hand, over polling and over WebSocket.

import assert from "node:assert/strict";
import { request } from "./http.mjs";
import { Ws } from "./ws.mjs";

export const SEPARATOR = "\x1e";
/** @param {string} payload */
export const packets = (payload) => payload.split(SEPARATOR);

/** @typedef {{sid: string, upgrades: string[], pingInterval: number, pingTimeout: number, maxPayload: number}} Open */

/** A polling session. */
export class Polling {
  /** Packets that arrived together with one that was asked for. @type {string[]} */
  #held = [];

  /** @param {number} port @param {string} path @param {Open} open */
  constructor(port, path, open) {
    this.port = port;
    this.path = path;
    this.open = open;
    this.sid = open.sid;
    this.url = `${path}?EIO=4&transport=polling&sid=${open.sid}`;
  }

  /** @param {number} port @param {{path?: string, query?: string, headers?: Record<string, string>}} [options] */
  static async open(port, { path = "/socket.io/", query = "", headers = {} } = {}) {
    const answer = await request(port, `${path}?EIO=4&transport=polling${query}`, { headers });
    assert.equal(answer.status, 200, answer.text);
    const [first, ...rest] = packets(answer.text);
    assert.equal(first[0], "0");
    const session = new Polling(port, path, JSON.parse(first.slice(1)));
    session.#held.push(...rest);
    return session;
  }

  /** @param {Parameters<typeof request>[2]} [options] */
  get(options) {
    return request(this.port, this.url, options);
  }

  /** @param {string | Buffer} body @param {Record<string, string>} [headers] */
  post(body, headers = { "Content-Type": "text/plain;charset=UTF-8" }) {
    return request(this.port, this.url, { method: "POST", body, headers });
  }

  /** The next packet that is not a ping; pings are answered. @returns {Promise<string>} */
  async packet() {
    for (;;) {
      while (!this.#held.length) {
        const answer = await this.get();
        assert.equal(answer.status, 200, answer.text);
        this.#held.push(...packets(answer.text));
      }
      const packet = /** @type {string} */ (this.#held.shift());
      if (packet !== "2") return packet;
      await this.post("3");
    }
  }

  /** Sends, and asserts that the server took it. @param {string} body */
  async send(body) {
    const answer = await this.post(body);
    assert.deepEqual([answer.status, answer.text], [200, "ok"]);
  }

  /** Joins the main namespace of the app, and reads its greeting. @returns {Promise<string>} the socket id */
  async join() {
    await this.send("40");
    const connect = await this.packet();
    assert.match(connect, /^40\{"sid"/);
    const { sid } = JSON.parse(connect.slice(2));
    assert.match(await this.packet(), /^42\["auth",/);
    return sid;
  }

  /** Asserts that the session is over: unknown at once, or after the poll that says so. */
  async over() {
    for (let i = 0; i < 3; i++) {
      const answer = await this.get();
      if (answer.status === 400) return;
      if (packets(answer.text).includes("1")) return;
    }
    assert.fail("the session goes on");
  }

  /** Whether the server still knows the session: a POST of a noop is accepted. */
  async alive() {
    return (await this.post("6")).status === 200;
  }
}

/** A WebSocket-only session. @param {number} port @param {{path?: string, query?: string, options?: object}} [options] */
export async function openWs(port, { path = "/socket.io/", query = "", options = {} } = {}) {
  const ws = await Ws.open(port, `${path}?EIO=4&transport=websocket${query}`, options);
  const first = String(await ws.next());
  assert.equal(first[0], "0");
  return Object.assign(ws, { open: /** @type {Open} */ (JSON.parse(first.slice(1))) });
}

/** A WebSocket session that joined the main namespace of the app. @param {number} port @param {object} [options] */
export async function joinedWs(port, options) {
  const ws = await openWs(port, options);
  ws.send("40");
  const connect = String(await ws.packet());
  assert.match(connect, /^40\{"sid"/);
  assert.match(String(await ws.packet()), /^42\["auth",/);
  return Object.assign(ws, { id: JSON.parse(connect.slice(2)).sid });
}

/** Asserts that somebody else is served as ever: a fresh client gets its echo on each transport. @param {number} port */
export async function healthy(port) {
  const ws = await joinedWs(port);
  ws.send('420["echo","still here"]');
  assert.equal(await ws.packet(), '430["still here"]');
  ws.end();
  const polling = await Polling.open(port);
  await polling.join();
  await polling.send('421["echo","still here"]');
  assert.equal(await polling.packet(), '431["still here"]');
  await polling.send("1");
}
