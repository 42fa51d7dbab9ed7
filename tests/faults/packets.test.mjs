// Packets that no client sends: they end the session that sent them, and nothing else.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { healthy, joinedWs, openWs, Polling } from "../lib/engine.mjs";
import { oursOnly, start } from "../lib/server.mjs";
import { pause, within } from "../lib/wait.mjs";

/** @type {import("../lib/server.mjs").Running} */
let server;
/** Connected before every act, and served after it. @type {Awaited<ReturnType<typeof joinedWs>>} */
let bystander;
before(async () => {
  server = await start({ ATTACHMENT_TIMEOUT: 300 });
  bystander = await joinedWs(server.port);
});
after(async () => {
  bystander.end();
  await server.stop();
});

let asked = 0;
async function unharmed() {
  const id = ++asked;
  bystander.send(`42${id}["echo",${id}]`);
  assert.equal(await bystander.packet(), `43${id}[${id}]`);
  await healthy(server.port);
}

const placeholder = (num) => `{"_placeholder":true,"num":${num}}`;
const bytes = Buffer.from("x");

/** @type {Record<string, (string | Buffer)[]>} */
const CLOSING = {
  "an empty frame": [""],
  "an unknown engine packet": ["9"],
  "a ping of the client": ["2"],
  "no packet type": ["4"],
  "an unknown packet type": ["48"],
  "a letter for a type": ["4a"],
  "JSON cut short": ['42["echo",{"a":'],
  "JSON with a tail": ['42["echo"]]'],
  "JSON of another dialect": ["42['echo']"],
  "NaN": ['42["echo",NaN]'],
  "an object for an event": ['42{"length":1,"0":"echo"}'],
  "no name": ["42[]"],
  "a null name": ["42[null]"],
  "an object for a name": ['42[{"toString":"x"}]'],
  "an array for a name": ['42[["echo"]]'],
  "reserved name connect": ['42["connect"]'],
  "reserved name connect_error": ['42["connect_error"]'],
  "reserved name disconnect": ['42["disconnect","x"]'],
  "reserved name disconnecting": ['42["disconnecting"]'],
  "reserved name newListener": ['42["newListener"]'],
  "reserved name removeListener": ['42["removeListener"]'],
  "a reserved name with binary": [`451-["disconnect",${placeholder(0)}]`, bytes],
  "a connect_error": ['44{"message":"x"}'],
  "letters in the acknowledgement id": ['421e3["echo"]'],
  "a second connect": ["40"],
  "a namespace not joined": ['42/custom,["echo"]'],
  "an unknown namespace": ['42/nope,["echo"]'],
  "placeholder: splice": [`451-["echo",${placeholder('"splice"')}]`, bytes],
  "placeholder: negative": [`451-["echo",${placeholder(-1)}]`, bytes],
  "placeholder: beyond the count": [`451-["echo",${placeholder(1)}]`, bytes],
  "placeholder: huge": [`451-["echo",${placeholder(1e300)}]`, bytes],
  "attachments: eleven": ['4511-["echo"]'],
  "attachments: a billion": ['451000000000-["echo"]'],
  "attachments: beyond any integer": [`45${"9".repeat(400)}-["echo"]`],
  "attachments: none": ['450-["echo"]'],
  "attachments: negative": ['45-1-["echo"]'],
  "attachments: no dash": ['451["echo"]'],
  "text instead of an attachment": [`451-["echo",${placeholder(0)}]`, '42["echo"]'],
  "another header instead of an attachment": [`451-["echo",${placeholder(0)}]`, `451-["echo",${placeholder(0)}]`],
  "an attachment too many": [`451-["echo",${placeholder(0)}]`, bytes, bytes],
  "bytes from nowhere": [bytes],
};

describe("malformed packets on websocket", () => {
  for (const [name, frames] of Object.entries(CLOSING)) {
    it(name, async () => {
      const ws = await joinedWs(server.port);
      for (const frame of frames) ws.send(frame);
      await ws.close_();
      await unharmed();
    });
  }
});

describe("malformed packets on polling", () => {
  for (const [name, frames] of Object.entries(CLOSING)) {
    it(name, async () => {
      const session = await Polling.open(server.port);
      await session.join();
      const body = frames.map((one) => (typeof one === "string" ? one : `b${one.toString("base64")}`)).join("\x1e");
      await session.post(body);
      // The session ends at once, or with the next poll.
      for (let i = 0; ; i++) {
        const answer = await session.get();
        if (answer.status === 400) break;
        assert.ok(i < 3, answer.text);
      }
      await unharmed();
    });
  }
});

describe("what is announced and does not come", () => {
  it("attachments never sent", oursOnly("the reference waits for ever"), async () => {
    const ws = await joinedWs(server.port);
    ws.send(`452-["echo",${placeholder(0)},${placeholder(1)}]`);
    ws.send(bytes);
    await ws.close_(4000);
    await unharmed();
  });

  it("attachments never sent, on polling", oursOnly("the reference waits for ever"), async () => {
    const session = await Polling.open(server.port);
    await session.join();
    await session.send(`452-["echo",${placeholder(0)},${placeholder(1)}]`);
    const answer = await within(session.get(), 4000, "end of the session");
    assert.match(answer.text, /1$/);
    assert.equal(await session.alive(), false);
    await unharmed();
  });

  it("attachments that come slowly, but come", async () => {
    const ws = await joinedWs(server.port);
    ws.send(`452-7["echo",${placeholder(0)},${placeholder(1)}]`);
    await pause(60);
    ws.send(bytes);
    await pause(60);
    ws.send(bytes);
    assert.match(String(await ws.packet()), /^462-7/);
    ws.end();
  });
});

describe("much of a good thing", () => {
  it("nesting without end", oursOnly("the recursion of the reference may end its process"), async () => {
    const ws = await joinedWs(server.port);
    const depth = 200_000;
    ws.send(`421["echo",${"[".repeat(depth)}${"]".repeat(depth)}]`);
    // Whether it is answered or refused is a matter of taste; crashing is not.
    await Promise.race([ws.next(10_000), ws.closed]);
    ws.end();
    const objects = await joinedWs(server.port);
    objects.send(`421["echo",${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}]`);
    await Promise.race([objects.next(10_000), objects.closed]);
    objects.end();
    await unharmed();
  });

  it("a long event name and a long namespace", async () => {
    const ws = await joinedWs(server.port);
    ws.send(`42["${"n".repeat(100_000)}"]`);
    ws.send(`40/${"n".repeat(100_000)},`);
    await Promise.race([ws.next(), ws.closed]);
    ws.end();
    await unharmed();
  });

  it("thousands of packets in one body", async () => {
    const session = await Polling.open(server.port);
    await session.join();
    const body = Array.from({ length: 5000 }, () => '42["nobody listens"]').join("\x1e");
    await session.send(body);
    await session.send('421["echo","after"]');
    assert.equal(await session.packet(), '431["after"]');
    await unharmed();
  });

  it("events whose names mean something elsewhere are events that nobody listens to", async () => {
    const ws = await joinedWs(server.port);
    for (const name of ["error", "message_", "__proto__", "constructor", "toString", "then", "close", "end"]) {
      ws.send(`42["${name}","x"]`);
    }
    ws.send('421["echo","after"]');
    assert.equal(await ws.packet(), '431["after"]');
    ws.end();
    await unharmed();
  });

  it("packets that are only separators", async () => {
    const session = await Polling.open(server.port);
    await session.post("\x1e".repeat(100_000));
    await unharmed();
  });

  it("handshakes that are never used", async () => {
    for (let i = 0; i < 20; i++) {
      const ws = await openWs(server.port);
      ws.end();
      await Polling.open(server.port);
    }
    await unharmed();
  });
});
