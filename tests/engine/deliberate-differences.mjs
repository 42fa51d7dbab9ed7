// Where our server differs from Node on purpose: the exchange, the reason, and what we promise instead.
// An entry whose transcript Node would produce as well fails, so the list cannot go stale.

import assert from "node:assert/strict";

/** @typedef {{reason: string, ours: (transcript: any[], node: any[]) => void}} Difference */

/** @type {Record<string, Difference>} */
export const differences = {
  "path below the endpoint": {
    reason: "the endpoint is one path, not every path that begins like it",
    ours: ([answer]) => assert.equal(answer.status, 404),
  },
  "EIO 3 on websocket": {
    reason: "refused before the 101, where Node writes an HTTP error into an open WebSocket",
    ours: ([answer]) => assert.deepEqual(answer, { status: 400, body: "Unsupported protocol version" }),
  },
  "polling transport with upgrade headers": {
    reason: "refused before the 101, where Node accepts and closes at once",
    ours: ([answer]) => assert.equal(answer.status, 400),
  },
  "close packet on websocket": {
    reason: "a client that says goodbye is let go, where Node keeps it until the ping timeout",
    ours: ([, after]) => assert.deepEqual(after, { open: false, messages: [] }),
  },
  "duplicate connect in one payload": {
    reason: "one connection has one socket per namespace, where Node creates two and runs the handlers twice",
    ours(transcript) {
      const [, , packets] = transcript;
      const joins = packets.filter((packet) => String(packet).startsWith("40{"));
      assert.ok(joins.length <= 1, JSON.stringify(packets));
    },
  },
  "event in the payload of connect": {
    reason: "packets wait for a join that is under way, where Node closes the connection",
    ours: ([, , packets]) =>
      assert.deepEqual(packets, ['40{"sid":"<id>"}', '42["auth",{}]', '431["early"]']),
  },
};
