// Every command and every event over every transport, with somebody on every other one listening.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { API_KEYS, api, inSeconds, serve, token } from "../lib/tidings.mjs";
import { until } from "../lib/wait.mjs";
import { assertFault, assertTime, company, enter, flush, fresh, GENEROUS, heardByAll, heardByAllInTheEnd, joinAll, TEXT, user } from "./cast.mjs";
import { closeAll, exercised, hasBytes, isHttp, NAMES, TRANSPORTS } from "./transports.mjs";

/** @typedef {import("./cast.mjs").Player} Player */
/**
 * @typedef {object} Scene
 * @property {string} transport that of the actor
 * @property {Player} actor has joined nothing
 * @property {Player[]} others one on each transport, all in the room
 * @property {string} room
 * @property {() => Promise<Player>} device another device of the actor, on the same transport
 */

/** The room in which the server says how busy it is. */
const METRICS = "busy·忙";

const BYTES = Buffer.from(Array.from({ length: 256 }, (_, i) => i));

/** @type {import("../lib/tidings.mjs").Tidings} */
let server;
/** @type {Player[]} */
let others;

before(async () => {
  server = await serve({
    settings: {
      ...GENEROUS,
      ...API_KEYS,
      "presence.audience": "everyone",
      "presence.grace": "100ms",
      "auth.leeway": "0s",
      "metrics.room": METRICS,
    },
  });
  others = await company(server.url);
});
after(async () => {
  await closeAll();
});

/** @param {Player} actor @param {string} userId */
const isOf = (actor, userId) => userId === actor.user.id;

/** @type {Record<string, (scene: Scene) => Promise<void>>} */
const CASES = {
  async "auth signs in, and goes on with a new token of the same user"({ transport, others }) {
    const who = user();
    const actor = await TRANSPORTS[transport](server.url);
    assertFault(await actor.ask("chat:history", { roomId: "lobby" }), "unauthenticated", /auth/);
    const exp = inSeconds(600);
    const claims = { name: who.name, exp };
    const signedIn = await actor.done("auth", { token: token(who.id, claims) });
    const welcome = await actor.event("welcome");
    assert.deepEqual(signedIn, {
      success: true,
      userId: who.id,
      username: who.name,
      clientId: welcome.clientId,
      expiresAt: new Date(exp * 1000).toISOString(),
    });
    assert.equal(welcome.userId, who.id);
    assert.equal(welcome.username, who.name);
    assert.equal(welcome.recovered, false);
    assertTime(welcome.serverTime);
    assert.ok(welcome.heartbeat.intervalMs > 0 && welcome.heartbeat.timeoutMs > 0);
    assert.equal(welcome.limits.commandBytes, 65_536);
    const online = await heardByAll(others, "user:online", (it) => it.userId === who.id);
    assert.equal(online.username, who.name);
    assertTime(online.timestamp);

    await actor.done("auth", { token: token(who.id, { ...claims, exp: exp + 60 }) });
    assertFault(await actor.ask("auth", { token: token("somebody else") }), "already_authenticated");
    assert.equal(actor.heard("welcome").length, 1);
    await actor.close();
  },

  async "room:join takes either form of its data, and the others hear once"({ actor, others, room, device }) {
    const joined = await actor.done("room:join", room);
    assert.deepEqual(
      { ...joined, members: undefined },
      { success: true, roomId: room, members: undefined, memberCount: NAMES.length + 1, lastSeq: 0, messages: [], recovered: false },
    );
    const ids = [actor, ...others].map((it) => it.user.id).sort();
    assert.deepEqual(joined.members.map((it) => it.userId).sort(), ids);

    const event = await heardByAll(others, "room:user-joined", (it) => it.roomId === room && isOf(actor, it.userId));
    assertTime(event.timestamp);
    assert.deepEqual(event, { roomId: room, userId: actor.user.id, username: actor.user.name, timestamp: event.timestamp });

    const second = await device();
    const again = await second.done("room:join", { roomId: room, limit: 10 });
    assert.equal(again.memberCount, NAMES.length + 1);
    assert.equal(again.members.find((it) => isOf(actor, it.userId)).devices, 2);
    await actor.done("room:join", { roomId: room });
    await flush(actor, [second, ...others], room);
    for (const other of others) {
      const times = other.heard("room:user-joined").filter((it) => it.roomId === room && isOf(actor, it.userId));
      assert.equal(times.length, 1, other.transport);
    }
    assert.deepEqual(actor.heard("room:user-joined"), [], "nobody hears of himself");
  },

  async "room:leave is heard when the last device has left"({ actor, others, room, device }) {
    const second = await device();
    await joinAll([actor, second], room);
    assert.deepEqual(await second.done("room:leave", room), { success: true, roomId: room });
    await flush(actor, others, room);
    for (const other of others) assert.ok(!other.heard("room:user-left").some((it) => isOf(actor, it.userId)));

    await actor.done("room:leave", { roomId: room });
    const event = await heardByAll(others, "room:user-left", (it) => isOf(actor, it.userId));
    assert.deepEqual(event, { roomId: room, userId: actor.user.id, username: actor.user.name, timestamp: event.timestamp });
    await actor.done("room:leave", room);

    const { messageId } = await others[0].done("chat:send", { roomId: room, content: "not for who has left" });
    await others[0].done("chat:private", { to: actor.user.id, content: "the next that is for him" });
    await actor.event("chat:message", (it) => it.content === "the next that is for him");
    assert.ok(!actor.heard("chat:message").some((it) => it.messageId === messageId));
  },

  async "room:members lists users with what their tokens say of them"({ actor, others, room }) {
    await actor.done("room:join", room);
    const { members, memberCount, success } = await actor.done("room:members", { roomId: room });
    assert.deepEqual([success, memberCount, members.length], [true, NAMES.length + 1, NAMES.length + 1]);
    for (const { user, transport } of others) {
      const found = members.find((it) => it.userId === user.id);
      assert.deepEqual(found, { userId: user.id, username: user.name, status: "online", devices: 1 }, transport);
    }
    assert.deepEqual(members.find((it) => isOf(actor, it.userId)).info, { color: "红", "🦄": [1] });
  },

  async "room:emit passes on any event and any data"({ actor, others, room }) {
    await actor.done("room:join", room);
    const event = `位置:移动 🏃 ${room}`;
    const data = { text: TEXT, n: [0.1, -1, 9007199254740991, null, true], "键 🔑": {} };
    assert.deepEqual(await actor.done("room:emit", { roomId: room, event, data }), { success: true });
    assert.deepEqual(await heardByAll(others, event), data);
    const cursor = () => actor.done("room:emit", { roomId: room, event: `${event} 2`, data: TEXT, volatile: true });
    assert.equal(await heardByAllInTheEnd(cursor, others, `${event} 2`), TEXT);
    assert.deepEqual(actor.heard(event), [], "not to its sender");
    assertFault(await actor.ask("room:emit", { roomId: room, event: "chat:message", data }), "bad_request", /own/);
    await actor.done("room:leave", room);
    assertFault(await actor.ask("room:emit", { roomId: room, event, data }), "not_a_member", /room:join/);
  },

  async "room:emit carries binary data, as base64 where there is nothing else"({ transport, actor, others, room }) {
    await actor.done("room:join", room);
    const event = `bytes ${room}`;
    const base64 = BYTES.toString("base64");
    const bytes = hasBytes(transport) ? BYTES : base64;
    await actor.done("room:emit", { roomId: room, event, data: { bytes, list: [bytes, { deep: bytes }], text: TEXT } });
    for (const other of others) {
      const heard = await other.event(event);
      const binary = hasBytes(transport) && hasBytes(other.transport);
      const is = (value) => {
        assert.equal(typeof value === "string", !binary, `${transport} to ${other.transport}`);
        assert.equal(binary ? Buffer.from(value).toString("base64") : value, base64);
      };
      is(heard.bytes);
      is(heard.list[0]);
      is(heard.list[1].deep);
      assert.equal(heard.text, TEXT);
    }
  },

  async "room:add-member opens a room to a user, room:remove-member closes it"({ transport, others, room }) {
    const actor = await enter(server.url, transport, { claims: { admin: true } });
    const closed = await company(server.url, { claims: { rooms: [] } });
    const one = others[0];
    for (const target of closed) {
      const of = { roomId: room, userId: target.user.id };
      assertFault(await one.ask("room:add-member", of), "permission_denied", /admin/);
      assertFault(await one.ask("room:remove-member", of), "permission_denied", /admin/);
      assertFault(await target.ask("room:join", room), "permission_denied");
      assert.deepEqual(await actor.done("room:add-member", of), { success: true, changed: true });
      assert.deepEqual(await actor.done("room:add-member", of), { success: true, changed: false });
      await target.done("room:join", room);
      assert.deepEqual(await actor.done("room:remove-member", of), { success: true, changed: true });
      assert.deepEqual(await target.event("room:removed"), { roomId: room });
      await heardByAll(others, "room:user-left", (it) => it.userId === target.user.id);
      assertFault(await target.ask("chat:send", { roomId: room, content: "?" }), "permission_denied");
      await target.close();
    }
    await flush(one, others, room);
    for (const target of closed) assert.deepEqual(target.heard("chat:message"), []);
    await actor.close();
  },

  async "room:added is heard by devices that the backend puts into a room, room:removed by those that it takes out"({
    actor,
    others,
    room,
    device,
  }) {
    const second = await device();
    const of = { roomId: room, userId: actor.user.id };
    assert.deepEqual(await api(server.url, "join", of), { success: true, changed: true });
    for (const one of [actor, second]) assert.deepEqual(await one.event("room:added"), { roomId: room });
    await heardByAll(others, "room:user-joined", (it) => it.roomId === room && isOf(actor, it.userId));
    await flush(others[0], [actor, second, ...others], room);
    assert.deepEqual(await api(server.url, "leave", of), { success: true, changed: true });
    for (const one of [actor, second]) assert.deepEqual(await one.event("room:removed"), { roomId: room });
    await heardByAll(others, "room:user-left", (it) => it.roomId === room && isOf(actor, it.userId));
  },

  async "chat:send stores once, and is heard by all with everything in it"({ actor, others, room, device }) {
    const second = await device();
    await joinAll([actor, second], room);
    const first = await actor.done("chat:send", { roomId: room, content: "1" });
    assert.equal(first.seq, 1);
    await heardByAll([actor, second, ...others], "chat:message", (it) => it.roomId === room);
    const message = {
      roomId: room,
      content: `${TEXT}\n第二行\t`,
      clientMessageId: fresh("我的"),
      replyTo: first.messageId,
      meta: { "键 🔑": [TEXT, { n: 0.1, big: 9007199254740991, nothing: null }] },
    };
    const answer = await actor.done("chat:send", message);
    assertTime(answer.timestamp);
    const { messageId, timestamp } = answer;
    assert.deepEqual(answer, { success: true, messageId, seq: 2, timestamp, duplicate: false, roomId: room });
    const expected = { ...message, messageId, seq: 2, senderId: actor.user.id, senderName: actor.user.name, timestamp };
    assert.deepEqual(await heardByAll([actor, second, ...others], "chat:message", (it) => it.roomId === room), expected);

    assert.deepEqual(await second.done("chat:send", { ...message, content: "again" }), { ...answer, duplicate: true });
    await flush(actor, [actor, second, ...others], room);
    for (const client of [actor, second, ...others]) {
      const seqs = client.heard("chat:message").filter((it) => it.roomId === room).map((it) => it.seq);
      assert.deepEqual(seqs, [1, 2, 3], client.transport);
    }
    const { messages } = await actor.done("chat:history", { roomId: room });
    assert.deepEqual(messages[1], expected);
  },

  async "chat:private reaches every device of both, and nobody else"({ actor, others, device }) {
    const second = await device();
    for (const [i, other] of others.entries()) {
      const content = `${TEXT} ${i}`;
      const message = { to: other.user.id, content, clientMessageId: fresh("dm") };
      const answer = await actor.done("chat:private", message);
      const parties = [actor.user.id, other.user.id].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      assert.equal(answer.roomId, `dm:${parties.join(":")}`);
      const heard = await heardByAll([actor, second, other], "chat:message", (it) => it.roomId === answer.roomId);
      assert.equal(heard.messageId, answer.messageId);
      assert.deepEqual([heard.seq, heard.content, heard.senderId], [1, content, actor.user.id]);
      assert.equal((await actor.done("chat:private", message)).duplicate, true);
      const { messages } = await other.done("chat:history", { roomId: answer.roomId });
      assert.deepEqual(messages, [heard]);
      const third = others[(i + 1) % others.length];
      assertFault(await third.ask("chat:history", { roomId: answer.roomId }), "permission_denied");
      assertFault(await third.ask("room:join", answer.roomId), "permission_denied");
      assert.ok(!third.heard("chat:message").some((it) => it.roomId === answer.roomId));
    }
  },

  async "room:list finds the conversations that others have begun"({ actor, others }) {
    const begun = [];
    for (const other of others.slice(0, 2)) {
      const { roomId } = await other.done("chat:private", { to: actor.user.id, content: "one" });
      await other.done("chat:private", { to: actor.user.id, content: "two" });
      begun.push(roomId);
    }
    await actor.done("chat:read", { roomId: begun[0], seq: 1 });
    const { rooms } = await actor.done("room:list", {});
    for (const [i, roomId] of begun.entries()) {
      const found = rooms.find((/** @type {any} */ it) => it.roomId === roomId);
      assert.deepEqual(found, { roomId, lastSeq: 2, readSeq: i === 0 ? 1 : 0 });
    }
  },

  async "chat:edit changes one's own message for all"({ actor, others, room }) {
    await actor.done("room:join", room);
    const { messageId, timestamp } = await actor.done("chat:send", { roomId: room, content: "before" });
    const edit = { roomId: room, messageId, content: `${TEXT} after` };
    assertFault(await others[0].ask("chat:edit", edit), "permission_denied");
    assert.deepEqual(await actor.done("chat:edit", edit), { success: true, seq: 2 });
    const event = await heardByAll([actor, ...others], "chat:edited");
    assertTime(event.timestamp);
    assert.deepEqual(event, { ...edit, seq: 2, userId: actor.user.id, timestamp: event.timestamp });
    const { messages } = await others[0].done("chat:history", { roomId: room });
    const { content, seq, changeSeq, changedAt } = messages[0];
    assert.deepEqual([content, seq, changeSeq, changedAt, messages[0].timestamp], [edit.content, 1, 2, event.timestamp, timestamp]);
    assertFault(await actor.ask("chat:edit", { ...edit, messageId: "no such message" }), "not_found");
  },

  async "chat:delete leaves no word of one's own message"({ actor, others, room }) {
    await actor.done("room:join", room);
    const { messageId } = await actor.done("chat:send", { roomId: room, content: "secret", meta: { secret: 1 } });
    const of = { roomId: room, messageId };
    assertFault(await others[0].ask("chat:delete", of), "permission_denied");
    assert.deepEqual(await actor.done("chat:delete", of), { success: true, seq: 2 });
    const event = await heardByAll([actor, ...others], "chat:deleted");
    assert.deepEqual(event, { ...of, seq: 2, userId: actor.user.id, timestamp: event.timestamp });
    const { messages } = await others[0].done("chat:history", { roomId: room });
    assert.equal(messages[0].deleted, true);
    assert.equal(messages[0].changeSeq, 2);
    assert.doesNotMatch(JSON.stringify(messages[0]), /secret/);
    assertFault(await actor.ask("chat:delete", of), "not_found");

    const theirs = await others[0].done("chat:send", { roomId: room, content: "against the rules" });
    const moderator = await enter(server.url, actor.transport, { claims: { admin: true } });
    await moderator.done("chat:delete", { roomId: room, messageId: theirs.messageId });
    const moderated = await heardByAll([actor, ...others], "chat:deleted", (it) => it.messageId === theirs.messageId);
    assert.equal(moderated.userId, moderator.user.id);
    await moderator.close();
  },

  async "chat:history pages in both directions"({ actor, others, room }) {
    for (let seq = 1; seq <= 7; seq++) {
      const sender = others[seq % others.length];
      assert.equal((await sender.done("chat:send", { roomId: room, content: `${seq}` })).seq, seq);
    }
    for (const [page, seqs, hasMore] of /** @type {[object, number[], boolean][]} */ ([
      [{}, [1, 2, 3, 4, 5, 6, 7], false],
      [{ limit: 3 }, [5, 6, 7], true],
      [{ before: 5, limit: 3 }, [2, 3, 4], true],
      [{ before: 3, limit: 3 }, [1, 2], false],
      [{ after: 2, limit: 3 }, [3, 4, 5], true],
      [{ after: 5, limit: 3 }, [6, 7], false],
      [{ after: 7 }, [], false],
      [{ before: 1 }, [], false],
    ])) {
      const answer = await actor.done("chat:history", { roomId: room, ...page });
      assert.deepEqual(answer.messages.map((it) => it.seq), seqs, JSON.stringify(page));
      assert.equal(answer.hasMore, hasMore, JSON.stringify(page));
    }
  },

  async "chat:read and what was delivered are told to the room"({ actor, others, room }) {
    await actor.done("room:join", room);
    const { seq } = await actor.done("chat:send", { roomId: room, content: "has it come?" });
    for (const { user } of others) {
      const mine = (it) => it.roomId === room && it.userId === user.id;
      const receipt = await heardByAll([actor, ...others], "chat:receipt", mine);
      assert.deepEqual(receipt, { roomId: room, userId: user.id, seq, status: "delivered" });
    }
    const reply = await others[0].done("chat:send", { roomId: room, content: "it has" });
    const mine = (it) => isOf(actor, it.userId) && it.status === "read";
    assert.deepEqual(await actor.done("chat:read", { roomId: room, seq: reply.seq }), { success: true });
    const receipt = await heardByAll([actor, ...others], "chat:receipt", mine);
    assert.deepEqual(receipt, { roomId: room, userId: actor.user.id, seq: reply.seq, status: "read" });
    // It only goes forward, and never beyond what there is.
    await actor.done("chat:read", { roomId: room, seq: 1 });
    await actor.done("chat:read", { roomId: room, seq: 1_000_000 });
    await flush(others[0], [actor, ...others], room);
    for (const client of others) {
      const read = client.heard("chat:receipt").filter((it) => it.roomId === room && mine(it));
      assert.deepEqual(read.map((it) => it.seq), [reply.seq], client.transport);
    }
  },

  async "chat:receipts says how far everybody has come"({ actor, others, room }) {
    await actor.done("room:join", room);
    const { seq } = await actor.done("chat:send", { roomId: room, content: "who has seen this?" });
    const [reader] = others;
    for (const { user } of others) {
      const delivered = (it) => it.roomId === room && it.userId === user.id && it.seq === seq;
      await actor.event("chat:receipt", delivered);
    }
    await reader.done("chat:read", { roomId: room, seq });
    const { receipts } = await actor.done("chat:receipts", room);
    for (const { user } of others) {
      const { delivered, read } = receipts.find((it) => it.userId === user.id);
      assert.deepEqual([delivered, read], [seq, user.id === reader.user.id ? seq : 0], user.id);
    }
  },

  async "typing:start is heard until typing:stop, or until the message comes"({ actor, others, room }) {
    await actor.done("room:join", room);
    const hint = { roomId: room, userId: actor.user.id, username: actor.user.name };
    const here = (it) => it.roomId === room;
    assert.deepEqual(await actor.done("typing:start", room), { success: true });
    const say = () => actor.done("typing:start", { roomId: room });
    assert.deepEqual(await heardByAllInTheEnd(say, others, "typing:user", here), hint);
    assert.deepEqual(await actor.done("typing:stop", { roomId: room }), { success: true });
    assert.deepEqual(await heardByAll(others, "typing:stopped", here), hint);
    await heardByAllInTheEnd(say, others, "typing:user", here);
    await actor.done("chat:send", { roomId: room, content: "done" });
    assert.deepEqual(await heardByAll(others, "typing:stopped", here), hint);
    assert.deepEqual([...actor.heard("typing:user"), ...actor.heard("typing:stopped")], [], "not to who types");
    await actor.done("room:leave", room);
    assertFault(await actor.ask("typing:start", room), "not_a_member");
  },

  async "presence:set changes what the others see"({ actor, others }) {
    const { id: userId, name: username } = actor.user;
    const mine = (it) => it.userId === userId;
    await heardByAll(others, "presence:changed", mine);
    for (const [status, seen, event] of [
      ["away", "away", undefined],
      ["invisible", "offline", "user:offline"],
      ["online", "online", "user:online"],
    ]) {
      assert.deepEqual(await actor.done("presence:set", { status }), { success: true });
      const changed = await heardByAll(others, "presence:changed", mine);
      assertTime(changed.lastSeen);
      assert.deepEqual(changed, { userId, status: seen, lastSeen: changed.lastSeen });
      const { users } = await others[0].done("presence:get", { userIds: [userId] });
      assert.deepEqual([users[0].status, users[0].devices], [seen, seen === "offline" ? 0 : 1]);
      if (!event) continue;
      // The first one is from when the actor came.
      if (event === "user:online") await heardByAll(others, "user:online", mine);
      const told = await heardByAll(others, event, mine);
      assert.deepEqual(told, { userId, username, timestamp: told.timestamp });
    }
    assert.deepEqual(actor.heard("presence:changed").filter(mine), [], "not to oneself");
  },

  async "presence:get says who is online, and since when not"({ actor, others }) {
    const gone = await enter(server.url, actor.transport);
    await gone.close();
    if (actor.transport !== "long-polling") {
      await heardByAll(others, "user:offline", (it) => isOf(gone, it.userId));
    }
    const userIds = [...others.map((it) => it.user.id), "nobody 🫥", gone.user.id];
    const { users } = await actor.done("presence:get", { userIds });
    assert.deepEqual(users.map((it) => it.userId), userIds);
    for (const it of users.slice(0, others.length)) {
      assert.deepEqual([it.status, it.devices], ["online", 1]);
      assertTime(it.lastSeen);
    }
    assert.deepEqual(users[others.length], { userId: "nobody 🫥", status: "offline", devices: 0 });
    if (actor.transport !== "long-polling") {
      assert.equal(users.at(-1).status, "offline");
      await until(async () => (await actor.done("presence:get", { userIds })).users.at(-1).lastSeen, "last seen");
    }
  },

  async "notification:send reaches every device of a user, and stays"({ transport, others }) {
    const actor = await enter(server.url, transport, { claims: { admin: true } });
    for (const other of others) {
      const what = { userId: other.user.id, title: TEXT, body: `${TEXT}\n`, data: { "键": [TEXT] } };
      assertFault(await other.ask("notification:send", what), "permission_denied", /admin/);
      const { notificationId, timestamp, success } = await actor.done("notification:send", what);
      assert.equal(success, true);
      assertTime(timestamp);
      const { userId: _, ...shown } = what;
      const expected = { ...shown, notificationId, timestamp, read: false };
      assert.deepEqual(await other.event("notification"), expected);
      const { notifications } = await other.done("notification:list", { limit: 1 });
      assert.deepEqual(notifications, [expected]);
    }
    await actor.close();
  },

  async "doc:join tells a text, and doc:operation changes it for all who have it open"({ actor, others, room, device }) {
    const documentId = room;
    const joined = await actor.done("doc:join", { documentId });
    assert.deepEqual(joined, { success: true, documentId, version: 0, content: "", recovered: false, readOnly: false });
    assert.deepEqual(await actor.event("doc:sync", (it) => it.documentId === documentId), {
      documentId,
      content: "",
      version: 0,
      readOnly: false,
    });
    const second = await device();
    await Promise.all([second, ...others].map((it) => it.done("doc:join", { documentId })));
    await Promise.all(others.map((it) => it.event("doc:sync", (sync) => sync.documentId === documentId)));

    const content = `${TEXT}\n`;
    const insert = { documentId, version: 0, operationId: "op 1 🔑", type: "insert", position: 0, content };
    assert.deepEqual(await actor.done("doc:operation", insert), { success: true, version: 1 });
    const heard = await heardByAll([second, ...others], "doc:operation", (it) => it.documentId === documentId);
    assertTime(heard.timestamp);
    assert.deepEqual(heard, { ...insert, version: 1, userId: actor.user.id, timestamp: heard.timestamp });
    assert.deepEqual(await actor.done("doc:operation", insert), { success: true, version: 1 }, "sent again, applied once");

    // Both have seen version 1 and nothing else.
    const whole = { documentId, version: 1, operationId: "all", type: "delete", position: 0, length: content.length };
    const within = { documentId, version: 1, operationId: "in it", type: "insert", position: 2, content: "𠜎" };
    assert.deepEqual(await others[0].done("doc:operation", within), { success: true, version: 2 });
    assert.deepEqual(await actor.done("doc:operation", whole), { success: true, version: 4 });
    await heardByAll([second, ...others], "doc:operation", (it) => it.documentId === documentId && it.version === 4);
    const pieces = second.heard("doc:operation").filter((it) => it.operationId === "all");
    assert.deepEqual(
      pieces.map(({ position, length, version }) => ({ position, length, version })),
      [
        { position: 0, length: 2, version: 3 },
        { position: 2, length: content.length - 2, version: 4 },
      ],
      "around what was inserted meanwhile",
    );
    const late = await second.done("doc:join", { documentId, version: 2 });
    assert.deepEqual([late.recovered, late.content, late.version], [true, undefined, 4]);
    assert.deepEqual(late.operations, pieces, "what happened since");
    const anew = await others[1].done("doc:join", { documentId });
    assert.deepEqual([anew.content, anew.version], ["𠜎", 4]);
    assert.deepEqual(actor.heard("doc:operation").map((it) => it.version), [2], "nobody hears of his own");
  },

  async "doc:operation says when the client has to begin anew, and what is wrong"({ actor, room }) {
    const documentId = room;
    const operation = { documentId, version: 0, operationId: "1", type: "insert", position: 0, content: "a😀" };
    // As with messages, one may write without having joined.
    assert.deepEqual(await actor.done("doc:operation", operation), { success: true, version: 1 });
    await actor.done("doc:join", { documentId });
    for (const [wrong, code, says] of /** @type {const} */ ([
      [{ position: 4 }, "out_of_sync", /beyond the text, which has 3/],
      [{ position: 2 }, "out_of_sync", /surrogate/],
      [{ version: 7 }, "out_of_sync", /version 7/],
      [{ content: undefined }, "bad_request", /content/],
      [{ length: 1 }, "bad_request", /length/],
      [{ content: "bell \u0007" }, "bad_request", /control/],
      [{ type: "format" }, "bad_request", /type|format/],
    ])) {
      const answer = await actor.ask("doc:operation", { ...operation, version: 1, operationId: "2", ...wrong });
      assertFault(answer, code, says);
      if (code !== "out_of_sync") continue;
      const next = await actor.ask("doc:operation", { ...operation, version: 1, operationId: "3" });
      assertFault(next, "out_of_sync", /join/);
      const { content, version } = await actor.done("doc:join", { documentId });
      assert.deepEqual([content, version], ["a😀", 1], "nothing of it was applied");
    }
  },

  async "documents are open to whom the room doc:… is, for reading and for writing"({ transport, room }) {
    const documentId = room;
    const reader = await enter(server.url, transport, { claims: { rooms: ["doc:*"], publish: ["elsewhere"] } });
    const stranger = await enter(server.url, transport, { claims: { rooms: ["elsewhere"] } });
    const operation = { documentId, version: 0, operationId: "1", type: "insert", position: 0, content: "x" };
    assert.equal((await reader.done("doc:join", { documentId })).readOnly, true);
    assertFault(await reader.ask("doc:operation", operation), "permission_denied", /publish/);
    assertFault(await stranger.ask("doc:join", { documentId }), "permission_denied", /doc:/);
    assertFault(await stranger.ask("doc:operation", operation), "permission_denied", /doc:/);
    assertFault(await stranger.ask("doc:cursor", { documentId, position: 0 }), "not_a_member", /doc:join/);
  },

  async "doc:cursor is shown in the text as it is, until its document is left"({ actor, others, room }) {
    const documentId = room;
    await Promise.all([actor, ...others].map((it) => it.done("doc:join", { documentId })));
    const insert = { documentId, version: 0, operationId: "1", type: "insert", position: 0, content: "abc" };
    await others[0].done("doc:operation", insert);
    const is = (it) => it.documentId === documentId && isOf(actor, it.userId);
    // In the empty text of version 0; since then something was inserted behind it.
    const show = () => actor.done("doc:cursor", { documentId, position: 0, version: 0 });
    const { clientId, ...shown } = await heardByAllInTheEnd(show, others, "doc:cursor", is);
    assert.deepEqual(shown, { documentId, userId: actor.user.id, position: 0, version: 1 });
    assert.ok(clientId);
    assert.deepEqual(await actor.done("doc:leave", { documentId }), { success: true, documentId });
    const gone = await heardByAll(others, "doc:cursor", (it) => is(it) && it.position === null);
    assert.deepEqual(gone, { documentId, userId: actor.user.id, clientId, position: null, version: 1 });
    assertFault(await actor.ask("doc:cursor", { documentId, position: 0 }), "not_a_member", /doc:join/);
    await actor.done("doc:leave", { documentId });
    await others[0].done("doc:operation", { ...insert, version: 1, operationId: "2" });
    await heardByAll(others.slice(1), "doc:operation", (it) => it.documentId === documentId && it.version === 2);
    assert.ok(!actor.heard("doc:operation").some((it) => it.version === 2), "who has left hears nothing");
  },

  async "notification:list and notification:read keep the inbox on all devices"({ transport, actor, device }) {
    const second = await device();
    const admin = await enter(server.url, transport, { claims: { admin: true } });
    const ids = [];
    for (const title of ["1", "2", "3", "4"]) {
      ids.unshift((await admin.done("notification:send", { userId: actor.user.id, title })).notificationId);
      await heardByAll([actor, second], "notification", (it) => it.title === title && !("body" in it));
    }
    const list = async (query) => {
      const { notifications, unread } = await actor.done("notification:list", query);
      return [notifications.map((it) => it.notificationId), unread];
    };
    assert.deepEqual(await list(undefined), [ids, 4]);
    assert.deepEqual(await list({ limit: 2 }), [ids.slice(0, 2), 4]);
    assert.deepEqual(await list({ limit: 2, before: ids[1] }), [ids.slice(2), 4]);
    assert.deepEqual(await actor.done("notification:read", { ids: [ids[0], ids[2]] }), { success: true, unread: 2 });
    const some = await heardByAll([actor, second], "notification:changed");
    assert.deepEqual([some.ids.sort(), some.unread], [[ids[0], ids[2]].sort(), 2]);
    assert.deepEqual(await list({ unreadOnly: true }), [[ids[1], ids[3]], 2]);
    assert.deepEqual(await actor.done("notification:read"), { success: true, unread: 0 });
    const rest = await heardByAll([actor, second], "notification:changed");
    assert.deepEqual([rest.ids.sort(), rest.unread], [[ids[1], ids[3]].sort(), 0]);
    assert.deepEqual(await list({ unreadOnly: true }), [[], 0]);
    assert.deepEqual(await list({}), [ids, 0]);
    await admin.close();
  },

  async "server:metrics says once a second how busy the server is"({ actor, others, room }) {
    const all = [actor, ...others];
    await joinAll(all, METRICS);
    try {
      const first = await Promise.all(all.map((it) => it.event("server:metrics", () => true, 10_000)));
      await actor.done("chat:send", { roomId: room, content: "one more" });
      const more = (i) => (it) => it.messages > first[i].messages;
      const then = await Promise.all(all.map((it, i) => it.event("server:metrics", more(i), 10_000)));
      for (const [i, now] of then.entries()) {
        assertTime(now.timestamp);
        const { socketio, ws, sse, poll } = now.connections;
        for (const count of [socketio, ws, sse, poll]) assert.ok(count >= 1, JSON.stringify(now));
        assert.ok(now.users >= all.length && now.rooms >= 2, JSON.stringify(now));
        assert.ok(now.deliveries > first[i].deliveries && now.bytesSent > first[i].bytesSent, JSON.stringify(now));
        assert.ok(now.bytesReceived > first[i].bytesReceived, JSON.stringify(now));
        assert.ok(now.memoryBytes > 1e6 && now.cpuSeconds >= first[i].cpuSeconds, JSON.stringify(now));
      }
    } finally {
      await Promise.all(all.map((it) => it.done("room:leave", METRICS)));
    }
  },

  async "a token that runs out is announced, and then ends the connection"({ transport }) {
    const actor = await enter(server.url, transport, { claims: { exp: inSeconds(2) } });
    const { expiresAt } = await actor.event("auth:expiring");
    assertTime(expiresAt);
    assert.equal((await actor.event("error")).code, "token_expired");
    await actor.closed;
  },
};

for (const transport of NAMES) {
  describe(`the vocabulary over ${transport}`, () => {
    for (const [title, run] of Object.entries(CASES)) {
      it(title, async () => {
        const room = fresh("聊天室");
        const claims = { info: { color: "红", "🦄": [1] } };
        const actor = await enter(server.url, transport, { claims });
        const devices = [actor];
        await joinAll(others, room);
        const device = async () => {
          const another = await enter(server.url, transport, { claims, user: actor.user });
          devices.push(another);
          return another;
        };
        try {
          await run({ transport, actor, others, room, device });
        } finally {
          await Promise.all(devices.map((it) => it.close()));
          await Promise.all(others.map((it) => it.done("room:leave", room)));
        }
      });
    }
  });
}

describe("a room", () => {
  it("is the same for all transports: what is said at the same time on each comes once, in one order", async () => {
    const room = fresh("all");
    await joinAll(others, room);
    const each = 20;
    /** @type {any[][]} */
    const answers = await Promise.all(
      others.map(async (sender, from) => {
        const sent = Array.from({ length: each }, (_, i) =>
          sender.done("chat:send", { roomId: room, content: `${from}-${i}`, clientMessageId: `${room} ${from}-${i}` }),
        );
        return Promise.all(sent);
      }),
    );
    const count = each * others.length;
    const seqs = answers.flat().map((it) => it.seq).sort((a, b) => a - b);
    assert.deepEqual(seqs, Array.from({ length: count }, (_, i) => i + 1), "no gap, and no number twice");
    const heard = others.map((it) => () => it.heard("chat:message").filter((message) => message.roomId === room));
    await until(() => heard.every((all) => all().length >= count), "all messages everywhere");
    await flush(others[0], others, room);
    const first = heard[0]();
    assert.deepEqual(first.map((it) => it.seq), Array.from({ length: count + 1 }, (_, i) => i + 1));
    for (const [i, all] of heard.entries()) assert.deepEqual(all(), first, others[i].transport);
    for (const [from, list] of answers.entries()) {
      for (const [i, { seq, messageId }] of list.entries()) {
        const message = first[seq - 1];
        assert.deepEqual([message.messageId, message.content], [messageId, `${from}-${i}`]);
      }
      if (isHttp(others[from].transport)) continue;
      const order = list.map((it) => it.seq);
      assert.deepEqual(order, [...order].sort((a, b) => a - b), `${others[from].transport} keeps the order of its commands`);
    }
    const { messages } = await others[0].done("chat:history", { roomId: room, limit: count + 1 });
    assert.deepEqual(messages, first);
  });
});

const ROOM = { roomId: "faults" };
/** Commands with data that does not fit, and the field that the sentence has to name. @type {[string, any, string][]} */
const MISFITS = [
  ["auth", {}, "token"],
  ["auth", { token: 5 }, "token"],
  ["room:join", undefined, "missing"],
  ["room:join", {}, "roomId"],
  ["room:join", 5, "roomId"],
  ["room:join", "", "roomId"],
  ["room:join", " ", "roomId"],
  ["room:join", "x".repeat(256), "roomId"],
  ["room:join", "a\u0007b", "roomId"],
  ["room:join", { ...ROOM, after: "1" }, "after"],
  ["room:join", { ...ROOM, after: -1 }, "after"],
  ["room:leave", {}, "roomId"],
  ["room:members", null, "roomId"],
  ["room:emit", { event: "move" }, "roomId"],
  ["room:emit", { ...ROOM }, "event"],
  ["room:emit", { ...ROOM, event: "" }, "event"],
  ["room:emit", { ...ROOM, event: "move", volatile: 1 }, "volatile"],
  ["chat:send", { content: "x" }, "roomId"],
  ["chat:send", { ...ROOM }, "content"],
  ["chat:send", { ...ROOM, content: "" }, "content"],
  ["chat:send", { ...ROOM, content: ["x"] }, "content"],
  ["chat:send", { ...ROOM, content: "x", clientMessageId: 7 }, "clientMessageId"],
  ["chat:send", { ...ROOM, content: "x", clientMessageId: "长".repeat(43) }, "clientMessageId"],
  ["chat:send", { ...ROOM, content: "x", replyTo: {} }, "messageId"],
  ["chat:private", { content: "x" }, "to"],
  ["chat:private", { to: "ana" }, "content"],
  ["chat:private", { to: "长".repeat(41), content: "x" }, "userId"],
  ["chat:edit", { ...ROOM, content: "x" }, "messageId"],
  ["chat:edit", { ...ROOM, messageId: "m" }, "content"],
  ["chat:delete", { ...ROOM }, "messageId"],
  ["chat:history", {}, "roomId"],
  ["chat:history", { ...ROOM, limit: -1 }, "limit"],
  ["chat:read", { ...ROOM }, "seq"],
  ["chat:read", { ...ROOM, seq: 1.5 }, "seq"],
  ["chat:receipts", {}, "roomId"],
  ["typing:start", {}, "roomId"],
  ["typing:stop", [], "roomId"],
  ["presence:set", {}, "status"],
  ["presence:set", { status: "asleep" }, "status|asleep"],
  ["presence:get", {}, "userIds"],
  ["presence:get", { userIds: [""] }, "userId"],
  ["presence:get", { userIds: Array(501).fill("ana") }, "userIds"],
  ["doc:join", {}, "documentId"],
  ["doc:join", { documentId: "长".repeat(81) }, "documentId"],
  ["doc:join", { documentId: "a", version: -1 }, "version"],
  ["doc:leave", "a", "documentId|string"],
  ["doc:operation", { documentId: "a" }, "version"],
  ["doc:operation", { documentId: "a", version: 0, operationId: "" }, "operationId"],
  ["doc:operation", { documentId: "a", version: 0, operationId: "1", type: "insert", position: -1 }, "position"],
  ["doc:cursor", { documentId: "a", position: "1" }, "position"],
  ["notification:send", { title: "x" }, "userId"],
  ["notification:send", { userId: "ana" }, "title"],
  ["notification:send", { userId: "ana", title: "x", body: 1 }, "body"],
  ["notification:list", { limit: "many" }, "limit"],
  ["notification:read", { ids: "all" }, "ids"],
  ["room:add-member", { ...ROOM }, "userId"],
  ["room:remove-member", { userId: "ana" }, "roomId"],
];

for (const transport of NAMES) {
  describe(`faults over ${transport}`, () => {
    it("name the field that does not fit, and harm nobody", async () => {
      const actor = await enter(server.url, transport, { claims: { admin: true } });
      for (const [name, data, field] of MISFITS) {
        const answer = await actor.ask(name, data);
        const what = `${name} ${JSON.stringify(data)?.slice(0, 80)}: ${JSON.stringify(answer)}`;
        assert.equal(answer.success, false, what);
        assert.equal(answer.code, "bad_request", what);
        assert.match(String(answer.error), new RegExp(field), what);
        assert.match(String(answer.error), /^\S.*\.$/s, what);
      }
      await actor.done("room:join", fresh("after all"));
      await actor.close();
    });

    it("say which command there is not, and what is too large", async () => {
      const actor = await enter(server.url, transport);
      assertFault(await actor.ask("聊天:发送 🤷", { a: 1 }), "unknown_command", /聊天:发送/);
      assertFault(await actor.ask("x".repeat(1000)), "unknown_command");
      const roomId = fresh("large");
      await actor.done("chat:send", { roomId, content: "x".repeat(60_000) });
      await actor.done("chat:send", { roomId, content: "x", meta: "字".repeat(20_000) });
      assertFault(await actor.ask("chat:send", { roomId, content: "x".repeat(65_500) }), "too_large", /65536/);
      assertFault(await actor.ask("chat:send", { roomId, content: "x", meta: "字".repeat(22_000) }), "too_large");
      const { messages } = await actor.done("chat:history", { roomId });
      assert.deepEqual(messages.map((it) => it.seq), [1, 2]);
      await actor.close();
    });

    it("do not come of fields that are not known", async () => {
      const actor = await enter(server.url, transport);
      const roomId = fresh("unknown fields");
      const odd = { "未知 🤷": [1], success: true, type: "x", id: 7 };
      await actor.done("room:join", { roomId, ...odd });
      const { messageId } = await actor.done("chat:send", { roomId, content: "x", ...odd });
      const message = await actor.event("chat:message");
      assert.equal(message.messageId, messageId);
      assert.ok(!("未知 🤷" in message) && !("type" in message));
      await actor.close();
    });

    it("come as an event to who wants no answer", { skip: isHttp(transport) && "commands over HTTP are always answered" }, async () => {
      const actor = await enter(server.url, transport);
      actor.tell("nonsense", {});
      const error = await actor.event("error");
      assert.equal(error.code, "unknown_command");
      assert.match(error.message, /nonsense/);
      const roomId = fresh("told");
      actor.tell("room:join", roomId);
      actor.tell("chat:send", { roomId, content: "no answer wanted" });
      await actor.event("chat:message", (it) => it.content === "no answer wanted");
      assert.equal(actor.heard("error").length, 1);
      await actor.close();
    });
  });
}

describe("the end", () => {
  it("is announced to all, and they are told to come back", async () => {
    const ended = server.stop();
    // Each at a time of its own, so that they do not all come at once.
    const told = await Promise.all(others.map((it) => it.event("server:draining")));
    for (const { reconnectAfterMs } of told) assert.ok(reconnectAfterMs > 0);
    const closed = await Promise.all(others.map((it) => it.closed));
    for (const [i, { code }] of closed.entries()) {
      if (others[i].transport.startsWith("WebSocket")) assert.equal(code, 3001, others[i].transport);
    }
    await ended;
  });

  it("has seen every command succeed and every event heard on every transport", () => {
    const page = readFileSync(new URL("../../docs/protocol.md", import.meta.url), "utf8");
    const section = (title) => page.split(/^## /m).find((it) => it.startsWith(`${title}\n`)) ?? "";
    const names = (title) => [...section(title).matchAll(/^### `(.+)`$/gm)].map(([, name]) => name);
    for (const [title, map] of /** @type {const} */ ([
      ["Commands", exercised.commands],
      ["Events", exercised.events],
    ])) {
      const all = names(title);
      assert.ok(all.length > 10, `${title} in docs/protocol.md`);
      for (const transport of NAMES) {
        const missing = all.filter((name) => !map.get(transport)?.has(name));
        assert.deepEqual(missing, [], `${title} that nothing here has exercised over ${transport}`);
      }
    }
  });
});
