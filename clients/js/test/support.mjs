// The real binary, each in a folder of its own, and clients of it that end with the test.

import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { proxy } from "../../../tests/lib/proxy.mjs";
import { until, within } from "../../../tests/lib/wait.mjs";
import { connect } from "../src/index.js";

export { pause, until, within } from "../../../tests/lib/wait.mjs";

const binary = process.env.TIDINGS ?? fileURLToPath(new URL("../../../target/release/tidings", import.meta.url));
const require = createRequire(new URL("../../../tests/package.json", import.meta.url));
/** Node 20 has none of its own. @type {typeof WebSocket} */
export const WebSocketOfNode = require("ws").WebSocket;

/** A secret for tokens of the tests. */
export const SECRET = randomBytes(32).toString("hex");

/** Quick to come back, so that a test is quick. */
export const QUICK = { firstMs: 20, longestMs: 200, stableMs: 500 };

/** What no test is about. */
const GENEROUS = [
  ...["connection", "user", "ip"].flatMap((whose) => [
    `limits.rate.${whose}.per_second=100000`,
    `limits.rate.${whose}.burst=100000`,
  ]),
  "limits.connections_per_user=1000",
  "limits.connections_per_ip=10000",
  "limits.unauthenticated_per_ip=10000",
  "presence.grace=100ms",
  "store.sync=normal",
];

/** @typedef {{dev?: boolean, port?: number, settings?: string[], home?: string, generous?: boolean}} ServerOptions */

/**
 * Starts the server, and ends it with the test.
 * @param {import("node:test").TestContext} t @param {ServerOptions} [options]
 */
export async function serve(t, { dev = true, port = 0, settings = [], home, generous = true } = {}) {
  const folder = home ?? (await mkdtemp(join(tmpdir(), "tidings-client-")));
  const set = [...(generous ? GENEROUS : []), ...settings].flatMap((it) => ["--set", it]);
  const listen = ["--listen", `127.0.0.1:${port}`];
  const args = ["serve", ...(dev ? ["--dev"] : []), ...listen, ...set];
  const child = spawn(binary, args, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  const exited = once(child, "exit");
  /** @type {string[]} */
  const output = [];
  const heard = new Promise((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on("line", (line) => {
        output.push(line);
        const found = /listening on (http:\/\/[\d.]+:\d+)/.exec(line);
        if (found) resolve(found[1]);
      });
    }
    child.on("exit", (code) => reject(new Error(`the server ended with ${code}:\n${output.join("\n")}`)));
    child.on("error", reject);
  });
  const end = async (/** @type {NodeJS.Signals} */ signal) => {
    child.kill(signal);
    await exited;
  };
  t.after(async () => {
    if (child.exitCode === null && child.signalCode === null) await end("SIGKILL");
    await rm(folder, { recursive: true, force: true });
  });
  const url = /** @type {string} */ (await within(heard, 20_000, "server"));
  return { url, port: Number(new URL(url).port), home: folder, end };
}

/** A server behind a proxy. @param {import("node:test").TestContext} t @param {ServerOptions} [options] */
export async function serveBehindProxy(t, options) {
  const server = await serve(t, options);
  const line = await proxy(server.port);
  t.after(() => line.close());
  return { server, line };
}

/**
 * A client of a guest, which is closed with the test.
 * @param {import("node:test").TestContext} t
 * @param {string} url
 * @param {string} id
 * @param {import("../src/index.js").Options} [options]
 */
export function guest(t, url, id, options = {}) {
  const who = options.getToken ? {} : { guest: { id, username: id } };
  const client = connect(url, { WebSocket: WebSocketOfNode, backoff: QUICK, ...who, ...options });
  t.after(() => client.close());
  return client;
}

/** Waits for a state. @param {import("../src/index.js").Client} client @param {string} state @param {number} [ms] */
export const reaches = (client, state, ms = 10_000) =>
  until(() => client.state === state, `the state ${state}, not ${client.state}`, ms);

/**
 * Joins a room, and keeps everything that a page would be shown of it, in order.
 * @param {import("../src/index.js").Client} client
 * @param {string} roomId
 */
export async function watch(client, roomId) {
  const room = client.room(roomId);
  /** @type {{seq: number, text: string}[]} */
  const shown = [];
  let resets = 0;
  room.on("room:reset", ({ messages, missed }) => {
    if (missed) resets += 1;
    for (const message of messages) shown.push({ seq: message.seq, text: message.content });
  });
  room.on("chat:message", (message) => shown.push({ seq: message.seq, text: message.content }));
  await room.join();
  return { room, shown, texts: () => shown.map(({ text }) => text), resets: () => resets };
}
