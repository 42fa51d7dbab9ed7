// Goes online under a name, and shows what comes. `bob: hello` is a private message, `#team` joins a room, `#team hello` says
// something there, and anything else is a change of the document.
//
//   node tests/examples/clients/socketio_chat.mjs ann [http://127.0.0.1:3000]

import { io } from "socket.io-client";
import { terminal } from "./terminal.mjs";

export const EVENTS = ["online_users", "new_message", "user_typing", "document_update"];

/** @param {string} url @param {string} userId @param {(event: string, ...data: any[]) => void} show */
export function connect(url, userId, show) {
  const socket = io(url, { forceNew: true });
  for (const event of EVENTS) socket.on(event, (...data) => show(event, ...data));
  socket.on("connect", () => socket.emit("user_online", userId));
  return {
    socket,
    /** @param {string} to @param {string} content */
    privateMessage: (to, content) => socket.emit("private_message", { to, content }),
    /** @param {string} roomId */
    joinRoom: (roomId) => socket.emit("join_room", roomId),
    /** @param {string} roomId @param {string} content */
    roomMessage: (roomId, content) => socket.emit("room_message", { roomId, content }),
    /** @param {string} to */
    typing: (to) => socket.emit("typing", { to }),
    /** @param {any} update */
    updateDocument: (update) => socket.emit("document_update", update),
  };
}

terminal(import.meta.url, (userId, url = "http://127.0.0.1:3000") => {
  const chat = connect(url, userId, console.log);
  return (line) => {
    const [, roomId, said] = /^#(\S+) ?(.*)$/.exec(line) ?? [];
    const [, to, content] = /^(\S+): (.*)$/.exec(line) ?? [];
    if (roomId && said) chat.roomMessage(roomId, said);
    else if (roomId) chat.joinRoom(roomId);
    else if (to) chat.privateMessage(to, content ?? "");
    else chat.updateDocument(line);
  };
});
