// The `/ws` half of the bench profile on Node ws: every text message goes to every client, sender
// included. No Socket.IO, no rooms: what a fan-out costs Node without a protocol on top.

import { WebSocketServer, WebSocket } from "ws";

const port = Number(process.env.PORT ?? 0);
const server = new WebSocketServer({ port, host: process.env.HOST ?? "127.0.0.1" });

server.on("connection", (socket) => {
  socket.on("error", () => {});
  socket.on("message", (data, isBinary) => {
    for (const client of server.clients) {
      if (client.readyState === WebSocket.OPEN) client.send(data, { binary: isBinary });
    }
  });
});

server.on("listening", () => console.log(`READY ${server.address().port}`));
process.on("SIGTERM", () => process.exit(0));
