// Joins a room as a user, shows what is said there, and says what is typed.
//
//   node tests/examples/clients/json_rooms.mjs ann [lobby] [http://127.0.0.1:3000]

import { WebSocket } from "ws";
import { terminal } from "./terminal.mjs";

/** @param {string} url @param {(message: any) => void} show */
export function connect(url, show) {
  const ws = new WebSocket(`${url.replace("http", "ws")}/ws`);
  ws.on("message", (text) => show(JSON.parse(text.toString())));
  const send = (/** @type {object} */ message) => ws.send(JSON.stringify(message));
  return {
    ws,
    /** @param {string} userId */
    auth: (userId) => send({ type: "auth", userId }),
    /** @param {string} roomId */
    joinRoom: (roomId) => send({ type: "join_room", roomId }),
    /** @param {string} roomId */
    leaveRoom: (roomId) => send({ type: "leave_room", roomId }),
    /** @param {string} roomId @param {string} text */
    say: (roomId, text) => send({ type: "message", roomId, text }),
  };
}

/** For programs that have no WebSocket. @param {string} url @param {string} roomId @param {string} text @returns {Promise<any>} */
export async function post(url, roomId, text) {
  const headers = { "content-type": "application/json" };
  const response = await fetch(`${url}/api/message`, { method: "POST", headers, body: JSON.stringify({ roomId, text }) });
  return response.json();
}

terminal(import.meta.url, (userId, roomId = "lobby", url = "http://127.0.0.1:3000") => {
  const room = connect(url, console.log);
  room.ws.on("open", () => {
    room.auth(userId);
    room.joinRoom(roomId);
  });
  return (line) => room.say(roomId, line);
});
