import assert from "node:assert/strict";
import { test } from "node:test";
import { event, Inbox, until } from "../lib/wait.mjs";
import { connect } from "./clients/heartbeat.mjs";
import { start } from "./server.mjs";

/** @param {import("node:test").TestContext} t @param {string} url @param {import("ws").ClientOptions} [options] */
function client(t, url, options) {
  /** @type {Inbox<any>} */
  const inbox = new Inbox();
  const ws = connect(url, (message) => inbox.push(message), options);
  t.after(() => ws.terminate());
  return { ws, inbox };
}

test("a client is welcomed by an id of its own", async (t) => {
  const { url } = await start(t, "heartbeat");
  const welcomes = await Promise.all([client(t, url).inbox.next(), client(t, url).inbox.next()]);
  const ids = welcomes.map(({ clientId }) => clientId);
  assert.deepEqual(welcomes, ids.map((clientId) => ({ type: "welcome", clientId })));
  assert.ok(ids.every((it) => typeof it === "string" && it) && ids[0] !== ids[1], `${ids}`);
});

test("invalid JSON is reported, and survived", async (t) => {
  const { url } = await start(t, "heartbeat");
  const { ws, inbox } = client(t, url);
  await inbox.next();
  for (const invalid of ["{oops", "", "undefined"]) {
    ws.send(invalid);
    const { type, message } = await inbox.next();
    assert.equal(type, "error");
    assert.match(message, /^invalid JSON: /);
  }
  ws.send('{"a": [1, "two"]}');
  assert.deepEqual(await inbox.next(), { type: "echo", data: { a: [1, "two"] } });
});

test("who answers pings stays, and who is silent is terminated", async (t) => {
  const { url, said } = await start(t, "heartbeat", { PING_INTERVAL_MS: 200 });
  const lively = client(t, url);
  const silent = client(t, url, { autoPong: false });
  let pings = 0;
  lively.ws.on("ping", () => (pings += 1));
  const [code] = await event(silent.ws, "close", 10_000);
  assert.equal(code, 3012);
  await said(/ left: ping timeout$/);
  const before = pings;
  await until(() => pings >= before + 3, "more pings");
  assert.equal(lively.ws.readyState, lively.ws.OPEN);
});
