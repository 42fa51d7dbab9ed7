// Says who it is, joins a room, shows what happens there, and says what is typed.
//
//   node tests/examples/clients/socketio_rooms.mjs ann [lobby] [http://127.0.0.1:3000]

import { io } from "socket.io-client";
import { terminal } from "./terminal.mjs";

/** @param {string} url @param {(event: string, data: any) => void} show */
export function connect(url, show) {
  const socket = io(url, { forceNew: true });
  socket.onAny(show);
  return {
    socket,
    /** @param {string} id @param {string} username @returns {Promise<any>} */
    auth: (id, username) => socket.timeout(5_000).emitWithAck("auth", { id, username }),
    /** @param {string} roomId */
    join: (roomId) => socket.emit("room:join", roomId),
    /** @param {string} roomId */
    leave: (roomId) => socket.emit("room:leave", roomId),
    /** @param {string} roomId @param {string} text */
    say: (roomId, text) => socket.emit("chat:message", { roomId, text }),
    /** @param {string} roomId */
    startTyping: (roomId) => socket.emit("typing:start", roomId),
    /** @param {string} roomId */
    stopTyping: (roomId) => socket.emit("typing:stop", roomId),
  };
}

terminal(import.meta.url, (id, roomId = "lobby", url = "http://127.0.0.1:3000") => {
  const room = connect(url, console.log);
  void room.auth(id, id).then(() => room.join(roomId));
  return (line) => room.say(roomId, line);
});
