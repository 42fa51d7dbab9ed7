// What the server logs: one object a line if that is wanted, and no token in any of them.

import assert from "node:assert/strict";
import { it } from "node:test";
import { serve, token } from "../lib/tidings.mjs";
import { closeAll, NAMES, TRANSPORTS } from "./transports.mjs";

it("is JSON where that is set, and has no token in it, however much is logged", async () => {
  const server = await serve({ log: "trace", settings: { "log.format": "json" } });
  const secrets = [];
  for (const name of NAMES) {
    const good = token(`who comes over ${name}`);
    const bad = `${token("nobody").slice(0, -4)}AAAA`;
    secrets.push(good, bad);
    await TRANSPORTS[name](server.url, { query: { token: good } });
    await TRANSPORTS[name](server.url, { query: { token: bad } }).catch(() => undefined);
    await TRANSPORTS[name](server.url, { token: bad }).catch(() => undefined);
  }
  for (const given of secrets) {
    await fetch(`${server.url}/rpc?token=${given}`, { method: "POST", body: '{"type":"chat:history","data":{}}' });
    await fetch(`${server.url}/metrics`, { headers: { authorization: `Bearer ${given}` } });
  }
  await closeAll();
  await server.stop();

  const output = server.output();
  const lines = output.split("\n").filter((line) => line.startsWith("{"));
  assert.ok(lines.length > 10, output.slice(0, 2_000));
  for (const line of lines) {
    const { timestamp, level, target, message } = JSON.parse(line);
    assert.ok(timestamp && level && target && message !== undefined, line);
  }
  assert.match(output, /refused a connection/);
  for (const given of secrets) {
    const signature = given.split(".")[2];
    const found = output.split("\n").find((line) => line.includes(signature));
    assert.equal(found, undefined, "a token is in the log");
  }
});
