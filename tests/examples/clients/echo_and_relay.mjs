// Says what is typed, and shows what the server makes of it and of what others say.
//
//   node tests/examples/clients/echo_and_relay.mjs [ws://127.0.0.1:8080]

import { WebSocket } from "ws";
import { terminal } from "./terminal.mjs";

/** @param {string} url @param {(message: string) => void} show */
export function connect(url, show) {
  const ws = new WebSocket(url);
  ws.on("message", (data) => show(data.toString()));
  return ws;
}

terminal(import.meta.url, (url = "ws://127.0.0.1:8080") => {
  const ws = connect(url, console.log);
  return (line) => ws.send(line);
});
