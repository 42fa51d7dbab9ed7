// The real binary, started as a person would start it to try it out.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const binary = process.env.TIDINGS ?? fileURLToPath(new URL("../../target/release/tidings", import.meta.url));
const START_MS = 10_000;

/** What no test of a page is about. */
const GENEROUS = ["connection", "user", "ip"].flatMap((whose) => [`limits.rate.${whose}.per_second=100000`, `limits.rate.${whose}.burst=100000`]);

/**
 * Starts `tidings serve --dev`, and waits until it listens. Whoever has left is gone for the others at once.
 * @param {number} [port] 0: any free one.
 * @param {string} [home] Where it stores what it is told; otherwise in a folder of its own.
 * @param {string[]} [more] Settings besides, as `key=value`.
 */
export async function serve(port = 0, home = undefined, more = []) {
  const folder = home ?? (await mkdtemp(join(tmpdir(), "tidings-")));
  const settings = [...GENEROUS, "presence.grace=100ms", "store.sync=normal", ...more].flatMap((it) => ["--set", it]);
  const flags = ["--listen", `127.0.0.1:${port}`, ...settings];
  const child = spawn(binary, ["serve", "--dev", ...flags], { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  const exited = once(child, "exit");
  exited.catch(() => {});
  /** @type {string[]} */
  const output = [];
  const url = await new Promise((resolve, reject) => {
    const failed = (/** @type {string} */ why) => reject(new Error(`${binary} ${why}:\n${output.join("\n")}`));
    const timer = setTimeout(failed, START_MS, "does not listen");
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on("line", (line) => {
        output.push(line);
        const found = /listening on (http:\/\/[\d.]+:\d+)/.exec(line);
        if (!found) return;
        clearTimeout(timer);
        resolve(found[1]);
      });
    }
    child.on("error", (error) => failed(error.message));
    child.on("exit", (code) => failed(`ended with ${code}`));
  });
  return {
    url: /** @type {string} */ (url),
    port: Number(new URL(url).port),
    home: folder,
    /** The token of the administrator, which a server in development shows. */
    token: /(ey[\w-]+\.[\w-]+\.[\w-]+)/.exec(output.join("\n"))?.[1] ?? "",
    /** A key of the HTTP API, likewise. */
    key: /with this key, for this run: (\w+)/.exec(output.join("\n"))?.[1] ?? "",
    /** Ends it without a goodbye, as a crash would. */
    async kill() {
      child.kill("SIGKILL");
      await exited;
    },
    /** Removes what it has stored. */
    async forget() {
      await rm(folder, { recursive: true, force: true });
    },
  };
}
