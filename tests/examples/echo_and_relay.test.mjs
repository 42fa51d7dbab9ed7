import assert from "node:assert/strict";
import { test } from "node:test";
import { event, Inbox } from "../lib/wait.mjs";
import { connect } from "./clients/echo_and_relay.mjs";
import { start } from "./server.mjs";

test("the sender is told that it arrived, and the others what it was", async (t) => {
  const { url } = await start(t, "echo_and_relay");
  const everybody = Array.from({ length: 3 }, () => {
    /** @type {Inbox<string>} */
    const inbox = new Inbox();
    const ws = connect(url, (message) => inbox.push(message));
    t.after(() => ws.terminate());
    return { ws, inbox };
  });
  await Promise.all(everybody.map(({ ws }) => event(ws, "open")));
  for (const sender of everybody) {
    sender.ws.send("你好, world");
    assert.equal(await sender.inbox.next(), "服务器已收到您的消息:“你好, world”");
    for (const { inbox } of everybody.filter((it) => it !== sender)) {
      assert.equal(await inbox.next(), "有新消息来自其他客户端:你好, world");
    }
  }
  for (const { inbox } of everybody) assert.deepEqual(inbox.items, []);
});
