// Shows in which batches what was sent arrives. A number asks for so many events at once, anything else is a message.
//
//   node tests/examples/clients/compressed_batches.mjs [http://127.0.0.1:3000]

import { io } from "socket.io-client";
import { terminal } from "./terminal.mjs";

/** @param {string} url @param {(batch: {type: string, data: any}[]) => void} show */
export function connect(url, show) {
  const socket = io(url, { forceNew: true });
  socket.on("batch", show);
  return socket;
}

terminal(import.meta.url, (url = "http://127.0.0.1:3000") => {
  const socket = connect(url, (batch) => console.log(batch.length, batch[0]));
  return (line) => (/^\d+$/.test(line) ? socket.emit("burst", Number(line)) : socket.emit("message", line));
});
