// A client that asks for more and more of what it may have a little of: it meets a limit, and nobody else notices.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { connect } from "node:net";
import { after, before, describe, it } from "node:test";
import { healthy, joinedWs, openWs } from "../lib/engine.mjs";
import { oursOnly, start } from "../lib/server.mjs";
import { until } from "../lib/wait.mjs";

const MIB = 1024 * 1024;
/** What `Limits` of the library says by default. */
const NAMESPACES = 64;
const ROOMS = 128;

/** @type {import("../lib/server.mjs").Running} */
let server;
/** Connected before every act, and served after it. @type {Awaited<ReturnType<typeof joinedWs>>} */
let bystander;
before(async () => {
  server = await start();
  bystander = await joinedWs(server.port);
});
after(async () => {
  bystander.end();
  await server.stop();
});

let asked = 0;
/** @param {string} event @param {any[]} args @returns {Promise<any>} */
async function ask(event, ...args) {
  const id = ++asked;
  bystander.send(`42${id}${JSON.stringify([event, ...args])}`);
  const packet = String(await bystander.packet());
  const head = `43${id}`;
  assert.ok(packet.startsWith(head), packet);
  return JSON.parse(packet.slice(head.length))[0];
}

async function unharmed() {
  assert.equal(await ask("echo", "x"), "x");
  await healthy(server.port);
}

/** Sends all of it without waiting for anything. @param {{send: (text: string) => void}} ws @param {Iterable<string>} packets */
function flood(ws, packets) {
  for (const packet of packets) ws.send(packet);
}

/** @template T @param {number} count @param {(n: number) => T} make */
const many = (count, make) => Array.from({ length: count }, (_, n) => make(n));

describe("namespaces", () => {
  it("a connection that joins more than it may is closed", oursOnly("the reference has no limit"), async () => {
    const before = server.rss();
    for (let round = 0; round < 10; round++) {
      const ws = await openWs(server.port);
      flood(ws, many(2000, (n) => `40/dyn-${round * 2000 + n},`));
      await ws.close_();
      const joined = ws.items.filter((packet) => String(packet).startsWith("40/dyn-")).length;
      assert.equal(joined, NAMESPACES);
    }
    assert.ok(server.rss() - before < 16 * MIB, `${(server.rss() - before) / MIB} MiB more`);
    await unharmed();
  });

  it("names that are none are refused, one by one", async () => {
    const ws = await openWs(server.port);
    flood(ws, many(1000, (n) => `40/nothing-${n},`));
    for (let n = 0; n < 1000; n++) {
      assert.equal(await ws.packet(), `44/nothing-${n},{"message":"Invalid namespace"}`);
    }
    ws.end();
    await unharmed();
  });

  it("joining and leaving the same one for ever costs only who does it", oursOnly("it closes who leaves while joining"), async () => {
    const ws = await openWs(server.port);
    flood(ws, many(2000, (n) => (n % 2 ? "41/custom," : "40/custom,")));
    flood(ws, ["40"]);
    for (;;) if (String(await ws.packet()).startsWith('40{"sid"')) break;
    ws.end();
    await unharmed();
  });
});

describe("rooms", () => {
  it("a socket that joins more than it may is told so", oursOnly("the reference has no limit"), async () => {
    const before = server.rss();
    const ws = await joinedWs(server.port);
    flood(ws, many(5000, (n) => `42${n}["join",["flood-${n}"]]`));
    let refused = 0;
    for (let n = 0; n < 5000; n++) {
      const answer = String(await ws.packet());
      assert.ok(answer.startsWith(`43${n}[`), answer);
      if (answer.includes("too many rooms")) refused++;
    }
    assert.equal(refused, 5000 - ROOMS);
    const rooms = await ask("ctl:all-rooms");
    assert.equal(rooms.filter((/** @type {string} */ room) => room.startsWith("flood-")).length, ROOMS);
    assert.ok(server.rss() - before < 16 * MIB, `${(server.rss() - before) / MIB} MiB more`);
    ws.end();
    await ws.closed;
    await unharmed();
  });

  it("a list of thousands in one event is cut where the limit is", oursOnly("the reference has no limit"), async () => {
    const ws = await joinedWs(server.port);
    ws.send(`421["join",${JSON.stringify(many(20_000, (n) => `list-${n}`))}]`);
    assert.match(String(await ws.packet()), /too many rooms/);
    ws.end();
    await unharmed();
  });

  it("names of any length and with anything in them are names", async () => {
    const ws = await joinedWs(server.port);
    const names = ["__proto__", "constructor", "", "/", "\u0000", "room\nroom", "\ud83d\ude00", bystander.id, " "];
    for (const [n, name] of names.entries()) {
      ws.send(`42${n}["join",${JSON.stringify([name])}]`);
      assert.match(String(await ws.packet()), new RegExp(`^43${n}\\[`), JSON.stringify(name));
    }
    ws.send(`42100["join",${JSON.stringify(["n".repeat(100_000)])}]`);
    assert.match(String(await ws.packet()), /^43100\[/);
    ws.end();
    await unharmed();
  });
});

describe("events", () => {
  it("a stream of them is answered in order, and others are served meanwhile", async () => {
    const ws = await joinedWs(server.port);
    flood(ws, many(20_000, (n) => `42${n}["echo",${n}]`));
    for (let n = 0; n < 20; n++) assert.equal(await ask("echo", n), n);
    for (let n = 0; n < 20_000; n++) assert.equal(await ws.packet(), `43${n}[${n}]`);
    ws.end();
    await unharmed();
  });
});

describe("connections", () => {
  it("a server that has run out of file descriptors serves again when some are free", async () => {
    const small = await start();
    const files = 64;
    execFileSync("prlimit", ["--pid", String(small.pid), `--nofile=${files}:${files}`]);
    const there = await joinedWs(small.port);
    // All of them are taken by the kernel, and as many as there are files by the server.
    const idle = many(2 * files, () => connect(small.port, "127.0.0.1").on("error", () => {}));
    await until(() => idle.every((socket) => !socket.connecting), "every connection at the kernel");
    there.send('421["echo","among many"]');
    assert.equal(await there.packet(), '431["among many"]');
    for (const socket of idle) socket.destroy();
    await healthy(small.port);
    there.end();
    await small.stop();
  });
});
