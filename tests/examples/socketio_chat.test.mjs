import assert from "node:assert/strict";
import { test } from "node:test";
import { connect } from "./clients/socketio_chat.mjs";
import { Inboxes, timed } from "./inboxes.mjs";
import { start } from "./server.mjs";

/** Three users who have heard of one another. @param {import("node:test").TestContext} t */
async function chat(t) {
  const { url } = await start(t, "socketio_chat");
  /** @type {(ReturnType<typeof connect> & {inbox: Inboxes})[]} */
  const users = [];
  for (const name of ["ann", "bob", "cem"]) {
    const inbox = new Inboxes();
    const user = connect(url, name, inbox.show);
    t.after(() => user.socket.disconnect());
    users.push({ ...user, inbox });
    const online = ["ann", "bob", "cem"].slice(0, users.length);
    for (const { inbox } of users) assert.deepEqual(await inbox.next("online_users"), online);
  }
  return /** @type {[(typeof users)[0], (typeof users)[0], (typeof users)[0]]} */ (users);
}

test("everybody has the list of who is online, which changes when somebody goes", async (t) => {
  const [ann, bob, cem] = await chat(t);
  bob.socket.disconnect();
  for (const { inbox } of [ann, cem]) assert.deepEqual(await inbox.next("online_users"), ["ann", "cem"]);
  bob.socket.connect();
  for (const { inbox } of [ann, bob, cem]) assert.deepEqual(await inbox.next("online_users"), ["ann", "bob", "cem"]);
});

test("a private message reaches its addressee, and so does typing", async (t) => {
  const [ann, bob, cem] = await chat(t);
  ann.typing("bob");
  assert.deepEqual(await bob.inbox.next("user_typing"), { userId: "ann" });
  ann.privateMessage("bob", "你好");
  assert.deepEqual(timed(await bob.inbox.next("new_message")), { from: "ann", content: "你好" });
  // An update comes behind whatever they could have been sent by mistake.
  bob.updateDocument(1);
  await Promise.all([ann, cem].map(({ inbox }) => inbox.next("document_update")));
  for (const { inbox } of [ann, bob, cem]) assert.deepEqual(inbox.rest, []);
});

test("a room's messages reach those who joined it", async (t) => {
  const [ann, bob, cem] = await chat(t);
  ann.joinRoom("team");
  ann.roomMessage("team", "hello, myself");
  assert.deepEqual(timed(await ann.inbox.next("new_message")), { from: "ann", content: "hello, myself", roomId: "team" });
  bob.joinRoom("team");
  bob.roomMessage("team", "hello");
  for (const { inbox } of [ann, bob]) {
    assert.deepEqual(timed(await inbox.next("new_message")), { from: "bob", content: "hello", roomId: "team" });
  }
  bob.updateDocument(1);
  await cem.inbox.next("document_update");
  assert.deepEqual(cem.inbox.rest, []);
});

test("an update of the document is relayed to the others as it is", async (t) => {
  const [ann, bob, cem] = await chat(t);
  const update = { ops: [{ insert: "你好" }], version: 3, bytes: Buffer.from([1, 2]) };
  ann.updateDocument(update);
  for (const { inbox } of [bob, cem]) assert.deepEqual(await inbox.next("document_update"), update);
  bob.updateDocument("after it");
  assert.equal(await ann.inbox.next("document_update"), "after it");
  assert.deepEqual(ann.inbox.rest, []);
});
