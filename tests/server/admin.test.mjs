// Who may administer, and from where. What the page does with it is in tests/browser.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { request } from "../lib/http.mjs";
import { API_KEY, API_KEYS, inSeconds, serve, token } from "../lib/tidings.mjs";
import { enter, GENEROUS } from "./cast.mjs";
import { closeAll } from "./transports.mjs";

const PASSWORD = `${randomBytes(12).toString("hex")} 密码`;
const ON = { "admin.enabled": true, "admin.password": PASSWORD };
/** As a browser would send it: the bytes of its UTF-8. @param {string} credentials */
const bearer = (credentials) => ({ authorization: `Bearer ${Buffer.from(credentials).toString("latin1")}` });

/**
 * @param {number} port @param {string} method @param {object} [body] @param {Record<string, string>} [headers]
 * @returns {Promise<any>} What was answered, with the `status` and `headers` beside it.
 */
async function ask(port, method, body = {}, headers = {}) {
  // With a text as its body, Node would write the headers as UTF-8 once more.
  const options = { method: "POST", headers, body: Buffer.from(JSON.stringify(body)) };
  const { status, headers: heads, text } = await request(port, `/admin/api/${method}`, options);
  return { status, headers: heads, ...(heads["content-type"] === "application/json" && JSON.parse(text)) };
}

describe("with a password", () => {
  /** @type {import("../lib/tidings.mjs").Tidings} */
  let server;
  before(async () => {
    server = await serve({ settings: { ...GENEROUS, ...API_KEYS, ...ON } });
  });
  after(async () => {
    await closeAll();
    await server.stop();
  });

  it("the page is there for everybody, and may load nothing of anybody else", async () => {
    for (const path of ["/admin", "/admin/", "/admin/web/admin/app.js", "/admin/web/demo/styles/base.css"]) {
      const { status, headers } = await request(server.port, path);
      assert.equal(status, 200, path);
      assert.match(String(headers["content-security-policy"]), /default-src 'none'.*frame-ancestors 'none'/, path);
      assert.equal(headers["set-cookie"], undefined, path);
    }
    for (const path of ["/admin/web/", "/admin/web/demo/../../Cargo.toml", "/admin/web/clients/README.md", "/admin/nothing"]) {
      assert.equal((await request(server.port, path)).status, 404, path);
    }
  });

  it("lets in whoever has the password or a token with the claim admin, and nobody else", async () => {
    const cases = /** @type {[string, Record<string, string>, number, string | undefined][]} */ ([
      ["nothing", {}, 401, "unauthenticated"],
      ["the password", bearer(PASSWORD), 200, undefined],
      ["an admin's token", bearer(token("root", { admin: true })), 200, undefined],
      ["a wrong password", bearer(PASSWORD.slice(0, -1)), 401, "invalid_token"],
      ["a longer password", bearer(`${PASSWORD}x`), 401, "invalid_token"],
      ["nothing behind the scheme", { authorization: "Bearer " }, 401, "unauthenticated"],
      ["the password as another scheme", { authorization: bearer(PASSWORD).authorization.replace("Bearer", "Basic") }, 401, "unauthenticated"],
      ["a token without the claim", bearer(token("ann")), 403, "permission_denied"],
      ["a token that says no", bearer(token("ann", { admin: false })), 403, "permission_denied"],
      ["an expired token", bearer(token("root", { admin: true, exp: inSeconds(-3600) })), 401, "invalid_token"],
      ["a key of the API", bearer(API_KEY), 401, "invalid_token"],
      ["a key of the API in its header", { "x-api-key": API_KEY }, 401, "unauthenticated"],
      ["a cookie", { cookie: `admin=${API_KEY}` }, 401, "unauthenticated"],
    ]);
    for (const [what, headers, status, code] of cases) {
      const answer = await ask(server.port, "info", {}, headers);
      assert.deepEqual({ status: answer.status, code: answer.code }, { status, code }, what);
      assert.equal(answer.success, status === 200, what);
      if (status !== 200) assert.match(answer.error, /^[A-Z].*\.$/, what);
      if (status === 401) assert.equal(answer.headers["www-authenticate"], "Bearer", what);
    }
    assert.equal((await request(server.port, "/admin/api/info", { headers: bearer(PASSWORD) })).status, 405);
    const other = await request(server.port, "/api/info", { method: "POST", headers: bearer(PASSWORD), body: "{}" });
    assert.equal(other.status, 401, "the password is none of the API's keys");
  });

  it("says what is going on, and finds connections by user, address and id", async () => {
    const [ann, bob] = [await enter(server.url, "WebSocket with JSON"), await enter(server.url, "event stream")];
    await ann.done("room:join", "admin-test");
    await ann.done("chat:send", { roomId: "admin-test", content: "one" });
    const [node] = (await ask(server.port, "info", {}, bearer(PASSWORD))).nodes;
    assert.equal(node.connections, 2);
    assert.deepEqual(node.transports, { socketio: 0, ws: 1, sse: 1, poll: 0, rpc: 0 });
    assert.ok(node.messages >= 1 && node.bytesSent > 0 && node.bytesReceived > 0 && node.cpuSeconds > 0, JSON.stringify(node));
    assert.equal(node.refused.rate_per_ip, 0);
    assert.ok(Math.abs(Date.parse(node.timestamp) - Date.now()) < 60_000, node.timestamp);

    const find = async (/** @type {object} */ which) => {
      const { connections } = await ask(server.port, "connections", which, bearer(PASSWORD));
      return connections.map((/** @type {any} */ it) => it.userId).sort();
    };
    const both = [ann.user.id, bob.user.id].sort();
    assert.deepEqual(await find({}), both);
    assert.deepEqual(await find({ userId: ann.user.id }), [ann.user.id]);
    assert.deepEqual(await find({ clientId: bob.welcome.clientId }), [bob.user.id]);
    assert.deepEqual(await find({ clientId: bob.welcome.clientId, userId: ann.user.id }), []);
    assert.deepEqual(await find({ address: "127.0.0.1" }), both);
    assert.deepEqual(await find({ address: "::ffff:127.0.0.1" }), both);
    assert.deepEqual(await find({ address: "10.0.0.1" }), []);
    const first = await ask(server.port, "connections", { limit: 1 }, bearer(PASSWORD));
    assert.equal(first.hasMore, true);
    const [{ clientId, userId }] = first.connections;
    assert.deepEqual([userId, ...(await find({ after: clientId }))].sort(), both, "the pages are all there is");
  });
});

it("whoever guesses has to wait, and is counted", async () => {
  const server = await serve({ settings: { ...ON, "limits.rate.ip.per_second": 1, "limits.rate.ip.burst": 200 } });
  /** @type {any[]} */
  const answers = [];
  for (let i = 0; i < 20 && answers.at(-1)?.status !== 429; i += 1) answers.push(await ask(server.port, "info", {}, bearer(`guess ${i}`)));
  const last = answers.pop();
  assert.deepEqual({ status: last.status, code: last.code }, { status: 429, code: "rate_limited" });
  assert.ok(Number(last.headers["retry-after"]) > 0);
  assert.ok(answers.length >= 5 && answers.every(({ status }) => status === 401), `${answers.length} guesses`);
  const { refused } = JSON.parse((await request(server.port, "/metrics/websocket")).text);
  assert.ok(refused.rate_per_ip >= 1);
  await server.stop();
});

it("is not there unless somebody has switched it on", async () => {
  const server = await serve();
  for (const path of ["/admin", "/admin/web/admin/app.js"]) assert.equal((await request(server.port, path)).status, 404, path);
  assert.equal((await ask(server.port, "info", {}, bearer(token("root", { admin: true })))).status, 404);
  await server.stop();
});

it("is where clients do not connect, if there is such a place", async () => {
  const server = await serve({ settings: { ...ON, "internal.listen": "127.0.0.1:0" } });
  const internal = Number(/admin at http:\/\/127\.0\.0\.1:(\d+)/.exec(server.output())?.[1]);
  for (const [port, status] of [[server.port, 404], [internal, 200]]) {
    assert.equal((await request(port, "/admin")).status, status);
    assert.equal((await request(port, "/admin/web/demo/theme.js")).status, status);
    assert.equal((await ask(port, "info", {}, bearer(PASSWORD))).status, status);
  }
  await server.stop();
});

it("in development is open to its own page and to programs, and to no other page", async () => {
  const server = await serve({ dev: true });
  assert.match(server.output(), /\/admin is open to everybody on this machine/);
  const host = `127.0.0.1:${server.port}`;
  const cases = /** @type {[Record<string, string>, number][]} */ ([
    [{}, 200],
    [{ origin: `http://${host}` }, 200],
    [{ origin: "https://evil.example" }, 403],
    [{ origin: "http://localhost:5173" }, 403],
    [{ origin: "null" }, 403],
    // A name that was made to point to this machine.
    [{ host: "evil.example", origin: "http://evil.example" }, 403],
    [{ host: "evil.example" }, 403],
  ]);
  for (const [headers, status] of cases) assert.equal((await ask(server.port, "info", {}, headers)).status, status, JSON.stringify(headers));
  await server.stop();

  const guarded = await serve({ dev: true, settings: { "admin.password": PASSWORD } });
  assert.equal((await ask(guarded.port, "info")).status, 401, "a password that is set counts in development as well");
  assert.equal((await ask(guarded.port, "info", {}, bearer(PASSWORD))).status, 200);
  await guarded.stop();
});
