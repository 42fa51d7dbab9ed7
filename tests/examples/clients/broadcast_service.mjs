// Connects as a user, answers what asks for an answer, and has the service send what is typed to all.
//
//   node tests/examples/clients/broadcast_service.mjs ann [http://127.0.0.1:3000]

import { io } from "socket.io-client";
import { terminal } from "./terminal.mjs";

/**
 * @param {string} url @param {string} userId
 * @param {(event: string, data: any, answer?: (value: any) => void) => void} show
 */
export function connect(url, userId, show) {
  const socket = io(url, { auth: { userId }, forceNew: true });
  socket.onAny(show);
  return socket;
}

/** What the rest of a backend does. @param {string} url @param {any} to @param {string} event @param {any} data @returns {Promise<any>} */
export async function send(url, to, event, data) {
  const headers = { "content-type": "application/json" };
  const response = await fetch(`${url}/send`, { method: "POST", headers, body: JSON.stringify({ to, event, data }) });
  return response.json();
}

terminal(import.meta.url, (userId, url = "http://127.0.0.1:3000") => {
  connect(url, userId, (event, data, answer) => {
    console.log(event, data);
    answer?.("seen");
  });
  return (line) => void send(url, "all", "news", line).then(console.log);
});
