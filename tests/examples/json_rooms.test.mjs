import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { event, Inbox } from "../lib/wait.mjs";
import { connect, post } from "./clients/json_rooms.mjs";
import { timed } from "./inboxes.mjs";
import { start } from "./server.mjs";

/** @param {import("node:test").TestContext} t @param {string} url @param {string} [userId] */
async function client(t, url, userId) {
  /** @type {Inbox<any>} */
  const inbox = new Inbox();
  const user = connect(url, (message) => inbox.push(message));
  t.after(() => user.ws.terminate());
  await event(user.ws, "open");
  if (userId) {
    user.auth(userId);
    assert.deepEqual(timed(await inbox.next()), { type: "authenticated" });
  }
  return { ...user, inbox };
}

/** Ann and bob, in a room. @param {import("node:test").TestContext} t @param {string} url */
async function room(t, url) {
  const [ann, bob] = [await client(t, url, "ann"), await client(t, url, "bob")];
  ann.joinRoom("team");
  // What is answered shows that the room is joined.
  ann.ws.send("?");
  assert.equal((await ann.inbox.next()).type, "error");
  bob.joinRoom("team");
  assert.deepEqual(await ann.inbox.next(), { type: "user_joined", userId: "bob", roomId: "team" });
  return [ann, bob];
}

/** A message without what is different each time. @param {any} message */
function told(message) {
  const { id, ...rest } = timed(message);
  assert.ok(typeof id === "string" && id);
  return rest;
}

test("a room hears who comes, what is said, and who goes", async (t) => {
  const { url } = await start(t, "json_rooms");
  const [ann, bob] = await room(t, url);
  const ids = new Set();
  for (const text of ["你好", "hello"]) {
    bob?.say("team", text);
    for (const user of [ann, bob]) {
      const message = await user?.inbox.next();
      assert.deepEqual(told(message), { type: "message", userId: "bob", text, roomId: "team" });
      ids.add(message.id);
    }
  }
  assert.equal(ids.size, 2);
  bob?.leaveRoom("team");
  assert.deepEqual(await ann?.inbox.next(), { type: "user_left", userId: "bob", roomId: "team" });
  ann?.say("team", "alone");
  assert.equal((await ann?.inbox.next()).text, "alone");
  bob?.ws.send("?");
  assert.equal((await bob?.inbox.next()).type, "error", "who has left hears nothing more");
});

test("what is posted reaches the room", async (t) => {
  const { url } = await start(t, "json_rooms");
  const users = await room(t, url);
  assert.deepEqual(await post(url, "team", "from elsewhere"), { sent: true });
  for (const { inbox } of users) {
    assert.deepEqual(told(await inbox.next()), { type: "message", userId: "server", text: "from elsewhere", roomId: "team" });
  }
});

for (const [what, frame, as, message] of /** @type {[string, string, string | undefined, RegExp][]} */ ([
  ["text that is no JSON", "{oops", "ann", /./],
  ["a command that there is not", '{"type":"fly"}', "ann", /unknown variant `fly`/],
  ["a room from somebody without a name", '{"type":"join_room","roomId":"team"}', undefined, /^authenticate first$/],
  ["a message from somebody without a name", '{"type":"message","roomId":"team","text":"hi"}', undefined, /^authenticate first$/],
  ["a message to a room of others", '{"type":"message","roomId":"team","text":"hi"}', "ann", /^join the room first$/],
])) {
  test(`${what} is answered with an error, and the connection goes on`, async (t) => {
    const { url } = await start(t, "json_rooms");
    const user = await client(t, url, as);
    user.ws.send(frame);
    const answer = await user.inbox.next();
    assert.deepEqual(Object.keys(answer).sort(), ["message", "type"]);
    assert.equal(answer.type, "error");
    assert.match(answer.message, message);
    user.auth("ann");
    assert.deepEqual(timed(await user.inbox.next()), { type: "authenticated" });
  });
}

test("messages are stored, and still there when the server was killed", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "tidings-json_rooms-file-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const settings = { DATABASE: join(folder, "rooms.db") };
  const first = await start(t, "json_rooms", settings);
  const [ann] = await room(t, first.url);
  ann?.say("team", "one");
  const one = await ann?.inbox.next();
  assert.deepEqual(await post(first.url, "team", "two"), { sent: true });
  await first.stop();
  const { url } = await start(t, "json_rooms", settings);
  const messages = /** @type {any[]} */ (await (await fetch(`${url}/api/messages/team`)).json());
  assert.deepEqual(messages[0], one);
  assert.deepEqual(messages.map(told), [
    { type: "message", userId: "ann", text: "one", roomId: "team" },
    { type: "message", userId: "server", text: "two", roomId: "team" },
  ]);
});
