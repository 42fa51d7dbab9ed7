import assert from "node:assert/strict";
import { test } from "node:test";
import { event, Inbox } from "../lib/wait.mjs";
import { connect } from "./clients/broadcast_hub.mjs";
import { start } from "./server.mjs";

/** The sockets between two processes hold far less than 200 of these. */
const LARGE = 128 * 1024;

/** @param {import("node:test").TestContext} t @param {string} url */
async function client(t, url) {
  /** @type {Inbox<any>} */
  const inbox = new Inbox();
  const ws = connect(url, (message) => inbox.push(message));
  t.after(() => ws.terminate());
  await event(ws, "open");
  return { ws, inbox };
}

/** @param {number} n */
function large(n) {
  const message = Buffer.alloc(LARGE);
  message.writeUInt32BE(n);
  return message;
}

test("every message goes to everybody, its sender included, text as text and binary as binary", async (t) => {
  const { url } = await start(t, "broadcast_hub");
  const everybody = await Promise.all([url, `${url}/any/path`, url].map((it) => client(t, it)));
  for (const [n, { ws }] of everybody.entries()) {
    ws.send(`你好 ${n}`);
    for (const { inbox } of everybody) assert.equal(await inbox.next(), `你好 ${n}`);
    ws.send(Buffer.from([0, n, 255]));
    for (const { inbox } of everybody) assert.deepEqual(await inbox.next(), Buffer.from([0, n, 255]));
  }
});

test("a burst is no slowness: its sender and the others get all of it", async (t) => {
  const { url } = await start(t, "broadcast_hub");
  const [one, other] = [await client(t, url), await client(t, url)];
  for (let n = 0; n < 5_000; n++) one.ws.send(`${n}`);
  for (const { inbox } of [one, other]) {
    for (let n = 0; n < 5_000; n++) assert.equal(await inbox.next(), `${n}`);
  }
});

test("200 messages wait for a slow client, and it gets them all", async (t) => {
  const { url } = await start(t, "broadcast_hub");
  const [quick, slow] = [await client(t, url), await client(t, url)];
  slow.ws.pause();
  for (let n = 0; n < 200; n++) {
    quick.ws.send(large(n));
    assert.equal((await quick.inbox.next()).readUInt32BE(), n);
  }
  slow.ws.resume();
  for (let n = 0; n < 200; n++) assert.equal((await slow.inbox.next()).readUInt32BE(), n);
});

test("a slow client for which 256 messages wait is dropped, and nobody else notices", async (t) => {
  const { url, said } = await start(t, "broadcast_hub");
  const [quick, slow] = [await client(t, url), await client(t, url)];
  slow.ws.pause();
  let dropped = false;
  const notice = said(/ left: slow consumer$/, 60_000).then(() => (dropped = true));
  let sent = 0;
  for (; !dropped; sent++) {
    assert.ok(sent < 2_000, "somebody who reads nothing is dropped");
    quick.ws.send(large(sent));
    assert.equal((await quick.inbox.next()).readUInt32BE(), sent);
  }
  await notice;
  const closed = event(slow.ws, "close", 20_000);
  slow.ws.resume();
  const [code] = await closed;
  assert.equal(code, 3008);
  const got = slow.inbox.items.map((/** @type {Buffer} */ message) => message.readUInt32BE());
  assert.deepEqual(got, got.map((_, n) => n), "what it was sent before has no gap");
  assert.ok(got.length > 256 && got.length < 256 + 200, `${got.length} of ${sent}`);
});
