// Starts a server under test as its own process, on a free port, and ends it.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { within } from "./wait.mjs";

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));

/** @typedef {"ours" | "reference"} Kind */

/** Which server the suites talk to: the Rust binary, or Node with `SERVER=reference`. @type {Kind} */
export const KIND = process.env.SERVER === "reference" ? "reference" : "ours";
export const OURS = KIND === "ours";

/** Options of a test that the reference is known to fail. @param {string} reason */
export const oursOnly = (reason) => ({ skip: OURS ? false : `ours only: ${reason}` });

/**
 * @typedef {object} Running
 * @property {Kind} kind
 * @property {number} port
 * @property {number} pid
 * @property {string} url
 * @property {() => number} rss resident bytes of the process
 * @property {() => Promise<void>} stop SIGTERM, and asserts a clean end
 */

/**
 * @param {Record<string, string | number>} [settings] environment of the server
 * @param {Kind} [kind]
 * @returns {Promise<Running>}
 */
export async function start(settings = {}, kind = KIND) {
  const binary = process.env.CONFORMANCE || path("../../target/release/conformance");
  const [command, args] =
    kind === "ours" ? [binary, []] : [process.execPath, [path("../reference/server.mjs")]];
  const own = Object.fromEntries(Object.entries(settings).map(([key, value]) => [key, String(value)]));
  const child = spawn(command, args, {
    env: { PATH: process.env.PATH, RUST_BACKTRACE: "1", PORT: "0", ...own },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let complaints = "";
  child.stderr.on("data", (chunk) => (complaints = (complaints + chunk).slice(-4000)));
  const ended = new Promise((resolve) => child.once("exit", (code, signal) => resolve({ code, signal })));
  // A test file that dies must not leave its servers behind.
  const reap = () => child.kill("SIGKILL");
  process.once("exit", reap);

  const ready = new Promise((resolve, reject) => {
    let output = "";
    child.stdout.on("data", (chunk) => {
      output += chunk;
      const port = /^READY (\d+)$/m.exec(output)?.[1];
      if (port) resolve(Number(port));
    });
    child.once("error", reject);
    ended.then(() => reject(new Error(`the server ended before READY\n${complaints}`)));
  });
  const port = /** @type {number} */ (await within(ready, 10_000, "READY line"));
  const pid = /** @type {number} */ (child.pid);
  // A test file that failed to stop its server still ends, and `reap` takes the server with it.
  child.unref();
  for (const pipe of [child.stdout, child.stderr]) /** @type {any} */ (pipe).unref();
  return {
    kind,
    port,
    pid,
    url: `http://127.0.0.1:${port}`,
    rss: () => Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1024,
    async stop() {
      assert.equal(child.exitCode, null, `the server ended by itself\n${complaints}`);
      child.kill("SIGTERM");
      try {
        const end = /** @type {any} */ (await within(ended, 15_000, "exit after SIGTERM"));
        assert.equal(end.code, 0, `exit after SIGTERM: ${JSON.stringify(end)}\n${complaints}`);
        assert.doesNotMatch(complaints, /panicked at/);
      } finally {
        process.off("exit", reap);
        reap();
      }
    },
  };
}
