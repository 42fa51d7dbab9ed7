import assert from "node:assert/strict";
import { test } from "node:test";
import { event } from "../lib/wait.mjs";
import { connect, send } from "./clients/broadcast_service.mjs";
import { Inboxes } from "./inboxes.mjs";
import { start } from "./server.mjs";

/**
 * Ann and bob in the room `team`, cem and dan in `other`, dan in both.
 * @param {import("node:test").TestContext} t @param {Record<string, number>} [settings]
 */
async function service(t, settings) {
  const { url } = await start(t, "broadcast_service", settings);
  const rooms = { ann: ["team"], bob: ["team"], cem: ["other"], dan: ["team", "other"] };
  /** @type {Record<string, {socket: import("socket.io-client").Socket, inbox: Inboxes}>} */
  const users = {};
  for (const [name, joined] of Object.entries(rooms)) {
    const inbox = new Inboxes();
    const socket = connect(url, name, inbox.show);
    t.after(() => socket.disconnect());
    await event(socket, "connect");
    for (const room of joined) assert.equal(await socket.timeout(5_000).emitWithAck("join", room), true);
    users[name] = { socket, inbox };
  }
  return { url, users: /** @type {any} */ (users) };
}

/** Who is sent it, each once; what is sent to all behind it shows who was not. */
for (const { to, reaches } of [
  { to: { user: "ann" }, reaches: ["ann"] },
  { to: { user: "nobody" }, reaches: [] },
  { to: { room: "team" }, reaches: ["ann", "bob", "dan"] },
  { to: { roomExcept: { room: "team", sender: "ann" } }, reaches: ["bob", "dan"] },
  { to: { rooms: ["team", "other"] }, reaches: ["ann", "bob", "cem", "dan"] },
  { to: { rooms: [] }, reaches: [] },
  { to: "all", reaches: ["ann", "bob", "cem", "dan"] },
]) {
  test(`what is sent to ${JSON.stringify(to)} reaches ${reaches.join(", ") || "nobody"}, once`, async (t) => {
    const { url, users } = await service(t);
    // A sender is known by the id of its socket.
    const except = /** @type {any} */ (to).roomExcept;
    const target = except ? { roomExcept: { ...except, sender: users[except.sender].socket.id } } : to;
    assert.deepEqual(await send(url, target, "news", { text: "你好" }), { success: true, answer: null });
    assert.deepEqual(await send(url, "all", "end", null), { success: true, answer: null });
    for (const [name, { inbox }] of Object.entries(users)) {
      await inbox.next("end");
      assert.deepEqual(inbox.rest, reaches.includes(name) ? [["news", { text: "你好" }]] : [], name);
    }
  });
}

test("a user can be asked, and the answer is given", async (t) => {
  const { url, users } = await service(t);
  users.ann.socket.on("question", (/** @type {any} */ data, /** @type {any} */ answer) => answer({ yes: data }));
  const answered = await send(url, { userWithAck: "ann" }, "question", "sure?");
  assert.deepEqual(answered, { success: true, answer: { yes: "sure?" } });
});

test("a user who is not there cannot be asked, and one who does not answer is not waited for for ever", async (t) => {
  const { url } = await service(t, { ACK_TIMEOUT_MS: 300 });
  const nobody = await send(url, { userWithAck: "nobody" }, "question", 1);
  assert.deepEqual(nobody, { success: false, error: "User not connected" });
  const silent = await send(url, { userWithAck: "ann" }, "question", 1);
  assert.deepEqual(silent, { success: false, error: "Acknowledgment timeout" });
});
