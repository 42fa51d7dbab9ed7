// HTTP that no browser writes: bodies, headers and request lines beyond measure, or a byte at a time.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { healthy, Polling } from "../lib/engine.mjs";
import { Line, request, statusOf } from "../lib/http.mjs";
import { OURS, start } from "../lib/server.mjs";
import { upgrade } from "../lib/ws.mjs";
import { within } from "../lib/wait.mjs";

const MIB = 1024 * 1024;
const HANDSHAKE = "/socket.io/?EIO=4&transport=polling";

/** @type {import("../lib/server.mjs").Running} */
let server;
before(async () => void (server = await start({ HANDSHAKE_TIMEOUT: 500 })));
after(() => server.stop());

/** The status of the first answer on a line, or 0 when it was only closed. @param {Line} line @param {number} [ms] */
async function answered(line, ms = 8000) {
  await within(Promise.race([line.head(ms), line.gone]).catch(() => {}), ms, "answer or end");
  return line.text ? statusOf(line.text) : 0;
}
/** Refused with a 4xx, or not even answered. @param {number} status */
const isRefusal = (status) => assert.ok(status === 0 || (status >= 400 && status < 500), `status ${status}`);

describe("bodies", () => {
  it("a body whose length alone is too much is refused before it is read", async () => {
    const session = await Polling.open(server.port);
    await session.join();
    const line = await Line.connect(server.port);
    await line.write(`POST ${session.url} HTTP/1.1\r\nHost: x\r\nContent-Length: 900000000000\r\n\r\n4`);
    isRefusal(await answered(line));
    line.close();
    await healthy(server.port);
  });

  it("a body in chunks is refused where the limit is passed", async () => {
    const session = await Polling.open(server.port);
    await session.join();
    const before = server.rss();
    const line = await Line.connect(server.port);
    await line.write(`POST ${session.url} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n`);
    const chunk = Buffer.concat([Buffer.from("10000\r\n"), Buffer.alloc(65536, "x"), Buffer.from("\r\n")]);
    let sent = 0;
    let gone = false;
    line.gone.then(() => (gone = true));
    while (!gone && !line.text && sent < 300 * MIB) {
      await line.write(chunk);
      sent += chunk.length;
    }
    isRefusal(await answered(line));
    assert.ok(sent < 50 * MIB, `${sent} bytes were taken`);
    assert.ok(server.rss() - before < 60 * MIB, "memory stays bounded");
    line.close();
    await healthy(server.port);
  });

  it("a body cut off in the middle ends its session only", async () => {
    const session = await Polling.open(server.port);
    const line = await Line.connect(server.port);
    await line.write(`POST ${session.url} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n40`);
    line.close();
    await session.over();
    await healthy(server.port);
  });

  it("a length that is no number, or two of them, or chunks beside it", async () => {
    for (const headers of [
      "Content-Length: -1",
      "Content-Length: 2x",
      "Content-Length: 2\r\nContent-Length: 3",
      "Content-Length: 99999999999999999999999999",
      "Content-Length: 2\r\nTransfer-Encoding: chunked",
    ]) {
      const session = await Polling.open(server.port);
      const line = await Line.connect(server.port);
      await line.write(`POST ${session.url} HTTP/1.1\r\nHost: x\r\n${headers}\r\n\r\n40`);
      // Chunks beside a length may be read as chunks, which "40" is not: refused as well, or waited for.
      isRefusal(await answered(line));
      line.close();
    }
    await healthy(server.port);
  });

  it("chunks that are no chunks", async () => {
    const session = await Polling.open(server.port);
    for (const chunk of ["zz\r\n40\r\n", "FFFFFFFFFFFFFFFFF\r\n40", "-1\r\n40"]) {
      const line = await Line.connect(server.port);
      await line.write(`POST ${session.url} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}`);
      isRefusal(await answered(line));
      line.close();
    }
    await healthy(server.port);
  });
});

describe("headers", () => {
  it("thousands of them are refused", async () => {
    const many = Array.from({ length: 5000 }, (_, i) => `X-${i}: ${i}\r\n`).join("");
    for (const start of [`GET ${HANDSHAKE}`, "GET /socket.io/?EIO=4&transport=websocket"]) {
      const line = await Line.connect(server.port);
      await line.write(`${start} HTTP/1.1\r\nHost: x\r\n${many}\r\n`);
      const status = await answered(line);
      isRefusal(status);
      if (status) assert.ok([400, 431].includes(status), `status ${status}`);
      line.close();
    }
    await healthy(server.port);
  });

  it("one that is a megabyte long is refused", async () => {
    const line = await Line.connect(server.port);
    await line.write(`GET ${HANDSHAKE} HTTP/1.1\r\nHost: x\r\nX-Long: ${"x".repeat(MIB)}\r\n\r\n`);
    isRefusal(await answered(line));
    line.close();
    await healthy(server.port);
  });

  it("an address that is a megabyte long is refused", async () => {
    const line = await Line.connect(server.port);
    await line.write(`GET ${HANDSHAKE}&x=${"x".repeat(MIB)} HTTP/1.1\r\nHost: x\r\n\r\n`);
    isRefusal(await answered(line));
    line.close();
    await healthy(server.port);
  });

  it("headers of the WebSocket handshake are checked", async () => {
    const path = "/socket.io/?EIO=4&transport=websocket";
    /** @type {Record<string, string>[]} */
    const wrong = [
      { "Sec-WebSocket-Version": "12" },
      { "Sec-WebSocket-Key": "short" },
      { "Sec-WebSocket-Key": randomBytes(40).toString("base64") },
    ];
    for (const headers of wrong) {
      const { line, status } = await upgrade(server.port, path, headers);
      assert.ok([400, 426].includes(status), `status ${status}`);
      line.close();
    }
    await healthy(server.port);
  });

  it("long lists of subprotocols and extensions cost nothing", async () => {
    const path = "/socket.io/?EIO=4&transport=websocket";
    const begin = Date.now();
    /** @type {Record<string, string>[]} */
    const long = [
      { "Sec-WebSocket-Protocol": `a${" ".repeat(7000)}b` },
      { "Sec-WebSocket-Extensions": `permessage-deflate;${" ".repeat(7000)}x` },
      { "Sec-WebSocket-Extensions": Array.from({ length: 500 }, () => "x;a=1").join(",") },
    ];
    for (const headers of long) {
      const { line } = await upgrade(server.port, path, headers);
      line.close();
    }
    assert.ok(Date.now() - begin < 2000);
    await healthy(server.port);
  });

  it("rubbish instead of HTTP", async () => {
    for (const rubbish of ["\x16\x03\x01\x02\x00\x01\x00", "GET\r\n\r\n", "\0\0\0\0\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]) {
      const line = await Line.connect(server.port);
      await line.write(Buffer.from(rubbish, "latin1"));
      line.socket.end();
      await within(line.gone, 8000, "end");
      line.close();
    }
    await healthy(server.port);
  });
});

describe("slowly", () => {
  it("a head that never ends is cut off", async () => {
    const line = await Line.connect(server.port);
    await line.write(`GET ${HANDSHAKE} HTTP/1.1\r\nHost: x\r\n`);
    const drip = setInterval(() => line.write("X-A: b\r\n"), 100);
    try {
      await within(line.gone, 6000, "end of a slow head");
    } finally {
      clearInterval(drip);
      line.close();
    }
    await healthy(server.port);
  });

  it("a connection that says nothing is cut off", { skip: OURS ? false : "ours only: Node keeps it for its keep-alive" }, async () => {
    const line = await Line.connect(server.port);
    await within(line.gone, 8000, "end of a silent connection");
    await healthy(server.port);
  });

  it("a hundred slow heads do not keep others out", async () => {
    const lines = await Promise.all(Array.from({ length: 100 }, () => Line.connect(server.port)));
    for (const line of lines) line.write("GET / HT");
    await healthy(server.port);
    assert.equal((await request(server.port, "/healthz")).text, "ok");
    for (const line of lines) line.close();
  });
});
