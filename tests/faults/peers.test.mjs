// Peers that are slow, silent, or not allowed: they are let go, and nobody else notices.

import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { ask, collect, connected, cutOff, disconnectAll } from "../lib/client.mjs";
import { healthy, joinedWs, openWs, Polling } from "../lib/engine.mjs";
import { request } from "../lib/http.mjs";
import { proxy } from "../lib/proxy.mjs";
import { oursOnly, start } from "../lib/server.mjs";
import { frame, frames, upgrade } from "../lib/ws.mjs";
import { event, until } from "../lib/wait.mjs";

const MIB = 1024 * 1024;
const P = "/socket.io/?EIO=4&transport=polling";
const W = "/socket.io/?EIO=4&transport=websocket";

afterEach(disconnectAll);

describe("silence", () => {
  /** @type {import("../lib/server.mjs").Running} */
  let server;
  before(async () => void (server = await start({ PING_INTERVAL: 200, PING_TIMEOUT: 200, CONNECT_TIMEOUT: 400 })));
  after(() => server.stop());

  for (const way of /** @type {const} */ (["websocket", "polling"])) {
    it(`a connection whose network is gone is noticed (${way})`, async () => {
      const wire = await proxy(server.port);
      try {
        const witness = await connected(server.url, "websocket");
        const lost = await connected(wire.url, way, { reconnection: false });
        const { id } = lost;
        const known = async () => (await ask(witness, "ctl:fetch", {})).some((one) => one.id === id);
        assert.equal(await known(), true);
        const left = event(lost, "disconnect");
        wire.freeze();
        await until(async () => !(await known()), "departure of the lost one", 4000);
        // The client notices by itself: it hears no ping.
        assert.equal((await left)[0], "ping timeout");
      } finally {
        disconnectAll();
        await wire.close();
      }
      await healthy(server.port);
    });
  }

  it("who joins no namespace is let go", async () => {
    const ws = await openWs(server.port);
    const answering = (async () => {
      for (;;) if ((await ws.next()) === "2") ws.send("3");
    })();
    answering.catch(() => {});
    await ws.close_(3000);
    const session = await Polling.open(server.port);
    await session.over();
    await healthy(server.port);
  });
});

describe("origins", () => {
  /** @type {import("../lib/server.mjs").Running} */
  let server;
  before(async () => void (server = await start({ ALLOWED_ORIGINS: "https://good.example,http://good.example:8080" })));
  after(() => server.stop());

  const good = ["https://good.example", "http://good.example:8080"];
  const bad = [
    "https://evil.example",
    "http://good.example",
    "https://good.example:8080",
    "https://good.example.evil.example",
    "https://evilgood.example",
    "https://sub.good.example",
    "null",
    "https://good.example@evil.example",
  ];

  it("that are allowed get in", async () => {
    for (const Origin of good) {
      const answer = await request(server.port, P, { headers: { Origin } });
      assert.equal(answer.status, 200, Origin);
      assert.equal(answer.headers["access-control-allow-origin"], Origin);
      const { line, status } = await upgrade(server.port, W, { Origin });
      assert.equal(status, 101, Origin);
      line.close();
    }
  });

  it("that are not are refused, on polling and on websocket", async () => {
    for (const Origin of bad) {
      const answer = await request(server.port, P, { headers: { Origin } });
      assert.equal(answer.status, 403, Origin);
      assert.notEqual(answer.headers["access-control-allow-origin"], Origin);
      assert.notEqual(answer.headers["access-control-allow-origin"], "*");
      const { line, status } = await upgrade(server.port, W, { Origin });
      assert.ok(status >= 400, `${Origin}: ${status}`);
      line.close();
    }
    await healthy(server.port);
  });
});

describe("slow consumers", () => {
  /** @type {import("../lib/server.mjs").Running} */
  let server;
  before(async () => void (server = await start({ PING_INTERVAL: 60_000 })));
  after(() => server.stop());

  it(
    "one that stops reading is closed; its room does not wait, and memory stays bounded",
    { timeout: 60_000, ...oursOnly("the outbox of the reference has no bound") },
    async () => {
      const { line } = await upgrade(server.port, W);
      await line.write(frame("40"));
      await line.read(() => frames(line.bytes).length >= 3, "greeting");
      await line.write(frame('421["join",["flood"]]'));
      await line.read(() => frames(line.bytes).length >= 4, "joined");
      line.socket.pause();

      const reader = await connected(server.url, "websocket");
      await ask(reader, "join", ["flood"]);
      const heard = collect(reader, "wave");
      const stalled = async () => (await ask(reader, "ctl:fetch", { rooms: ["flood"] })).length === 2;
      assert.equal(await stalled(), true);

      const before = server.rss();
      const wave = "x".repeat(64 * 1024);
      let slowest = 0;
      let sent = 0;
      let closed = false;
      // The kernel's buffers swallow some megabytes before anything waits in the server.
      for (; sent < 800 && !closed; sent++) {
        const begin = performance.now();
        await ask(reader, "broadcast", { rooms: ["flood"] }, "wave", sent, wave);
        slowest = Math.max(slowest, performance.now() - begin);
        if (sent % 20 === 0) closed = !(await stalled());
      }
      assert.equal(closed, true, `still a member after ${sent} waves`);
      await until(() => heard.length === sent, "every wave at the one who reads");
      assert.deepEqual(heard.map(([i]) => i), Array.from({ length: sent }, (_, i) => i));
      assert.ok(server.rss() - before < 48 * MIB, `${(server.rss() - before) / MIB} MiB more`);
      assert.ok(slowest < 1000, `a broadcast took ${slowest} ms`);
      line.socket.resume();
      await line.gone;
      line.close();
      await healthy(server.port);
    },
  );

  it(
    "one that never polls is closed as well",
    { timeout: 60_000, ...oursOnly("the buffer of a polling session has no bound") },
    async () => {
      const session = await Polling.open(server.port);
      const id = await session.join();
      await session.send('421["join",["flood"]]');
      await session.packet();
      const reader = await connected(server.url, "websocket");
      const before = server.rss();
      const wave = "x".repeat(64 * 1024);
      for (let i = 0; i < 400; i++) await ask(reader, "broadcast", { rooms: ["flood"] }, "wave", wave);
      assert.ok(server.rss() - before < 32 * MIB, `${(server.rss() - before) / MIB} MiB more`);
      const everyone = await ask(reader, "ctl:fetch", {});
      assert.ok(!everyone.some((one) => one.id === id), "still a member");
      await healthy(server.port);
    },
  );

  it("many who come and go leave nothing behind", async () => {
    const witness = await connected(server.url, "websocket");
    const alone = [witness.id];
    for (let round = 0; round < 5; round++) {
      const sockets = await Promise.all(Array.from({ length: 10 }, () => joinedWs(server.port)));
      for (const [i, ws] of sockets.entries()) {
        ws.send(`421["join",["a","b${i}"]]`);
        await ws.packet();
      }
      for (const [i, ws] of sockets.entries()) i % 2 ? ws.end() : ws.send("41");
      for (const ws of sockets) ws.end();
    }
    await until(async () => (await ask(witness, "ctl:all-rooms")).join() === alone.join(), "empty rooms");
  });

  it("a network that comes and goes", async () => {
    const wire = await proxy(server.port);
    try {
      const socket = await connected(wire.url, "upgrade");
      for (let i = 0; i < 5; i++) {
        const back = event(socket, "connect");
        await cutOff(socket, wire);
        await back;
        assert.equal(await ask(socket, "echo", i), i);
      }
    } finally {
      disconnectAll();
      await wire.close();
    }
    await healthy(server.port);
  });
});
