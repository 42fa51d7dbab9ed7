import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { WebSocket } from "ws";
import { event, Inbox } from "../lib/wait.mjs";
import { connect } from "./clients/compressed_batches.mjs";
import { start } from "./server.mjs";

/** @param {import("node:test").TestContext} t @param {string} url */
async function client(t, url) {
  /** @type {Inbox<{type: string, data: any}[]>} */
  const batches = new Inbox();
  const socket = connect(url, (batch) => batches.push(batch));
  t.after(() => socket.disconnect());
  await event(socket, "connect");
  return { socket, batches };
}

test("events come 100 at a time, and what is left when its time is over, in their order", async (t) => {
  // Long enough that no event of the burst can be late for its batch.
  const { url } = await start(t, "compressed_batches", { BATCH_INTERVAL_MS: 2_000 });
  const [one, other] = [await client(t, url), await client(t, url)];
  one.socket.emit("burst", 250);
  for (const { batches } of [one, other]) {
    const got = [await batches.next(), await batches.next(), await batches.next(10_000)];
    assert.deepEqual(got.map((batch) => batch.length), [100, 100, 50]);
    assert.deepEqual(got.flat(), Array.from({ length: 250 }, (_, n) => ({ type: "tick", data: { n } })));
  }
});

test("a single message comes as a batch of one, after 50 ms", async (t) => {
  const { url } = await start(t, "compressed_batches");
  const [one, other] = [await client(t, url), await client(t, url)];
  one.socket.emit("message", { text: "你好" });
  for (const { batches } of [one, other]) {
    assert.deepEqual(await batches.next(), [{ type: "message", data: { text: "你好" } }]);
  }
});

test("messages of 1,024 bytes are compressed, and shorter ones are not", async (t) => {
  const { url } = await start(t, "compressed_batches");
  const { socket } = await client(t, url);
  const ws = new WebSocket(`${url.replace("http", "ws")}/ws`);
  t.after(() => ws.terminate());
  await event(ws, "open");
  assert.match(ws.extensions, /permessage-deflate/);
  const wire = /** @type {any} */ (ws)._socket;
  /** Bytes on the wire for a message of so many. @param {string} text */
  const cost = async (text) => {
    const before = wire.bytesRead;
    const arrived = event(ws, "message");
    socket.emit("message", text);
    const [message] = await arrived;
    assert.deepEqual(JSON.parse(message.toString()), { type: "batch", data: [{ type: "message", data: text }] });
    return { bytes: message.length, wire: wire.bytesRead - before };
  };
  const short = await cost("x".repeat(900));
  assert.ok(short.bytes < 1_024 && short.wire > short.bytes, JSON.stringify(short));
  const long = await cost("x".repeat(1_024));
  assert.ok(long.bytes >= 1_024 && long.wire < 200, JSON.stringify(long));
  // What cannot be made smaller is at least not made wrong.
  const noise = randomBytes(20_000).toString("base64");
  assert.ok((await cost(noise)).wire > 10_000);
});
