// Everybody loses the server at the same time: all come back, spread over the pause, and nobody misses anything.
//
// CLIENTS=1000 is the long form.

import assert from "node:assert/strict";
import { test } from "node:test";
import { guest, pause, serve, until, watch, within } from "./support.mjs";

const CLIENTS = Number(process.env.CLIENTS ?? 100);
/** Members of a room. All clients are in this one process, which would hear of nothing but a thousand comings in a room of a thousand. */
const ROOM = 100;
/** So many members of each room write. */
const WRITERS = 2;
/** Each writer waits so long after a message was stored. */
const BETWEEN_MS = 500;
/** The first pause of a client is any part of this; what a server asks for comes before it. */
const SPREAD_MS = 1_000;
const PATIENCE_MS = 60_000 + 60 * CLIENTS;

/** Clients that connect at the same time to begin with: the storm comes later. */
const WAVE = 50;
/** Of a connection that has lasted so long, the next failure is a first one. */
const STABLE_MS = 500;

/** @param {number} index of a client */
const roomOf = (index) => `room-${Math.floor(index / ROOM)}`;

/**
 * Prints how many values are in each step of a scale.
 * @param {import("node:test").TestContext} t @param {string} title @param {number[]} values in milliseconds
 */
function histogram(t, title, values) {
  const stepMs = 100 * Math.max(1, Math.ceil(Math.max(...values) / 3_000));
  const steps = new Array(Math.floor(Math.max(...values) / stepMs) + 1).fill(0);
  for (const value of values) steps[Math.floor(value / stepMs)] += 1;
  const most = Math.max(...steps);
  t.diagnostic(title);
  for (const [step, count] of steps.entries()) {
    const bar = "#".repeat(Math.ceil((count / most) * 50));
    t.diagnostic(`${String(step * stepMs).padStart(6)} ms ${String(count).padStart(5)} ${bar}`);
  }
}

/** Pauses are spread evenly: no tenth has more than chance would give it once in a billion times. @param {number[]} pauses */
function assertSpread(pauses) {
  const tenths = new Array(10).fill(0);
  for (const ms of pauses) {
    assert.ok(ms > -10 && ms < SPREAD_MS + 10, `a pause of ${ms} ms`);
    tenths[Math.min(9, Math.max(0, Math.floor((ms / SPREAD_MS) * 10)))] += 1;
  }
  const expected = pauses.length / 10;
  const deviation = Math.sqrt(expected * 0.9);
  for (const count of tenths) assert.ok(Math.abs(count - expected) < 6.5 * deviation, `in tenths: ${tenths.join(" ")}`);
}

for (const [how, signal] of /** @type {const} */ ([
  ["is killed", "SIGKILL"],
  ["drains and restarts", "SIGTERM"],
])) {
  const name = `${CLIENTS} clients come back spread when the server ${how}, with every message once and in order`;
  test(name, { timeout: 4 * PATIENCE_MS }, async (t) => {
    const first = await serve(t);
    const options = { backoff: { stableMs: STABLE_MS } };
    /** @type {import("../src/index.js").Client[]} */
    const clients = [];
    /** @type {Awaited<ReturnType<typeof watch>>[]} */
    const pages = [];
    /** Since when each is online. @type {number[]} */
    const online = [];
    while (pages.length < CLIENTS) {
      for (let n = 0; n < WAVE && clients.length < CLIENTS; n++) {
        const index = clients.length;
        const client = guest(t, first.url, `user-${index}`, { backoff: { stableMs: STABLE_MS } });
        online[index] = Infinity;
        client.on("state", ({ state }) => (online[index] = state === "online" ? Date.now() : Infinity));
        clients.push(client);
      }
      const joined = clients.slice(pages.length).map((client, n) => watch(client, roomOf(pages.length + n)));
      pages.push(...(await Promise.all(joined)));
    }
    const stable = () => online.every((since) => Date.now() - since > 2 * STABLE_MS);
    await until(stable, "everybody is online", PATIENCE_MS);

    /** What became of each client since it lost the server. */
    const fates = clients.map((client) => {
      const fate = { lostAt: 0, pause: 0, attempts: 0, backAt: 0 };
      let askedMs = 0;
      client.on("server:draining", ({ reconnectAfterMs }) => (askedMs = reconnectAfterMs));
      client.on("state", ({ state, retryAt }) => {
        if (state === "online") fate.backAt = Date.now();
        if (retryAt === undefined) return;
        if (!fate.lostAt) Object.assign(fate, { lostAt: Date.now(), pause: retryAt - Date.now() - askedMs });
        fate.attempts += 1;
      });
      return fate;
    });

    let over = false;
    /** What was stored, by the room. @type {Map<string, import("../src/index.js").Sent[]>} */
    const stored = new Map();
    const written = () => [...stored.values()].reduce((sum, { length }) => sum + length, 0);
    const writers = pages.flatMap(({ room }, index) => {
      const place = index % ROOM;
      if (place >= WRITERS) return [];
      const messages = stored.get(room.id) ?? [];
      stored.set(room.id, messages);
      const write = async () => {
        for (let n = 0; !over; n++) {
          messages.push(await room.send(`${place}:${n}`));
          await pause(BETWEEN_MS);
        }
      };
      return [write()];
    });
    await until(() => written() > 2 * writers.length, "messages before the storm", PATIENCE_MS);
    await first.end(signal);
    await until(() => fates.every(({ lostAt }) => lostAt), "everybody has noticed", PATIENCE_MS);
    const startedAt = Date.now();
    await serve(t, { port: first.port, home: first.home });
    const upMs = Date.now() - startedAt;
    await until(() => fates.every(({ backAt }) => backAt), "everybody is back", PATIENCE_MS);
    const seen = written();
    await until(() => written() > seen + 2 * writers.length, "messages after the storm", PATIENCE_MS);
    over = true;
    await within(Promise.all(writers), PATIENCE_MS, "answer to the last messages");
    /** The numbers of the messages of a room. @param {string} roomId */
    const seqs = (roomId) => (stored.get(roomId) ?? []).map(({ seq }) => seq).sort((one, other) => one - other);
    const upToDate = () => pages.every(({ room }) => (room.lastSeq ?? 0) >= Number(seqs(room.id).at(-1)));
    await until(upToDate, "everybody is up to date", PATIENCE_MS);

    const attempts = fates.reduce((sum, fate) => sum + fate.attempts, 0);
    t.diagnostic(`${written()} messages; the server was up again after ${upMs} ms; ${attempts} attempts`);
    histogram(t, "first pauses, besides what the server asked for", fates.map((fate) => Math.max(0, fate.pause)));
    histogram(t, "from the loss to being back in the room", fates.map((fate) => fate.backAt - fate.lostAt));

    assertSpread(fates.map((fate) => fate.pause));
    for (const roomId of stored.keys()) {
      const counted = Array.from(seqs(roomId), (_, index) => index + 1);
      assert.deepEqual(seqs(roomId), counted, `every number in ${roomId} is a message that its writer knows of`);
    }
    for (const [index, page] of pages.entries()) {
      assert.deepEqual(page.shown.map(({ seq }) => seq), seqs(page.room.id), `page ${index}`);
      assert.equal(page.resets(), 0);
      for (let writer = 0; writer < WRITERS; writer++) {
        const numbers = page.texts().filter((text) => text.startsWith(`${writer}:`)).map((text) => Number(text.split(":")[1]));
        assert.deepEqual(numbers, numbers.map((_, n) => n), `the messages of writer ${writer} on page ${index}`);
      }
    }
  });
}
