import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "../lib/wait.mjs";
import { eventStream, longPoll, poll, webSocket } from "./clients/dashboard.mjs";
import { start } from "./server.mjs";

const WAYS = ["polling", "long-polling", "sse", "websocket"];

test("the same numbers come by polling, long-polling, Server-Sent Events and WebSocket", async (t) => {
  // Before the server ends, so that nobody misses it.
  const over = new AbortController();
  t.after(() => over.abort());
  const { url } = await start(t, "dashboard", { TICK_MS: 300 });
  /** What each way has shown, by the tick. @type {Map<number, Map<string, any>>} */
  const ticks = new Map();
  /** @type {import("./clients/dashboard.mjs").Show} */
  const show = (way, numbers) => {
    const ways = ticks.get(numbers.tick) ?? new Map();
    ticks.set(numbers.tick, ways.set(way, numbers));
  };
  const ended = (/** @type {Error} */ error) => assert.equal(error.name, "AbortError");
  poll(url, 50, show, over.signal).catch(ended);
  longPoll(url, show, over.signal).catch(ended);
  eventStream(url, show, over.signal);
  webSocket(url, show, over.signal);
  const complete = () => [...ticks.values()].filter((ways) => ways.size === WAYS.length);
  await until(() => complete().length >= 3, "three ticks that came every way", 20_000);
  for (const ways of complete()) {
    const { tick, sentAt, connections, deliveries } = ways.get("websocket");
    for (const way of WAYS) assert.deepEqual(ways.get(way), { tick, sentAt, connections, deliveries }, way);
    assert.ok(Math.abs(Date.now() - sentAt) < 60_000, "a time of this machine");
  }
  // A poll is no connection; the three others are.
  assert.equal(complete().at(-1)?.get("sse").connections, 3);
});

test("its page needs nothing from anywhere else", async (t) => {
  const { url } = await start(t, "dashboard");
  const response = await fetch(url);
  assert.match(response.headers.get("content-type") ?? "", /^text\/html/);
  assert.doesNotMatch(await response.text(), /https?:\/\//);
});
