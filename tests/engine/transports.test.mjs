// Polling, the upgrade, the heartbeat and the limits: what the tables of the protocol notes promise.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { joinedWs, openWs, Polling, SEPARATOR } from "../lib/engine.mjs";
import { Line, request } from "../lib/http.mjs";
import { oursOnly, start } from "../lib/server.mjs";
import { Ws } from "../lib/ws.mjs";
import { pause, silence, until, within } from "../lib/wait.mjs";

/** @type {import("../lib/server.mjs").Running} */
let app;
/** Heartbeat every 300 ms, 200 ms to answer. @type {import("../lib/server.mjs").Running} */
let quick;
/** @type {import("../lib/server.mjs").Running} */
let small;
before(async () => {
  [app, quick, small] = await Promise.all([
    start(),
    start({ PING_INTERVAL: 300, PING_TIMEOUT: 200 }),
    start({ MAX_PAYLOAD: 1000 }),
  ]);
});
after(() => Promise.all([app.stop(), quick.stop(), small.stop()]));

const UNKNOWN = '{"code":1,"message":"Session ID unknown"}';

/** @param {Polling} session */
async function gone(session) {
  const answer = await session.get();
  assert.deepEqual([answer.status, answer.text], [400, UNKNOWN]);
}

/** Starts a GET, and gives it the time to become the server's. @param {Polling} session */
async function waiting(session) {
  const poll = session.get();
  poll.catch(() => {});
  await pause(60);
  return { answer: poll };
}

/** @param {Polling} session @param {number} [port] */
const probe = (session, port = session.port) =>
  Ws.open(port, `${session.path}?EIO=4&transport=websocket&sid=${session.sid}`);

/** Over the WebSocket or by polling, the session still echoes. @param {Polling} session */
async function polls(session) {
  await session.send('421["echo","polling"]');
  assert.equal(await session.packet(), '431["polling"]');
}

describe("polling", () => {
  it("a GET while another waits ends the session", async () => {
    const session = await Polling.open(app.port);
    const first = await waiting(session);
    const second = await session.get();
    assert.deepEqual([second.status, second.text], [400, ""]);
    const told = await first.answer;
    assert.deepEqual([told.status, told.text], [200, "1"]);
    await gone(session);
  });

  it("a POST while another is under way ends the session", async () => {
    const session = await Polling.open(app.port);
    const line = await Line.connect(app.port);
    await line.write(`POST ${session.url} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n40`);
    await pause(60);
    const second = await session.post("40");
    assert.deepEqual([second.status, second.text], [400, ""]);
    await within(line.gone, 3000, "end of the first POST");
    await gone(session);
  });

  it("a GET given up by the client ends the session", async () => {
    const session = await Polling.open(app.port);
    const line = await Line.connect(app.port);
    await line.write(`GET ${session.url} HTTP/1.1\r\nHost: x\r\n\r\n`);
    await pause(60);
    line.close();
    await until(async () => !(await session.alive()), "end of the session");
    await gone(session);
  });

  it("a POST given up by the client ends the session", async () => {
    const session = await Polling.open(app.port);
    const line = await Line.connect(app.port);
    await line.write(`POST ${session.url} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n40`);
    await pause(60);
    line.close();
    await pause(60);
    await gone(session);
  });

  it("octet-stream is refused and ends the session", async () => {
    const session = await Polling.open(app.port);
    const answer = await session.post(Buffer.from("40"), { "Content-Type": "application/octet-stream" });
    assert.deepEqual([answer.status, answer.text], [400, ""]);
    await gone(session);
  });

  it("a POST is answered ok, as text/html, not to be stored", async () => {
    const session = await Polling.open(app.port);
    const answer = await session.post("40");
    assert.deepEqual([answer.status, answer.text], [200, "ok"]);
    assert.equal(answer.headers["content-type"], "text/html");
    assert.equal(answer.headers["content-length"], "2");
    assert.equal(answer.headers["cache-control"], "no-store");
  });

  for (const [name, body] of [
    ["an unparsable packet", "x"],
    ["an empty body", ""],
  ]) {
    it(`${name} is taken, and ends the session`, async () => {
      const session = await Polling.open(app.port);
      const poll = await waiting(session);
      const answer = await session.post(body);
      assert.deepEqual([answer.status, answer.text], [200, "ok"]);
      assert.equal((await poll.answer).text, "1");
      await gone(session);
    });
  }

  it("a close packet releases the waiting GET with a noop", async () => {
    const session = await Polling.open(app.port);
    const poll = await waiting(session);
    await session.send("1");
    assert.equal((await poll.answer).text, "6");
    await gone(session);
  });

  it("methods that are none of ours are 500, and harmless", async () => {
    const session = await Polling.open(app.port);
    await session.join();
    for (const method of ["PUT", "DELETE", "PATCH"]) {
      const answer = await request(app.port, session.url, { method });
      assert.deepEqual([answer.status, answer.text], [500, ""]);
    }
    await polls(session);
  });

  /** Polls until the server says its close packet. @param {Polling} session @param {Promise<any>} [poll] */
  async function farewell(session, poll = session.get()) {
    let said = "";
    for (let i = 0; i < 3; i++) {
      const answer = await (i ? session.get() : poll);
      assert.equal(answer.status, 200);
      said += answer.text + SEPARATOR;
      if (said.split(SEPARATOR).includes("1")) break;
    }
    assert.match(said, /^41\x1e/);
    await gone(session);
  }

  it("a server that closes tells the waiting GET", async () => {
    const session = await Polling.open(app.port);
    await session.join();
    const poll = await waiting(session);
    await session.send('42["kick",true]');
    await farewell(session, poll.answer);
  });

  it("a server that closes between two polls tells the next one", async () => {
    const session = await Polling.open(app.port);
    await session.join();
    await session.send('42["kick",true]');
    await pause(60);
    await farewell(session);
  });

  it("everything that waits comes in one answer", async () => {
    const session = await Polling.open(app.port);
    await session.join();
    for (let i = 0; i < 20; i++) await session.send(`42${i}["echo",${i}]`);
    const answer = await session.get();
    const all = Array.from({ length: 20 }, (_, i) => `43${i}[${i}]`);
    assert.equal(answer.text, all.join(SEPARATOR));
  });

  it("an idle GET waits", async () => {
    const session = await Polling.open(app.port);
    await session.join();
    const poll = session.get();
    assert.equal(await silence(poll, 200), "silence");
    await session.send('421["echo"]');
    assert.equal((await poll).text, "431[]");
  });
});

describe("upgrade", () => {
  it("probe, upgrade, and polling is over", async () => {
    const session = await Polling.open(app.port);
    await session.join();
    const ws = await probe(session);
    ws.send("2probe");
    assert.equal(await ws.next(), "3probe");
    ws.send("5");
    ws.send('421["whoami"]');
    assert.match(String(await ws.packet()), /"transport":"websocket"/);
    const late = await session.get();
    assert.deepEqual([late.status, late.text], [400, '{"code":3,"message":"Bad request"}']);
    ws.send('422["echo"]');
    assert.equal(await ws.packet(), "432[]");
    ws.end();
  });

  it("a waiting GET is released after the probe, and so is a later one", async () => {
    const session = await Polling.open(app.port);
    await session.join();
    const poll = await waiting(session);
    const ws = await probe(session);
    ws.send("2probe");
    assert.equal(await ws.next(), "3probe");
    assert.equal((await within(poll.answer, 1000, "noop")).text, "6");
    assert.equal((await within(session.get(), 1000, "second noop")).text, "6");
    ws.send("5");
    ws.send('421["echo"]');
    assert.equal(await ws.packet(), "431[]");
    ws.end();
  });

  it("nothing but the probe's answer is written before the upgrade", async () => {
    const session = await Polling.open(app.port);
    await session.join();
    const ws = await probe(session);
    ws.send("2probe");
    assert.equal(await ws.next(), "3probe");
    await session.send('421["echo","buffered"]');
    assert.equal(await silence(ws.closed, 150), "silence");
    assert.deepEqual(ws.items, []);
    ws.send("5");
    assert.equal(await ws.packet(), '431["buffered"]');
    ws.end();
  });

  it("messages come by polling while the upgrade is under way", async () => {
    const session = await Polling.open(app.port);
    await session.join();
    const ws = await probe(session);
    ws.send("2probe");
    assert.equal(await ws.next(), "3probe");
    await session.send('421["echo","during"]');
    assert.equal((await session.get()).text, '431["during"]');
    ws.send("5");
    ws.send('422["echo"]');
    assert.equal(await ws.packet(), "432[]");
    ws.end();
  });

  /** @type {[string, (ws: Ws) => Promise<any>][]} */
  const failures = [
    ["a message before the probe", async (ws) => (ws.send("4x"), await ws.close_())],
    ["bytes before the probe", async (ws) => (ws.send(Buffer.from("x")), await ws.close_())],
    ["another ping than the probe", async (ws) => (ws.send("2other"), await ws.close_())],
    ["a packet that cannot be parsed", async (ws) => (ws.send("z"), await ws.close_())],
    ["a close before the probe", async (ws) => (ws.socket.close(), await ws.close_())],
    ["a connection lost before the probe", async (ws) => (ws.end(), await ws.close_())],
    [
      "a connection lost after the probe",
      async (ws) => {
        ws.send("2probe");
        await ws.next();
        ws.end();
        await ws.close_();
      },
    ],
    [
      "a message after the probe",
      async (ws) => {
        ws.send("2probe");
        await ws.next();
        ws.send("4x");
        await ws.close_();
      },
    ],
  ];
  for (const [name, fail] of failures) {
    it(`fails by ${name}: polling goes on, and may try again`, async () => {
      const session = await Polling.open(app.port);
      await session.join();
      const ws = await probe(session);
      await fail(ws);
      await polls(session);
      const again = await until(async () => {
        const next = await probe(session);
        next.send("2probe");
        const answer = await Promise.race([next.next().catch(() => undefined), next.closed.then(() => undefined)]);
        return answer === "3probe" && next;
      }, "second attempt");
      again.send("5");
      again.send('422["echo","upgraded"]');
      assert.equal(await again.packet(), '432["upgraded"]');
      again.end();
    });
  }

  it("a second WebSocket is turned away, during and after", async () => {
    const session = await Polling.open(app.port);
    await session.join();
    const ws = await probe(session);
    ws.send("2probe");
    assert.equal(await ws.next(), "3probe");
    assert.equal((await (await probe(session)).close_()).code, 1005);
    ws.send("5");
    ws.send('421["echo"]');
    assert.equal(await ws.packet(), "431[]");
    assert.equal((await (await probe(session)).close_()).code, 1005);
    ws.send('422["echo"]');
    assert.equal(await ws.packet(), "432[]");
    ws.end();
  });

  it("a stream of messages survives it without loss or disorder", async () => {
    const session = await Polling.open(app.port);
    await session.join();
    const source = await joinedWs(app.port);
    await session.send('421["join",["stream"]]');
    await session.packet();
    const count = 300;
    const sending = (async () => {
      for (let i = 0; i < count; i++) {
        source.send(`42["broadcast",{"rooms":["stream"]},"n",${i}]`);
        if (i % 10 === 9) await pause(5);
      }
    })();
    /** @type {string[]} */
    const got = [];
    for (let i = 0; i < 5; i++) got.push(...(await session.get()).text.split(SEPARATOR));
    const ws = await probe(session);
    ws.send("2probe");
    assert.equal(await ws.next(), "3probe");
    got.push(...(await session.get()).text.split(SEPARATOR));
    ws.send("5");
    await sending;
    while (got.at(-1) !== `42["n",${count - 1}]`) got.push(String(await ws.packet()));
    const numbers = got.filter((one) => one.startsWith("42")).map((one) => JSON.parse(one.slice(2))[1]);
    assert.deepEqual(numbers, Array.from({ length: count }, (_, i) => i));
    ws.end();
    source.end();
  });

  it("the heartbeat goes on after it", async () => {
    const session = await Polling.open(quick.port);
    await session.join();
    const ws = await probe(session);
    ws.send("2probe");
    assert.equal(await ws.next(), "3probe");
    ws.send("5");
    for (let i = 0; i < 3; i++) {
      assert.equal(await ws.next(1000), "2");
      ws.send("3");
    }
    ws.end();
  });

  it("a ping lost with the old transport is made up for", oursOnly("it never pings again"), async () => {
    const session = await Polling.open(quick.port);
    await session.join();
    const ws = await probe(session);
    ws.send("2probe");
    assert.equal(await ws.next(), "3probe");
    // The ping goes out by polling, and its pong never comes.
    assert.match((await session.get()).text, /2|6/);
    for (let i = 0; i < 8; i++) if ((await session.get()).text === "2") break;
    ws.send("5");
    assert.equal(await ws.next(1500), "2");
    ws.end();
  });
});

describe("heartbeat", () => {
  it("the first ping comes after the interval, not at once", async () => {
    const ws = await openWs(quick.port);
    const begin = performance.now();
    assert.equal(await ws.next(1000), "2");
    const waited = performance.now() - begin;
    assert.ok(waited > 230 && waited < 900, `${waited} ms`);
    ws.end();
  });

  it("an answered ping is followed by another, for ever", async () => {
    const ws = await openWs(quick.port);
    for (let i = 0; i < 4; i++) {
      assert.equal(await ws.next(1000), "2");
      ws.send("3");
    }
    ws.end();
  });

  it("an unanswered one ends the connection", async () => {
    const ws = await openWs(quick.port);
    assert.equal(await ws.next(1000), "2");
    const begin = performance.now();
    assert.equal((await ws.close_(2000)).code, 1005);
    const waited = performance.now() - begin;
    assert.ok(waited > 130 && waited < 900, `${waited} ms`);
  });

  it("another packet extends the wait once, and only once", async () => {
    const ws = await joinedWs(quick.port);
    assert.equal(await ws.next(1000), "2");
    const begin = performance.now();
    await pause(120);
    ws.send('42["nobody"]');
    await pause(120);
    // Past the first deadline, before the second: still here.
    assert.equal(ws.socket.readyState, 1);
    ws.send('42["nobody"]');
    await ws.close_(2000);
    const waited = performance.now() - begin;
    assert.ok(waited > 280 && waited < 800, `${waited} ms`);
  });

  it("pongs that nobody asked for change nothing", async () => {
    const ws = await joinedWs(quick.port);
    for (let i = 0; i < 5; i++) ws.send("3");
    assert.equal(await ws.next(1000), "2");
    ws.send("3");
    ws.send("3");
    ws.send('421["echo"]');
    assert.equal(await ws.packet(), "431[]");
    ws.end();
  });

  it("on polling: ping by GET, pong by POST", async () => {
    const session = await Polling.open(quick.port);
    for (let i = 0; i < 3; i++) {
      const answer = await session.get();
      assert.deepEqual([answer.status, answer.text], [200, "2"]);
      await session.send("3");
    }
    await session.send("1");
  });

  it("on polling: no pong, no session", async () => {
    const session = await Polling.open(quick.port);
    assert.equal((await session.get()).text, "2");
    const last = await session.get();
    assert.ok(last.status === 400 || last.text === "1", last.text);
    await gone(session);
  });

  it("a session that is never polled is forgotten", async () => {
    const session = await Polling.open(quick.port);
    await pause(900);
    await gone(session);
  });

  it("frames of WebSocket's own heartbeat are answered", async () => {
    const ws = await openWs(app.port);
    const pong = new Promise((resolve) => ws.socket.once("pong", (data) => resolve(data.toString())));
    ws.socket.ping("hello");
    assert.equal(await within(pong, 2000, "pong"), "hello");
    ws.end();
  });
});

describe("limits", () => {
  const echo = (length) => `421["echo","${"x".repeat(length - 14)}"]`;

  it("a body of exactly the limit is taken", async () => {
    const session = await Polling.open(small.port);
    await session.join();
    assert.equal(Buffer.byteLength(echo(1000)), 1000);
    await session.send(echo(1000));
    assert.equal((await session.packet()).length, 993);
  });

  it("one byte more is 413, and the session goes on", async () => {
    const session = await Polling.open(small.port);
    await session.join();
    const poll = await waiting(session);
    const answer = await session.post(echo(1001));
    assert.deepEqual([answer.status, answer.text], [413, ""]);
    await session.send('422["echo"]');
    assert.equal((await poll.answer).text, "432[]");
  });

  it("a body is limited as a whole, not packet by packet", async () => {
    const session = await Polling.open(small.port);
    await session.join();
    assert.equal((await session.post([echo(600), echo(600)].join(SEPARATOR))).status, 413);
    await polls(session);
  });

  it("bytes count, not characters", async () => {
    const session = await Polling.open(small.port);
    assert.equal((await session.post(`4${"文".repeat(333)}`)).status, 200);
    const other = await Polling.open(small.port);
    assert.equal((await other.post(`4${"文".repeat(334)}`)).status, 413);
  });

  it("a frame of exactly the limit is taken, one byte more is 1009", async () => {
    const ws = await joinedWs(small.port);
    ws.send(echo(1000));
    assert.equal(String(await ws.packet()).length, 993);
    ws.send(echo(1001));
    assert.equal((await ws.close_()).code, 1009);
  });

  it("bytes are limited alike", async () => {
    const ws = await joinedWs(small.port);
    ws.send('451-1["echo",{"_placeholder":true,"num":0}]');
    ws.send(Buffer.alloc(1000));
    await ws.packet();
    assert.equal((await ws.packet()).length, 1000);
    ws.send('451-1["echo",{"_placeholder":true,"num":0}]');
    ws.send(Buffer.alloc(1001));
    assert.equal((await ws.close_()).code, 1009);
  });
});

describe("bytes", () => {
  const header = '451-7["echo",{"_placeholder":true,"num":0}]';

  it("as base64 on polling, without a type", async () => {
    const session = await Polling.open(app.port);
    await session.join();
    await session.send(`${header}${SEPARATOR}bAAECAw==`);
    assert.equal(await session.packet(), '461-7[{"_placeholder":true,"num":0}]');
    assert.equal(await session.packet(), "bAAECAw==");
  });

  it("as they are on websocket, as base64 with b64=1", async () => {
    const ws = await joinedWs(app.port);
    ws.send(header);
    ws.send(Buffer.from([0, 1, 2, 3]));
    await ws.packet();
    assert.deepEqual(await ws.packet(), Buffer.from([0, 1, 2, 3]));
    ws.end();
    const plain = await joinedWs(app.port, { query: "&b64=1" });
    plain.send(header);
    plain.send("bAAECAw==");
    await plain.packet();
    assert.equal(await plain.packet(), "bAAECAw==");
    plain.end();
  });

  it("survive the upgrade between a header and its attachment", async () => {
    const session = await Polling.open(app.port);
    await session.join();
    const ws = await probe(session);
    ws.send("2probe");
    assert.equal(await ws.next(), "3probe");
    await session.send(header);
    ws.send("5");
    ws.send(Buffer.from("x"));
    assert.equal(await ws.packet(), '461-7[{"_placeholder":true,"num":0}]');
    assert.deepEqual(await ws.packet(), Buffer.from("x"));
    ws.end();
  });
});

describe("the end of the server", () => {
  it("closes connections without a DISCONNECT packet, and ends cleanly", async () => {
    const other = await start();
    const ws = await joinedWs(other.port);
    await other.stop();
    await ws.close_();
    assert.ok(!ws.items.includes("41"));
  });
});
