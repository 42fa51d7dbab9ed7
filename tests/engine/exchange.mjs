// Exchanges: short scripts of raw requests and frames, whose transcript can be compared between servers.
//
// A step does one thing and returns what it saw, with ids replaced by names. Sessions and WebSockets are known by a
// letter; `$p` in a path or a payload stands for the engine id of session p.

import { request } from "../lib/http.mjs";
import { packets } from "../lib/engine.mjs";
import { upgrade, Ws } from "../lib/ws.mjs";
import { pause, within } from "../lib/wait.mjs";

/**
 * @typedef {object} Context
 * @property {number} port
 * @property {Record<string, string>} sids
 * @property {Record<string, Ws>} sockets
 * @property {Record<string, Promise<any>>} pending
 * @property {Record<string, string[]>} held packets of a poll that nobody asked for yet
 * @property {string} path
 */
/** @typedef {(cx: Context) => Promise<any>} Step */
/** @typedef {{name: string, server: string, steps: Step[]}} Exchange */

const COMPARED = /^(content-type|cache-control|set-cookie|vary|content-encoding|x-xss-protection|access-control-.*)$/;

/** @param {string} text @param {Context} cx */
const fill = (text, cx) => text.replace(/\$(\w)\b/g, (_, name) => cx.sids[name] ?? `$${name}`);

/** Ids and times, which differ in every run, become words. @param {string} text @param {Context} cx */
function plain(text, cx) {
  for (const [name, sid] of Object.entries(cx.sids)) text = text.replaceAll(sid, `<${name}>`);
  return text
    .replace(/Expires=\w+, [\w :]+/g, "Expires=<date>")
    .replace(/"[\w-]{20}"/g, '"<id>"')
    .replace(/x{50,}|A{50,}/g, (run) => `<${run.length} × ${run[0]}>`);
}

/** @param {import("../lib/http.mjs").Answer} answer @param {Context} cx */
function seen(answer, cx) {
  /** @type {Record<string, string>} */
  const headers = {};
  for (const [name, value] of Object.entries(answer.headers)) {
    if (COMPARED.test(name)) headers[name] = plain(String(value), cx).toLowerCase();
  }
  const encoded = answer.headers["content-encoding"];
  return { status: answer.status, headers, body: encoded ? `<${encoded}>` : plain(answer.text, cx) };
}

/** @param {string | Buffer} message @param {Context} cx */
const shown = (message, cx) =>
  typeof message === "string" ? plain(message, cx) : `<bytes ${message.toString("hex")}>`;

/** Opens a polling session; its open packet is the record. @param {string} p @param {string} [query] @param {Record<string, string>} [headers] @returns {Step} */
export const open = (p, query = "", headers = {}) => async (cx) => {
  const answer = await request(cx.port, `${cx.path}?EIO=4&transport=polling${query}`, { headers });
  const [first, ...rest] = packets(answer.text);
  cx.sids[p] = JSON.parse(first.slice(1)).sid;
  cx.held[p] = rest;
  // What else rides along is a matter of timing; `take` reads it.
  return { ...seen(answer, cx), body: plain(first, cx) };
};

/** @param {string} p @param {Context} cx */
const url = (p, cx) => `${cx.path}?EIO=4&transport=polling&sid=${cx.sids[p]}`;

/** One GET, as it comes. @param {string} p @param {Record<string, string>} [headers] @returns {Step} */
export const get = (p, headers) => async (cx) => seen(await request(cx.port, url(p, cx), { headers }), cx);

/** Starts a GET that is awaited by `polled`. @param {string} p @returns {Step} */
export const poll = (p) => async (cx) => {
  const abort = new AbortController();
  const answer = request(cx.port, url(p, cx), { signal: abort.signal });
  cx.pending[p] = answer;
  answer.catch(() => {});
  Object.assign(answer, { abort: () => abort.abort() });
  // The request has to be the server's before the next step; nothing tells when.
  await pause(60);
};

/** @param {string} p @returns {Step} */
export const polled = (p) => async (cx) => seen(await cx.pending[p], cx);

/** The client hangs up on its GET. @param {string} p @returns {Step} */
export const abort = (p) => async (cx) => {
  /** @type {any} */ (cx.pending[p]).abort();
  await pause(80);
};

/** @param {string} p @param {string | Buffer} body @param {Record<string, string>} [headers] @returns {Step} */
export const post = (p, body, headers = { "Content-Type": "text/plain;charset=UTF-8" }) => async (cx) =>
  seen(await request(cx.port, url(p, cx), { method: "POST", body, headers }), cx);

/** The next `n` packets of a polling session, however many GETs they take; pings are answered. @param {string} p @param {number} n @returns {Step} */
export const take = (p, n) => async (cx) => {
  const got = [];
  const held = (cx.held[p] ??= []);
  while (got.length < n) {
    while (!held.length) {
      const answer = await request(cx.port, url(p, cx));
      if (answer.status !== 200) return [...got, seen(answer, cx)];
      held.push(...packets(answer.text));
    }
    const packet = /** @type {string} */ (held.shift());
    if (packet === "2") await request(cx.port, url(p, cx), { method: "POST", body: "3" });
    else got.push(plain(packet, cx));
  }
  return got;
};

/** Any request. @param {string} method @param {string} path @param {{headers?: Record<string, string>, body?: string}} [options] @returns {Step} */
export const http = (method, path, options = {}) => async (cx) =>
  seen(await request(cx.port, fill(path, cx), { method, ...options }), cx);

/** Opens a WebSocket; records the refusal when there is one. @param {string} w @param {string} [query] @param {import("ws").ClientOptions} [options] @returns {Step} */
export const ws = (w, query = "", options = {}) => async (cx) => {
  cx.sockets[w] = await Ws.open(cx.port, fill(`${cx.path}?EIO=4&transport=websocket${query}`, cx), options);
};

/** An upgrade request that is expected to fail. @param {string} path @param {Record<string, string>} [headers] @returns {Step} */
export const refused = (path, headers) => async (cx) => {
  const { line, status, head } = await upgrade(cx.port, fill(path, cx), headers);
  await within(line.gone, 3000, "end of a refused connection").catch(() => {});
  line.close();
  const body = line.text.slice(head.indexOf("\r\n\r\n") + 4);
  return { status, body: status === 101 ? "" : plain(body, cx) };
};

/** @param {string} w @param {...(string | Buffer)} messages @returns {Step} */
export const send = (w, ...messages) => async (cx) => {
  for (const message of messages) cx.sockets[w].send(message);
};

/** The next `n` messages of a WebSocket, pings answered. @param {string} w @param {number} [n] @returns {Step} */
export const recv = (w, n = 1) => async (cx) => {
  const got = [];
  while (got.length < n) got.push(shown(await cx.sockets[w].packet(), cx));
  return got;
};

/** The next message, pings and all. @param {string} w @returns {Step} */
export const raw = (w) => async (cx) => shown(await cx.sockets[w].next(), cx);

/** @param {string} w @param {number} [ms] @returns {Step} */
export const closed = (w, ms = 4000) => async (cx) => (await cx.sockets[w].close_(ms)).code;

/** Asserts nothing by itself: records what came in a short while. @param {string} w @returns {Step} */
export const quiet = (w) => async (cx) => {
  await pause(150);
  const { socket, items } = cx.sockets[w];
  return { open: socket.readyState === 1, messages: items.splice(0).map((item) => shown(item, cx)) };
};

/** The client closes its WebSocket, with a goodbye or without. @param {string} w @param {boolean} [abruptly] @returns {Step} */
export const leave = (w, abruptly = false) => async (cx) => {
  if (abruptly) cx.sockets[w].end();
  else cx.sockets[w].socket.close();
  await cx.sockets[w].closed;
  await pause(60);
};

/** @param {number} ms @returns {Step} */
export const rest = (ms) => () => pause(ms);

/** Joins the main namespace over polling / WebSocket. @param {string} p @returns {Step} */
export const join = (p) => async (cx) => [await post(p, "40")(cx), await take(p, 2)(cx)];
/** @param {string} w @returns {Step} */
export const joinWs = (w) => async (cx) => {
  const hello = await recv(w)(cx);
  await send(w, "40")(cx);
  return [hello, await recv(w, 2)(cx)];
};

/** Whether the polling session still lives: it takes a noop. @param {string} p @returns {Step} */
export const alive = (p) => async (cx) => (await request(cx.port, url(p, cx), { method: "POST", body: "6" })).status;

/** @param {Exchange} exchange @param {number} port @param {string} path */
export async function run(exchange, port, path) {
  /** @type {Context} */
  const cx = { port, path, sids: {}, sockets: {}, pending: {}, held: {} };
  const transcript = [];
  try {
    for (const step of exchange.steps) {
      const record = await step(cx).catch((error) => `failed: ${error.message}`);
      if (record !== undefined) transcript.push(record);
    }
  } finally {
    for (const socket of Object.values(cx.sockets)) socket.end();
  }
  return transcript;
}
