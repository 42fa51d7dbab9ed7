// What docs/socketio-differences.md says of both servers and the differential suite cannot see: each side is asked the
// same, and each has to answer as it is written there. With SERVER=reference only Node is asked.

import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { joinedWs, openWs, Polling } from "../lib/engine.mjs";
import { request } from "../lib/http.mjs";
import { hs256, inAnHour } from "../lib/jwt.mjs";
import { KIND, start } from "../lib/server.mjs";
import { within } from "../lib/wait.mjs";
import { Ws } from "../lib/ws.mjs";

const SECRET = "a-secret-of-at-least-thirty-two-bytes";
const P = "/socket.io/?EIO=4&transport=polling";

/** @typedef {import("../lib/server.mjs").Running} Running */
/** @type {Record<string, Running>} */
const servers = {};
/** @type {Record<string, Running>} */
const recovering = {};
before(async () => {
  for (const kind of new Set([KIND, /** @type {const} */ ("reference")])) {
    servers[kind] = await start({}, kind);
    recovering[kind] = await start({ RECOVERY: 1, JWT_HS_SECRET: SECRET }, kind);
  }
});
after(() => Promise.all([servers, recovering].flatMap((all) => Object.values(all)).map((one) => one.stop())));

/** @type {{end: () => void}[]} */
const sockets = [];
afterEach(() => sockets.splice(0).forEach((ws) => ws.end()));
/** Ends with the test. @template {{end: () => void}} T @param {T} ws @returns {T} */
function kept(ws) {
  sockets.push(ws);
  return ws;
}

/**
 * @template T
 * @param {string} name
 * @param {Record<string, Running>} all
 * @param {{ours: T, node: T}} expected
 * @param {(port: number) => Promise<T>} ask
 */
function differs(name, all, expected, ask) {
  it(name, async () => {
    for (const [kind, { port }] of Object.entries(all)) {
      const answer = await ask(port);
      assert.deepEqual(answer, kind === "ours" ? expected.ours : expected.node, kind);
    }
  });
}

/** Whether the connection is closed before it answers what is asked last. @param {Ws} ws @param {string} question */
async function closes(ws, question) {
  ws.send(question);
  const answered = (async () => {
    while (!String(await ws.packet()).startsWith("43")) continue;
    return false;
  })();
  answered.catch(() => {});
  return within(Promise.race([ws.closed.then(() => true), answered]), 5000, "answer or end");
}

describe("over HTTP", () => {
  differs("a preflight has no Content-Length", servers, { ours: undefined, node: "0" }, async (port) => {
    const headers = { Origin: "http://elsewhere.example", "Access-Control-Request-Method": "POST" };
    const answer = await request(port, P, { method: "OPTIONS", headers });
    assert.equal(answer.status, 204);
    return answer.headers["content-length"];
  });

  differs("a GET that waits when the upgrade is complete gets a noop", servers, { ours: "6", node: "1" }, async (port) => {
    const session = await Polling.open(port);
    await session.join();
    const waiting = session.get();
    // Another request of the session, so that the GET has arrived.
    await session.send("6");
    const ws = kept(await Ws.open(port, `/socket.io/?EIO=4&transport=websocket&sid=${session.sid}`));
    ws.send("5");
    return (await within(waiting, 5000, "end of the GET")).text;
  });

  differs("the client's script is not served", servers, { ours: 404, node: 200 }, async (port) => {
    return (await request(port, "/socket.io/socket.io.js")).status;
  });

  differs("there is no JSONP", servers, { ours: "0{", node: "__" }, async (port) => {
    return (await request(port, `${P}&j=0`)).text.slice(0, 2);
  });
});

describe("limits", () => {
  differs("64 namespaces a connection", servers, { ours: true, node: false }, async (port) => {
    const ws = kept(await joinedWs(port));
    for (let i = 1; i <= 63; i++) ws.send(`40/dyn-${i},`);
    assert.equal(await closes(ws, '421["echo"]'), false);
    ws.send("40/dyn-64,");
    return closes(ws, '422["echo"]');
  });

  differs("128 rooms a socket", servers, { ours: false, node: true }, async (port) => {
    const ws = kept(await joinedWs(port));
    const rooms = Array.from({ length: 128 }, (_, i) => `r${i}`);
    ws.send(`421["join",${JSON.stringify(rooms)}]`);
    assert.equal(JSON.parse(String(await ws.packet()).slice(3))[0].length, 129);
    ws.send('422["join",["one more"]]');
    return Array.isArray(JSON.parse(String(await ws.packet()).slice(3))[0]);
  });

  differs("255 bytes a room's name", servers, { ours: false, node: true }, async (port) => {
    const ws = kept(await joinedWs(port));
    ws.send(`421["join",["${"r".repeat(255)}"]]`);
    assert.match(String(await ws.packet()), /^431\[\[/);
    ws.send(`422["join",["${"r".repeat(256)}"]]`);
    return String(await ws.packet()).startsWith("432[[");
  });
});

describe("recovery", () => {
  /** Joins, and gives the answer. @param {number} port @param {object} auth @param {string} [namespace] */
  async function joins(port, auth, namespace = "") {
    const ws = kept(await openWs(port));
    ws.send(`40${namespace}${JSON.stringify(auth)}`);
    let answer = "";
    while (!/^4[04]/.test(answer)) answer = String(await ws.packet());
    return { ws, type: answer.slice(0, 2), ...JSON.parse(answer.slice(answer.indexOf("{"))) };
  }

  /**
   * Joins, makes the server emit to the socket, goes away without a word, and comes back with that offset.
   * @param {number} port @param {string[]} events @param {string} offset
   */
  async function returns(port, events, offset) {
    const { ws, sid, pid } = await joins(port, {});
    for (const [i, text] of events.entries()) {
      ws.send(`42${i}["broadcast",{"rooms":["${sid}"]},"n","${text}"]`);
      while (!String(await ws.packet()).startsWith(`43${i}`)) continue;
    }
    ws.end();
    await ws.closed;
    const again = await joins(port, { pid, offset });
    return again.sid === sid;
  }

  differs("the marker got lost, its event did not", recovering, { ours: true, node: false }, (port) =>
    returns(port, ["one", "two", "three"], "two"),
  );

  differs("two events might have been the last", recovering, { ours: false, node: false }, (port) =>
    returns(port, ["one", "two", "two"], "two"),
  );

  differs("middleware is asked again", recovering, { ours: "44", node: "40" }, async (port) => {
    const token = hs256(SECRET, { sub: "someone", exp: inAnHour() });
    const { ws, type, pid } = await joins(port, { token }, "/jwt,");
    assert.equal(type, "40");
    // An offset is something that only Node needs.
    ws.send('42/jwt,1["broadcast",{},"n"]');
    /** @type {string | undefined} */
    let offset;
    for (let packet = ""; !packet.startsWith("43/jwt,1"); packet = String(await ws.packet())) {
      if (packet.startsWith("42")) offset = JSON.parse(packet.slice(packet.indexOf("["))).at(-1);
    }
    ws.end();
    await ws.closed;
    return (await joins(port, { token: "revoked", pid, offset }, "/jwt,")).type;
  });
});
