// Shows what anybody says, and says what is typed.
//
//   node tests/examples/clients/broadcast_hub.mjs [ws://127.0.0.1:8080]

import { WebSocket } from "ws";
import { terminal } from "./terminal.mjs";

/** @param {string} url @param {(message: string | Buffer) => void} show */
export function connect(url, show) {
  const ws = new WebSocket(url);
  ws.on("message", (/** @type {Buffer} */ data, isBinary) => show(isBinary ? data : data.toString()));
  return ws;
}

terminal(import.meta.url, (url = "ws://127.0.0.1:8080") => {
  const ws = connect(url, console.log);
  return (line) => ws.send(line);
});
