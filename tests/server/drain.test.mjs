// Hundreds of stock clients, and a server that is told to end under them: all of them come back, and nothing is lost.

import assert from "node:assert/strict";
import { after, it } from "node:test";
import { io } from "socket.io-client";
import { serve, token } from "../lib/tidings.mjs";
import { until } from "../lib/wait.mjs";
import { GENEROUS } from "./cast.mjs";

const CLIENTS = Number(process.env.CLIENTS ?? 300);

/** @type {import("socket.io-client").Socket[]} */
const sockets = [];
after(() => {
  for (const socket of sockets) socket.disconnect();
});

it("lets stock clients go so that they come back by themselves, and keeps what it has acknowledged", async () => {
  const server = await serve({ settings: { ...GENEROUS, "limits.connections_per_ip": 2 * CLIENTS + 100, "shutdown.drain": "2s" } });
  const room = "everybody";
  /** @type {Set<string>} */
  const acknowledged = new Set();
  /** @type {string[]} */
  const refused = [];
  /** @type {Set<number>} */
  const told = new Set();
  /** @type {string[]} */
  const reasons = [];
  let back = 0;
  let stopped = false;

  const clients = Array.from({ length: CLIENTS }, (_, i) => {
    const socket = io(server.url, {
      auth: { token: token(`u${i}`) },
      transports: i % 4 === 0 ? ["polling"] : ["websocket"],
      forceNew: true,
      reconnectionDelay: 200,
      reconnectionDelayMax: 1000,
    });
    sockets.push(socket);
    let connections = 0;
    socket.on("server:draining", ({ reconnectAfterMs }) => told.add(reconnectAfterMs));
    socket.on("disconnect", (reason) => reasons.push(reason));
    const joined = new Promise((resolve) => {
      socket.on("connect", async () => {
        const answer = await socket.emitWithAck("room:join", room);
        assert.equal(answer.success, true, JSON.stringify(answer));
        connections += 1;
        if (connections === 2) back += 1;
        resolve(true);
      });
    });
    return { socket, joined, id: `u${i}` };
  });
  await Promise.all(clients.map((it) => it.joined));

  // Some of them go on sending, each message until it is acknowledged, under the same name.
  const sending = clients.slice(0, 20).map(async ({ socket, id }) => {
    for (let n = 0; !stopped; n += 1) {
      const content = `${id}-${n}`;
      const message = { roomId: room, content, clientMessageId: content };
      while (!acknowledged.has(content)) {
        const answer = await socket.timeout(1000).emitWithAck("chat:send", message).catch(() => undefined);
        if (answer?.success) acknowledged.add(content);
        else if (answer) refused.push(answer.code);
        if (stopped) return;
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  });
  await until(() => acknowledged.size > 100, "messages before the end");

  const again = await server.restart();
  try {
    await until(() => back === CLIENTS, `all ${CLIENTS} back`, 30_000);
    const before = acknowledged.size;
    await until(() => acknowledged.size > before + 100, "messages after the end", 20_000);
    stopped = true;
    await Promise.all(sending);

    assert.ok(told.size > CLIENTS / 4, `each is told a time of its own, not one of ${told.size}`);
    const expected = new Set(["transport close", "transport error"]);
    assert.deepEqual(reasons.filter((it) => !expected.has(it)), [], "whoever is sent away does not come back");
    assert.deepEqual(refused.filter((it) => it !== "unavailable"), []);

    /** @type {string[]} */
    const stored = [];
    for (let after = 0; ; ) {
      const page = await clients[0].socket.emitWithAck("chat:history", { roomId: room, after, limit: 500 });
      assert.equal(page.success, true, JSON.stringify(page));
      stored.push(...page.messages.map((it) => it.content));
      if (!page.hasMore) break;
      after = page.messages.at(-1).seq;
    }
    assert.equal(new Set(stored).size, stored.length, "nothing is stored twice");
    const lost = [...acknowledged].filter((it) => !stored.includes(it));
    assert.deepEqual(lost, [], "nothing that was acknowledged is lost");
  } finally {
    for (const socket of sockets) socket.disconnect();
    await again.stop();
  }
});
