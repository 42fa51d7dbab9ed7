// A TCP proxy that can lose the network: cut or reset every connection, be slow, go silent without closing; or not let some
// requests through.

import net from "node:net";
import { until } from "./wait.mjs";

/**
 * @typedef {object} Proxy
 * @property {number} port
 * @property {string} url
 * @property {{up: number, down: number}} bytes
 * @property {() => number} connections
 * @property {() => Promise<void>} settled there is a connection, and nothing has been sent up for a moment
 * @property {() => void} cut destroys every connection now
 * @property {() => void} reset ends every connection with RST
 * @property {(ms: number) => void} delay bytes arrive so much later, in both directions
 * @property {(pattern: RegExp | null) => void} deny connections on which a request head like this is sent up get a 403 instead
 * @property {() => void} freeze passes no byte in either direction, and keeps every connection open
 * @property {() => void} thaw
 * @property {(refuse: boolean) => void} refuse new connections are destroyed at once
 * @property {() => Promise<void>} close
 */

/** @param {number} target port on loopback @returns {Promise<Proxy>} */
export async function proxy(target) {
  /** @type {Set<net.Socket>} */
  const sockets = new Set();
  const bytes = { up: 0, down: 0 };
  let lastUp = 0;
  let frozen = false;
  let refusing = false;
  let late = 0;
  /** @type {RegExp | null} */
  let denied = null;

  const server = net.createServer((client) => {
    if (refusing) return void client.destroy();
    const upstream = net.connect(target, "127.0.0.1");
    for (const [from, to, way] of /** @type {const} */ ([
      [client, upstream, "up"],
      [upstream, client, "down"],
    ])) {
      sockets.add(from);
      from.setNoDelay(true);
      from.on("error", () => {});
      from.on("close", () => {
        sockets.delete(from);
        if (!frozen) to.destroy();
      });
      from.on("end", () => frozen || to.end());
      from.on("data", (chunk) => {
        bytes[way] += chunk.length;
        if (way === "up") lastUp = Date.now();
        if (way === "up" && denied?.test(chunk.toString("latin1"))) {
          client.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
          upstream.destroy();
          return;
        }
        const pass = () => {
          if (!to.destroyed && !to.write(chunk)) {
            from.pause();
            to.once("drain", () => frozen || from.resume());
          }
        };
        // Timers of one length keep the order of the bytes.
        if (late > 0) setTimeout(pass, late);
        else pass();
      });
      if (frozen) from.pause();
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const { port } = /** @type {net.AddressInfo} */ (server.address());
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    bytes,
    connections: () => sockets.size / 2,
    settled: () => until(() => sockets.size > 0 && Date.now() - lastUp > 40, "calm on the wire"),
    cut,
    reset() {
      for (const socket of sockets) socket.resetAndDestroy();
    },
    delay(ms) {
      late = ms;
    },
    deny(pattern) {
      denied = pattern;
    },
    freeze() {
      frozen = true;
      for (const socket of sockets) socket.pause();
    },
    thaw() {
      frozen = false;
      for (const socket of sockets) socket.resume();
    },
    refuse(refuse) {
      refusing = refuse;
    },
    close() {
      frozen = false;
      cut();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
