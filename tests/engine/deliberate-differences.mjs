// Where our server differs from Node on purpose: the exchange, the reason, and what we promise instead.
// An entry whose transcript Node would produce as well fails, so the list cannot go stale.

import assert from "node:assert/strict";

/** @typedef {{reason: string, ours: (transcript: any[], node: any[]) => void}} Difference */

/** The arguments of the last packet of each transcript are the same values. @param {any[]} ours @param {any[]} node */
function sameValues(ours, node) {
  const [mine, theirs] = [ours, node].map((transcript) => {
    const packet = transcript.at(-1)[0];
    return JSON.parse(packet.slice(packet.indexOf("[")));
  });
  // -0 and 0 are one number here, as they are to JSON.stringify.
  assert.equal(JSON.stringify(mine), JSON.stringify(theirs));
}

/** Arguments travel as the text they came in: nothing is parsed and printed again on the way. */
const AS_WRITTEN = { reason: "arguments are passed on as they were written", ours: sameValues };

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
  "duplicate keys": AS_WRITTEN,
  "numbers of JavaScript": AS_WRITTEN,
  "big integers": AS_WRITTEN,
  "infinite numbers": AS_WRITTEN,
  "white space in JSON": AS_WRITTEN,
  "escapes in JSON": AS_WRITTEN,
  "nested binary echo": {
    reason: "placeholders keep the numbers the sender gave them",
    ours: (transcript) =>
      assert.deepEqual(transcript.at(-1), [
        '462-3[{"a":[{"_placeholder":true,"num":1}],"b":{"_placeholder":true,"num":0}}]',
        `<bytes ${Buffer.from("zero").toString("hex")}>`,
        `<bytes ${Buffer.from("one").toString("hex")}>`,
      ]),
  },
  "same placeholder twice": {
    reason: "bytes that were sent once are passed on once",
    ours: (transcript) =>
      assert.deepEqual(transcript.at(-1), [
        '461-3[{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]',
        "<bytes 78>",
      ]),
  },
};
