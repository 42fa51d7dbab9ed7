// What a client missed: nothing is lost and nothing comes twice, over cuts and over restarts of the server, and where that
// cannot be, it is said.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { EventSource } from "eventsource";
import { openWs } from "../lib/engine.mjs";
import { request } from "../lib/http.mjs";
import { proxy } from "../lib/proxy.mjs";
import { inSeconds, serve, token } from "../lib/tidings.mjs";
import { pause, until, within } from "../lib/wait.mjs";
import { enter, flush, fresh, GENEROUS, heardByAll, joinAll, user } from "./cast.mjs";
import { closeAll, NAMES, Refused } from "./transports.mjs";

/** @typedef {import("./cast.mjs").Player} Player */

/** @type {import("../lib/tidings.mjs").Tidings} */
let server;
/** @type {Player} */
let writer;
before(async () => {
  server = await serve({ settings: { ...GENEROUS, "presence.audience": "everyone" } });
  writer = await enter(server.url, "WebSocket with JSON");
});
after(async () => {
  await closeAll();
  await server.stop();
});

/** @param {string} roomId @param {string | number} content @param {Player} [by] */
const say = (roomId, content, by = writer) => by.done("chat:send", { roomId, content: String(content) });
/** @param {any[]} messages */
const contents = (messages) => messages.map((it) => it.content);

/** Whether the transport continues a session by itself; `/ws` has `room:join {after}` for that. @param {string} transport */
const hasSessions = (transport) => !transport.startsWith("WebSocket");

/**
 * A client that comes back, by the means of its transport, as often as it has to. What it heard on each connection and in
 * the answers to `room:join {after}` is put together as an application would.
 */
class Follower {
  /** Events of the room, by what happened. @type {string[]} */
  story = [];
  last = 0;
  /** Sessions that went on, and those that had to begin anew. */
  times = { recovered: 0, joined: 0 };
  /** @type {Player | undefined} */
  #client;
  #taken = 0;

  /** @param {string} url @param {string} transport @param {string} room */
  constructor(url, transport, room) {
    this.url = url;
    this.transport = transport;
    this.room = room;
    this.user = user();
  }

  get client() {
    if (!this.#client) throw new Error(`${this.transport} has not begun`);
    return this.#client;
  }

  async begin() {
    const reconnect = this.transport.startsWith("Socket.IO");
    this.#client = await enter(this.url, this.transport, { user: this.user, wire: true, reconnect });
    const { lastSeq } = await this.client.done("room:join", this.room);
    this.last = lastSeq;
    return this;
  }

  /** Takes what has come. */
  read() {
    for (; this.#taken < this.client.events.length; this.#taken++) this.#note(this.client.events[this.#taken]);
    return this.story;
  }

  /** @param {import("./transports.mjs").Event} event */
  #note({ type, data }) {
    if (data?.roomId !== this.room || !type.startsWith("chat:") || type === "chat:receipt") return;
    this.story.push(`${data.seq} ${type.slice(5)} ${data.content ?? ""}`);
    this.last = data.seq;
  }

  /** Loses the network, and notices. */
  async cut() {
    const { client } = this;
    const { socket } = /** @type {any} */ (client);
    // A server that never saw the poll which was lost would take the session for a living one.
    if (this.transport === "Socket.IO over polling") await client.wire?.settled();
    client.cut();
    if (this.transport.startsWith("Socket.IO")) await until(() => !socket.connected || client.cut(), "end of the connection");
    else await within(client.closed, 5000, "end of the connection");
    this.read();
  }

  /** Comes back. @param {string} [url] */
  async back(url = this.url) {
    this.url = url;
    const before = this.client;
    if (this.transport.startsWith("Socket.IO")) {
      const welcomes = () => before.heard("welcome").length;
      const known = welcomes();
      before.wire?.refuse(false);
      await until(() => welcomes() > known, `${this.transport} to come back`, 10_000);
      await this.#settle(before.heard("welcome").at(-1).recovered);
      return;
    }
    await within(before.closed, 5000, "end of the lost connection");
    this.read();
    const { session, cursor } = /** @type {any} */ (before);
    const options = { user: this.user, wire: true, ...(hasSessions(this.transport) && { session, cursor }) };
    await before.close();
    // As a client does while the server is away.
    this.#client = await until(
      () => enter(url, this.transport, options).catch((error) => error instanceof Refused && Promise.reject(error)),
      "way back",
      10_000,
    );
    this.#taken = 0;
    // Long-polling is greeted again only where the server has noticed that it was away.
    await this.#settle(this.client.welcome?.recovered ?? this.transport === "long-polling");
  }

  /** @param {boolean} recovered */
  async #settle(recovered) {
    if (recovered) return void this.times.recovered++;
    this.read();
    const answer = await this.client.done("room:join", { roomId: this.room, after: this.last });
    assert.equal(answer.recovered, true, `${this.transport}: ${JSON.stringify(answer)}`);
    this.times.joined++;
    // Events between the answer and now are after it.
    const happened = [
      ...answer.messages.map((it) => ({ seq: it.seq, type: it.deleted ? "deleted" : "message", content: it.content })),
      ...answer.changed?.map((it) => ({ seq: it.changeSeq, type: it.deleted ? "deleted" : "edited", content: it.content })) ?? [],
    ];
    for (const { seq, type, content } of happened.sort((a, b) => a.seq - b.seq)) {
      this.story.push(`${seq} ${type} ${content ?? ""}`);
    }
    this.last = answer.lastSeq;
  }
}

describe("room:join {after}", () => {
  for (const transport of NAMES) {
    it(`answers exactly what was missed, over ${transport}`, async () => {
      const room = fresh("after");
      await joinAll([writer], room);
      const [one, two, three] = [await say(room, "one"), await say(room, "two"), await say(room, "three")];
      const client = await enter(server.url, transport);
      const { lastSeq } = await client.done("room:join", room);
      assert.equal(lastSeq, 3);
      await client.done("room:leave", room);
      const join = async (after, more = {}) => {
        const answer = await client.done("room:join", { roomId: room, after, ...more });
        await client.done("room:leave", room);
        return [
          contents(answer.messages),
          (answer.changed ?? []).map((it) => `${it.messageId} ${it.changeSeq} ${it.deleted ? "deleted" : it.content}`),
          answer.lastSeq,
          answer.recovered,
        ];
      };
      assert.deepEqual(await join(3), [[], [], 3, true]);
      await say(room, "four");
      await writer.done("chat:edit", { roomId: room, messageId: one.messageId, content: "one, edited" });
      const six = await say(room, "six");
      await writer.done("chat:delete", { roomId: room, messageId: two.messageId });
      await writer.done("chat:edit", { roomId: room, messageId: six.messageId, content: "six, edited" });
      const changes = [`${one.messageId} 5 one, edited`, `${two.messageId} 7 deleted`];
      // A message that is new has its present form already.
      assert.deepEqual(await join(3), [["four", "six, edited"], changes, 8, true]);
      assert.deepEqual(await join(5), [["six, edited"], changes.slice(1), 8, true]);
      assert.deepEqual(await join(8), [[], [], 8, true]);
      assert.deepEqual(await join(7), [[], [`${six.messageId} 8 six, edited`], 8, true]);
      assert.deepEqual(await join(0), [["one, edited", undefined, "three", "four", "six, edited"], [], 8, true]);
      // More than was asked for, and a number that never was: the last ones, and no claim that this is all.
      assert.deepEqual(await join(0, { limit: 2 }), [["four", "six, edited"], [], 8, false]);
      const [, , last, recovered] = await join(1000);
      assert.deepEqual([last, recovered], [8, false]);
      await client.close();
      void three;
    });
  }

  it("has no gap and no double at the moment of joining, however much is said", async () => {
    const room = fresh("busy");
    let done = false;
    const writers = await Promise.all([0, 1, 2].map(() => enter(server.url, "WebSocket with MessagePack")));
    let n = 0;
    const writing = Promise.all(
      writers.map(async (by) => {
        while (!done) await say(room, ++n, by);
      }),
    );
    try {
      for (let round = 0; round < 5; round++) {
        await Promise.all(
          NAMES.map(async (transport) => {
            const client = await enter(server.url, transport);
            const { messages, lastSeq, recovered } = await client.done("room:join", { roomId: room, after: 0, limit: 500 });
            await client.event("chat:message", (it) => it.seq >= lastSeq + 5);
            const live = client.heard("chat:message").map((it) => it.seq);
            const all = [...messages.map((it) => it.seq), ...live];
            if (recovered) assert.equal(all[0], 1, transport);
            assert.deepEqual(all, Array.from(all, (_, i) => all[0] + i), transport);
            assert.equal(live[0], lastSeq + 1, transport);
            await client.close();
          }),
        );
      }
    } finally {
      done = true;
      await writing;
    }
  });

  it("says so when what was missed is kept no longer", async () => {
    // Retention is looked after once a minute, and when the server starts.
    let own = await serve({
      config: '[[rooms.retention]]\npattern = "short:*"\nmax_count = 3\n',
      settings: GENEROUS,
    });
    const by = await enter(own.url, NAMES[2]);
    for (const room of ["short:1", "long:1"]) for (let i = 1; i <= 6; i++) await say(room, i, by);
    own = await own.restart();
    const client = await enter(own.url, NAMES[2]);
    const join = async (roomId, after) => {
      const { messages, recovered, lastSeq } = await client.done("room:join", { roomId, after });
      return [contents(messages), recovered, lastSeq];
    };
    await until(async () => (await join("short:1", 6))[1] && (await join("short:1", 1))[0].length === 3, "trimming");
    assert.deepEqual(await join("short:1", 1), [["4", "5", "6"], false, 6]);
    assert.deepEqual(await join("short:1", 3), [["4", "5", "6"], true, 6]);
    assert.deepEqual(await join("long:1", 1), [["2", "3", "4", "5", "6"], true, 6]);
    const seventh = await say("short:1", 7, client);
    assert.equal(seventh.seq, 7, "numbers are not used again");
    await by.close();
    await client.close();
    await own.stop();
  });
});

for (const transport of NAMES) {
  describe(`a cut, over ${transport}`, () => {
    it("costs nothing: messages, edits and deletions are there afterwards, once and in order", async () => {
      const room = fresh("cut");
      const witness = await enter(server.url, "WebSocket with JSON");
      const follower = await new Follower(server.url, transport, room).begin();
      await joinAll([writer, witness], room);
      const all = [];
      const note = (seq, what) => all.push(`${seq} ${what}`);
      for (let round = 0; round < 4; round++) {
        const { seq, messageId } = await say(room, `before ${round}`);
        note(seq, `message before ${round}`);
        await until(() => follower.read().length === all.length, "what came before the cut");
        await follower.cut();
        for (const i of [1, 2, 3]) note((await say(room, `missed ${round} ${i}`)).seq, `message missed ${round} ${i}`);
        const edited = await writer.done("chat:edit", { roomId: room, messageId, content: "changed" });
        note(edited.seq, "edited changed");
        const deleted = await writer.done("chat:delete", { roomId: room, messageId });
        note(deleted.seq, "deleted ");
        await follower.back();
        note((await say(room, `after ${round}`)).seq, `message after ${round}`);
        await until(() => follower.read().at(-1) === all.at(-1), "what came after the cut").catch(() => {});
        if (hasSessions(transport)) {
          assert.deepEqual(follower.read(), all);
        } else {
          // An edit whose message is deleted by now is not told any more.
          const edit = all.findIndex((it) => it.endsWith("edited changed"));
          all.splice(edit, 1);
          assert.deepEqual(follower.read(), all);
        }
      }
      assert.deepEqual(follower.times, hasSessions(transport) ? { recovered: 4, joined: 0 } : { recovered: 0, joined: 4 });
      // Nobody else heard of any of it.
      await flush(writer, [witness], room);
      for (const type of ["user:offline", "room:user-left"]) {
        assert.ok(!witness.heard(type).some((it) => it.userId === follower.user.id), type);
      }
      await follower.client.close();
      await witness.close();
    });

    it("leaves the rooms, the id and the place in the room's list", { skip: !hasSessions(transport) && "there are no sessions" }, async () => {
      const rooms = [fresh("kept 1"), fresh("kept 2"), fresh("left")];
      const follower = await new Follower(server.url, transport, rooms[0]).begin();
      for (const room of rooms.slice(1)) await follower.client.done("room:join", room);
      await follower.client.done("room:leave", rooms[2]);
      const { clientId } = follower.client.welcome;
      await follower.cut();
      await follower.back();
      assert.equal(follower.client.heard("welcome").at(-1)?.clientId ?? clientId, clientId);
      for (const room of rooms) await joinAll([writer], room);
      for (const room of rooms.slice(0, 2)) {
        const { members } = await writer.done("room:members", room);
        assert.equal(members.find((it) => it.userId === follower.user.id).devices, 1);
        const { messageId } = await say(room, "x");
        await follower.client.event("chat:message", (it) => it.messageId === messageId);
      }
      await follower.client.done("room:emit", { roomId: rooms[1], event: "move" });
      await writer.event("move");
      const { members } = await writer.done("room:members", rooms[2]);
      assert.ok(!members.some((it) => it.userId === follower.user.id));
      await follower.client.close();
    });
  });
}

describe("event streams", () => {
  it("continue in browsers by themselves", async () => {
    const room = fresh("browser");
    await joinAll([writer], room);
    const wire = await proxy(server.port);
    const who = user();
    const query = new URLSearchParams({ token: token(who.id), rooms: room, session: "a_browser-chose-that" });
    const source = new EventSource(`${wire.url}/sse?${query}`);
    /** @type {any[]} */
    const heard = [];
    /** @type {any[]} */
    const welcomes = [];
    source.addEventListener("chat:message", ({ data }) => heard.push(JSON.parse(data).content));
    source.addEventListener("welcome", ({ data }) => welcomes.push(JSON.parse(data)));
    await until(() => welcomes.length === 1, "welcome");
    const said = [];
    for (let round = 1; round <= 3; round++) {
      for (const i of [1, 2]) {
        said.push(`${round} before ${i}`);
        await say(room, said.at(-1));
      }
      await until(() => heard.length === said.length, "messages");
      wire.refuse(true);
      wire.cut();
      for (const i of [1, 2]) {
        said.push(`${round} missed ${i}`);
        await say(room, said.at(-1));
      }
      wire.refuse(false);
      await until(() => welcomes.length === round + 1, "return", 10_000);
    }
    await until(() => heard.length >= said.length, "what was missed");
    assert.deepEqual(heard, said);
    assert.deepEqual(welcomes.map((it) => it.recovered), [false, true, true, true]);
    assert.equal(new Set(welcomes.map((it) => it.clientId)).size, 1);
    source.close();
    await wire.close();
  });

  it("belong to who began them", async () => {
    const room = fresh("mine");
    const follower = await new Follower(server.url, "event stream", room).begin();
    await joinAll([writer], room);
    const { messageId } = await say(room, "x");
    await follower.client.event("chat:message", (it) => it.messageId === messageId);
    const { session, cursor } = /** @type {any} */ (follower.client);
    await follower.cut();
    const thief = enter(server.url, "event stream", { session, cursor });
    await assert.rejects(thief, (error) => error instanceof Refused && error.code === "permission_denied");
    await follower.client.close();
  });
});

describe("long-polling", () => {
  it("gives an answer again that was lost, and then only what is new", async () => {
    const room = fresh("lost answer");
    await joinAll([writer], room);
    const who = user();
    const poll = async (more) => {
      const query = new URLSearchParams({ token: token(who.id), rooms: room, ...more });
      const { status, text } = await request(server.port, `/poll?${query}`);
      assert.equal(status, 200, text);
      return JSON.parse(text);
    };
    const messages = ({ events }) => events.filter((it) => it.type === "chat:message").map((it) => it.data.content);
    let first = await poll({});
    const { session } = first;
    assert.equal(first.events[0].data.session, session);
    while (!first.events.some((it) => it.type === "welcome")) first = await poll({ session, cursor: first.cursor });
    await say(room, "one");
    const lost = await poll({ session, cursor: first.cursor });
    assert.deepEqual(messages(lost), ["one"]);
    await say(room, "two");
    for (let i = 0; i < 3; i++) assert.deepEqual(await poll({ session, cursor: first.cursor }), lost);
    assert.deepEqual(messages(await poll({ session, cursor: lost.cursor })), ["two"]);
  });
});

describe("a restart of the server", () => {
  it("costs nobody anything, on any transport", async () => {
    const room = fresh("restart");
    let own = await serve({ settings: GENEROUS });
    let by = await enter(own.url, "WebSocket with JSON");
    const followers = await Promise.all(NAMES.map((transport) => new Follower(own.url, transport, room).begin()));
    const all = [];
    const hear = async (content) => {
      const { seq } = await say(room, content, by);
      all.push(`${seq} message ${content}`);
    };
    for (let round = 0; round < 2; round++) {
      await hear(`before ${round}`);
      for (const it of followers) await until(() => it.read().length === all.length, `${it.transport} before`);
      // Lost just before, so that there is something to come back to.
      const [gone, there] = [followers.filter((_, i) => i % 2 === round), followers.filter((_, i) => i % 2 !== round)];
      await Promise.all(gone.map((it) => it.cut()));
      await hear(`while some were away ${round}`);
      for (const it of there) await until(() => it.read().length === all.length, `${it.transport} before`);
      own = await own.restart(() => {
        for (const it of followers) it.client.wire?.refuse(true);
      });
      by = await enter(own.url, "WebSocket with JSON");
      await hear(`after the restart ${round}`);
      await Promise.all(followers.map((it) => it.back()));
      await hear(`when all were back ${round}`);
      for (const it of followers) {
        await until(() => it.read().length >= all.length, `${it.transport} after`).catch(() => {});
        assert.deepEqual(it.read(), all, it.transport);
      }
    }
    for (const { transport, times } of followers) {
      assert.deepEqual(times, hasSessions(transport) ? { recovered: 2, joined: 0 } : { recovered: 0, joined: 2 }, transport);
    }
    await Promise.all([by, ...followers.map((it) => it.client)].map((it) => it.close()));
    await own.stop();
  });

  it("keeps what was said, and who was notified of what", async () => {
    let own = await serve({ settings: GENEROUS });
    const [ana, bo] = [await enter(own.url, NAMES[0]), await enter(own.url, NAMES[2], { claims: { admin: true } })];
    const room = fresh("kept");
    await joinAll([ana, bo], room);
    const message = { roomId: room, content: "kept", clientMessageId: fresh("id"), meta: { a: [1] } };
    const sent = await ana.done("chat:send", message);
    const { notificationId } = await bo.done("notification:send", { userId: ana.user.id, title: "kept" });
    await heardByAll([ana], "notification");
    own = await own.restart();
    const back = await enter(own.url, NAMES[3], { user: ana.user });
    const { messages } = await back.done("chat:history", { roomId: room });
    assert.deepEqual(messages.map((it) => [it.messageId, it.seq, it.content, it.meta]), [[sent.messageId, 1, "kept", { a: [1] }]]);
    const again = await back.done("chat:send", message);
    assert.deepEqual([again.messageId, again.seq, again.duplicate], [sent.messageId, 1, true]);
    const { notifications, unread } = await back.done("notification:list", {});
    assert.deepEqual([notifications.map((it) => it.notificationId), unread], [[notificationId], 1]);
    const { users } = await back.done("presence:get", { userIds: [bo.user.id] });
    assert.equal(users[0].status, "offline");
    await Promise.all([ana, bo, back].map((it) => it.close()));
    await own.stop();
  });
});

describe("a session that is continued opens no more than a new one would", () => {
  /** A Socket.IO client by hand, which says what it likes about its session. @param {Record<string, any>} auth */
  async function come(auth) {
    const ws = await openWs(server.port);
    ws.send(`40${JSON.stringify(auth)}`);
    const answer = String(await ws.packet());
    return { ws, kind: answer.slice(0, 2), answer: JSON.parse(answer.slice(2)) };
  }

  /** What happens up to an event of that name. @param {import("../lib/ws.mjs").Ws} ws @param {string} name */
  async function upTo(ws, name) {
    const events = [];
    do events.push(JSON.parse(String(await ws.packet()).replace(/^4[23]\d*/, "")));
    while (events.at(-1)[0] !== name);
    return events;
  }

  it("needs a good token when the one before has expired", async () => {
    const { id } = user();
    const expires = Date.now() + 1_500;
    const first = await come({ token: token(id, { exp: expires / 1_000 }) });
    assert.equal(first.kind, "40");
    await upTo(first.ws, "tidings:offset");
    first.ws.end();
    const back = { pid: first.answer.pid };
    const early = await come(back);
    assert.deepEqual([early.kind, early.answer.sid], ["40", first.answer.sid]);
    await upTo(early.ws, "tidings:offset");
    early.ws.end();
    // Nothing tells that a token has expired but the clock.
    await pause(expires - Date.now() + 1_000);
    const late = await come(back);
    assert.deepEqual([late.kind, late.answer.data?.code], ["44", "token_expired"]);
    late.ws.end();
    const renewed = await come({ ...back, token: token(id) });
    assert.deepEqual([renewed.kind, renewed.answer.sid], ["40", first.answer.sid]);
    renewed.ws.end();
  });

  it("hears nothing more of rooms that its user may not enter any more", async () => {
    const { id } = user();
    const [named, given, kept] = [fresh("named"), fresh("given"), fresh("kept")];
    const admin = await enter(server.url, NAMES[2], { claims: { admin: true } });
    await admin.done("room:add-member", { roomId: given, userId: id });
    const first = await come({ token: token(id, { rooms: [named, kept] }) });
    for (const [n, room] of [named, given, kept].entries()) {
      first.ws.send(`42${n}${JSON.stringify(["room:join", room])}`);
      await until(async () => JSON.stringify(await first.ws.packet()).includes("lastSeq"), "joined");
    }
    await say(kept, "before");
    const events = await upTo(first.ws, "chat:message");
    const offset = (await upTo(first.ws, "tidings:offset")).at(-1)[1];
    assert.equal(events.at(-1)[1].content, "before");
    first.ws.end();
    await admin.done("room:remove-member", { roomId: given, userId: id });
    for (const room of [named, given, kept]) await say(room, "meanwhile");
    const back = await come({ pid: first.answer.pid, offset, token: token(id, { rooms: [kept] }) });
    assert.deepEqual([back.kind, back.answer.sid], ["40", first.answer.sid]);
    for (const room of [named, given, kept]) await say(room, "afterwards");
    await say(kept, "last");
    const heard = [];
    while (heard.at(-1) !== `${kept} last`) {
      const [name, data] = (await upTo(back.ws, "chat:message")).at(-1);
      heard.push(`${data.roomId} ${data.content}`);
      assert.equal(name, "chat:message");
    }
    assert.deepEqual(heard, ["meanwhile", "afterwards", "last"].map((it) => `${kept} ${it}`));
    await Promise.all([back.ws.end(), admin.close()]);
  });
});
