// Behind nginx, with the configuration that deploy/ ships, every transport works as it does without.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { request } from "../lib/http.mjs";
import { nginx } from "../lib/nginx.mjs";
import { serve, token } from "../lib/tidings.mjs";
import { until } from "../lib/wait.mjs";
import { company, fresh, GENEROUS, heardByAll, joinAll } from "../server/cast.mjs";
import { closeAll, NAMES } from "../server/transports.mjs";

/** @type {import("../lib/tidings.mjs").Tidings} */
let server;
/** @type {Awaited<ReturnType<typeof nginx>>} */
let proxy;
before(async () => {
  const settings = { ...GENEROUS, trusted_proxies: ["127.0.0.1"], "presence.audience": "everyone" };
  server = await serve({ settings, log: "info" });
  proxy = await nginx([server.port]);
});
after(async () => {
  await closeAll();
  await proxy.stop();
  await server.stop();
});

describe("behind nginx", () => {
  it("clients on every transport are in one room", async () => {
    const players = await company(proxy.url);
    const room = fresh("proxied");
    await joinAll(players, room);
    for (const [i, player] of players.entries()) {
      const { messageId } = await player.done("chat:send", { roomId: room, content: `from ${NAMES[i]}` });
      const heard = await heardByAll(players, "chat:message", (it) => it.messageId === messageId);
      assert.equal(heard.content, `from ${NAMES[i]}`);
    }
    await Promise.all(players.map((it) => it.close()));
    // What it says of bodies that it keeps in a file until it has them whole is meant well.
    assert.doesNotMatch(proxy.errors(), /\[(error|crit|alert|emerg)\]/);
  });

  it("the address of a client is what nginx saw, whatever the client claims", async () => {
    const refused = (/** @type {string} */ from) => (server.output().match(new RegExp(`from=${from} .*invalid_token`, "g")) ?? []).length;
    const before = refused("127.0.0.1");
    const headers = { "X-Forwarded-For": "203.0.113.7", Authorization: "Bearer nonsense", "Content-Type": "application/json" };
    const body = JSON.stringify({ type: "room:list", data: {} });
    assert.equal((await request(proxy.port, "/rpc", { method: "POST", headers, body })).status, 401);
    await until(() => refused("127.0.0.1") > before, "log line of the refusal");
    assert.equal(refused("203\\.0\\.113\\.7"), 0);
    // Without the proxy in between, whoever is trusted may say so.
    assert.equal((await request(server.port, "/rpc", { method: "POST", headers, body })).status, 401);
    await until(() => refused("203\\.0\\.113\\.7") === 1, "log line of the refusal");
  });

  it("what is for those who run the server is not for the public", async () => {
    for (const path of ["/api/info", "/api", "/metrics", "/metrics/websocket", "/admin", "/admin/", "/readyz"]) {
      assert.equal((await request(proxy.port, path)).status, 404, path);
    }
    assert.equal((await request(proxy.port, "/healthz")).status, 200);
  });

  it("a message that is too large is refused by the server, in its own words", async () => {
    const headers = { Authorization: `Bearer ${token("ana")}`, "Content-Type": "application/json" };
    const body = JSON.stringify({ type: "chat:send", data: { roomId: "r", content: "x".repeat(1_500_000) } });
    const { status, text } = await request(proxy.port, "/rpc", { method: "POST", headers, body });
    assert.equal(status, 413, text);
    assert.match(text, /"success":false/);
  });
});
