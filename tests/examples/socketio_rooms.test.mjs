import assert from "node:assert/strict";
import { test } from "node:test";
import { event, until } from "../lib/wait.mjs";
import { connect } from "./clients/socketio_rooms.mjs";
import { Inboxes, timed } from "./inboxes.mjs";
import { start } from "./server.mjs";

const ANN = { userId: "1", username: "Ann" };
const BOB = { userId: "2", username: "鲍勃" };

/** @param {import("node:test").TestContext} t @param {string} url @param {typeof ANN} [who] */
async function client(t, url, who) {
  const inbox = new Inboxes();
  const user = connect(url, inbox.show);
  t.after(() => user.socket.disconnect());
  if (who) assert.deepEqual(await user.auth(who.userId, who.username), { success: true });
  else await event(user.socket, "connect");
  return { ...user, inbox };
}

/** Ann and bob, in a room. @param {import("node:test").TestContext} t */
async function room(t) {
  const { url, said } = await start(t, "socketio_rooms");
  const ann = await client(t, url, ANN);
  ann.join("team");
  const bob = await client(t, url, BOB);
  assert.deepEqual(await ann.inbox.next("user:online"), BOB);
  bob.join("team");
  assert.deepEqual(await ann.inbox.next("room:user:joined"), { roomId: "team", ...BOB });
  return { url, said, ann, bob };
}

/** @param {string} url @param {any} data */
async function post(url, data) {
  const headers = { "content-type": "application/json" };
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(data) });
  assert.equal(response.status, 200);
}

test("the others hear who comes online, into a room, out of it, and goes offline", async (t) => {
  const { ann, bob } = await room(t);
  bob.leave("team");
  assert.deepEqual(await ann.inbox.next("room:user:left"), { roomId: "team", ...BOB });
  bob.socket.disconnect();
  assert.deepEqual(await ann.inbox.next("user:offline"), BOB);
  assert.deepEqual([ann.inbox.rest, bob.inbox.rest], [[], []]);
});

test("a message reaches the room as delivered, and is then read", async (t) => {
  const { ann, bob } = await room(t);
  const ids = new Set();
  for (const text of ["你好", "hello"]) {
    bob.say("team", text);
    for (const { inbox } of [ann, bob]) {
      const { id, ...message } = timed(await inbox.next("chat:message"));
      const expected = { senderId: "2", senderName: "鲍勃", text, roomId: "team", status: "delivered" };
      assert.deepEqual(message, expected);
      assert.deepEqual(await inbox.next("chat:message:ack"), { messageId: id, status: "read" });
      ids.add(id);
    }
  }
  assert.equal(ids.size, 2);
});

test("the others in a room see who types", async (t) => {
  const { ann, bob } = await room(t);
  bob.startTyping("team");
  bob.stopTyping("team");
  for (const isTyping of [true, false]) {
    assert.deepEqual(await ann.inbox.next("typing:indicator"), { ...BOB, isTyping });
  }
  assert.deepEqual(bob.inbox.rest, []);
});

test("who has not said who they are is told so, and does nothing", async (t) => {
  const { url, ann } = await room(t);
  const stranger = await client(t, url);
  stranger.say("team", "let me in");
  assert.deepEqual(await stranger.inbox.next("error"), { message: "Not authenticated" });
  stranger.join("team");
  assert.deepEqual(await stranger.inbox.next("error"), { message: "Not authenticated" });
  stranger.socket.disconnect();
  ann.say("team", "nobody came");
  assert.equal((await ann.inbox.next("chat:message")).text, "nobody came");
  await ann.inbox.next("chat:message:ack");
  assert.deepEqual(ann.inbox.rest, []);
});

test("the server updates a user, notifies a room, and sends a user a message", async (t) => {
  const { url, ann, bob } = await room(t);
  await post(`${url}/users/1`, { avatar: "a.png" });
  assert.deepEqual(await ann.inbox.next("user:updated"), { avatar: "a.png" });
  await post(`${url}/users/1/messages`, { text: "hello, Ann" });
  assert.deepEqual(await ann.inbox.next("user:message"), { text: "hello, Ann" });
  await post(`${url}/rooms/team/notifications`, { text: "lunch" });
  for (const { inbox } of [ann, bob]) assert.deepEqual(await inbox.next("room:notification"), { text: "lunch" });
  assert.deepEqual(bob.inbox.rest, []);
});

test("its metrics count connections, sockets and rooms", async (t) => {
  const { url, bob } = await room(t);
  const metrics = async () => (await fetch(`${url}/metrics/websocket`)).json();
  await client(t, url);
  assert.deepEqual(await metrics(), { activeConnections: 3, connectedSockets: 3, rooms: 1 });
  bob.socket.disconnect();
  await until(async () => /** @type {any} */ (await metrics()).connectedSockets === 2, "one socket fewer");
  assert.deepEqual(await metrics(), { activeConnections: 2, connectedSockets: 2, rooms: 1 });
});

test("a connection error is logged", async (t) => {
  const { url, said } = await start(t, "socketio_rooms");
  const response = await fetch(`${url}/socket.io/?EIO=3&transport=polling`);
  assert.equal(response.status, 400);
  assert.match(await said(/^connection_error/), /Unsupported protocol version/);
});
