// The bench profile on Node socket.io, with the library's default settings.
// Prints `READY <port>` once it listens and ends on SIGTERM, as every server of the benches does.

import { createServer } from "node:http";
import { Server } from "socket.io";

const http = createServer();
const io = new Server(http);

io.on("connection", (socket) => {
  socket.on("room:join", (roomId, ack) => {
    socket.join(roomId);
    ack?.({ success: true });
  });
  socket.on("room:leave", (roomId, ack) => {
    socket.leave(roomId);
    ack?.({ success: true });
  });
  socket.on("chat:send", ({ roomId, content }, ack) => {
    io.to(roomId).emit("chat:message", { roomId, content, senderId: socket.id });
    ack?.({ success: true });
  });
  socket.on("echo", (value, ack) => ack?.(value));
});

http.listen(Number(process.env.PORT ?? 0), process.env.HOST ?? "127.0.0.1", () => {
  console.log(`READY ${http.address().port}`);
});
process.on("SIGTERM", () => process.exit(0));
