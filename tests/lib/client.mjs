// Unmodified socket.io-client, set up the way each transport is tested.

import { createRequire } from "node:module";
import { io } from "socket.io-client";
import { event, until, within } from "./wait.mjs";

/** @typedef {import("socket.io-client").Socket} Socket */
/** @typedef {"polling" | "websocket" | "upgrade"} Way */

export const msgpackParser = createRequire(import.meta.url)("socket.io-msgpack-parser");

/** @type {Way[]} */
export const WAYS = ["polling", "websocket", "upgrade"];

/** @type {Set<Socket>} */
const open = new Set();

/**
 * A client that is not yet connected.
 * @param {string} url @param {Way} way @param {object} [options]
 * @returns {Socket}
 */
export function client(url, way, options = {}) {
  const transports = way === "upgrade" ? ["polling", "websocket"] : [way];
  const socket = io(url, {
    transports,
    forceNew: true,
    autoConnect: false,
    reconnectionDelay: 20,
    reconnectionDelayMax: 60,
    ...options,
  });
  open.add(socket);
  return socket;
}

/**
 * Connects; for `upgrade` also waits until the WebSocket carries the session.
 * @param {Socket} socket @param {Way} [way] @returns {Promise<Socket>}
 */
export async function connect(socket, way) {
  const connected = Promise.race([
    event(socket, "connect"),
    event(socket, "connect_error").then(([error]) => Promise.reject(error)),
  ]);
  connected.catch(() => {});
  /** @type {Promise<any> | undefined} */
  let upgraded;
  if (way === "upgrade") {
    // The upgrade can finish before the namespace is joined, so it is heard from the start.
    upgraded = within(
      new Promise((resolve) => {
        const manager = socket.io;
        const listen = () => manager.engine.once("upgrade", resolve);
        manager.once("open", listen);
      }),
      5000,
      "upgrade to WebSocket",
    );
    upgraded.catch(() => {});
  }
  socket.connect();
  await connected;
  await upgraded;
  return socket;
}

/** @param {string} url @param {Way} way @param {object} [options] */
export const connected = (url, way, options) => connect(client(url, way, options), way);

/** An event with acknowledgement and a deadline. @param {Socket} socket @param {string} name @param {any[]} args */
export const ask = (socket, name, ...args) => socket.timeout(5000).emitWithAck(name, ...args);

/**
 * Another namespace over the connection of `socket`.
 * @param {Socket} socket @param {string} nsp
 */
export async function beside(socket, nsp) {
  const other = socket.io.socket(nsp, {});
  const connected = event(other, "connect");
  other.connect();
  await connected;
  return other;
}

/**
 * Cuts once the client's request, or WebSocket, has reached the server: a server that never saw the poll which was lost
 * would take the old session for a living one. Cuts again until the client noticed.
 * @param {Socket} socket @param {import("./proxy.mjs").Proxy} wire
 */
export async function cutOff(socket, wire) {
  await wire.settled();
  wire.cut();
  await until(() => !socket.connected || void wire.cut(), "disconnection after a cut");
}

/** Ends every client of the file; for `afterEach`. */
export function disconnectAll() {
  for (const socket of open) {
    socket.io.reconnection(false);
    socket.disconnect();
    socket.io.engine?.close();
  }
  open.clear();
}

/** Collects the arguments of every `name` event. @param {Socket} socket @param {string} name @returns {any[][]} */
export function collect(socket, name) {
  /** @type {any[][]} */
  const all = [];
  socket.on(name, (...args) => all.push(args));
  return all;
}
