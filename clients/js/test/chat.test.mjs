// What a page does with a client, over each transport.

import assert from "node:assert/strict";
import { test } from "node:test";
import { guest, reaches, serve, until, watch, within } from "./support.mjs";

for (const transport of /** @type {const} */ (["ws", "sse", "poll"])) {
  test(`two users talk, over ${transport}`, async (t) => {
    const { url } = await serve(t);
    const options = { transports: [transport] };
    const [ana, ben] = [guest(t, url, "ana", options), guest(t, url, "ben", options)];
    /** @type {any[]} */
    const states = [];
    ana.on("state", ({ state, transport }) => states.push([state, transport]));
    const [anas, bens] = await Promise.all([watch(ana, "lobby"), watch(ben, "lobby")]);
    await reaches(ana, "online");
    assert.deepEqual(states.at(-1), ["online", transport]);
    assert.equal(ana.user?.userId, "ana");

    const sent = await anas.room.send("hello", { meta: { mood: "good" } });
    assert.deepEqual([sent.seq, sent.duplicate], [1, false]);
    await until(() => bens.shown.length && anas.shown.length, "the message");
    assert.deepEqual(bens.shown, [{ seq: 1, text: "hello" }]);
    assert.deepEqual(anas.shown, bens.shown, "the sender is shown it as well");

    const edited = ben.once("chat:edited");
    await anas.room.edit(sent.messageId, "hello, world");
    assert.equal((await within(edited, 5000, "edit")).content, "hello, world");
    const deleted = bens.room.once("chat:deleted");
    await anas.room.delete(sent.messageId);
    assert.equal((await within(deleted, 5000, "deletion")).seq, 3);
    assert.equal(bens.room.lastSeq, 3);

    const typing = bens.room.once("typing:user");
    const stopped = bens.room.once("typing:stopped");
    anas.room.startTyping();
    anas.room.startTyping();
    assert.equal((await within(typing, 5000, "typing hint")).userId, "ana");
    anas.room.stopTyping();
    await within(stopped, 5000, "end of typing");

    const cursor = bens.room.once("cursor");
    anas.room.emit("cursor", { roomId: "lobby", x: 3 });
    assert.deepEqual(await within(cursor, 5000, "event of the room"), { roomId: "lobby", x: 3 });

    const receipt = anas.room.once("chat:receipt");
    await bens.room.read();
    assert.equal((await within(receipt, 5000, "receipt")).roomId, "lobby");
    assert.equal((await bens.room.history({ limit: 5 })).messages.length, 1);

    const whispered = ben.once("chat:message");
    const answer = await ana.private("ben", "psst");
    assert.equal((await within(whispered, 5000, "private message")).content, "psst");
    assert.equal(answer.roomId, "dm:ana:ben");

    const [seen] = await ana.presence(["ben"]);
    assert.equal(seen?.status, "online");
    assert.deepEqual(await ana.notifications(), { success: true, notifications: [], unread: 0 });

    assert.deepEqual([...anas.room.members.keys()].sort(), ["ana", "ben"]);
    const left = anas.room.once("room:user-left");
    await ben.leave("lobby");
    assert.equal((await within(left, 5000, "leaving")).userId, "ben");
    assert.deepEqual([anas.room.memberCount, anas.room.members.size], [1, 1]);

    ana.close();
    assert.equal(ana.state, "closed");
    await assert.rejects(ana.request("presence:get", { userIds: [] }), { code: "closed" });
    await assert.rejects(anas.room.send("too late"), { code: "closed" });
  });
}

test("an error has the code of the server, and a time to come back", async (t) => {
  const settings = ["limits.rate.connection.per_second=20", "limits.rate.connection.burst=20"];
  const { url } = await serve(t, { settings });
  const ana = guest(t, url, "ana");
  await reaches(ana, "online");
  await assert.rejects(ana.request("chat:delete", { roomId: "lobby", messageId: "none" }), { code: "not_found" });
  await assert.rejects(ana.request("no:such"), { code: "unknown_command" });
  const many = Array.from({ length: 40 }, () => ana.request("room:leave", "lobby").catch((error) => error));
  const refused = (await Promise.all(many)).find((it) => it.code === "rate_limited");
  assert.ok(refused.retryAfterMs > 0, "it says when to come back");
  const told = ana.once("error");
  ana.emit("chat:send", { roomId: "lobby" });
  assert.match((await within(told, 5000, "error")).code, /bad_request|rate_limited/);
});

test("messages that are sent too fast arrive all the same, in their order", async (t) => {
  const settings = ["limits.rate.connection.per_second=50", "limits.rate.connection.burst=10"];
  const { url } = await serve(t, { settings });
  const [ana, ben] = [guest(t, url, "ana"), guest(t, url, "ben")];
  const [anas, bens] = await Promise.all([watch(ana, "lobby"), watch(ben, "lobby")]);
  const wanted = Array.from({ length: 60 }, (_, index) => `${index}`);
  await Promise.all(wanted.map((text) => anas.room.send(text)));
  await until(() => bens.shown.length === wanted.length, "all messages");
  assert.deepEqual(bens.texts(), wanted);
});

test("a room that may not be entered says why, and the next one is joined", async (t) => {
  const { url } = await serve(t, { settings: ["rooms.max_per_connection=1"] });
  const ana = guest(t, url, "ana");
  await ana.join("one");
  await assert.rejects(ana.join("two"), { code: "too_many_rooms" });
  await ana.leave("one");
  assert.equal((await ana.join("two")).joined, true);
});

test("a user who is invited by a message follows the conversation over a lost connection", async (t) => {
  const { url } = await serve(t);
  const [ana, ben] = [guest(t, url, "ana"), guest(t, url, "ben")];
  await Promise.all([reaches(ana, "online"), reaches(ben, "online")]);
  /** @type {string[]} */
  const heard = [];
  ben.on("chat:message", ({ content }) => heard.push(content));
  await ana.private("ben", "one");
  await until(() => heard.length === 1, "the first message");
  ben.close();
  await ana.private("ben", "two");
  ben.open();
  await until(() => heard.length === 2, "what was said meanwhile");
  await ana.private("ben", "three");
  await until(() => heard.length === 3, "what was said since");
  assert.deepEqual(heard, ["one", "two", "three"]);
});
