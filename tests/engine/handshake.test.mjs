// Handshake, errors, CORS, cookies and compression, at the level of HTTP.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { gunzipSync, inflateSync } from "node:zlib";
import { joinedWs, openWs, packets, Polling } from "../lib/engine.mjs";
import { request } from "../lib/http.mjs";
import { oursOnly, start } from "../lib/server.mjs";
import { upgrade } from "../lib/ws.mjs";

const E = "/socket.io/?EIO=4";
const P = `${E}&transport=polling`;
const W = `${E}&transport=websocket`;
const ORIGIN = { Origin: "http://elsewhere.example" };

/** @type {import("../lib/server.mjs").Running} */
let app;
/** @type {import("../lib/server.mjs").Running} */
let eio;
before(async () => {
  [app, eio] = await Promise.all([start(), start({ PROFILE: "eio-client" })]);
});
after(() => Promise.all([app.stop(), eio.stop()]));

describe("handshake", () => {
  it("on polling: one open packet, fields in order, headers", async () => {
    const answer = await request(app.port, P);
    assert.equal(answer.status, 200);
    assert.equal(answer.headers["content-type"]?.toLowerCase(), "text/plain; charset=utf-8");
    assert.equal(answer.headers["content-length"], String(answer.body.length));
    assert.equal(answer.headers["cache-control"], "no-store");
    assert.equal(answer.headers["set-cookie"], undefined);
    assert.equal(packets(answer.text).length, 1);
    const open = JSON.parse(answer.text.slice(1));
    assert.deepEqual(Object.keys(open), ["sid", "upgrades", "pingInterval", "pingTimeout", "maxPayload"]);
    assert.match(open.sid, /^[\w-]{20}$/);
    assert.deepEqual({ ...open, sid: "" }, {
      sid: "",
      upgrades: ["websocket"],
      pingInterval: 25000,
      pingTimeout: 20000,
      maxPayload: 1000000,
    });
  });

  it("on websocket: no upgrades are offered", async () => {
    const ws = await openWs(app.port);
    assert.deepEqual(ws.open.upgrades, []);
    ws.end();
  });

  it("ids differ, and the public one is not the secret one", async () => {
    const ids = new Set();
    for (let i = 0; i < 20; i++) {
      const session = await Polling.open(app.port);
      ids.add(session.sid);
      ids.add(await session.join());
    }
    assert.equal(ids.size, 40);
  });

  it("a public id opens no session", async () => {
    const ws = await joinedWs(app.port);
    assert.equal((await request(app.port, `${P}&sid=${ws.id}`)).status, 400);
    ws.end();
  });

  it("on ::1 as well as on 127.0.0.1", async () => {
    const answer = await fetch(`http://[::1]:${app.port}${P}`);
    assert.equal(answer.status, 200);
    await answer.text();
  });
});

describe("errors", () => {
  /** @type {[string, string, string, number, number, string][]} name, method, path, status, code, message */
  const rows = [
    ["no transport", "GET", E, 400, 0, "Transport unknown"],
    ["unknown transport", "GET", `${E}&transport=x`, 400, 0, "Transport unknown"],
    ["unknown session", "GET", `${P}&sid=x`, 400, 1, "Session ID unknown"],
    ["unknown session, POST", "POST", `${P}&sid=x`, 400, 1, "Session ID unknown"],
    ["handshake by POST", "POST", P, 400, 2, "Bad handshake method"],
    ["handshake by PUT", "PUT", P, 400, 2, "Bad handshake method"],
    ["websocket without upgrade", "GET", W, 400, 3, "Bad request"],
    ["EIO 3", "GET", "/socket.io/?EIO=3&transport=polling", 400, 5, "Unsupported protocol version"],
    ["no EIO", "GET", "/socket.io/?transport=polling", 400, 5, "Unsupported protocol version"],
    ["EIO 04", "GET", "/socket.io/?EIO=04&transport=polling", 400, 5, "Unsupported protocol version"],
  ];
  for (const [name, method, path, status, code, message] of rows) {
    it(name, async () => {
      const answer = await request(app.port, path, { method, headers: ORIGIN });
      assert.equal(answer.status, status);
      assert.equal(answer.headers["content-type"], "application/json");
      assert.equal(answer.headers["access-control-allow-origin"], "*");
      assert.equal(answer.text, JSON.stringify({ code, message }));
    });
  }

  it("the gate refuses with 403 on polling and 400 on websocket", async () => {
    const answer = await request(eio.port, "/engine.io/?EIO=4&transport=polling&deny=1");
    assert.deepEqual([answer.status, answer.text], [403, '{"code":4,"message":"Forbidden"}']);
    const { status, line } = await upgrade(eio.port, "/engine.io/?EIO=4&transport=websocket&deny=1");
    assert.equal(status, 400);
    await line.gone;
    assert.match(line.text, /Forbidden$/);
  });

  for (const [query, message] of [
    ["EIO=4&transport=websocket&sid=AAAAAAAAAAAAAAAAAAAA", "Session ID unknown"],
    ["EIO=4&transport=x", "Transport unknown"],
  ]) {
    it(`on websocket, plainly: ${message}`, async () => {
      const { status, head, line } = await upgrade(app.port, `/socket.io/?${query}`);
      await line.gone;
      assert.equal(status, 400);
      assert.match(head, /connection: close/i);
      assert.match(head, /content-type: text\/html/i);
      assert.ok(line.text.endsWith(message), line.text);
    });
  }

  it("EIO 3 on websocket, before the 101", oursOnly("it answers 101 and then writes HTTP"), async () => {
    const { status, line } = await upgrade(app.port, "/socket.io/?EIO=3&transport=websocket");
    assert.equal(status, 400);
    line.close();
  });

  it("another path is 404, also for upgrades", async () => {
    assert.equal((await request(app.port, "/elsewhere")).status, 404);
    const { status, line } = await upgrade(app.port, "/elsewhere");
    assert.equal(status, 404);
    line.close();
  });
});

describe("CORS", () => {
  it("allows everybody where it says so", async () => {
    const session = await Polling.open(app.port);
    for (const answer of [await session.post("40"), await session.get({ headers: ORIGIN })]) {
      assert.equal(answer.headers["access-control-allow-origin"], "*");
    }
  });

  it("answers a preflight", async () => {
    const answer = await request(app.port, P, {
      method: "OPTIONS",
      headers: { ...ORIGIN, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-a, x-b" },
    });
    assert.equal(answer.status, 204);
    assert.equal(answer.headers["access-control-allow-methods"], "GET,HEAD,PUT,PATCH,POST,DELETE");
    assert.equal(answer.headers["access-control-allow-headers"], "x-a, x-b");
    assert.match(String(answer.headers.vary), /Access-Control-Request-Headers/i);
    // The reference says 0, which RFC 9110 section 8.6 forbids with a 204.
    assert.ok(["0", undefined].includes(answer.headers["content-length"]));
  });

  it("is on the 101 too", async () => {
    const { status, head, line } = await upgrade(app.port, W, ORIGIN);
    assert.equal(status, 101);
    assert.match(head, /access-control-allow-origin: \*/i);
    line.close();
  });

  it("is silent where it is off", async () => {
    const answer = await request(eio.port, "/engine.io/?EIO=4&transport=polling", { headers: ORIGIN });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers["access-control-allow-origin"], undefined);
  });
});

describe("headers and cookies", () => {
  it("the first answer sets the cookies, later ones do not", async () => {
    const first = await request(eio.port, "/engine.io/?EIO=4&transport=polling");
    const cookies = first.headers["set-cookie"] ?? [];
    assert.deepEqual(cookies.slice(0, 3), [
      "1=1; Max-Age=86400",
      "2=2; Path=/; HttpOnly; Secure; SameSite=Strict",
      "3=3; Max-Age=0",
    ]);
    assert.match(cookies[3], /^4=4; Expires=/);
    assert.ok(Math.abs(Date.parse(cookies[3].slice("4=4; Expires=".length)) - Date.now()) < 60_000, cookies[3]);
    const { sid } = JSON.parse(packets(first.text)[0].slice(1));
    const later = await request(eio.port, `/engine.io/?EIO=4&transport=polling&sid=${sid}`);
    assert.equal(later.status, 200);
    assert.equal(later.headers["set-cookie"], undefined);
  });

  it("a handler can read the headers of the POST under way", async () => {
    const session = await Polling.open(eio.port, { path: "/engine.io/" });
    assert.equal(await session.packet(), "4hi");
    await session.post("4sendHeaders", { "X-Custom": "value", Cookie: "a=1; b=2" });
    const headers = JSON.parse((await session.packet()).slice(1));
    assert.equal(headers["x-custom"], "value");
    assert.equal(headers.cookie, "a=1; b=2");
  });
});

describe("compression of polling answers", () => {
  /** @param {number} n @param {string} encodings */
  async function answer(n, encodings) {
    const session = await Polling.open(app.port);
    await session.join();
    await session.send(`421["text",${n}]`);
    return session.get({ headers: { "Accept-Encoding": encodings } });
  }
  const text = (n) => `431["${"x".repeat(n)}"]`;

  it("gzip, from 1024 bytes", async () => {
    const got = await answer(1016, "gzip, deflate");
    assert.equal(text(1016).length, 1023);
    assert.equal(got.headers["content-encoding"], undefined);
    const over = await answer(1017, "gzip, deflate");
    assert.equal(over.headers["content-encoding"], "gzip");
    assert.equal(gunzipSync(over.body).toString(), text(1017));
  });

  it("deflate when nothing else is understood", async () => {
    const got = await answer(4000, "deflate");
    assert.equal(got.headers["content-encoding"], "deflate");
    assert.equal(inflateSync(got.body).toString(), text(4000));
  });

  it("none when it is not asked for, or refused", async () => {
    for (const encodings of ["", "br", "identity", "gzip;q=0"]) {
      const got = await answer(2000, encodings);
      assert.equal(got.headers["content-encoding"], undefined, encodings);
      assert.equal(got.text, text(2000));
    }
  });
});
