// The same bytes to our server and to Node: status, body, chosen headers, packets and close codes must agree.
//
// With SERVER=reference, Node is compared with itself, which proves that the comparison depends on nothing that may vary.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { KIND, OURS, start } from "../lib/server.mjs";
import { differences } from "./deliberate-differences.mjs";
import { exchanges, servers } from "./exchanges.mjs";
import { run } from "./exchange.mjs";

for (const [name, { env, path }] of Object.entries(servers)) {
  describe(name, { concurrency: 6 }, () => {
    /** @type {import("../lib/server.mjs").Running} */
    let subject;
    /** @type {import("../lib/server.mjs").Running} */
    let node;
    before(async () => {
      [subject, node] = await Promise.all([start(env, KIND), start(env, "reference")]);
    });
    after(() => Promise.all([subject.stop(), node.stop()]));

    for (const exchange of exchanges.filter((one) => one.server === name)) {
      const difference = OURS ? differences[exchange.name] : undefined;
      it(exchange.name + (difference ? ` (differs: ${difference.reason})` : ""), async () => {
        const [ours, theirs] = await Promise.all([
          run(exchange, subject.port, path),
          run(exchange, node.port, path),
        ]);
        assert.ok(theirs.length > 0, "an exchange must record something");
        const broken = theirs.filter((one) => typeof one === "string" && one.startsWith("failed"));
        assert.deepEqual(broken, [], "the exchange does not even work on Node");
        if (!difference) return assert.deepEqual(ours, theirs);
        assert.notDeepEqual(ours, theirs, "no longer a difference: take it off the list");
        difference.ours(ours, theirs);
      });
    }
  });
}

it("every deliberate difference names an exchange", () => {
  const names = new Set(exchanges.map((one) => one.name));
  assert.equal(names.size, exchanges.length, "names are unique");
  for (const name of Object.keys(differences)) assert.ok(names.has(name), name);
});
