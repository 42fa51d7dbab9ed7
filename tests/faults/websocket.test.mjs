// WebSocket frames that break the rules, or the bank.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { deflateRawSync } from "node:zlib";
import { healthy } from "../lib/engine.mjs";
import { oursOnly, start } from "../lib/server.mjs";
import { closeCode, frame, frames, upgrade } from "../lib/ws.mjs";
import { within } from "../lib/wait.mjs";

const MIB = 1024 * 1024;
const PATH = "/socket.io/?EIO=4&transport=websocket";

/** @type {import("../lib/server.mjs").Running} */
let server;
/** @type {import("../lib/server.mjs").Running} */
let deflating;
before(async () => {
  server = await start();
  deflating = await start({ DEFLATE: 1 });
});
after(() => Promise.all([server.stop(), deflating.stop()]));

/** A joined connection under our own frames. @param {number} port @param {Record<string, string>} [headers] */
async function rawJoined(port, headers) {
  const { line, status, head } = await upgrade(port, PATH, headers);
  assert.equal(status, 101);
  await line.write(frame("40"));
  await line.read(() => frames(line.bytes).length >= 3, "greeting");
  return { line, head };
}

/** @param {Buffer[]} bytes @param {number[]} codes close codes that are right; 0 for no close frame at all */
async function ends(bytes, codes) {
  const { line } = await rawJoined(server.port);
  for (const one of bytes) await line.write(one);
  await within(line.gone, 5000, "end of the connection");
  const code = closeCode(line.bytes) ?? 0;
  assert.ok(codes.includes(code), `close code ${code}`);
  line.close();
  await healthy(server.port);
}

/** A frame head of our own making. @param {...number} bytes */
const head = (...bytes) => Buffer.from(bytes);

describe("frames against the rules", () => {
  it("not masked", () => ends([frame('42["echo"]', { mask: false })], [1002, 0]));
  it("a reserved opcode", () => ends([frame("x", { opcode: 3 })], [1002, 0]));
  it("a reserved control opcode", () => ends([frame("x", { opcode: 11 })], [1002, 0]));
  it("a reserved bit", () => ends([frame("x", { rsv1: true })], [1002, 0]));
  it("a control frame in fragments", () => ends([frame("x", { opcode: 9, fin: false })], [1002, 0]));
  it("a long control frame", () => ends([frame("x".repeat(126), { opcode: 9 })], [1002, 0]));
  it("a continuation of nothing", () => ends([frame("x", { opcode: 0 })], [1002, 0]));
  it("a new message inside another", () => ends([frame("4", { fin: false }), frame("4")], [1002, 0]));
  it("text that is not UTF-8", () => ends([frame(Buffer.from([0x34, 0xff, 0xfe]))], [1007, 0]));
  it("text whose UTF-8 breaks across fragments", () =>
    ends([frame(Buffer.from([0x34, 0xe6]), { fin: false }), frame(Buffer.from([0x41]), { opcode: 0 })], [1007, 0]));
  it("a close frame of one byte", () => ends([frame("x", { opcode: 8 })], [1002, 0]));
  it("a close code that is reserved", () => ends([frame(Buffer.from([3, 0xed]), { opcode: 8 })], [1002, 0]));
  it("a close frame is answered", () => ends([frame(Buffer.from([3, 0xe8]), { opcode: 8 })], [1000]));
});

describe("lengths", () => {
  const key = [0, 0, 0, 0];
  it("with the highest bit", () => ends([head(0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 1, ...key)], [1002, 1009, 0]));
  it("of all ones", () => ends([head(0x82, 0xff, ...Array(8).fill(255), ...key)], [1002, 1009, 0]));
  it("of exabytes", () => ends([head(0x82, 0xff, 0x0f, ...Array(7).fill(255), ...key)], [1002, 1009, 0]));
  it("just over the limit are refused before the bytes come", () =>
    ends([head(0x82, 0xff, 0, 0, 0, 0, 0, 0x0f, 0x42, 0x41, ...key)], [1009]));

  it("in sum over the limit", () => {
    const part = "x".repeat(400_000);
    const rest = () => frame(part, { opcode: 0, fin: false });
    return ends([frame(`4${part}`, { fin: false }), rest(), rest()], [1009]);
  });
});

describe("fragments", () => {
  it("a message in a few is a message", async () => {
    const { line } = await rawJoined(server.port);
    await line.write(frame('421["ec', { fin: false }));
    await line.write(frame("ping", { opcode: 9 }));
    await line.write(frame('ho","文', { opcode: 0, fin: false }));
    await line.write(frame('"]', { opcode: 0 }));
    await line.read(() => frames(line.bytes).length >= 5, "pong and echo");
    const [pong, echo] = frames(line.bytes).slice(3);
    assert.deepEqual([pong.opcode, pong.payload.toString()], [10, "ping"]);
    assert.equal(echo.payload.toString(), '431["文"]');
    line.close();
  });

  it("hundreds of thousands of tiny ones are refused", async () => {
    const { line } = await rawJoined(server.port);
    const before = server.rss();
    const tiny = Buffer.concat(Array.from({ length: 10_000 }, () => frame("x", { opcode: 0, fin: false })));
    await line.write(frame("4", { fin: false }));
    let gone = false;
    line.gone.then(() => (gone = true));
    for (let i = 0; i < 60 && !gone; i++) await line.write(tiny);
    await within(line.gone, 5000, "end of the connection");
    assert.ok(server.rss() - before < 64 * MIB, "memory stays bounded");
    line.close();
    await healthy(server.port);
  });

  it("empty ones for ever are refused", oursOnly("the reference counts more than we wait for"), async () => {
    const { line } = await rawJoined(server.port);
    const empty = Buffer.concat(Array.from({ length: 10_000 }, () => frame("", { opcode: 0, fin: false })));
    await line.write(frame("4", { fin: false }));
    let gone = false;
    line.gone.then(() => (gone = true));
    for (let i = 0; i < 100 && !gone; i++) await line.write(empty);
    await within(line.gone, 5000, "end of the connection");
    line.close();
    await healthy(server.port);
  });

  it("a flood of pings is survived", async () => {
    const { line } = await rawJoined(server.port);
    const pings = Buffer.concat(Array.from({ length: 5000 }, () => frame("x".repeat(100), { opcode: 9 })));
    await line.write(pings);
    await healthy(server.port);
    line.close();
  });
});

describe("compression", () => {
  const offer = { "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits" };
  /** @param {Buffer | string} data a message compressed as permessage-deflate wants it */
  const deflated = (data) => {
    const raw = deflateRawSync(data, { finishFlush: 2 });
    return raw.subarray(0, raw.length - 4);
  };

  it("is declined where it is off", async () => {
    const { line, head } = await rawJoined(server.port, offer);
    assert.doesNotMatch(head, /sec-websocket-extensions/i);
    line.close();
  });

  it("works where it is on", async () => {
    const { line, status, head } = await upgrade(deflating.port, PATH, offer);
    assert.equal(status, 101);
    assert.match(head, /sec-websocket-extensions: permessage-deflate/i);
    await line.write(frame(deflated("40"), { rsv1: true }));
    await line.read(() => frames(line.bytes).length >= 3, "greeting");
    line.close();
    await healthy(deflating.port);
  });

  it("a bomb is refused at the limit of the inflated size", async () => {
    const { line } = await upgrade(deflating.port, PATH, offer);
    await line.write(frame(deflated("40"), { rsv1: true }));
    await line.read(() => frames(line.bytes).length >= 3, "greeting");
    const before = deflating.rss();
    const bomb = deflated(Buffer.alloc(200 * MIB, "4"));
    assert.ok(bomb.length < 300_000);
    await line.write(frame(bomb, { rsv1: true }));
    await within(line.gone, 8000, "end of the connection");
    assert.equal(closeCode(line.bytes), 1009);
    assert.ok(deflating.rss() - before < 40 * MIB, "memory stays bounded");
    line.close();
    await healthy(deflating.port);
  });

  it("rubbish is refused", async () => {
    const { line } = await upgrade(deflating.port, PATH, offer);
    await line.write(frame(Buffer.from([0xff, 0xff, 0xff, 0xff]), { rsv1: true }));
    await within(line.gone, 5000, "end of the connection");
    line.close();
    await healthy(deflating.port);
  });
});
