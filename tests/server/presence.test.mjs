// Who is online, and who hears of it.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { serve } from "../lib/tidings.mjs";
import { until } from "../lib/wait.mjs";
import { company, enter, flush, fresh, GENEROUS, heardByAll, heardByAllInTheEnd, joinAll, user } from "./cast.mjs";
import { closeAll, NAMES } from "./transports.mjs";

/** @typedef {import("./cast.mjs").Player} Player */

const GRACE = 500;
const SETTINGS = {
  ...GENEROUS,
  "heartbeat.interval": "1s",
  "heartbeat.timeout": "1s",
  "presence.grace": `${GRACE}ms`,
  "presence.audience": "everyone",
  "typing.timeout": "1s",
};

/** @type {import("../lib/tidings.mjs").Tidings} */
let server;
/** One on each transport, who do nothing but listen. @type {Player[]} */
let others;
before(async () => {
  server = await serve({ settings: SETTINGS });
  others = await company(server.url);
});
after(async () => {
  await closeAll();
  await server.stop();
});

/** What one client heard of a user, in order. @param {Player} other @param {string} userId */
const storyOf = (other, userId) =>
  other.events
    .filter((it) => it.data?.userId === userId && /^(user|presence):/.test(it.type))
    .map((it) => (it.type === "presence:changed" ? `changed ${it.data.status}` : it.type.slice(5)));

/** @param {string} userId @param {string[]} story */
async function heardStory(userId, story) {
  for (const other of others) {
    await until(() => storyOf(other, userId).length >= story.length, `${story} on ${other.transport}`).catch(() => {});
    assert.deepEqual(storyOf(other, userId), story, other.transport);
  }
}

const ONLINE = ["online", "changed online"];
const OFFLINE = ["offline", "changed offline"];

/** @param {string} userId @param {Player} [asks] */
async function seen(userId, asks = others[0]) {
  const { users } = await asks.done("presence:get", { userIds: [userId] });
  return users[0];
}

/** Long-polling has no connection whose end could be seen; its sessions end when nobody has asked for 30 seconds. */
const LONG = 40_000;

for (const transport of NAMES) {
  const polls = transport === "long-polling";
  // Its slow cases are below, side by side.
  describe(`presence over ${transport}`, { concurrency: polls }, () => {
    it("counts the devices of a user, who is online until the last has gone", { skip: polls && "see below" }, async () => {
      const who = user();
      const devices = [];
      for (let i = 1; i <= 3; i++) {
        devices.push(await enter(server.url, transport, { user: who }));
        await until(async () => (await seen(who.id)).devices === i, `${i} devices`);
      }
      for (let i = 2; i >= 1; i--) {
        await devices[i].close();
        await until(async () => (await seen(who.id)).devices === i, `${i} devices`);
        assert.equal((await seen(who.id)).status, "online");
      }
      await heardStory(who.id, ONLINE);
      await devices[0].close();
      const { userId, timestamp } = await heardByAll(others, "user:offline", (it) => it.userId === who.id);
      assert.equal(userId, who.id);
      await heardStory(who.id, [...ONLINE, ...OFFLINE]);
      const after = await until(async () => {
        const it = await seen(who.id);
        return it.lastSeen && it;
      }, "last seen");
      assert.deepEqual([after.status, after.devices], ["offline", 0]);
      const apart = Math.abs(Date.parse(after.lastSeen) - Date.parse(timestamp));
      assert.ok(apart < 1000, `last seen ${after.lastSeen}, offline ${timestamp}`);
    });

    it("does not speak of a device that is back within the grace", { skip: polls && "see below" }, async () => {
      const who = user();
      const room = fresh("grace");
      await joinAll(others, room);
      let device = await enter(server.url, transport, { user: who });
      await device.done("room:join", room);
      for (let i = 0; i < 3; i++) {
        await device.close();
        device = await enter(server.url, transport, { user: who });
        await device.done("room:join", room);
      }
      await device.close();
      await heardByAll(others, "user:offline", (it) => it.userId === who.id);
      await heardStory(who.id, [...ONLINE, ...OFFLINE]);
      await flush(others[0], others, room);
      for (const other of others) {
        const of = (type) => other.heard(type).filter((it) => it.userId === who.id && it.roomId === room).length;
        assert.deepEqual([of("room:user-joined"), of("room:user-left")], [1, 1], other.transport);
        await other.done("room:leave", room);
      }
    });

    it("is away when every device is, and back when one is", async () => {
      const who = user();
      const [one, two] = [await enter(server.url, transport, { user: who }), await enter(server.url, transport, { user: who })];
      await one.done("presence:set", { status: "away" });
      assert.equal((await seen(who.id)).status, "online");
      await two.done("presence:set", { status: "away" });
      await heardByAll(others, "presence:changed", (it) => it.userId === who.id && it.status === "away");
      assert.deepEqual([(await seen(who.id)).status, (await seen(who.id)).devices], ["away", 2]);
      await one.done("presence:set", { status: "online" });
      await heardStory(who.id, [...ONLINE, "changed away", "changed online"]);
      await Promise.all([one.close(), two.close()]);
    });

    it("hides who is invisible, on every device, until they show themselves", async () => {
      const who = user();
      const one = await enter(server.url, transport, { user: who });
      await one.done("presence:set", { status: "invisible" });
      await heardStory(who.id, [...ONLINE, ...OFFLINE]);
      const hidden = await seen(who.id);
      assert.deepEqual([hidden.status, hidden.devices], ["offline", 0]);
      assert.ok(hidden.lastSeen);
      const room = fresh("invisible");
      const two = await enter(server.url, transport, { user: who });
      await two.done("room:join", room);
      assert.deepEqual(await seen(who.id), hidden, "another device does not give them away");
      const { members } = await others[0].done("room:members", room);
      assert.deepEqual(members.map((it) => [it.userId, it.status, it.devices]), [[who.id, "offline", 0]]);
      await heardStory(who.id, [...ONLINE, ...OFFLINE]);
      await two.done("presence:set", { status: "online" });
      await heardStory(who.id, [...ONLINE, ...OFFLINE, ...ONLINE]);
      await Promise.all([one.close(), two.close()]);
    });

    it("says that somebody types for as long as they say so, and no longer", async () => {
      const room = fresh("typing");
      const typist = await enter(server.url, transport);
      await joinAll([typist, ...others], room);
      const mine = (it) => it.roomId === room;
      const start = () => typist.done("typing:start", room);
      await heardByAllInTheEnd(start, others, "typing:user", mine);
      const begun = Date.now();
      await start();
      await until(() => Date.now() - begun > 500, "some time");
      await start();
      const stopped = await heardByAll(others, "typing:stopped", mine);
      assert.deepEqual(stopped, { roomId: room, userId: typist.user.id, username: typist.user.name });
      const lasted = Date.now() - begun;
      assert.ok(lasted >= 1400 && lasted < 4000, `${lasted} ms`);
      await heardByAllInTheEnd(start, others, "typing:user", mine);
      await typist.done("room:leave", room);
      await heardByAll(others, "typing:stopped", mine);
      await Promise.all(others.map((it) => it.done("room:leave", room)));
      await typist.close();
    });
  });
}

describe("a connection that is lost", { concurrency: true }, () => {
  for (const transport of NAMES) {
    it(`without a word is offline for the others, over ${transport}`, async () => {
      const who = user();
      const room = fresh("lost");
      const device = await enter(server.url, transport, { user: who, wire: true });
      await device.done("room:join", room);
      const witness = await enter(server.url, "WebSocket with JSON");
      await witness.done("room:join", room);
      const begun = Date.now();
      // An event stream has nothing to answer a ping with: the end of its connection is what shows.
      if (transport === "event stream") device.cut();
      else device.wire?.freeze();
      const polls = transport === "long-polling";
      const most = polls ? LONG : 2000 + GRACE + 2000;
      await witness.event("user:offline", (it) => it.userId === who.id, most);
      await witness.event("room:user-left", (it) => it.userId === who.id && it.roomId === room);
      const lasted = Date.now() - begun;
      assert.ok(lasted >= GRACE - 50, `${lasted} ms`);
      const { members } = await witness.done("room:members", room);
      assert.deepEqual(members.map((it) => it.userId), [witness.user.id]);
      await Promise.all([device.close(), witness.close()]);
    });
  }

  it("of long-polling counts as one device with the one that follows", async () => {
    const who = user();
    const first = await enter(server.url, "long-polling", { user: who });
    const { session, cursor } = /** @type {any} */ (first);
    await first.close();
    const second = await enter(server.url, "long-polling", { user: who, session, cursor });
    await second.done("presence:set", { status: "away" });
    const { status, devices } = await seen(who.id);
    assert.deepEqual([status, devices], ["away", 1]);
    await second.close();
  });
});

describe("an audience of rooms", () => {
  it("is all that hears who comes and goes", async () => {
    const own = await serve({ settings: { ...SETTINGS, "presence.audience": "rooms" } });
    const shared = fresh("shared");
    const strangers = await company(own.url, { claims: { rooms: ["elsewhere"] } });
    const friends = await company(own.url, { claims: { rooms: [shared] } });
    await joinAll(strangers, "elsewhere");
    await joinAll(friends, shared);
    for (const transport of NAMES.filter((it) => it !== "long-polling")) {
      const who = user();
      const device = await enter(own.url, transport, { user: who, claims: { rooms: [shared] } });
      await heardByAll(friends, "user:online", (it) => it.userId === who.id);
      await device.done("room:join", shared);
      await device.done("presence:set", { status: "away" });
      await heardByAll(friends, "presence:changed", (it) => it.userId === who.id && it.status === "away");
      await device.close();
      await heardByAll(friends, "user:offline", (it) => it.userId === who.id);
      await flush(strangers[0], strangers, "elsewhere");
      for (const it of strangers) assert.deepEqual(storyOf(it, who.id), [], it.transport);
    }
    await Promise.all([...strangers, ...friends].map((it) => it.close()));
    await own.stop();
  });
});

it("is remembered over a restart: who was online then was seen then", async () => {
  let own = await serve({ settings: SETTINGS });
  const device = await enter(own.url, NAMES[0], { reconnect: false });
  own = await own.restart();
  const asking = await enter(own.url, NAMES[0]);
  const { users } = await asking.done("presence:get", { userIds: [device.user.id] });
  assert.equal(users[0].status, "offline");
  const apart = Date.now() - Date.parse(users[0].lastSeen);
  assert.ok(apart >= 0 && apart < 30_000, `last seen ${users[0].lastSeen}`);
  await Promise.all([device.close(), asking.close()]);
  await own.stop();
});
