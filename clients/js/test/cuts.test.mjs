// A network that breaks again and again while everybody talks: nobody is shown a message twice, late or never.
//
// CUTS=200 CUTS_MS=120000 is the long form.

import assert from "node:assert/strict";
import { test } from "node:test";
import { random } from "./random.mjs";
import { guest, pause, serveBehindProxy, until, watch } from "./support.mjs";

const CUTS = Number(process.env.CUTS ?? 20);
const LASTS_MS = Number(process.env.CUTS_MS ?? 4_000);
const WRITERS = 3;
const READERS = 3;
/** Each writer waits so long after a message was stored. */
const BETWEEN_MS = 10;

for (const transport of /** @type {const} */ (["ws", "sse", "poll"])) {
  const name = `over ${CUTS} cuts, resets, delays and freezes every page is shown every message once and in order, over ${transport}`;
  test(name, { timeout: LASTS_MS + 120_000 }, async (t) => {
    const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
    t.diagnostic(`SEED=${seed}`);
    const chance = random(seed);
    const { line } = await serveBehindProxy(t);
    const options = {
      transports: [transport],
      backoff: { firstMs: 30, longestMs: 300, stableMs: 100 },
      heartbeat: { quietMs: 300, answerMs: 700 },
      connectTimeoutMs: 1_500,
    };
    const clients = Array.from({ length: WRITERS + READERS }, (_, index) => guest(t, line.url, `user-${index}`, options));
    const pages = await Promise.all(clients.map((client) => watch(client, "lobby")));
    let lost = 0;
    for (const client of clients) client.on("state", ({ state }) => void (state === "reconnecting" && lost++));

    let over = false;
    /** @type {import("../src/index.js").Sent[]} */
    const stored = [];
    const writers = pages.slice(0, WRITERS).map(async ({ room }, writer) => {
      for (let n = 0; !over; n++) {
        stored.push(await room.send(`${writer}:${n}`));
        await pause(BETWEEN_MS);
      }
    });
    for (let cut = 0; cut < CUTS; cut++) {
      await pause((LASTS_MS / CUTS) * chance());
      const dice = chance();
      if (dice < 0.5) line.cut();
      else if (dice < 0.8) line.reset();
      else if (dice < 0.9) line.delay(Math.floor(chance() * 50));
      else {
        line.freeze();
        await pause(chance() * 200);
        line.thaw();
        if (chance() < 0.5) line.cut();
      }
      await pause((LASTS_MS / CUTS) * chance());
    }
    line.delay(0);
    over = true;
    await Promise.all(writers);
    const last = Math.max(...stored.map(({ seq }) => seq));
    await until(() => pages.every(({ room }) => (room.lastSeq ?? 0) >= last), "every page is up to date", 30_000);
    t.diagnostic(`${stored.length} messages, ${lost} connections lost`);

    assert.equal(new Set(stored.map(({ seq }) => seq)).size, stored.length, "a repeated message is no second message");
    const seqs = Array.from({ length: last }, (_, index) => index + 1);
    const wanted = [...stored].sort((one, other) => one.seq - other.seq);
    assert.equal(wanted.length, last, "every number is a message that its writer knows of");
    for (const [index, page] of pages.entries()) {
      assert.deepEqual(page.shown.map(({ seq }) => seq), seqs, `page ${index}`);
      assert.equal(page.resets(), 0);
      for (let writer = 0; writer < WRITERS; writer++) {
        const numbers = page.texts().filter((text) => text.startsWith(`${writer}:`)).map((text) => Number(text.split(":")[1]));
        assert.deepEqual(numbers, numbers.map((_, n) => n), `the messages of writer ${writer} on page ${index}`);
      }
    }
    assert.ok(lost >= clients.length, "the network did break");
  });
}
