// An example as its own process, in a folder of its own, on a free port.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { until, within } from "../lib/wait.mjs";

const binaries = process.env.EXAMPLES || fileURLToPath(new URL("../../target/debug/examples", import.meta.url));

/**
 * Starts an example, and ends it with the test.
 * @param {import("node:test").TestContext} t
 * @param {string} name
 * @param {Record<string, string | number>} [settings] more of its environment
 */
export async function start(t, name, settings = {}) {
  const folder = mkdtempSync(join(tmpdir(), `tidings-${name}-`));
  const own = Object.fromEntries(Object.entries(settings).map(([key, value]) => [key, String(value)]));
  const env = { PATH: process.env.PATH, RUST_BACKTRACE: "1", PORT: "0", ...own };
  const child = spawn(join(binaries, name), { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  // A test file that dies must not leave its servers behind.
  const reap = () => void child.kill("SIGKILL");
  process.once("exit", reap);
  /** @type {string[]} */
  const lines = [];
  const listening = new Promise((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on("line", (line) => {
        lines.push(line);
        const found = /^listening on (\w+:\/\/[\d.]+:\d+)$/.exec(line);
        if (found) resolve(found[1]);
      });
    }
    child.once("error", reject);
    ended.then(() => reject(new Error(`${name} ended before it listened:\n${lines.join("\n")}`)));
  });
  const stop = async () => {
    reap();
    await ended;
    process.off("exit", reap);
  };
  t.after(async () => {
    const endedByItself = child.exitCode !== null;
    await stop();
    rmSync(folder, { recursive: true, force: true });
    assert.ok(!endedByItself, `${name} ended by itself:\n${lines.join("\n")}`);
    assert.doesNotMatch(lines.join("\n"), /panicked at/);
  });
  const url = /** @type {string} */ (await within(listening, 10_000, "line that says where it listens"));
  return {
    url,
    stop,
    /** Waits for a line of its output. @param {RegExp} line @param {number} [ms] @returns {Promise<string>} */
    said: (line, ms) => until(() => lines.find((it) => line.test(it)), `a line like ${line}`, ms),
  };
}
