// What one client may use up, and that the others do not notice.

import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { request } from "../lib/http.mjs";
import { serve, token } from "../lib/tidings.mjs";
import { pause, until, within } from "../lib/wait.mjs";
import { assertFault, company, enter, flush, fresh, GENEROUS, joinAll, user } from "./cast.mjs";
import { closeAll, isHttp, NAMES, Refused, TRANSPORTS } from "./transports.mjs";

after(closeAll);

/** @param {Promise<any>} attempt @returns {Promise<Refused>} */
async function refusal(attempt) {
  /** @type {any} */
  const outcome = await attempt.then((client) => client.close().then(() => "let in"), (error) => error);
  if (!(outcome instanceof Refused)) throw new Error(`not refused: ${outcome.stack ?? outcome}`);
  return outcome;
}

/** Refused before there was anything: Engine.IO has statuses of its own for that. @param {Refused} refused @param {string} transport */
function assertNotAdmitted(refused, transport) {
  const status = { "Socket.IO over WebSocket": 400, "Socket.IO over polling": 403 }[transport] ?? 429;
  assert.equal(refused.status, status, `${transport}: ${refused.code} ${refused.message}`);
}

/**
 * Asks as fast as it can until it is refused.
 * @param {import("./transports.mjs").Client} client @param {number} most
 */
async function exhaust(client, most) {
  const answers = await Promise.all(Array.from({ length: most }, () => client.ask("presence:get", { userIds: [] })));
  const refused = answers.filter((it) => !it.success);
  for (const it of refused) {
    assertFault(it, "rate_limited");
    const wait = it.retryAfterMs ?? 0;
    assert.ok(Number.isInteger(wait) && wait > 0, JSON.stringify(it));
  }
  return { done: answers.length - refused.length, refused };
}

describe("commands", () => {
  it("that come too fast are refused until the time that is said, and who goes on is closed with 3013", async () => {
    const server = await serve({
      settings: {
        ...GENEROUS,
        "limits.rate.connection.per_second": 10,
        "limits.rate.connection.burst": 20,
        "limits.rate.close_after": 40,
      },
    });
    await Promise.all(
      NAMES.map(async (transport) => {
        const [client, other] = [await enter(server.url, transport), await enter(server.url, transport)];
        // It costs 2.
        const { done, refused } = await exhaust(client, 20);
        assert.ok(done >= 10 && done < 15, `${transport}: ${done} done`);
        const wait = Math.max(...refused.map((it) => it.retryAfterMs ?? 0));
        assert.ok(wait <= 1000, `${wait}`);
        await pause(wait);
        await client.done("presence:get", { userIds: [] });
        await other.done("presence:get", { userIds: [] });
        assert.equal(client.isClosed, false);

        for (let i = 0; i < 200; i++) client.tell("presence:get", { userIds: [] });
        assert.equal((await client.event("error", undefined, 10_000)).code, "rate_limited");
        // It may come back, and with the next poll it is.
        if (transport === "long-polling") return;
        const closed = await within(client.closed, 10_000, `${transport}: close of who does not stop`);
        if (transport.includes("WebSocket")) assert.equal(closed.code, 3013, transport);
        await other.done("presence:get", { userIds: [] });
        await other.close();
      }),
    );
    await server.stop();
  });

  it("of one user are counted over all of the connections", async () => {
    const settings = { ...GENEROUS, "limits.rate.user.per_second": 5, "limits.rate.user.burst": 30 };
    const server = await serve({ settings });
    const who = user();
    const devices = await company(server.url, { user: who });
    const other = await enter(server.url, NAMES[0]);
    const counts = await Promise.all(devices.map((it) => exhaust(it, 6)));
    const done = counts.reduce((sum, it) => sum + it.done, 0);
    assert.ok(done >= 15 && done <= 20, `${done} of 36 done`);
    assert.equal((await exhaust(other, 10)).refused.length, 0);
    await Promise.all([other, ...devices].map((it) => it.close()));
    await server.stop();
  });

  it("of one address are counted over all users, and proxies that are trusted say which it is", async () => {
    const settings = {
      ...GENEROUS,
      "limits.rate.ip.per_second": 5,
      "limits.rate.ip.burst": 40,
      trusted_proxies: ["127.0.0.1"],
    };
    const server = await serve({ settings });
    const from = (address) => ({ headers: { "X-Forwarded-For": `6.6.6.6, ${address}` } });
    const here = await company(server.url, from("203.0.113.7"));
    const there = await enter(server.url, NAMES[2], from("203.0.113.8"));
    const counts = await Promise.all(here.map((it) => exhaust(it, 6)));
    const done = counts.reduce((sum, it) => sum + it.done, 0);
    assert.ok(done >= 10 && done <= 25, `${done} of 36 done`);
    assert.equal((await exhaust(there, 10)).refused.length, 0);
    await Promise.all([there, ...here].map((it) => it.close()));
    await server.stop();
  });
});

describe("connections", () => {
  it("of one user are bounded, on each transport, and make room again", async () => {
    const server = await serve({ settings: { ...GENEROUS, "limits.connections_per_user": 3, "auth.timeout": "2s" } });
    for (const transport of NAMES) {
      const who = user();
      const some = await Promise.all([0, 1, 2].map(() => enter(server.url, NAMES[2], { user: who })));
      const refused = await refusal(enter(server.url, transport, { user: who }));
      assert.equal(refused.code, "connection_limit", refused.message);
      if (transport.startsWith("WebSocket")) assert.equal(refused.closeCode, 3504);
      const late = await TRANSPORTS[transport](server.url);
      assertFault(await late.ask("auth", { token: token(who.id) }), "connection_limit");
      const closed = await within(late.closed, 5000, `close of ${transport}`);
      if (transport.startsWith("WebSocket")) assert.equal(closed.code, 3504);
      const other = await enter(server.url, transport);
      await other.close();
      await some[0].close();
      const again = await until(
        () => enter(server.url, transport, { user: who }).catch((error) => error instanceof Refused && undefined),
        `room again for ${transport}`,
      );
      await Promise.all([...some, again].map((it) => it.close()));
    }
    await server.stop();
  });

  it("from one address are bounded, signed in or not", async () => {
    const settings = {
      ...GENEROUS,
      "limits.connections_per_ip": 5,
      "limits.unauthenticated_per_ip": 2,
      trusted_proxies: ["127.0.0.0/8"],
    };
    const server = await serve({ settings });
    for (const [i, transport] of NAMES.entries()) {
      const from = (last) => ({ headers: { "X-Forwarded-For": `198.51.100.${i * 10 + last}` } });
      const strangers = await Promise.all([0, 1].map(() => TRANSPORTS["WebSocket with JSON"](server.url, from(1))));
      assertNotAdmitted(await refusal(TRANSPORTS[transport](server.url, from(1))), transport);
      // Who signs in is no stranger any more.
      await strangers[0].done("auth", { token: token("signed in") });
      const third = await TRANSPORTS[transport](server.url, from(1));
      await Promise.all([third, ...strangers].map((it) => it.close()));

      const known = await Promise.all(Array.from({ length: 5 }, () => enter(server.url, "event stream", from(2))));
      assertNotAdmitted(await refusal(enter(server.url, transport, from(2))), transport);
      const elsewhere = await enter(server.url, transport, from(3));
      await Promise.all([elsewhere, ...known].map((it) => it.close()));
    }
    await server.stop();
  });

  it("say in a header where they come from, which nobody believes who was not told to", async () => {
    const server = await serve({ settings: { ...GENEROUS, "limits.connections_per_ip": 3 } });
    const liar = (i) => enter(server.url, "WebSocket with JSON", { headers: { "X-Forwarded-For": `198.51.100.${i}` } });
    const some = await Promise.all([1, 2, 3].map(liar));
    assertNotAdmitted(await refusal(liar(4)), NAMES[2]);
    await Promise.all(some.map((it) => it.close()));
    await server.stop();
  });
});

describe("rooms of one connection", () => {
  it("are bounded, and leaving one makes room for another", async () => {
    const server = await serve({ settings: { ...GENEROUS, "rooms.max_per_connection": 3 } });
    for (const transport of NAMES) {
      const client = await enter(server.url, transport, { rooms: ["1", "2"] });
      await client.done("room:join", "3");
      await client.done("room:join", "2");
      assertFault(await client.ask("room:join", "4"), "too_many_rooms");
      await client.done("room:leave", "1");
      await client.done("room:join", "4");
      assertFault(await client.ask("room:join", "1"), "too_many_rooms");
      await client.close();
      const refused = await refusal(enter(server.url, transport, { rooms: ["1", "2", "3", "4"] }));
      assert.equal(refused.code, "too_many_rooms");
    }
    await server.stop();
  });
});

describe("a payload that is too big", () => {
  it("ends its connection or its request, and nothing else", async () => {
    const server = await serve({ settings: { ...GENEROUS, "limits.payload_bytes": "100KB", "limits.command_bytes": "50KB" } });
    const others = await company(server.url);
    const room = fresh("big");
    await joinAll(others, room);
    const data = { roomId: room, event: "big", data: "x".repeat(200_000) };
    for (const transport of NAMES) {
      const client = await enter(server.url, transport);
      await client.done("room:join", room);
      if (isHttp(transport)) {
        const url = `/rpc?session=${/** @type {any} */ (client).session}`;
        const body = JSON.stringify({ type: "room:emit", data });
        const { status, text } = await request(server.port, url, { method: "POST", body }).catch((error) => {
          // A server that does not read on may be noticed while one still writes.
          if (error.code !== "EPIPE" && error.code !== "ECONNRESET") throw error;
          return { status: 413, text: '{"success":false,"code":"too_large","error":"A reset."}' };
        });
        assert.equal(status, 413);
        assertFault(JSON.parse(text), "too_large");
        await client.done("presence:get", { userIds: [] });
      } else {
        client.tell("room:emit", data);
        const closed = await within(client.closed, 5000, `close of ${transport}`);
        if (transport.startsWith("WebSocket")) assert.equal(closed.code, 1009);
      }
      await client.close();
    }
    // Attachments are part of it, and no part of what a command may have.
    for (const transport of NAMES.filter((it) => it.startsWith("Socket.IO"))) {
      const client = await enter(server.url, transport);
      await client.done("room:join", room);
      await client.done("room:emit", { roomId: room, event: "fits", data: Buffer.alloc(60_000) });
      await Promise.all(others.map((it) => it.event("fits", (data) => data.length >= 60_000)));
      await client.close();
    }
    await flush(others[0], others, room);
    for (const other of others) assert.deepEqual(other.heard("big"), []);
    await Promise.all(others.map((it) => it.close()));
    await server.stop();
  });
});

describe("a client that does not read", () => {
  it("is closed with 3008, while everybody else hears everything", async () => {
    const settings = { ...GENEROUS, "limits.outbox_bytes": "256KiB", "limits.payload_bytes": "128KiB" };
    const server = await serve({ settings });
    const room = fresh("firehose");
    const others = await company(server.url);
    const slow = await company(server.url, { wire: true });
    await joinAll([...others, ...slow], room);
    await Promise.all(slow.map((it) => it.wire?.settled()));
    for (const it of slow) it.wire?.freeze();
    const data = "x".repeat(60_000);
    let n = 0;
    const gone = async () => {
      const { members } = await others[0].done("room:members", room);
      return slow.every((it) => (members.find((member) => member.userId === it.user.id)?.devices ?? 0) === 0);
    };
    // As much as the buffers between the two take, and then as much as the server keeps for one.
    for (; n < 1000 && !(n % 20 === 0 && (await gone())); n++) {
      await others[n % others.length].done("room:emit", { roomId: room, event: "drop", data: { n, data } });
    }
    assert.ok(await gone(), `not closed after ${n * 60} kB`);
    await flush(others[0], others, room);
    for (const [i, other] of others.entries()) {
      const all = other.heard("drop").map((it) => it.n);
      const expected = Array.from({ length: n }, (_, i) => i).filter((it) => it % others.length !== i);
      await until(() => other.heard("drop").length >= expected.length, other.transport);
      assert.deepEqual(all, expected, other.transport);
    }
    for (const it of slow) it.wire?.thaw();
    for (const it of slow) {
      if (it.transport === "long-polling") continue;
      const closed = await within(it.closed, 5000, `close of ${it.transport}`);
      if (it.transport.includes("WebSocket")) assert.equal(closed.code, 3008, it.transport);
    }
    await Promise.all([...others, ...slow].map((it) => it.close()));
    await server.stop();
  });
});
