// The real binary, each server in a folder of its own, on a free port.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { hs256 } from "./jwt.mjs";
import { within } from "./wait.mjs";

const binary = process.env.TIDINGS || fileURLToPath(new URL("../../target/release/tidings", import.meta.url));

/** The key that servers take tokens of, unless a test sets others. */
export const SECRET = randomBytes(32).toString("hex");

/**
 * A token of this key for a user; by default good for an hour and for every room.
 * @param {string} sub
 * @param {Record<string, any>} [claims] more claims; `undefined` leaves one out
 */
export const token = (sub, claims = {}) => hs256(SECRET, { sub, exp: inSeconds(3600), rooms: ["*"], ...claims });

/** The key of the HTTP API of servers that are given these settings. */
export const API_KEY = randomBytes(32).toString("hex");
export const API_KEYS = { "api.keys": `[{ name = "tests", key = "${API_KEY}" }]` };

/**
 * Asks the HTTP API for something, and gives what it answers.
 * @param {string} url @param {string} method @param {object} body @param {Record<string, string>} [headers] @returns {Promise<any>}
 */
export async function api(url, method, body, headers = {}) {
  const response = await fetch(`${url}/api/${method}`, {
    method: "POST",
    headers: { "X-API-Key": API_KEY, ...headers },
    body: JSON.stringify(body),
  });
  return response.json();
}

/** A moment for the claims `exp` and `nbf`. @param {number} seconds from now; may be negative */
export const inSeconds = (seconds) => Math.floor(Date.now() / 1000 + seconds);

/** The address that a server listens on, and the folder that it works in: what a restart keeps. */
/** @typedef {{url: string, port: number, folder: string}} Place */

/**
 * @typedef {Place & {
 *   pid: number,
 *   output: () => string,
 *   stop: () => Promise<void>,
 *   restart: (between?: () => void, port?: number) => Promise<Tidings>,
 * }} Tidings
 */

/** @param {any} value a value as it is written in TOML, which for these is as in JSON */
const written = (value) => (typeof value === "string" ? value : JSON.stringify(value));

/**
 * Starts `tidings serve`, and waits until it listens.
 * @param {{
 *   dev?: boolean, secret?: string | null, settings?: Record<string, any>, config?: string, log?: string, at?: Place,
 * }} [options] `settings` are given with `--set`, `config` is the text of the file; `at` has it take the place of one
 *   that has ended
 * @returns {Promise<Tidings>}
 */
export async function serve(options = {}) {
  const { dev = false, secret = SECRET, settings = {}, config, log = "warn", at } = options;
  const folder = at?.folder ?? mkdtempSync(path.join(tmpdir(), "tidings-"));
  const set = { "store.path": path.join(folder, "tidings.db"), ...(secret && { "auth.secret": secret }), ...settings };
  const args = ["serve", "--listen", `127.0.0.1:${at?.port ?? 0}`];
  if (dev) args.push("--dev");
  if (config !== undefined) {
    const file = path.join(folder, "settings.toml");
    writeFileSync(file, config);
    args.push("--config", file);
  }
  for (const [key, value] of Object.entries(set)) args.push("--set", `${key}=${written(value)}`);
  const child = spawn(binary, args, {
    cwd: folder,
    env: { PATH: process.env.PATH, RUST_BACKTRACE: "1", RUST_LOG: log },
    stdio: ["ignore", "pipe", "pipe"],
  });
  /** @type {string[]} */
  const lines = [];
  const output = () => lines.join("\n");
  const last = () => lines.slice(-40).join("\n");
  const ended = new Promise((resolve) => child.once("exit", (code, signal) => resolve({ code, signal })));
  // A test file that dies must not leave its servers behind.
  const reap = () => {
    child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  };
  process.once("exit", reap);

  const listening = new Promise((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on("line", (line) => {
        lines.push(line);
        const found = /listening on (http:\/\/[\d.]+:\d+)/.exec(line);
        if (found) resolve(found[1]);
      });
    }
    child.once("error", reject);
    ended.then(({ code }) => reject(new Error(`the server ended with ${code} before it listened:\n${last()}`)));
  });
  /** @type {string} */
  const url = await within(listening, 10_000, "line that says where it listens").catch((error) => {
    reap();
    throw error;
  });
  child.unref();
  for (const pipe of [child.stdout, child.stderr]) /** @type {any} */ (pipe).unref();

  const end = async () => {
    assert.equal(child.exitCode, null, `the server ended by itself:\n${last()}`);
    child.kill("SIGTERM");
    const { code, signal } = await within(ended, 20_000, "exit after SIGTERM").finally(() => child.kill("SIGKILL"));
    process.off("exit", reap);
    assert.deepEqual({ code, signal }, { code: 0, signal: null }, `exit after SIGTERM:\n${last()}`);
    assert.doesNotMatch(output(), /panicked at/);
  };
  const place = { url, port: Number(new URL(url).port), folder };
  return {
    ...place,
    pid: /** @type {number} */ (child.pid),
    output,
    /** Ends it with SIGTERM, which has to end cleanly, and forgets what it stored. */
    async stop() {
      try {
        await end();
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
    /** Ends it with SIGTERM, and starts it again with what it stored, on the same port unless another is named. */
    async restart(between = () => {}, port = place.port) {
      await end();
      between();
      return serve({ ...options, at: { ...place, port } });
    },
  };
}
