// The parts that need no server: pauses, queues, the parser of event streams, listeners.

import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { Backoff } from "../src/backoff.js";
import { Emitter } from "../src/emitter.js";
import { isFinalClose, TidingsError } from "../src/errors.js";
import { Heartbeat } from "../src/heartbeat.js";
import { Outbox } from "../src/outbox.js";
import { EventStreamParser } from "../src/transports/event-stream-parser.js";
import { Typing } from "../src/typing.js";
import { Waiting } from "../src/waiting.js";
import { random } from "./random.mjs";

/** Lets mocked time pass as time does, not in one leap. @param {number} ms */
function pass(ms) {
  for (let left = ms; left > 0; left -= 10) mock.timers.tick(10);
}

test("a thousand clients come back spread over the whole pause", (t) => {
  const bounds = [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000];
  const clients = Array.from({ length: 1_000 }, (_, seed) => new Backoff({}, random(seed)));
  for (const bound of bounds) {
    const tenths = new Array(10).fill(0);
    for (const client of clients) {
      assert.equal(client.bound, bound);
      const wait = client.next();
      assert.ok(wait >= 0 && wait < bound);
      tenths[Math.floor((wait / bound) * 10)] += 1;
    }
    t.diagnostic(`up to ${bound} ms, in tenths: ${tenths.join(" ")}`);
    // 100 expected, with a deviation of 9.5.
    for (const count of tenths) assert.ok(count > 60 && count < 140, `${count} of 1000 in one tenth`);
  }
  clients[0]?.reset();
  assert.equal(clients[0]?.bound, 1_000);
});

test("a pause that the server asked for is kept, and spread", () => {
  const waits = Array.from({ length: 100 }, () => new Backoff().after(5_000));
  assert.ok(waits.every((wait) => wait >= 5_000 && wait < 6_000));
  assert.ok(new Set(waits).size > 90);
});

test("close codes say whether to come back", () => {
  for (const code of [1001, 1005, 1006, 1011, 1012, 3001, 3005, 3008, 3499, 4000]) assert.ok(!isFinalClose(code), `${code}`);
  for (const code of [1000, 1002, 1008, 1009, 3500, 3504, 3999, 4500]) assert.ok(isFinalClose(code), `${code}`);
});

test("an event stream is read in pieces of any size, with any line end", () => {
  const text = ": hi\n\nevent: a\ndata: 1\n\nretry: 5\r\nid: x\r\ndata: {\r\ndata: }\r\n\r\ndata:没\rdata: \r\revent: none\n\ndata\n\n";
  const bytes = new TextEncoder().encode(text);
  const expected = [["a", "1"], ["message", "{\n}"], ["message", "没\n"], ["message", ""]];
  for (let size = 1; size <= bytes.length; size++) {
    /** @type {string[][]} */
    const heard = [];
    const parser = new EventStreamParser((name, data) => heard.push([name, data]));
    for (let at = 0; at < bytes.length; at += size) parser.push(bytes.subarray(at, at + size));
    assert.deepEqual(heard, expected, `in pieces of ${size}`);
  }
});

test("what waits is done in its order, and what is too much is refused or takes the place of the oldest", () => {
  for (const [overflow, done, dropped] of /** @type {const} */ ([
    ["reject", [1, 2], [3]],
    ["drop-oldest", [2, 3], [1]],
  ])) {
    const waiting = new Waiting({ limit: 2, overflow });
    /** @type {number[][]} */
    const [ran, refused] = [[], []];
    const entry = (/** @type {number} */ n) => ({ run: () => void ran?.push(n), drop: () => void refused?.push(n) });
    for (const n of [1, 2, 3]) assert.equal(waiting.add(entry(n)), n < 3 || overflow === "drop-oldest");
    waiting.flush();
    assert.deepEqual([ran, refused], [done, dropped]);
  }
});

test("messages of a room go one at a time, are repeated under their own id, and keep their order", async () => {
  /** @type {string[]} */
  const calls = [];
  const [lost, slow, no] = [new TidingsError("connection_lost", ""), new TidingsError("rate_limited", "", { retryAfterMs: 1 }), new TidingsError("permission_denied", "")];
  const answers = [lost, slow, { seq: 1 }, no, { seq: 2 }];
  let online = false;
  const outbox = new Outbox({ limit: 3, overflow: "reject" }, (_, data) => {
    if (!online) return null;
    calls.push(`${data.content} ${data.clientMessageId}`);
    const answer = answers.shift();
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  });
  const send = (/** @type {string} */ content, id = content) => outbox.send("lobby", "chat:send", { content, clientMessageId: id });
  const sent = [send("a"), send("b"), send("c")];
  await assert.rejects(send("d"), { code: "queue_full" });
  assert.deepEqual(calls, []);
  online = true;
  outbox.resume();
  const [a, b, c] = await Promise.allSettled(sent);
  assert.deepEqual(calls, ["a a", "a a", "a a", "b b", "c c"]);
  assert.deepEqual([a?.status, b?.status, c?.status], ["fulfilled", "rejected", "fulfilled"]);
  assert.equal(outbox.size, 0);
});

test("the oldest message of all rooms gives way, and what is closed is rejected", async () => {
  const outbox = new Outbox({ limit: 2, overflow: "drop-oldest" }, () => null);
  const [one, two, three] = ["x", "y", "x"].map((room) => outbox.send(room, "chat:send", {}));
  await assert.rejects(/** @type {any} */ (one), { code: "queue_full" });
  outbox.clear(new TidingsError("closed", ""));
  for (const it of [two, three]) await assert.rejects(/** @type {any} */ (it), { code: "closed" });
  assert.equal(outbox.size, 0);
});

test("silence is asked about, and when it goes on the connection is dead within ten seconds", () => {
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  try {
    const heard = { asked: 0, dead: 0 };
    const heartbeat = new Heartbeat({}, () => heard.asked++, () => heard.dead++);
    heartbeat.start();
    pass(5_000);
    heartbeat.heard();
    pass(5_000);
    assert.deepEqual(heard, { asked: 0, dead: 0 });
    pass(1_100);
    assert.deepEqual(heard, { asked: 1, dead: 0 });
    heartbeat.heard();
    pass(5_900);
    assert.deepEqual(heard, { asked: 1, dead: 0 });
    pass(4_100);
    assert.deepEqual(heard, { asked: 2, dead: 1 });
  } finally {
    mock.timers.reset();
  }
});

test("typing is repeated while keys come, and ends by itself", () => {
  mock.timers.enable({ apis: ["setTimeout", "Date"], now: 100_000 });
  try {
    /** @type {string[]} */
    const told = [];
    const typing = new Typing((type) => told.push(type));
    for (let key = 0; key < 10; key++) {
      typing.start();
      pass(700);
    }
    assert.deepEqual(told, ["typing:start", "typing:start"]);
    pass(4_000);
    assert.deepEqual(told.at(-1), "typing:stop");
    typing.stop();
    assert.equal(told.length, 3, "what has stopped is not stopped again");
  } finally {
    mock.timers.reset();
  }
});

test("listeners hear once or until they stop", async () => {
  const emitter = new Emitter();
  /** @type {any[]} */
  const heard = [];
  const stop = emitter.on("a", (data) => heard.push(data));
  emitter.on("*", (data, name) => heard.push([name, data]));
  const once = emitter.once("a");
  emitter.tell("a", 1);
  stop();
  emitter.tell("a", 2);
  emitter.off("*");
  emitter.tell("a", 3);
  assert.deepEqual(heard, [1, ["a", 1], ["a", 2]]);
  assert.equal(await once, 1);
});
