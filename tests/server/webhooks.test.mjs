// Commands that a backend carries out, over every transport; what else a backend is told and asked is in webhooks/.

import assert from "node:assert/strict";
import { createHmac, randomBytes } from "node:crypto";
import http from "node:http";
import { after, before, describe, it } from "node:test";
import { serve } from "../lib/tidings.mjs";
import { assertFault, enter, TEXT } from "./cast.mjs";
import { closeAll, hasBytes, NAMES } from "./transports.mjs";

const secret = randomBytes(32).toString("hex");

/** Answers with what it was asked, unless the command is one of those that fail. */
const backend = http.createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  const [, sent, signature] = /^t=(\d+),v1=([\da-f]{64})$/.exec(String(request.headers["tidings-signature"])) ?? [];
  const expected = createHmac("sha256", secret).update(`${sent}.`).update(body).digest("hex");
  const asked = JSON.parse(body.toString());
  if (signature !== expected) return void response.writeHead(401).end();
  if (asked.command === "order:fail") return void response.writeHead(500).end("the stack of the backend");
  if (asked.command === "order:slow") return;
  response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify({ success: true, asked }));
});

/** @type {import("../lib/tidings.mjs").Tidings} */
let server;

before(async () => {
  await new Promise((resolve) => backend.listen(0, "127.0.0.1", () => resolve(undefined)));
  const { port } = /** @type {import("node:net").AddressInfo} */ (backend.address());
  server = await serve({
    config: `[[webhooks.commands]]
pattern = "order:*"
url = "http://127.0.0.1:${port}/"
secret = "${secret}"
timeout = "1s"
`,
  });
});

after(async () => {
  await closeAll();
  await server.stop();
  backend.closeAllConnections();
  backend.close();
});

describe("a command of the backend", () => {
  for (const transport of NAMES) {
    it(`is answered by it over ${transport}`, async () => {
      const client = await enter(server.url, transport);
      const data = { text: TEXT, list: [1, -2.5, null, true, { deep: {} }], large: 2 ** 53 };
      const { asked, ...rest } = await client.ask("order:create", data);
      assert.deepEqual(rest, { success: true });
      assert.deepEqual(asked.data, data);
      assert.equal(asked.command, "order:create");
      assert.equal(typeof asked.userId, "string");
      const [failed, slow, unknown] = await Promise.all(
        ["order:fail", "order:slow", "orders"].map((name) => client.ask(name, data)),
      );
      assertFault(failed, "bad_gateway");
      assert.doesNotMatch(JSON.stringify(failed), /stack/);
      assertFault(slow, "timeout");
      assertFault(unknown, "unknown_command");
      // JSON has no bytes, and the backend is asked in JSON.
      if (hasBytes(transport)) assertFault(await client.ask("order:create", { bytes: randomBytes(9) }), "bad_request");
      await client.close();
    });
  }
});
