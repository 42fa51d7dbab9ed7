// Two successive servers behind nginx: the first is told to end, the second takes over its data on another port. Stock clients
// come back by themselves, spread, and nothing that was acknowledged is lost, doubled or out of order.
//
// CLIENTS=5000 is the long form. Every eighth client begins with polling and upgrades, as stock clients do unless told otherwise.

import assert from "node:assert/strict";
import { after, it } from "node:test";
import { io } from "socket.io-client";
import { freePort, nginx } from "../lib/nginx.mjs";
import { serve, token } from "../lib/tidings.mjs";
import { pause, until } from "../lib/wait.mjs";
import { GENEROUS } from "../server/cast.mjs";

const CLIENTS = Number(process.env.CLIENTS ?? 100);
/** Members of a room, of whom one writes. */
const ROOM = 50;
/** Clients that connect at a time to begin with. */
const WAVE = 100;

/** @type {import("socket.io-client").Socket[]} */
const sockets = [];
after(() => {
  for (const socket of sockets) socket.disconnect();
});

/** One stock client: it joins its room whenever it is connected, from where it was, and keeps what it hears. */
class Client {
  /** The contents of the room in the order of their numbers. @type {string[]} */
  story = [];
  last = 0;
  joins = 0;
  /** When it was back. @type {number | undefined} */
  backAt;
  /** @type {string[]} */
  reasons = [];

  /** @param {string} url @param {number} index */
  constructor(url, index) {
    this.id = `u${index}`;
    this.room = `room-${Math.floor(index / ROOM)}`;
    this.socket = io(url, {
      auth: { token: token(this.id) },
      ...(index % 8 === 0 ? {} : { transports: ["websocket"] }),
      forceNew: true,
    });
    sockets.push(this.socket);
    this.socket.on("chat:message", (message) => this.hear(message));
    this.socket.on("disconnect", (reason) => this.reasons.push(reason));
    this.joined = new Promise((resolve) => {
      this.socket.on("connect", async () => {
        const join = { roomId: this.room, after: this.last, limit: 500 };
        const answer = await this.socket.emitWithAck("room:join", join);
        assert.equal(answer.success, true, JSON.stringify(answer));
        assert.equal(answer.recovered, true, "the gap is told in full");
        for (const message of answer.messages) this.hear(message);
        this.joins += 1;
        if (this.joins === 2) this.backAt = Date.now();
        resolve(true);
      });
    });
  }

  /** @param {{seq: number, content: string}} message */
  hear({ seq, content }) {
    if (seq <= this.last) return;
    assert.equal(seq, this.last + 1, `${this.id} has a gap`);
    this.last = seq;
    this.story.push(content);
  }
}

it(`${CLIENTS} stock clients move from one server to the next behind nginx, and lose nothing`, { timeout: 600_000 }, async (t) => {
  const second = await freePort();
  const settings = {
    ...GENEROUS,
    trusted_proxies: ["127.0.0.1"],
    "limits.connections_per_ip": 2 * CLIENTS + 100,
    "limits.unauthenticated_per_ip": CLIENTS + 100,
  };
  const first = await serve({ settings });
  const proxy = await nginx([first.port, second], 2 * CLIENTS + 2_000);
  /** @type {Client[]} */
  const clients = [];
  while (clients.length < CLIENTS) {
    const wave = Array.from({ length: Math.min(WAVE, CLIENTS - clients.length) }, (_, i) => new Client(proxy.url, clients.length + i));
    await Promise.all(wave.map((it) => it.joined));
    clients.push(...wave);
  }

  /** By room, in the order in which they were acknowledged. @type {Map<string, string[]>} */
  const acknowledged = new Map();
  /** @type {string[]} */
  const refused = [];
  let stopped = false;
  const total = () => [...acknowledged.values()].reduce((sum, it) => sum + it.length, 0);
  const writers = clients.filter((_, i) => i % ROOM === 0);
  const writing = writers.map(async ({ socket, room }) => {
    /** @type {string[]} */
    const done = [];
    acknowledged.set(room, done);
    for (let n = 0; !stopped; n += 1) {
      const message = { roomId: room, content: `${n}`, clientMessageId: `${room}-${n}` };
      for (let stored = false; !stored; ) {
        const answer = await socket.timeout(2_000).emitWithAck("chat:send", message).catch(() => undefined);
        stored = answer?.success === true;
        if (answer && !stored) refused.push(`${answer.code}: ${answer.error}`);
        if (stored) done.push(message.content);
        else await pause(100);
      }
      await pause(250);
    }
  });
  const enough = 5 * writers.length;
  await until(() => total() > enough, "messages before the end", 60_000);

  const told = Date.now();
  const next = await first.restart(() => {}, second);
  const took = Date.now() - told;
  try {
    await until(() => clients.every((it) => it.backAt), `all ${CLIENTS} back`, 60_000).catch(() => {});
    const times = clients.flatMap((it) => (it.backAt ? [it.backAt - told] : [])).sort((a, b) => a - b);
    t.diagnostic(`the first server was gone and the second there after ${took} ms`);
    const step = 1_000;
    for (let from = 0; from <= (times.at(-1) ?? 0); from += step) {
      const count = times.filter((it) => it >= from && it < from + step).length;
      t.diagnostic(`${String(from / 1_000).padStart(4)} s ${String(count).padStart(5)} ${"#".repeat(Math.ceil((count / CLIENTS) * 100))}`);
    }
    assert.equal(times.length, CLIENTS, `all are back\n${proxy.errors().split("\n").slice(-20).join("\n")}`);
    t.diagnostic(`all back after ${times.at(-1)} ms`);
    const before = total();
    await until(() => total() > before + enough, "messages after the end", 60_000);
    stopped = true;
    await Promise.all(writing);

    const whole = () => clients.every((it) => it.story.length === acknowledged.get(it.room)?.length);
    await until(whole, "everything with everybody", 30_000).catch(() => {});
    for (const { id, room, story } of clients) assert.deepEqual(story, acknowledged.get(room), `${id} in ${room}`);
    t.diagnostic(`${total()} messages acknowledged, each heard once and in order by all ${ROOM} of its room`);
    assert.deepEqual([...new Set(refused)], [], "no command is refused");
    const reasons = new Set(clients.flatMap((it) => it.reasons));
    for (const reason of reasons) assert.match(reason, /^transport (close|error)$/);
  } finally {
    stopped = true;
    for (const socket of sockets) socket.disconnect();
    await proxy.stop();
    await next.stop();
  }
});
