// Connection state recovery: what was broadcast during an outage arrives afterwards, once, in order.
//
// Our server announces the offset in an event of its own, `tidings:offset`, after a batch; the reference appends it to the
// arguments of every event. Tests of what the reference gets wrong are marked "ours only", with the reason.

import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { ask, beside, client, collect, connect, connected, cutOff, disconnectAll, WAYS } from "../lib/client.mjs";
import { openWs } from "../lib/engine.mjs";
import { proxy } from "../lib/proxy.mjs";
import { oursOnly, start } from "../lib/server.mjs";
import { event, pause, until } from "../lib/wait.mjs";

/** @typedef {import("../lib/client.mjs").Socket} Socket */

/** @type {import("../lib/server.mjs").Running} */
let server;
/** @type {import("../lib/proxy.mjs").Proxy} */
let wire;
before(async () => {
  server = await start({ RECOVERY: 1 });
  wire = await proxy(server.port);
});
afterEach(() => {
  disconnectAll();
  wire.refuse(false);
});
after(async () => {
  await wire.close();
  await server.stop();
});

/** Cuts the client off and keeps it off while `meanwhile` runs. @param {Socket} socket @param {() => Promise<any>} meanwhile */
async function outage(socket, meanwhile) {
  await wire.settled();
  wire.refuse(true);
  await cutOff(socket, wire);
  await meanwhile();
  const back = event(socket, "connect", 10_000);
  wire.refuse(false);
  await back;
}

/** A client on the direct line, which is never cut. */
const witness = () => connected(server.url, "websocket");
/** @param {Socket} socket @param {any[]} args */
const broadcast = (socket, ...args) => ask(socket, "broadcast", {}, ...args);
/** @param {any[][]} all */
const firsts = (all) => all.map(([first]) => first);
/** @param {number} n */
const upTo = (n) => Array.from({ length: n }, (_, i) => i);

for (const way of WAYS) {
  describe(`recovery, ${way}`, () => {
    it("brings back id, rooms, data, and what was missed", async () => {
      const source = await witness();
      const socket = await connected(wire.url, way);
      const { id } = socket;
      assert.equal(socket.recovered, false);
      await ask(socket, "join", ["kept", "left"]);
      await ask(socket, "leave", ["left"]);
      await ask(socket, "set-data", { colour: "red" });
      const heard = collect(socket, "news");
      await broadcast(source, "news", "before");
      await until(() => heard.length === 1, "the event before");
      await outage(socket, async () => {
        await broadcast(source, "news", "all");
        await ask(source, "broadcast", { rooms: ["kept"] }, "news", "kept", Buffer.from("bytes"), { deep: [1] });
        await ask(source, "broadcast", { rooms: ["left"] }, "news", "left");
        await ask(source, "broadcast", { rooms: ["other"] }, "news", "other");
        await ask(source, "broadcast", { except: ["kept"] }, "news", "except");
        await ask(source, "broadcast", { rooms: [id] }, "news", "mine");
        await ask(source, "relay", {}, "news", "relayed");
      });
      assert.equal(socket.recovered, true);
      assert.equal(socket.id, id);
      await broadcast(source, "news", "after");
      await until(() => firsts(heard).includes("after"), "the event after");
      assert.deepEqual(firsts(heard), ["before", "all", "kept", "mine", "relayed", "after"]);
      assert.deepEqual(heard[2].slice(1, 3), [Buffer.from("bytes"), { deep: [1] }]);
      assert.deepEqual(await ask(socket, "rooms"), ["kept", String(id)].sort());
      const [me] = await ask(socket, "ctl:fetch", { rooms: ["kept"] });
      assert.deepEqual(me.data, { colour: "red" });
    });

    it("loses and doubles nothing through many cuts", { timeout: 60_000 }, async () => {
      const source = await witness();
      const socket = await connected(wire.url, way);
      const heard = collect(socket, "n");
      const fresh = [];
      socket.on("connect", () => socket.recovered || fresh.push(socket.id));
      let cuts = 0;
      let sending = true;
      // On a WebSocket, at whatever moment; otherwise while nothing is on its way up, for a poll that never reached the
      // server leaves it with a session that seems to live.
      const blows = (async () => {
        while (way === "websocket" && sending && cuts < 8) {
          await pause(60);
          if (!socket.connected) continue;
          wire.cut();
          cuts++;
        }
      })();
      for (let i = 0; i < 600; i++) {
        await broadcast(source, "n", i, i % 50 === 0 ? Buffer.alloc(2000) : null);
        if (i % 10 === 0) await pause(10);
        if (way !== "websocket" && i % 75 === 50) {
          await until(() => socket.connected, "connection");
          await wire.settled();
          wire.cut();
          cuts++;
        }
      }
      sending = false;
      await blows;
      await until(() => heard.at(-1)?.[0] === 599, "the last number", 15_000);
      assert.ok(cuts >= 3, `only ${cuts} cuts`);
      assert.deepEqual(fresh, []);
      assert.deepEqual(firsts(heard), upTo(600));
    });

    it("recovers again and again without new events", async () => {
      const source = await witness();
      const socket = await connected(wire.url, way);
      const { id } = socket;
      const heard = collect(socket, "n");
      await broadcast(source, "n", 0);
      await until(() => heard.length === 1, "the first");
      for (let i = 0; i < 4; i++) await outage(socket, async () => {});
      await outage(socket, () => broadcast(source, "n", 1));
      await until(() => heard.length === 2, "the second");
      assert.deepEqual([socket.id, socket.recovered, firsts(heard)], [id, true, [0, 1]]);
    });

    it("gives handlers the arguments that were sent", oursOnly("it appends the offset to the arguments"), async () => {
      const source = await witness();
      const socket = await connected(wire.url, way);
      /** @type {any[][]} */
      const heard = [];
      socket.onAny((name, ...args) => !["auth", "tidings:offset"].includes(name) && heard.push([name, ...args]));
      await broadcast(source, "none");
      await broadcast(source, "one", 1);
      await outage(socket, async () => {
        await broadcast(source, "none");
        await broadcast(source, "two", Buffer.from([2]), "text");
      });
      await until(() => heard.length === 4, "four events");
      assert.deepEqual(heard, [["none"], ["one", 1], ["none"], ["two", Buffer.from([2]), "text"]]);
    });

    it("recovers after a volatile event", oursOnly("its string argument is taken for an offset"), async () => {
      const source = await witness();
      const socket = await connected(wire.url, way);
      const { id } = socket;
      const heard = collect(socket, "n");
      await broadcast(source, "n", 0);
      await until(() => heard.length === 1, "the first");
      const drift = collect(socket, "drift");
      await until(
        async () => {
          await ask(source, "broadcast", { volatile: true }, "drift", "not-an-offset");
          await pause(20);
          return drift.length;
        },
        "a volatile event",
      );
      await outage(socket, () => broadcast(source, "n", 1));
      await until(() => heard.length === 2, "the second");
      assert.deepEqual([socket.recovered, socket.id, firsts(heard)], [true, id, [0, 1]]);
    });

    it("recovers after an event that ends in the user's own string", async () => {
      const source = await witness();
      const socket = await connected(wire.url, way);
      const { id } = socket;
      const heard = collect(socket, "n");
      await broadcast(source, "n", "MYoffset.7");
      await until(() => heard.length === 1, "the first");
      await outage(socket, () => broadcast(source, "n", "again"));
      await until(() => heard.length === 2, "the second");
      assert.deepEqual([socket.recovered, socket.id, firsts(heard)], [true, id, ["MYoffset.7", "again"]]);
    });

    it("does not replay what was sent with an acknowledgement", async () => {
      const source = await witness();
      const socket = await connected(wire.url, way);
      const heard = collect(socket, "question");
      const before = event(socket, "n");
      await broadcast(source, "n", 0);
      await before;
      await outage(socket, () => ask(source, "ctl:broadcast-ack", { timeout: 50 }, "question", 1));
      assert.equal(socket.recovered, true);
      await ask(socket, "echo", 1);
      assert.deepEqual(heard, []);
    });
  });
}

describe("recovery is refused", () => {
  it("after the server disconnected the socket", async () => {
    const socket = await connected(server.url, "websocket", { reconnection: false });
    const { id } = socket;
    await broadcast(socket, "n", 1);
    const left = event(socket, "disconnect");
    socket.emit("kick", false);
    await left;
    await connect(socket);
    assert.equal(socket.recovered, false);
    assert.notEqual(socket.id, id);
  });

  it(
    "after a recovered socket was disconnected by the server",
    oursOnly("sessions are never consumed, the older one is restored"),
    async () => {
      const source = await witness();
      const socket = await connected(wire.url, "websocket");
      const { id } = socket;
      await broadcast(source, "n", 1);
      await outage(socket, async () => {});
      assert.equal(socket.recovered, true);
      const left = event(socket, "disconnect");
      socket.emit("kick", false);
      await left;
      await connect(socket);
      assert.equal(socket.recovered, false);
      assert.notEqual(socket.id, id);
    },
  );

  it("after the client left by itself", async () => {
    const socket = await connected(server.url, "websocket");
    const { id } = socket;
    await broadcast(socket, "n", 1);
    socket.disconnect();
    await connect(socket);
    assert.equal(socket.recovered, false);
    assert.notEqual(socket.id, id);
  });

  it("to a pid that nobody was given, to wrong types, to an offset that never was", async () => {
    const ws = await openWs(server.port);
    ws.send("40");
    const { pid } = JSON.parse(String(await ws.packet()).slice(2));
    assert.match(pid, /^[\w-]{20}$/);
    ws.end();
    await ws.closed;
    for (const auth of [
      { pid: "A".repeat(20), offset: "B" },
      { pid: 7, offset: "B" },
      { pid: "A".repeat(20), offset: { a: 1 } },
      { pid: "", offset: "" },
      { pid, offset: "never-was-one" },
    ]) {
      const next = await openWs(server.port);
      next.send(`40${JSON.stringify(auth)}`);
      const answer = JSON.parse(String(await next.packet()).slice(2));
      assert.match(answer.sid, /^[\w-]{20}$/);
      assert.notEqual(answer.pid, auth.pid);
      next.end();
    }
  });

  it(
    "to a second connection while the first lives",
    oursOnly("two sockets with one id are possible, socketio/socket.io#4880"),
    async () => {
      const source = await witness();
      const first = await openWs(server.port);
      first.send("40");
      const { sid, pid } = JSON.parse(String(await first.packet()).slice(2));
      await broadcast(source, "n", 1);
      /** @type {string | undefined} */
      let offset;
      while (!offset) {
        const [name, ...args] = JSON.parse(String(await first.packet()).slice(2));
        if (name === "tidings:offset") offset = args[0];
      }
      const second = await openWs(server.port);
      second.send(`40${JSON.stringify({ pid, offset })}`);
      let answer = "";
      while (!answer.startsWith("40")) answer = String(await second.packet());
      const got = JSON.parse(answer.slice(2));
      const everyone = await ask(source, "ctl:fetch", {});
      const ids = everyone.map((one) => one.id);
      assert.equal(new Set(ids).size, ids.length, "no id twice");
      // Either the newcomer is a stranger, or it took the session over and the first is gone.
      if (got.sid === sid) await first.close_();
      else assert.notEqual(got.pid, pid);
      first.end();
      second.end();
    },
  );

  it("when the outage lasted too long", async () => {
    const short = await start({ RECOVERY: 1, RECOVERY_DURATION: 200 });
    const line = await proxy(short.port);
    try {
      const socket = await connected(line.url, "websocket");
      const { id } = socket;
      await broadcast(socket, "n", 1);
      await line.settled();
      line.refuse(true);
      await cutOff(socket, line);
      await pause(700);
      const back = event(socket, "connect");
      line.refuse(false);
      await back;
      assert.equal(socket.recovered, false);
      assert.notEqual(socket.id, id);
      assert.equal(await ask(socket, "echo", "as new"), "as new");
    } finally {
      disconnectAll();
      await line.close();
      await short.stop();
    }
  });

  it("where it is off: no pid is given", async () => {
    const plain = await start();
    try {
      const ws = await openWs(plain.port);
      ws.send("40");
      assert.deepEqual(Object.keys(JSON.parse(String(await ws.packet()).slice(2))), ["sid"]);
      ws.end();
    } finally {
      await plain.stop();
    }
  });
});

describe("recovery on the wire", () => {
  it("answers sid and pid, in this order", async () => {
    const ws = await openWs(server.port);
    ws.send("40");
    assert.deepEqual(Object.keys(JSON.parse(String(await ws.packet()).slice(2))), ["sid", "pid"]);
    ws.end();
  });

  it("works per namespace over one connection", async () => {
    const source = await connected(server.url + "/custom", "websocket");
    const root = await connected(wire.url, "websocket");
    const custom = await beside(root, "/custom");
    const ids = [root.id, custom.id];
    const heard = collect(custom, "n");
    await broadcast(source, "n", 0);
    await broadcast(root, "n", "only root");
    await until(() => heard.length === 1, "the first");
    const both = event(custom, "connect", 10_000);
    await outage(root, () => broadcast(source, "n", 1));
    await both;
    await until(() => heard.length === 2, "the second");
    assert.deepEqual([root.id, custom.id], ids);
    assert.deepEqual([root.recovered, custom.recovered], [true, true]);
    assert.deepEqual(firsts(heard), [0, 1]);
  });

  it("replays behind the CONNECT answer, from the session's start without offset", oursOnly("it wants one"), async () => {
    const source = await witness();
    const ws = await openWs(server.port);
    ws.send("40");
    const { sid, pid } = JSON.parse(String(await ws.packet()).slice(2));
    ws.end();
    await ws.closed;
    await until(async () => !(await ask(source, "ctl:fetch", {})).some((one) => one.id === sid), "departure");
    await broadcast(source, "n", "missed");
    const next = await openWs(server.port);
    next.send(`40${JSON.stringify({ pid })}`);
    /** @type {string[]} */
    const seen = [];
    while (seen.at(-1) !== '42["n","missed"]') seen.push(String(await next.packet()));
    assert.deepEqual(JSON.parse(seen[0].slice(2)), { sid, pid });
    assert.ok(seen.includes('42["n","missed"]'), seen.join("\n"));
    next.end();
  });

  it("keeps the user's auth beside pid and offset", async () => {
    const source = await witness();
    const socket = client(wire.url, "websocket", { auth: { token: "t" } });
    await connect(socket);
    await broadcast(source, "n", 1);
    await outage(socket, async () => {});
    assert.equal(socket.recovered, true);
    assert.equal((await ask(socket, "whoami")).auth.token, "t");
  });
});
