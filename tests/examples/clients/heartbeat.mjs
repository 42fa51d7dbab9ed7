// Says what is typed, as JSON or not, and lets its library answer the pings of the server.
//
//   node tests/examples/clients/heartbeat.mjs [ws://127.0.0.1:8080]

import { WebSocket } from "ws";
import { terminal } from "./terminal.mjs";

/** @param {string} url @param {(message: any) => void} show @param {import("ws").ClientOptions} [options] */
export function connect(url, show, options) {
  const ws = new WebSocket(url, options);
  ws.on("message", (data) => show(JSON.parse(data.toString())));
  return ws;
}

terminal(import.meta.url, (url = "ws://127.0.0.1:8080") => {
  const ws = connect(url, console.log);
  ws.on("ping", () => console.log("ping"));
  return (line) => ws.send(line);
});
