// The real binary, started as a person would start it to try it out.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const binary = process.env.TIDINGS ?? fileURLToPath(new URL("../../target/release/tidings", import.meta.url));
const START_MS = 10_000;

/**
 * Starts `tidings serve --dev`, and waits until it listens.
 * @param {number} [port] 0: any free one.
 */
export async function serve(port = 0) {
  const child = spawn(binary, ["serve", "--dev", "--listen", `127.0.0.1:${port}`], {
    stdio: ["ignore", "pipe", "pipe"],
  });
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
    /** Ends it without a goodbye, as a crash would. */
    async kill() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}
