// socket.io-client 4.8.4 against the server: every transport, both parsers.

import assert from "node:assert/strict";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import {
  ask,
  beside,
  client,
  collect,
  connect,
  connected,
  cutOff,
  disconnectAll,
  msgpackParser,
  WAYS,
} from "../lib/client.mjs";
import { hs256, inAnHour, rs256, rsaPair, unsigned } from "../lib/jwt.mjs";
import { proxy } from "../lib/proxy.mjs";
import { start } from "../lib/server.mjs";
import { event, pause, silence, until, within } from "../lib/wait.mjs";

const SECRET = "a-secret-of-at-least-thirty-two-bytes";
const keys = rsaPair();
const keyFile = join(mkdtempSync(join(tmpdir(), "tidings-")), "rs.pem");
writeFileSync(keyFile, keys.publicKey);

const CHINESE = "海内存知己，天涯若比邻。👩‍👩‍👧‍👦🀄𠜎";

for (const parser of ["default", "msgpack"]) {
  const parsing = parser === "msgpack" ? { parser: msgpackParser } : {};
  for (const way of WAYS) {
    describe(`app, ${parser} parser, ${way}`, () => {
      /** @type {import("../lib/server.mjs").Running} */
      let server;
      before(async () => {
        server = await start({
          PARSER: parser === "msgpack" ? "msgpack" : "",
          JWT_HS_SECRET: SECRET,
          JWT_RS_PUBLIC_KEY: keyFile,
          NODE_ID: "n1",
          ASK_TIMEOUT: 300,
        });
      });
      afterEach(disconnectAll);
      after(() => server.stop());

      const open = (nsp = "", options = {}) => connected(server.url + nsp, way, { ...parsing, ...options });

      it("uses the transport it says", async () => {
        const socket = await open();
        assert.equal(socket.io.engine.transport.name, way === "polling" ? "polling" : "websocket");
        const who = await ask(socket, "whoami");
        assert.equal(who.transport, way === "polling" ? "polling" : "websocket");
        assert.equal(who.id, socket.id);
        assert.equal(who.node, "n1");
        assert.equal(who.nsp, "/");
      });

      it("hands over auth and query", async () => {
        const socket = client(server.url, way, { ...parsing, auth: { token: CHINESE, n: 1 }, query: { a: "1 & 2" } });
        const greeting = event(socket, "auth");
        await connect(socket, way);
        assert.deepEqual(await greeting, [{ token: CHINESE, n: 1 }]);
        const who = await ask(socket, "whoami");
        assert.deepEqual(who.auth, { token: CHINESE, n: 1 });
        assert.equal(who.query.a, "1 & 2");
        assert.equal(who.query.EIO, "4");
      });

      it("greets with {} where there is no auth", async () => {
        const socket = client(server.url, way, parsing);
        const greeting = event(socket, "auth");
        await connect(socket, way);
        assert.deepEqual(await greeting, [{}]);
      });

      it("gives public ids that are not the engine's", async () => {
        const socket = await open();
        const { id } = socket.io.engine;
        assert.match(String(socket.id), /^[\w-]{20}$/);
        assert.match(id, /^[\w-]{20}$/);
        assert.notEqual(socket.id, id);
      });

      it("joins static and dynamic namespaces over one connection", async () => {
        const root = await open();
        const [custom, dynamic] = await Promise.all([beside(root, "/custom"), beside(root, "/dyn-42")]);
        assert.equal((await ask(custom, "whoami")).nsp, "/custom");
        assert.equal((await ask(dynamic, "whoami")).nsp, "/dyn-42");
        assert.equal(new Set([root.id, custom.id, dynamic.id]).size, 3);
        const one = collect(root, "hello");
        const two = collect(custom, "hello");
        await ask(dynamic, "broadcast", {}, "hello", "dynamic");
        await ask(custom, "broadcast", {}, "hello", "custom");
        await until(() => two.length, "hello");
        assert.deepEqual([one, two], [[], [["custom"]]]);
      });

      it("refuses namespaces that do not exist", async () => {
        for (const nsp of ["/nope", "/dyn-x", "/dyn-1x", "/custom/more", "/__proto__"]) {
          const socket = client(server.url + nsp, way, parsing);
          socket.connect();
          const [error] = await event(socket, "connect_error");
          assert.equal(error.message, "Invalid namespace", nsp);
        }
      });

      it("opens the jwt namespaces to good tokens only", async () => {
        const good = { sub: "user-1", exp: inAnHour() };
        const accepted = await open("/jwt", { auth: { token: hs256(SECRET, good) } });
        assert.equal((await ask(accepted, "whoami")).sub, "user-1");
        const signed = await open("/jwt-rs", { auth: { token: rs256(keys.privateKey, good) } });
        assert.equal((await ask(signed, "whoami")).sub, "user-1");

        /** @type {[string, any][]} */
        const refused = [
          ["/jwt", undefined],
          ["/jwt", {}],
          ["/jwt", { token: 7 }],
          ["/jwt", { token: "a.b.c" }],
          ["/jwt", { token: unsigned(good) }],
          ["/jwt", { token: hs256("another secret, as long as the real one", good) }],
          ["/jwt", { token: hs256(SECRET, { sub: "late", exp: 1 }) }],
          ["/jwt", { token: rs256(keys.privateKey, good) }],
          // The classic confusion: the public key taken as an HMAC secret.
          ["/jwt-rs", { token: hs256(String(keys.publicKey), good) }],
          ["/jwt-rs", { token: unsigned(good) }],
        ];
        for (const [nsp, auth] of refused) {
          const socket = client(server.url + nsp, way, { ...parsing, auth });
          socket.connect();
          const [error] = await event(socket, "connect_error");
          assert.equal(error.message, "unauthorized");
          assert.deepEqual(error.data, { code: 401 });
          socket.disconnect();
        }
      });

      it("carries arguments of every shape, both ways", async () => {
        const socket = await open();
        const shapes = [
          [],
          [null],
          [true, false],
          // notepack 2.2, the client's own, ruins floats beyond 2^53.
          [0, -1, 1.5, -2.5e-7, 2 ** 53, parser === "default" ? 1e300 : 1e10],
          ["", "x", '"\\\n\u0000\u2028', CHINESE],
          [[], {}, [[[1]]], { a: { b: [{ c: null }] } }],
          [{ __proto_: 1, "": 2, "a.b": 3, 文: "字" }],
        ];
        for (const args of shapes) {
          const back = event(socket, "message-back");
          socket.emit("message", ...args);
          assert.deepEqual(await back, args);
          const acked = await new Promise((resolve) =>
            socket.emit("message-with-ack", ...args, (...got) => resolve(got)),
          );
          assert.deepEqual(acked, args);
        }
      });

      it("keeps order", async () => {
        const socket = await open();
        const back = collect(socket, "message-back");
        for (let i = 0; i < 300; i++) socket.emit("message", i, i % 7 === 0 ? Buffer.from([i & 255]) : "");
        await until(() => back.length === 300, "300 answers", 10_000);
        assert.deepEqual(
          back.map(([i]) => i),
          Array.from({ length: 300 }, (_, i) => i),
        );
      });

      it("carries binary both ways", async () => {
        const socket = await open();
        const empty = await ask(socket, "echo", Buffer.alloc(0));
        assert.equal(empty.length, 0);
        const bytes = Buffer.from([0, 255, 30, 98, 10, 13]);
        const nested = { a: bytes, list: [1, bytes, { deep: Buffer.from("深") }], text: CHINESE };
        assert.deepEqual(await ask(socket, "echo", nested), nested);
        const back = event(socket, "message-back");
        socket.emit("message", bytes, "between", Buffer.from("two"));
        assert.deepEqual(await back, [bytes, "between", Buffer.from("two")]);
        const n = await ask(socket, "binary", 70_000);
        assert.equal(n.length, 70_000);
        assert.ok(n.every((byte, i) => byte === (i & 255)));
        socket.on("want bytes", (data, ack) => ack(Buffer.concat([data, data])));
        const answer = await ask(socket, "ask-client", "want bytes", Buffer.from("ab"));
        assert.deepEqual(answer, { ok: Buffer.from("abab") });
      });

      it("carries payloads just under the limit", async () => {
        const socket = await open();
        // Base64, on polling, makes bytes a third longer, and everything is bytes to MessagePack.
        const most = way === "polling" ? 740_000 : 990_000;
        const text = "é".repeat((parser === "default" ? 990_000 : most) / 2);
        assert.equal(await ask(socket, "echo", text), text);
        const bytes = Buffer.alloc(most, 7);
        assert.ok(bytes.equals(await ask(socket, "echo", bytes)));
        assert.equal((await ask(socket, "text", 3_000_000)).length, 3_000_000);
      });

      it("lets the server ask, and gives up on silence", async () => {
        const socket = await open();
        socket.on("double", (n, ack) => ack(n * 2));
        socket.on("mute", () => {});
        assert.deepEqual(await ask(socket, "ask-client", "double", 21), { ok: 42 });
        assert.deepEqual(await ask(socket, "ask-client", "mute"), { error: "timeout" });
        assert.deepEqual(await ask(socket, "ask-client", "double", 4), { ok: 8 });
      });

      it("ignores a second answer and unknown acknowledgements", async () => {
        const socket = await open();
        socket.on("twice", (ack) => {
          ack(1);
          ack(2);
        });
        assert.deepEqual(await ask(socket, "ask-client", "twice"), { ok: 1 });
        assert.equal(await ask(socket, "echo", "on"), "on");
      });

      it("keeps rooms per socket", async () => {
        const socket = await open();
        const id = String(socket.id);
        assert.deepEqual(await ask(socket, "rooms"), [id]);
        assert.deepEqual(await ask(socket, "join", ["b", "a", "房间"]), ["a", "b", "房间", id].sort());
        assert.deepEqual(await ask(socket, "join", "a"), ["a", "b", "房间", id].sort());
        assert.deepEqual(await ask(socket, "leave", "b"), ["a", "房间", id].sort());
        assert.deepEqual(await ask(socket, "leave", "never"), ["a", "房间", id].sort());
      });

      it("broadcasts to rooms, once each, sender included", async () => {
        const [a, b, c] = await Promise.all([open(), open(), open()]);
        await Promise.all([ask(a, "join", ["x", "y"]), ask(b, "join", ["y"])]);
        const heard = [a, b, c].map((socket) => collect(socket, "news"));
        await ask(a, "broadcast", { rooms: ["x", "y"] }, "news", 1);
        await ask(a, "broadcast", { rooms: ["y"], except: ["x"] }, "news", 2, Buffer.from("binary"));
        await ask(a, "broadcast", { except: [String(c.id)] }, "news", 3);
        await ask(a, "broadcast", { rooms: [String(c.id)], local: true }, "news", 4);
        await ask(a, "broadcast", { local: true }, "news", 5);
        await until(() => heard[2].length === 2 && heard[0].length === 3 && heard[1].length === 4, "broadcasts");
        assert.deepEqual(heard[0], [[1], [3], [5]]);
        assert.deepEqual(heard[1], [[1], [2, Buffer.from("binary")], [3], [5]]);
        assert.deepEqual(heard[2], [[4], [5]]);
      });

      it("relays to everybody else", async () => {
        const [a, b, c] = await Promise.all([open(), open(), open()]);
        await Promise.all([ask(b, "join", ["r"]), ask(a, "join", ["r"]), ask(c, "join", ["s"])]);
        const heard = [a, b, c].map((socket) => collect(socket, "news"));
        await ask(a, "relay", {}, "news", 1);
        await ask(a, "relay", { rooms: ["r"] }, "news", 2);
        await ask(a, "relay", { rooms: ["r", "s"], except: ["r"] }, "news", 3);
        await ask(a, "relay", { except: ["s"] }, "news", 4);
        await until(() => heard[1].length === 3 && heard[2].length === 2, "relays");
        assert.deepEqual(heard, [[], [[1], [2], [4]], [[1], [3]]]);
      });

      it("collects acknowledgements of a broadcast", async () => {
        const [a, b, c] = await Promise.all([open(), open(), open()]);
        await Promise.all([a, b, c].map((socket) => ask(socket, "join", ["poll"])));
        a.on("vote", (x, ack) => ack(`a${x}`));
        b.on("vote", (x, ack) => ack(`b${x}`));
        c.on("vote", (x, ack) => ack({ bytes: Buffer.from([x]) }));
        const all = await ask(a, "ctl:broadcast-ack", { rooms: ["poll"] }, "vote", 1);
        assert.equal(all.err, false);
        assert.equal(all.responses.length, 3);
        assert.ok(all.responses.includes("a1") && all.responses.includes("b1"));
        assert.ok(all.responses.some((one) => one.bytes?.equals?.(Buffer.from([1]))));
        c.off("vote");
        const partial = await ask(a, "ctl:broadcast-ack", { rooms: ["poll"], timeout: 200 }, "vote", 2);
        assert.equal(partial.err, true);
        assert.deepEqual(partial.responses.sort(), ["a2", "b2"]);
        const nobody = await ask(a, "ctl:broadcast-ack", { rooms: ["empty"], timeout: 200 }, "vote", 3);
        assert.deepEqual(nobody, { err: false, responses: [] });
      });

      it("fetches, moves and disconnects sockets of the namespace", async () => {
        const [a, b] = await Promise.all([open("/dyn-7", { auth: { who: "a" } }), open("/dyn-7")]);
        assert.equal(await ask(b, "set-data", { colour: "red" }), true);
        assert.equal(await ask(b, "set-data", { size: 2 }), true);
        await ask(b, "join", ["k"]);
        const everyone = await ask(a, "ctl:fetch", {});
        assert.deepEqual(
          everyone.map((one) => one.id),
          [a.id, b.id].sort(),
        );
        assert.deepEqual(everyone.find((one) => one.id === a.id)?.auth, { who: "a" });
        assert.deepEqual(await ask(a, "ctl:fetch", { rooms: ["k"] }), [
          { id: b.id, rooms: ["k", String(b.id)].sort(), data: { colour: "red", size: 2 }, auth: {} },
        ]);
        assert.deepEqual(await ask(a, "ctl:fetch", { except: ["k"], local: true }), [
          { id: a.id, rooms: [a.id], data: {}, auth: { who: "a" } },
        ]);
        assert.equal(await ask(a, "ctl:join", { rooms: ["k"] }, ["m", "n"]), true);
        assert.equal(await ask(a, "ctl:leave", { rooms: ["k"] }, ["n"]), true);
        assert.deepEqual(await ask(b, "rooms"), ["k", "m", String(b.id)].sort());
        assert.deepEqual(await ask(a, "ctl:all-rooms"), ["k", "m", String(a.id), String(b.id)].sort());
        assert.equal(await ask(a, "ctl:server-count"), 1);
        const gone = event(b, "disconnect");
        assert.equal(await ask(a, "ctl:disconnect", { rooms: ["m"] }, false), true);
        assert.equal((await gone)[0], "io server disconnect");
        assert.deepEqual(await ask(a, "ctl:all-rooms"), [a.id]);
      });

      it("has no peers to emit to", async () => {
        const socket = await open();
        assert.equal(await ask(socket, "ctl:sse", "sse:note", 1), true);
        assert.deepEqual(await ask(socket, "ctl:sse-ack", "sse:ask", 1), { err: false, responses: [] });
        assert.deepEqual(await ask(socket, "ctl:sse-log"), []);
      });

      it("kicks: from the namespace, or from the connection", async () => {
        const socket = await open();
        const custom = await beside(socket, "/custom");
        let left = event(socket, "disconnect");
        socket.emit("kick", false);
        assert.equal((await left)[0], "io server disconnect");
        assert.equal(await ask(custom, "echo", "alive"), "alive");
        const again = event(socket, "connect");
        socket.connect();
        await again;
        left = event(socket, "disconnect");
        const both = event(custom, "disconnect");
        socket.emit("kick", true);
        assert.equal((await left)[0], "io server disconnect");
        assert.equal((await both)[0], "io server disconnect");
        assert.equal(socket.active, false);
      });

      it("reconnects after the server dropped the connection", async () => {
        const socket = await open();
        const first = socket.id;
        const left = event(socket, "disconnect");
        const back = left.then(() => event(socket, "connect"));
        socket.emit("drop");
        assert.match((await left)[0], /^transport (close|error)$/);
        await back;
        assert.notEqual(socket.id, first);
        assert.equal(await ask(socket, "echo", "back"), "back");
      });

      it("reconnects after the network was cut", async () => {
        const wire = await proxy(server.port);
        try {
          const socket = await connected(wire.url, way, parsing);
          await cutOff(socket, wire);
          await event(socket, "connect");
          assert.equal(await ask(socket, "echo", CHINESE), CHINESE);
        } finally {
          disconnectAll();
          await wire.close();
        }
      });

      it("hears nothing of others' private events after leaving", async () => {
        const [a, b] = await Promise.all([open(), open()]);
        await ask(b, "join", ["r"]);
        await ask(b, "leave", ["r"]);
        const heard = collect(b, "news");
        await ask(a, "broadcast", { rooms: ["r"] }, "news", 1);
        await ask(b, "echo", 1);
        assert.deepEqual(heard, []);
      });

      it("takes volatile emits from client and server", async () => {
        const socket = await open();
        const heard = collect(socket, "message-back");
        // A volatile emit may be dropped; on an idle connection one of several arrives.
        await until(
          () => {
            socket.volatile.emit("message", "v");
            return heard.length > 0;
          },
          "a volatile message",
          5000,
        );
        const news = collect(socket, "news");
        await until(
          async () => {
            await ask(socket, "broadcast", { volatile: true }, "news", "v");
            await pause(20);
            return news.length > 0;
          },
          "a volatile broadcast",
          5000,
        );
        assert.deepEqual(news[0], ["v"]);
      });

      it("says goodbye when the client leaves a namespace", async () => {
        const [a, b] = await Promise.all([open("/dyn-9"), open("/dyn-9")]);
        b.disconnect();
        await until(async () => (await ask(a, "ctl:fetch", {})).length === 1, "one socket left");
      });
    });
  }

  for (const way of WAYS) {
    describe(`sio-client, ${parser} parser, ${way}`, () => {
      /** @type {import("../lib/server.mjs").Running} */
      let server;
      before(async () => {
        server = await start({ PROFILE: "sio-client", PARSER: parser === "msgpack" ? "msgpack" : "" });
      });
      afterEach(disconnectAll);
      after(() => server.stop());
      const open = (nsp = "", options = {}) => connected(server.url + nsp, way, { ...parsing, ...options });
      /** @param {Buffer | ArrayBuffer} bytes */
      const text = (bytes) => Buffer.from(/** @type {any} */ (bytes)).toString();

      it("answers the plain events", async () => {
        const socket = await open();
        socket.emit("hi");
        assert.deepEqual(without(await event(socket, "hi")), []);
        assert.deepEqual(await ask(socket, "echo", { a: [1, null] }), { a: [1, null] });
        assert.equal(await ask(socket, "getId"), socket.id);
        const date = await ask(socket, "getAckDate", { test: true });
        assert.ok(Math.abs(Date.parse(date) - Date.now()) < 60_000, date);
        socket.emit("false");
        assert.equal((await event(socket, "false"))[0], false);
        socket.emit("getDate");
        const [taken] = await event(socket, "takeDate");
        assert.ok(Math.abs(Number(new Date(taken)) - Date.now()) < 60_000);
        socket.emit("getDateObj");
        const [{ date: inside }] = await event(socket, "takeDateObj");
        assert.ok(Math.abs(Number(new Date(inside)) - Date.now()) < 60_000);
      });

      it("expects an acknowledgement", async () => {
        const socket = await open();
        socket.on("ack", (ack) => ack(5, { test: true }));
        socket.emit("ack");
        await event(socket, "got it");
      });

      it("sends text of every alphabet in order", async () => {
        const socket = await open();
        const taken = collect(socket, "takeUtf8");
        socket.emit("getUtf8");
        await until(() => taken.length === 5, "five texts");
        assert.deepEqual(
          taken.map(([one]) => one),
          ["てすと", "Я Б Г Д Ж Й", "Ä ä Ü ü ß", "utf8 — string", "utf8 — string"],
        );
      });

      it("sends bytes and recognises bytes", async () => {
        const socket = await open();
        for (const [name, answer] of [
          ["doge", "doge"],
          ["getbin", "takebin"],
        ]) {
          socket.emit(name);
          assert.equal(text((await event(socket, answer))[0]), "asdfasdf");
        }
        socket.emit("buffa", Buffer.from("asdfasdf"));
        await event(socket, "buffack");
        const object = { hello: "lol", message: Buffer.from("xxx"), goodbye: "gotcha" };
        socket.emit("jsonbuff", object);
        await event(socket, "jsonbuff-ack");
        socket.emit("jsonblob", object);
        await event(socket, "jsonblob-ack");
        socket.emit("abuff1", Buffer.from("x"));
        socket.emit("abuff2", "please arrive second");
        await event(socket, "abuff2-ack");
        socket.emit("blob", Buffer.from("x"));
        await event(socket, "back");
        socket.emit("blob1", Buffer.from("a"));
        socket.emit("blob2", "second");
        socket.emit("blob3", Buffer.from("b"));
        await event(socket, "blob3-ack");
      });

      it("refuses by middleware, with its message", async () => {
        const main = client(server.url, way, { ...parsing, query: { fail: "true" } });
        main.connect();
        assert.equal((await event(main, "connect_error"))[0].message, "Auth failed (main namespace)");
        const no = client(server.url + "/no", way, parsing);
        no.connect();
        assert.equal((await event(no, "connect_error"))[0].message, "Auth failed (custom namespace)");
      });

      it("has the namespaces of the client's own tests", async () => {
        for (const nsp of ["/timeout_socket", "/valid", "/asd"]) await open(nsp);
        const foo = await open("/foo");
        assert.equal(await ask(foo, "getId"), foo.id);
      });

      it("tells the handshake", async () => {
        const socket = client(server.url + "/abc", way, { ...parsing, auth: { k: "v" }, query: { a: "b" } });
        const told = event(socket, "handshake");
        await connect(socket, way);
        const [handshake] = await told;
        for (const key of "headers time address xdomain secure issued url query auth".split(" ")) {
          assert.ok(key in handshake, key);
        }
        assert.equal(handshake.xdomain, false);
        assert.equal(handshake.secure, false);
        assert.equal(handshake.query.a, "b");
        assert.equal(handshake.auth.k, "v");
        assert.ok(Math.abs(handshake.issued - Date.now()) < 60_000);
        assert.match(handshake.address, /127\.0\.0\.1|::1/);
        assert.match(handshake.url, /^\/socket\.io\/\?/);
        assert.match(handshake.headers.host, /^127\.0\.0\.1:/);
        const root = await open("/?b=c&d=e%20f");
        const { query } = await ask(root, "getHandshake");
        assert.deepEqual([query.EIO, query.b, query.d], ["4", "c", "e f"]);
      });

      it("recovers though no event was ever received", async (t) => {
        if (server.kind === "reference") return t.skip("ours only: the reference needs an offset to recover");
        const wire = await proxy(server.port);
        try {
          const socket = await connected(wire.url, way, parsing);
          const { id } = socket;
          assert.equal(socket.recovered, false);
          await cutOff(socket, wire);
          await event(socket, "connect");
          assert.deepEqual([socket.recovered, socket.id], [true, id]);
        } finally {
          disconnectAll();
          await wire.close();
        }
      });
    });
  }
}

describe("connections side by side", () => {
  /** @type {import("../lib/server.mjs").Running} */
  let server;
  before(async () => void (server = await start({ PING_INTERVAL: 200, PING_TIMEOUT: 3000 })));
  afterEach(disconnectAll);
  after(() => server.stop());

  for (const way of WAYS) {
    it(`stay through many heartbeats (${way})`, async () => {
      const socket = await connected(server.url, way);
      const left = event(socket, "disconnect", 60_000);
      left.catch(() => {});
      assert.equal(await silence(left, 1300), "silence");
      assert.equal(await ask(socket, "echo", 1), 1);
    });
  }

  it("all transports share rooms", async () => {
    const sockets = await Promise.all(WAYS.map((way) => connected(server.url, way)));
    const heard = sockets.map((socket) => collect(socket, "news"));
    await Promise.all(sockets.map((socket) => ask(socket, "join", ["mixed"])));
    for (let i = 0; i < 50; i++) sockets[i % 3].emit("broadcast", { rooms: ["mixed"] }, "news", i, Buffer.from([i]));
    await until(() => heard.every((one) => one.length === 50), "all news");
    for (const one of heard) {
      assert.deepEqual(new Set(one.map(([i]) => i)).size, 50);
      for (const sender of [0, 1, 2]) {
        const own = one.map(([i]) => i).filter((i) => i % 3 === sender);
        assert.deepEqual(own, own.toSorted((a, b) => a - b), "each sender's order is kept");
      }
    }
  });

  it("many at once", async () => {
    const sockets = await within(
      Promise.all(Array.from({ length: 60 }, (_, i) => connected(server.url, WAYS[i % 3]))),
      20_000,
      "60 connections",
    );
    assert.equal(new Set(sockets.map((socket) => socket.id)).size, 60);
    const answers = await Promise.all(sockets.map((socket, i) => ask(socket, "echo", i)));
    assert.deepEqual(answers, sockets.map((_, i) => i));
  });

  it("a mismatch of parsers closes the connection", async () => {
    const socket = client(server.url, "websocket", { parser: msgpackParser, reconnection: false });
    socket.connect();
    await within(new Promise((resolve) => socket.io.once("close", resolve)), 5000, "close");
    assert.equal(socket.connected, false);
  });
});

/** Recovery's offset, which the reference appends to the arguments. @param {any[]} args */
function without(args) {
  return args.length && typeof args.at(-1) === "string" && /^[\w-]+(\.\w+)?$/.test(args.at(-1)) ? args.slice(0, -1) : args;
}
