// nginx with the configuration that deploy/ ships, on a free port, before servers of ours.

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, connect } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { until, within } from "./wait.mjs";

const shipped = fileURLToPath(new URL("../../deploy/nginx/tidings.conf", import.meta.url));

/** A port that was free a moment ago. @returns {Promise<number>} */
export const freePort = () =>
  new Promise((resolve, reject) => {
    const probe = createServer().once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = /** @type {import("node:net").AddressInfo} */ (probe.address());
      probe.close(() => resolve(port));
    });
  });

/**
 * The shipped file with other addresses in it, in a whole configuration. Everything else stays as it is, or this throws.
 * @param {string} folder @param {{port: number, upstreams: number[], connections?: number, tls?: {cert: string, key: string}}} options
 */
export function configure(folder, { port, upstreams, connections = 512, tls }) {
  let text = readFileSync(shipped, "utf8");
  /** @param {RegExp} what @param {string} by */
  const replace = (what, by) => {
    if (!what.test(text)) throw new Error(`deploy/nginx/tidings.conf has no ${what}`);
    text = text.replace(what, by);
  };
  replace(/^ *server 127\.0\.0\.1:3000( .*)?;$/m, upstreams.map((it) => `    server 127.0.0.1:${it}$1;`).join("\n"));
  replace(/^ *listen \[::\]:443 ssl http2;\n/m, "");
  replace(/listen 443 ssl http2;/, `listen 127.0.0.1:${port}${tls ? " ssl http2" : ""};`);
  if (tls) {
    replace(/(ssl_certificate +)[^;]+;/, `$1${tls.cert};`);
    replace(/(ssl_certificate_key +)[^;]+;/, `$1${tls.key};`);
  } else {
    replace(/^ *ssl_(certificate|certificate_key|protocols) .*\n/gm, "");
  }
  const file = path.join(folder, "nginx.conf");
  const own = (/** @type {string} */ name) => path.join(folder, name);
  writeFileSync(
    file,
    `worker_processes 1;
${process.getuid?.() === 0 ? "# Its folder is ours.\nuser root;" : ""}
pid ${own("pid")};
error_log stderr warn;
daemon off;
events { worker_connections ${connections}; }
http {
    access_log off;
    client_body_temp_path ${own("body")};
    proxy_temp_path ${own("proxy")};
    fastcgi_temp_path ${own("fastcgi")};
    uwsgi_temp_path ${own("uwsgi")};
    scgi_temp_path ${own("scgi")};
${text}
}
`,
  );
  return file;
}

/** Whether somebody accepts connections there. @param {number} port @returns {Promise<boolean>} */
const answers = (port) =>
  new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });

/** Starts it before those ports. @param {number[]} upstreams @param {number} [connections] how many it may have, both sides counted */
export async function nginx(upstreams, connections) {
  const folder = mkdtempSync(path.join(tmpdir(), "nginx-"));
  const port = await freePort();
  const file = configure(folder, { port, upstreams, connections });
  const child = spawn("nginx", ["-c", file, "-p", folder], { stdio: ["ignore", "ignore", "pipe"] });
  /** @type {string[]} */
  const errors = [];
  child.stderr.setEncoding("utf8").on("data", (text) => errors.push(text));
  const ended = new Promise((resolve) => child.once("exit", resolve).once("error", resolve));
  const reap = () => {
    child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  };
  process.once("exit", reap);
  await until(async () => {
    if (child.exitCode !== null) throw new Error(`nginx ended: ${errors.join("")}`);
    return answers(port);
  }, "nginx");
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    errors: () => errors.join(""),
    async stop() {
      child.kill("SIGTERM");
      await within(ended, 5_000, "end of nginx");
      process.off("exit", reap);
      reap();
    },
  };
}
