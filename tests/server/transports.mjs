// The same client over every transport: connect, ask, tell, hear, be cut off, close.

import { randomBytes } from "node:crypto";
import http from "node:http";
import { decode, encode } from "@msgpack/msgpack";
import { createParser } from "eventsource-parser";
import { io } from "socket.io-client";
import { WebSocket } from "ws";
import { proxy } from "../lib/proxy.mjs";
import { until, within } from "../lib/wait.mjs";

/**
 * @typedef {{type: string, data: any}} Event
 * @typedef {{code?: number, word?: string, reason: string}} Closed `code` is that of the close frame, `word` of a response
 * @typedef {Record<string, any> & {success: boolean, code?: string, error?: string, retryAfterMs?: number}} Answer
 *
 * @typedef {object} Options
 * @property {string} [token]
 * @property {{id: string, username?: string}} [guest]
 * @property {string[]} [rooms] rooms that the URL asks for
 * @property {Record<string, string>} [query]
 * @property {Record<string, string>} [headers]
 * @property {boolean} [bearer] the token goes into the header `Authorization`
 * @property {boolean} [wire] through a proxy of its own, which `wire` is then; Socket.IO over polling always is
 * @property {boolean} [reconnect] Socket.IO only: comes back by itself
 * @property {string} [session] event stream and long-polling: the session to come back to, or to begin
 * @property {string} [cursor] event stream and long-polling: how far the client has come
 */

/** The server did not let a client in. */
export class Refused extends Error {
  /** @param {{code?: string, message: string, closeCode?: number, status?: number}} why */
  constructor({ code, message, closeCode, status }) {
    super(message);
    this.code = code;
    this.closeCode = closeCode;
    this.status = status;
  }
}

/** What was asked and heard, by transport: the vocabulary test compares it with the protocol's reference. */
export const exercised = { commands: new Map(), events: new Map() };

/** @param {Map<string, Set<string>>} map @param {string} transport @param {string} name */
const note = (map, transport, name) => {
  if (!map.has(transport)) map.set(transport, new Set());
  map.get(transport)?.add(name);
};

/** @type {Set<Client>} */
const open = new Set();

/** The lines of clients that have one. They outlast them, since a goodbye has to pass. @type {Set<import("../lib/proxy.mjs").Proxy>} */
const wires = new Set();

/** Ends every client of the file; for `after`. */
export async function closeAll() {
  await Promise.all([...open].map((client) => client.close()));
  await Promise.all([...wires].map((wire) => wire.close()));
}

/** What all transports have in common. */
export class Client {
  /** All events so far. @type {Event[]} */
  events = [];
  /** Those that no `event` has taken. @type {Event[]} */
  #untaken = [];
  /** @type {Set<() => void>} */
  #listeners = new Set();
  /** @type {(closed: Closed) => void} */
  ended = () => {};
  /** The connection is over, whoever ended it. @type {Promise<Closed>} */
  closed = new Promise((resolve) => (this.ended = resolve));
  isClosed = false;
  /** @type {import("../lib/proxy.mjs").Proxy | undefined} */
  wire;

  /** @param {string} transport @param {string} url @param {Options} options */
  constructor(transport, url, options) {
    this.transport = transport;
    this.url = url;
    this.options = options;
    this.closed.then(() => (this.isClosed = true));
    open.add(this);
  }

  /** The greeting, once somebody has signed in. */
  get welcome() {
    return this.events.find((it) => it.type === "welcome")?.data;
  }

  /** @param {string} type @param {any} data */
  push(type, data) {
    if (type.startsWith("tidings:")) return;
    note(exercised.events, this.transport, type);
    const event = { type, data };
    this.events.push(event);
    this.#untaken.push(event);
    for (const listener of this.#listeners) listener();
  }

  /** The data of all events of that name. @param {string} type @returns {any[]} */
  heard(type) {
    return this.events.filter((it) => it.type === type).map((it) => it.data);
  }

  /**
   * Takes the next event of that name which fits and was not taken before.
   * @param {string} type @param {(data: any) => any} [fits] @param {number} [ms] @returns {Promise<any>}
   */
  event(type, fits = () => true, ms = 5000) {
    /** @type {() => void} */
    let look = () => {};
    const found = new Promise((resolve) => {
      look = () => {
        const at = this.#untaken.findIndex((it) => it.type === type && fits(it.data));
        if (at < 0) return;
        this.#listeners.delete(look);
        resolve(this.#untaken.splice(at, 1)[0].data);
      };
      this.#listeners.add(look);
      look();
    });
    const what = `event ${type} on ${this.transport}`;
    return within(found, ms, what).catch((error) => {
      this.#listeners.delete(look);
      const heard = this.events.map((it) => it.type).join(" ");
      throw new Error(`${error.message}; heard ${heard || "nothing"}`);
    });
  }

  /** Does a command that has to succeed. @param {string} name @param {any} [data] @returns {Promise<Answer>} */
  async done(name, data) {
    const answer = await this.ask(name, data);
    if (answer.success !== true) throw new Error(`${name} on ${this.transport}: ${JSON.stringify(answer)}`);
    return answer;
  }

  /** Asks, and gives whatever is answered. @param {string} name @param {any} [data] @returns {Promise<Answer>} */
  async ask(name, data) {
    const answer = await within(this.request(name, data), 10_000, `answer to ${name} on ${this.transport}`);
    if (answer?.success === true) note(exercised.commands, this.transport, name);
    return answer;
  }

  // What each transport does in its own way.

  /** @returns {Promise<void>} */
  async begin() {
    throw new Error("abstract");
  }
  /** @param {string} _name @param {any} _data @returns {Promise<any>} */
  async request(_name, _data) {
    throw new Error("abstract");
  }
  /** Sends a command, and wants no answer. @param {string} _name @param {any} _data */
  tell(_name, _data) {}
  /** Ends the connection as a lost network does: the server is not told. */
  cut() {
    this.wire?.refuse(true);
    this.wire?.cut();
  }
  /** The way of this transport to say goodbye. */
  hangUp() {}

  async close() {
    open.delete(this);
    this.hangUp();
  }

  /** The URL of an endpoint with everything that the options put into it. @param {string} endpoint @param {object} [more] */
  address(endpoint, more = {}) {
    const { token, guest, rooms, query, bearer } = this.options;
    const url = new URL(endpoint, this.url);
    const all = {
      ...(token !== undefined && !bearer && { token }),
      ...guest,
      ...(rooms && { rooms: rooms.join(",") }),
      ...query,
      ...more,
    };
    for (const [name, value] of Object.entries(all)) if (value !== undefined) url.searchParams.set(name, String(value));
    return url;
  }

  get headers() {
    const { token, bearer, headers } = this.options;
    return { ...(bearer && token !== undefined && { Authorization: `Bearer ${token}` }), ...headers };
  }

  /** Whether the client says who it is when it connects. */
  get signsIn() {
    return this.options.token !== undefined || this.options.guest !== undefined;
  }
}

/** Unmodified socket.io-client. */
class SocketIo extends Client {
  /** @param {"polling" | "websocket"} way @param {string} transport @param {string} url @param {Options} options */
  constructor(way, transport, url, options) {
    super(transport, url, options);
    this.way = way;
  }

  async begin() {
    const { token, guest, rooms, query, bearer, reconnect = false } = this.options;
    const auth = { ...guest, ...(token !== undefined && !bearer && { token }) };
    this.socket = io(this.url, {
      transports: [this.way],
      forceNew: true,
      autoConnect: false,
      reconnection: reconnect,
      reconnectionDelay: 20,
      reconnectionDelayMax: 60,
      auth,
      query: { ...query, ...(rooms && { rooms: rooms.join(",") }) },
      extraHeaders: this.headers,
    });
    this.socket.onAny((name, data) => this.push(name, data));
    this.socket.on("disconnect", (reason, details) => {
      const context = /** @type {any} */ (details)?.context;
      this.ended({ code: context?.code, reason });
    });
    const socket = this.socket;
    await new Promise((resolve, reject) => {
      socket.once("connect", () => resolve(undefined));
      socket.once("connect_error", (error) => {
        const { data, description } = /** @type {any} */ (error);
        // The status of a refused WebSocket is in the message only.
        const status = typeof description === "number" ? description : Number(/response: (\d+)/.exec(description?.message)?.[1]);
        reject(new Refused({ code: data?.code, message: error.message, status }));
      });
      // A namespace can be left at once as well.
      socket.once("disconnect", (reason) => reject(new Refused({ message: reason })));
      socket.connect();
    });
    if (this.signsIn) await until(() => this.welcome, "welcome");
  }

  request(name, data) {
    return /** @type {any} */ (this.socket).emitWithAck(name, ...(data === undefined ? [] : [data]));
  }

  tell(name, data) {
    this.socket?.emit(name, ...(data === undefined ? [] : [data]));
  }

  cut() {
    if (this.wire) return super.cut();
    /** @type {any} */ (this.socket?.io.engine.transport).ws.terminate();
  }

  hangUp() {
    this.socket?.io.reconnection(false);
    this.socket?.disconnect();
    this.socket?.io.engine?.close();
  }
}

/** `{type, data, id}` over a WebSocket. */
class Plain extends Client {
  #asked = 0;
  /** @type {Map<number, (answer: any) => void>} */
  #answers = new Map();

  /** @param {boolean} msgpack @param {string} transport @param {string} url @param {Options} options */
  constructor(msgpack, transport, url, options) {
    super(transport, url, options);
    this.msgpack = msgpack;
  }

  async begin() {
    const url = this.address("/ws");
    url.protocol = "ws:";
    const socket = new WebSocket(url, this.msgpack ? ["tidings.msgpack.v1"] : [], {
      headers: this.headers,
      perMessageDeflate: false,
    });
    this.socket = socket;
    socket.on("message", (message, binary) => {
      const bytes = /** @type {Buffer} */ (message);
      if (binary !== this.msgpack) throw new Error(`a ${binary ? "binary" : "text"} message on ${this.transport}`);
      const { type, id, data } = this.msgpack ? decode(bytes) : JSON.parse(bytes.toString());
      if (type !== "ack") return this.push(type, data);
      this.#answers.get(id)?.(data);
      this.#answers.delete(id);
    });
    socket.on("close", (code, reason) => this.ended({ code, reason: reason.toString() }));
    await new Promise((resolve, reject) => {
      socket.once("open", resolve);
      socket.once("unexpected-response", (_, response) => {
        reject(new Refused({ message: response.statusMessage ?? "", status: response.statusCode }));
        response.resume();
        socket.terminate();
      });
      socket.once("error", reject);
    });
    socket.on("error", () => {});
    if (!this.signsIn) return;
    const closed = this.closed.then(({ code, reason }) => {
      const error = this.heard("error").at(-1);
      throw new Refused({ code: error?.code, message: error?.message ?? reason, closeCode: code });
    });
    closed.catch(() => {});
    await Promise.race([this.event("welcome"), closed]);
  }

  /** @param {object} message */
  #send(message) {
    this.socket?.send(this.msgpack ? encode(message, { ignoreUndefined: true }) : JSON.stringify(message));
  }

  request(name, data) {
    const id = ++this.#asked;
    const answer = new Promise((resolve, reject) => {
      this.#answers.set(id, resolve);
      this.closed.then((how) => reject(new Error(`${name}: closed with ${how.code} before the answer`)));
    });
    this.#send({ type: name, data, id });
    return answer;
  }

  tell(name, data) {
    this.#send({ type: name, data });
  }

  cut() {
    if (this.wire) return super.cut();
    this.socket?.terminate();
  }

  hangUp() {
    this.socket?.close();
  }
}

/** Commands go up by `POST /rpc`. */
class OverHttp extends Client {
  /** @type {string | undefined} */
  session = this.options.session || (this.signsIn ? undefined : randomBytes(15).toString("base64url"));
  /** @type {Set<http.ClientRequest>} */
  #requests = new Set();
  #over = false;

  /**
   * @param {string} method @param {URL} url @param {string} [body] @param {Record<string, string>} [headers]
   * @returns {Promise<http.IncomingMessage>}
   */
  fetch(method, url, body, headers = {}) {
    return new Promise((resolve, reject) => {
      const all = { ...this.headers, ...headers, ...(body !== undefined && { "Content-Type": "application/json" }) };
      const request = http.request(url, { method, headers: all, agent: false }, resolve);
      this.#requests.add(request);
      request.on("close", () => this.#requests.delete(request));
      request.on("error", reject);
      request.end(body);
    });
  }

  /** @param {http.IncomingMessage} response */
  async read(response) {
    const chunks = [];
    for await (const chunk of response) chunks.push(chunk);
    return Buffer.concat(chunks).toString();
  }

  /** @param {http.IncomingMessage} response */
  async refuse(response) {
    const text = await this.read(response);
    let body = /** @type {any} */ ({});
    try {
      body = JSON.parse(text);
    } catch {
      body = { error: text };
    }
    throw new Refused({ code: body.code, message: body.error, status: response.statusCode });
  }

  async request(name, data) {
    const url = new URL("/rpc", this.url);
    url.searchParams.set("session", String(this.session));
    const response = await this.fetch("POST", url, JSON.stringify({ type: name, data }));
    const text = await this.read(response);
    return text ? JSON.parse(text) : {};
  }

  tell(name, data) {
    this.request(name, data).catch(() => {});
  }

  cut() {
    this.#over = true;
    if (this.wire) return super.cut();
    for (const request of this.#requests) request.destroy();
  }

  hangUp() {
    this.cut();
  }

  get over() {
    return this.#over;
  }
}

/** Server-Sent Events, read by the parser that `eventsource` uses. */
class EventStream extends OverHttp {
  async begin() {
    const { session, options } = this;
    const { cursor } = options;
    this.cursor = cursor;
    const response = await this.fetch("GET", this.address("/sse", { session }), undefined, {
      ...(cursor !== undefined && { "Last-Event-ID": cursor }),
    });
    if (response.statusCode !== 200) return this.refuse(response);
    const parser = createParser({
      onEvent: ({ event, data, id }) => {
        if (id !== undefined) this.cursor = id;
        this.push(event ?? "message", JSON.parse(data));
      },
    });
    response.setEncoding("utf8");
    response.on("data", (text) => parser.feed(text));
    response.on("error", () => {});
    response.on("close", () => this.ended({ reason: response.complete ? "end of the stream" : "cut" }));
    this.response = response;
    if (!this.signsIn) return;
    await Promise.race([
      until(() => this.welcome ?? this.isClosed, "welcome"),
      this.closed,
    ]);
    this.session = this.welcome?.session;
  }
}

/** Long-polling. */
class LongPolling extends OverHttp {
  /** @type {any} */
  #failure;

  async begin() {
    this.cursor = this.options.cursor;
    // The server may not know yet that the client was away, and then has nothing new to say.
    if (this.cursor !== undefined) return void this.#goOn();
    if (this.signsIn) {
      while (!this.welcome) await this.#poll();
      return void this.#goOn();
    }
    // Nothing may come for a while. The session is there once it is known to who sends commands.
    this.#goOn();
    const known = async () => (await this.request("presence:get")).code !== "unknown_session";
    await until(async () => this.#failure || (await known()), "session of long-polling");
    if (this.#failure) throw this.#failure;
  }

  async #poll() {
    const { session, cursor } = this;
    const response = await this.fetch("GET", this.address("/poll", { session, cursor }));
    if (response.statusCode !== 200) return this.refuse(response);
    const body = JSON.parse(await this.read(response));
    this.session = body.session;
    this.cursor = body.cursor;
    this.recovered = body.recovered;
    for (const { type, data } of body.events) this.push(type, data);
  }

  async #goOn() {
    try {
      while (!this.over) {
        const continues = this.cursor !== undefined;
        await this.#poll();
        // The session has ended, and this is another one.
        if (continues && !this.recovered) return this.ended({ reason: "not recovered" });
      }
      this.ended({ reason: "cut" });
    } catch (error) {
      this.#failure = error;
      const word = error instanceof Refused ? error.code : undefined;
      this.ended({ word, reason: String(error) });
    }
  }
}

/** @typedef {(url: string, options?: Options) => Promise<Client>} Connect */

/**
 * @param {string} transport
 * @param {(url: string, options: Options) => Client} make
 * @returns {[string, Connect]}
 */
const transport = (transport, make) => [
  transport,
  async (url, options = {}) => {
    const wired = options.wire || transport === "Socket.IO over polling";
    const wire = wired ? await proxy(Number(new URL(url).port)) : undefined;
    const client = make(wire?.url ?? url, options);
    client.wire = wire;
    if (wire) wires.add(wire);
    try {
      await within(client.begin(), 10_000, `connection over ${transport}`);
    } catch (error) {
      await client.close();
      throw error;
    }
    return client;
  },
];

/** Every transport by its name. */
export const TRANSPORTS = Object.fromEntries([
  transport("Socket.IO over WebSocket", (...of) => new SocketIo("websocket", "Socket.IO over WebSocket", ...of)),
  transport("Socket.IO over polling", (...of) => new SocketIo("polling", "Socket.IO over polling", ...of)),
  transport("WebSocket with JSON", (...of) => new Plain(false, "WebSocket with JSON", ...of)),
  transport("WebSocket with MessagePack", (...of) => new Plain(true, "WebSocket with MessagePack", ...of)),
  transport("event stream", (...of) => new EventStream("event stream", ...of)),
  transport("long-polling", (...of) => new LongPolling("long-polling", ...of)),
]);

export const NAMES = Object.keys(TRANSPORTS);

/** Whether binary data arrives as bytes there, and not as base64. @param {string} name */
export const hasBytes = (name) => name.startsWith("Socket.IO") || name.endsWith("MessagePack");

/** Whether commands go up over HTTP, and their answers come back on another way than events. @param {string} name */
export const isHttp = (name) => name === "event stream" || name === "long-polling";
