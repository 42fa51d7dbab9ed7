/**
 * The reference that proves the runner: an echo server on the `ws` package, which is known to pass the whole suite.
 * Prints `READY <port>` like the server under test. Compression is on, with every window size, and never skipped.
 */
import { WebSocketServer } from "ws";

const server = new WebSocketServer({
  host: "127.0.0.1",
  port: Number(process.env.PORT ?? 0),
  maxPayload: 64 * 1024 * 1024,
  // Cases 9.3 and 9.4 cut 4 MiB into frames of 64 bytes.
  maxFragments: 0,
  perMessageDeflate: { threshold: 0 },
});
server.on("connection", (socket) => {
  socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
  // A peer that breaks the protocol is what the suite is about; `ws` closes with the right code by itself.
  socket.on("error", () => {});
});
server.on("listening", () => console.log(`READY ${/** @type {import("node:net").AddressInfo} */ (server.address()).port}`));
process.on("SIGTERM", () => process.exit(0));
