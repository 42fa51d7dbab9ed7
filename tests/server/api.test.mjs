// The HTTP API as clients see what it does, with one of them on every transport.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { API_KEYS, api, serve } from "../lib/tidings.mjs";
import { until } from "../lib/wait.mjs";
import { assertFault, assertTime, company, enter, flush, fresh, GENEROUS, heardByAll, joinAll, TEXT, user } from "./cast.mjs";
import { closeAll, NAMES } from "./transports.mjs";

/** @type {import("../lib/tidings.mjs").Tidings} */
let server;
/** @type {import("./cast.mjs").Player[]} */
let all;
/** @type {string} */
let room;

/** @param {string} method @param {object} body @param {Record<string, string>} [headers] */
async function done(method, body, headers) {
  const { success, ...answer } = await api(server.url, method, body, headers);
  assert.equal(success, true, `${method}: ${JSON.stringify(answer)}`);
  return answer;
}

before(async () => {
  server = await serve({ settings: { ...GENEROUS, ...API_KEYS, "presence.grace": "100ms" } });
  all = await company(server.url);
  room = fresh("mixed");
  await joinAll(all, room);
});
after(async () => {
  await closeAll();
  await server.stop();
});

describe("publish", () => {
  it("reaches a room on every transport, with the data as it was", async () => {
    const data = { "键 🔑": [TEXT, 0.1, 9007199254740991, null, { deep: { deeper: [[]] } }] };
    assert.deepEqual(await done("publish", { roomId: room, event: "价格:变", data }), {});
    assert.deepEqual(await heardByAll(all, "价格:变"), data);
    for (const data of [null, "text", 0, false, []]) {
      await done("publish", { roomId: room, event: "scalar", data });
      assert.deepEqual(await heardByAll(all, "scalar"), data);
    }
  });

  it("leaves out whom it excepts, by user and by connection", async () => {
    const [one, other, ...rest] = all;
    const except = { userIds: [one.user.id], clientIds: [other.welcome.clientId, "nobody's"] };
    await done("publish", { roomId: room, event: "for some", data: 1, except });
    await heardByAll(rest, "for some");
    await flush(one, all, room);
    assert.deepEqual([...one.heard("for some"), ...other.heard("for some")], []);
  });

  it("is heard in a private conversation by every device of both", async () => {
    const [one, other] = all;
    const { roomId } = await one.done("chat:private", { to: other.user.id, content: "?" });
    await done("publish", { roomId, event: "for two", data: 2 });
    await heardByAll([one, other], "for two");
  });

  it("refuses the server's own names, and what nests too deep", async () => {
    for (const event of ["chat:message", "welcome", "room:removed"]) {
      assertFault(await api(server.url, "publish", { roomId: room, event }), "bad_request", /own/);
    }
    const deep = JSON.parse("[".repeat(200) + "]".repeat(200));
    assertFault(await api(server.url, "publish", { roomId: room, event: "deep", data: deep }), "bad_request");
    await flush(all[0], all, room);
  });

  it("has a volatile event dropped by who cannot take it at once, and nothing else", async () => {
    await done("publish", { roomId: room, event: "tick", data: 1, volatile: true });
    await flush(all[0], all, room);
  });
});

describe("broadcast", () => {
  it("reaches several rooms, and who is in both once", async () => {
    const second = fresh("second");
    await all[0].done("room:join", second);
    await done("broadcast", { roomIds: [room, second], event: "once", data: 1 });
    await heardByAll(all, "once");
    await flush(all[0], all, room);
    for (const one of all) assert.equal(one.heard("once").length, 1, one.transport);
  });

  it("reaches everybody who has signed in", async () => {
    const outside = await enter(server.url, NAMES[0]);
    await done("broadcast", { all: true, event: "to all", data: TEXT });
    assert.equal(await heardByAll([...all, outside], "to all"), TEXT);
    await outside.close();
    for (const body of [{}, { all: false }, { all: true, roomIds: [room] }, { roomIds: [] }]) {
      assertFault(await api(server.url, "broadcast", { event: "x", ...body }), "bad_request");
    }
  });
});

describe("message", () => {
  it("is stored, numbered and heard, in the short form and with everything", async () => {
    const before = await done("history", { roomId: room, limit: 1 });
    const seq = before.messages[0].seq + 1;
    const short = await done("message", { roomId: room, text: TEXT });
    assertTime(short.timestamp);
    const { messageId, timestamp } = short;
    assert.deepEqual(short, { sent: true, messageId, seq, timestamp, duplicate: false, roomId: room });
    const heard = await heardByAll(all, "chat:message", (it) => it.messageId === messageId);
    assert.deepEqual(heard, {
      messageId, seq, roomId: room, senderId: "tests", senderName: "tests", content: TEXT, timestamp,
    });

    const whole = {
      roomId: room, content: "b", senderId: "bot", senderName: "机器人", clientMessageId: fresh("id"),
      meta: { a: [1] }, replyTo: messageId,
    };
    const sent = await done("message", whole);
    const event = await heardByAll(all, "chat:message", (it) => it.messageId === sent.messageId);
    assert.deepEqual(event, { ...whole, messageId: sent.messageId, seq: seq + 1, timestamp: sent.timestamp });
    assert.deepEqual(await done("message", whole), { ...sent, duplicate: true });
    const { messages } = await done("history", { roomId: room, after: seq - 1 });
    assert.deepEqual(messages.map((it) => it.seq), [seq, seq + 1]);
  });

  it("speaks in a private conversation for one of the two only", async () => {
    const [one, other, third] = all;
    const { roomId } = await one.done("chat:private", { to: other.user.id, content: "?" });
    const body = { roomId, text: "from the backend" };
    assertFault(await api(server.url, "message", { ...body, senderId: third.user.id }), "permission_denied");
    const sent = await done("message", { ...body, senderId: one.user.id });
    await heardByAll([one, other], "chat:message", (it) => it.messageId === sent.messageId);
  });
});

describe("notify", () => {
  it("is shown on every device, and waits for who is offline", async () => {
    const [ana, absent] = [all[0], user()];
    const note = { title: "Invoice", body: TEXT, data: { n: 17 } };
    const userIds = [ana.user.id, absent.id];
    const { notifications } = await done("notify", { userIds, ...note });
    assert.deepEqual(notifications.map((it) => it.userId), userIds);
    const shown = await ana.event("notification");
    assert.deepEqual(shown, {
      ...note, notificationId: notifications[0].notificationId, timestamp: notifications[0].timestamp, read: false,
    });
    for (const transport of NAMES) {
      const back = await enter(server.url, transport, { user: absent });
      const inbox = await back.done("notification:list", {});
      assert.deepEqual([inbox.unread, inbox.notifications[0].title], [1, "Invoice"], transport);
      await back.close();
    }
  });
});

describe("members", () => {
  it("are brought in and taken out with every device, and are stored", async () => {
    const closed = fresh("closed");
    const who = user();
    const devices = await Promise.all(NAMES.map((name) => enter(server.url, name, { user: who, claims: { rooms: [] } })));
    const of = { userId: who.id, roomId: closed };
    assert.deepEqual(await done("join", of), { changed: true });
    assert.deepEqual(await done("join", of), { changed: false });
    await heardByAll(devices, "room:added");
    const { messageId } = await done("message", { roomId: closed, text: "hello" });
    await heardByAll(devices, "chat:message", (it) => it.messageId === messageId);
    const { members } = await done("members", { roomId: closed });
    assert.deepEqual(members.map(({ userId, devices }) => [userId, devices]), [[who.id, NAMES.length]]);

    assert.deepEqual(await done("leave", of), { changed: true });
    await heardByAll(devices, "room:removed");
    await done("message", { roomId: closed, text: "not for them" });
    assertFault(await devices[0].ask("room:join", closed), "permission_denied");
    assert.deepEqual(devices.flatMap((it) => it.heard("chat:message").map((it) => it.content)), NAMES.map(() => "hello"));
    for (const device of devices) await device.close();
  });
});

describe("user", () => {
  it("is called and shown differently at once, to all others", async () => {
    const [ana, ...others] = all;
    const info = { role: "editor" };
    assert.deepEqual(await done("user", { userId: ana.user.id, username: "新名字", info }), { devices: 1 });
    const event = await heardByAll(others, "room:user-joined", (it) => it.userId === ana.user.id && it.roomId === room);
    assert.equal(event.username, "新名字");
    const { members } = await done("members", { roomId: room });
    const member = members.find((it) => it.userId === ana.user.id);
    assert.deepEqual([member.username, member.info], ["新名字", info]);
    const { messageId } = await ana.done("chat:send", { roomId: room, content: "as who I am" });
    const message = await heardByAll(others, "chat:message", (it) => it.messageId === messageId);
    assert.equal(message.senderName, "新名字");
    assert.deepEqual(await done("user", { userId: "nobody", username: "x" }), { devices: 0 });
    assertFault(await api(server.url, "user", { userId: "nobody" }), "bad_request");
  });
});

describe("what there is", () => {
  it("is listed: rooms and connections, page by page", async () => {
    const { rooms } = await done("rooms", { prefix: room });
    assert.deepEqual(rooms, [{ roomId: room, members: all.length, devices: all.length }]);
    const { connections, hasMore } = await done("connections", { roomId: room });
    assert.equal(hasMore, false);
    assert.deepEqual(new Set(connections.map((it) => it.userId)), new Set(all.map((it) => it.user.id)));
    const one = connections.find((it) => it.clientId === all[0].welcome.clientId);
    assert.equal(one.address, "127.0.0.1");
    assert.ok(one.rooms.includes(room) && one.queueBytes >= 0);
    for (const time of [one.connectedAt, one.lastPong]) assertTime(time);

    const found = [];
    for (let after; ; after = found.at(-1).clientId) {
      const page = await done("connections", { roomId: room, limit: 2, after });
      found.push(...page.connections);
      if (!page.hasMore) break;
    }
    assert.deepEqual(found.map((it) => it.clientId), connections.map((it) => it.clientId));
    const { nodes } = await done("info", {});
    assert.ok(nodes[0].connections >= all.length && nodes[0].users >= all.length && nodes[0].rooms >= 1);
  });

  it("says who is online", async () => {
    const { users } = await done("presence", { userIds: [all[0].user.id, "nobody"] });
    assert.deepEqual(users.map(({ userId, status, devices }) => [userId, status, devices]), [
      [all[0].user.id, "online", 1],
      ["nobody", "offline", 0],
    ]);
  });
});

/**
 * Disconnects a user until that is heard: long-polling between two polls hears nothing, and comes again.
 * @param {import("./cast.mjs").Player} player @param {object} how
 */
async function dismissed(player, how) {
  const say = async () => {
    await done("disconnect", { userId: player.user.id, ...how });
    return until(() => player.isClosed, "the connection is closed", 500).catch(() => false);
  };
  await until(say, "the connection is closed in the end", 10_000);
  return player.closed;
}

describe("disconnect", () => {
  for (const transport of NAMES) {
    it(`closes connections over ${transport}, and says why`, async () => {
      const gone = await enter(server.url, transport);
      const reason = "Your account was closed.";
      const closed = await dismissed(gone, { reason });
      // Who was between two polls comes once more to hear that the session is over, and begins another one by that.
      if (transport === "long-polling") return;
      assert.deepEqual(gone.heard("error").at(-1), { code: "dismissed", message: reason });
      if (transport.startsWith("WebSocket")) assert.equal(closed.code, 3503);
      const isOffline = async () => {
        const { users } = await done("presence", { userIds: [gone.user.id] });
        return users[0].status === "offline";
      };
      await until(isOffline, "the user is offline");
    });
  }

  it("closes one connection, which may come back", async () => {
    const [one, other] = [await enter(server.url, NAMES[2]), await enter(server.url, NAMES[3])];
    assert.deepEqual(await done("disconnect", { clientId: one.welcome.clientId, reconnect: true }), { connections: 1 });
    await one.closed;
    assert.equal((await done("connections", { userId: other.user.id })).connections.length, 1);
    await other.close();
  });

  it("refuses codes that are not an application's, and to say twice whether to come back", async () => {
    for (const body of [{ code: 1000 }, { code: 5000 }, { code: 3500, reconnect: true }]) {
      assertFault(await api(server.url, "disconnect", { userId: "nobody", ...body }), "bad_request");
    }
    assert.deepEqual(await done("disconnect", { userId: "nobody", code: 4999 }), { connections: 0 });
    assert.deepEqual(await done("disconnect", { clientId: "nobody's" }), { connections: 0 });
  });
});

describe("batch", () => {
  it("does what it is told in its order, and tells of each", async () => {
    const roomId = fresh("batch");
    const commands = [
      ...["1", "2", "3"].map((text) => ({ method: "message", roomId, text })),
      { method: "message", roomId },
      { method: "nonsense" },
      { method: "batch", commands: [] },
      { method: "history", roomId },
    ];
    const { replies } = await done("batch", { commands });
    assert.deepEqual(replies.map((it) => it.seq ?? it.code ?? it.success), [
      1, 2, 3, "bad_request", "unknown_method", "bad_request", true,
    ]);
    assert.deepEqual(replies[6].messages.map((it) => it.content), ["1", "2", "3"]);
    const parallel = await done("batch", { parallel: true, commands: commands.slice(0, 3) });
    assert.deepEqual(parallel.replies.map((it) => it.seq).sort(), [4, 5, 6]);
  });
});
