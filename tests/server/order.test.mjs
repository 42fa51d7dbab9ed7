// Commands of one connection take effect in the order in which they were sent, whether or not the client waits for answers.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { serve } from "../lib/tidings.mjs";
import { enter, fresh, GENEROUS } from "./cast.mjs";
import { closeAll, isHttp, NAMES } from "./transports.mjs";

const MESSAGES = 2_000;

/** @type {import("../lib/tidings.mjs").Tidings} */
let server;
/** @type {import("./cast.mjs").Player} */
let admin;
before(async () => {
  server = await serve({ settings: GENEROUS });
  admin = await enter(server.url, NAMES[2], { claims: { admin: true } });
});
after(async () => {
  await closeAll();
  await server.stop();
});

describe("without waiting for answers", () => {
  // Requests of their own have no order.
  for (const transport of NAMES.filter((name) => !isHttp(name))) {
    it(`messages are stored as they were sent, over ${transport}`, async () => {
      const room = fresh("order");
      // Whether somebody is a member is asked of the store, which takes some messages longer than others.
      const player = await enter(server.url, transport, { claims: { rooms: [] } });
      await admin.done("room:add-member", { roomId: room, userId: player.user.id });
      const send = (/** @type {number} */ n) => player.done("chat:send", { roomId: room, content: `${n}` });
      const sent = await Promise.all(Array.from({ length: MESSAGES }, (_, n) => send(n)));
      assert.deepEqual(sent.map((it) => it.seq), sent.map((_, n) => n + 1));
      const { messages } = await player.done("chat:history", { roomId: room, limit: 5 });
      assert.deepEqual(messages.map((it) => it.content), [5, 4, 3, 2, 1].map((it) => `${MESSAGES - it}`));
      await player.close();
    });
  }

  it("what was sent after a room was left is sent by nobody in it", async () => {
    const room = fresh("order");
    const player = await enter(server.url, NAMES[2]);
    const [joined, left, typed, again] = await Promise.all([
      player.done("room:join", room),
      player.done("room:leave", room),
      player.ask("room:emit", { roomId: room, event: "move", data: 1 }),
      player.done("room:join", room),
    ]);
    assert.deepEqual([joined.roomId, left.roomId, again.roomId], [room, room, room]);
    assert.equal(typed.success, false);
    await player.close();
  });
});
