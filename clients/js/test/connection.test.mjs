// What a client makes of a bad network, and of a server that goes, refuses or asks it to stay away.

import assert from "node:assert/strict";
import { test } from "node:test";
import { hs256 } from "../../../tests/lib/jwt.mjs";
import { guest, pause, QUICK, reaches, SECRET, serve, serveBehindProxy, until, watch, within } from "./support.mjs";

/** @param {string} sub @param {number} seconds */
const token = (sub, seconds) => hs256(SECRET, { sub, name: sub, exp: Math.ceil(Date.now() / 1000) + seconds });

const WITH_TOKENS = [`auth.secret=${SECRET}`, 'rooms.public=["lobby"]'];

for (const [blocked, expected] of /** @type {const} */ ([
  [/^GET \/ws/, "sse"],
  [/^GET \/(ws|sse)/, "poll"],
])) {
  test(`where ${blocked} is blocked, ${expected} carries the client, and carries it again`, async (t) => {
    const { server, line } = await serveBehindProxy(t);
    line.deny(blocked);
    const [ana, ben] = [guest(t, line.url, "ana"), guest(t, server.url, "ben")];
    /** @type {string[]} */
    const carried = [];
    ana.on("state", ({ transport }) => transport && carried.push(transport));
    const [anas, bens] = await Promise.all([watch(ana, "lobby"), watch(ben, "lobby")]);
    await bens.room.send("one");
    await until(() => anas.shown.length === 1, "the message");
    const away = ana.once("state");
    line.cut();
    assert.equal((await within(away, 5000, "end of the connection")).state, "reconnecting");
    await bens.room.send("two");
    await anas.room.send("three");
    await until(() => anas.shown.length === 3, "what was said meanwhile");
    assert.deepEqual(anas.texts(), bens.texts());
    assert.deepEqual(carried, [expected, expected]);
  });
}

test("a server that is away for a moment is no reason to fall back", async (t) => {
  const { line } = await serveBehindProxy(t);
  const ana = guest(t, line.url, "ana", { backoff: { firstMs: 5, longestMs: 5 } });
  await reaches(ana, "online");
  line.deny(/^GET \/ws/);
  /** @type {any[]} */
  const changes = [];
  ana.on("state", (change) => {
    changes.push(change);
    // The first attempt has been refused when the state is said for the second time.
    if (changes.filter(({ state }) => state === "reconnecting" && change.error).length === 2) line.deny(null);
  });
  line.cut();
  await until(() => changes.at(-1)?.state === "online", "the state online");
  assert.equal(changes.at(-1).transport, "ws");
  assert.ok(changes.some(({ error }) => error?.code === "unreachable"), "an attempt was refused");
});

test("a line that has gone silent is noticed in ten seconds, over each transport", async (t) => {
  const { line } = await serveBehindProxy(t);
  const transports = /** @type {const} */ (["ws", "sse", "poll"]);
  const clients = transports.map((transport) => guest(t, line.url, transport, { transports: [transport] }));
  await Promise.all(clients.map((client) => watch(client, "lobby")));
  await Promise.all(clients.map((client) => reaches(client, "online")));
  const since = Date.now();
  line.freeze();
  const noticed = clients.map(async (client, index) => {
    await reaches(client, "reconnecting", 11_000);
    t.diagnostic(`${transports[index]}: noticed after ${Date.now() - since} ms`);
  });
  await Promise.all(noticed);
  line.thaw();
  line.cut();
  await Promise.all(clients.map((client) => reaches(client, "online")));
});

test("a slow line is no dead line", async (t) => {
  const { line } = await serveBehindProxy(t);
  line.delay(300);
  const heartbeat = { quietMs: 200, answerMs: 2_000 };
  const ana = guest(t, line.url, "ana", { heartbeat });
  const { room, shown } = await watch(ana, "lobby");
  await reaches(ana, "online");
  let changes = 0;
  ana.on("state", () => (changes += 1));
  await room.send("slow");
  await until(() => shown.length === 1, "the message");
  await pause(1_500);
  assert.equal(changes, 0);
});

test("what is asked without a connection waits for it, as far as the queue goes", async (t) => {
  const { server, line } = await serveBehindProxy(t);
  const ana = guest(t, line.url, "ana", { queue: { limit: 3 }, requestTimeoutMs: 8_000 });
  const ben = guest(t, server.url, "ben");
  const [anas, bens] = await Promise.all([watch(ana, "lobby"), watch(ben, "lobby")]);
  await reaches(ana, "online");
  line.refuse(true);
  line.cut();
  await reaches(ana, "reconnecting");

  const sent = ["one", "two", "three"].map((text) => anas.room.send(text));
  await assert.rejects(anas.room.send("four"), { code: "queue_full" });
  assert.equal(ana.unsent, 3);
  const heard = ben.once("waved");
  assert.equal(ana.emit("room:emit", { roomId: "lobby", event: "waved", data: 1 }), true);
  const asked = ana.presence(["ben"]);
  const late = ana.request("presence:get", { userIds: [] }, { timeoutMs: 50 });
  const dropped = ana.once("dropped");
  assert.equal(ana.emit("one too many"), false);
  assert.equal((await dropped).type, "one too many");
  await assert.rejects(late, { code: "timeout" });
  assert.deepEqual(bens.texts(), []);

  line.refuse(false);
  await reaches(ana, "online");
  assert.equal(await within(heard, 5000, "what was emitted"), 1);
  assert.equal((await asked)[0]?.status, "online");
  assert.deepEqual((await Promise.all(sent)).map(({ seq }) => seq), [1, 2, 3]);
  await until(() => bens.shown.length === 3, "the messages");
  assert.deepEqual(bens.texts(), ["one", "two", "three"]);
});

test("a server that restarts asks its clients to come back later, and they miss nothing", async (t) => {
  const first = await serve(t);
  const [ana, ben] = [guest(t, first.url, "ana"), guest(t, first.url, "ben", { transports: ["sse"] })];
  const [anas, bens] = await Promise.all([watch(ana, "lobby"), watch(ben, "lobby")]);
  await Promise.all([reaches(ana, "online"), reaches(ben, "online")]);
  await anas.room.send("before");
  await until(() => bens.shown.length === 1, "the first message");
  const changes = [ana, ben].map((client) => client.once("state"));
  await first.end("SIGTERM");
  for (const change of changes) {
    const { state, retryAt } = await within(change, 5000, "end of the connection");
    assert.equal(state, "reconnecting");
    // It asks for a second.
    assert.ok(retryAt - Date.now() > 500, `to come back in ${retryAt - Date.now()} ms`);
  }
  const unsent = bens.room.send("meanwhile");
  await serve(t, { port: first.port, home: first.home });
  await unsent;
  await until(() => anas.shown.length === 2, "what was said meanwhile");
  assert.deepEqual([anas.texts(), anas.resets()], [["before", "meanwhile"], 0]);
});

test("a server that is killed takes nothing along that it had acknowledged", async (t) => {
  const first = await serve(t);
  const [ana, ben] = [guest(t, first.url, "ana"), guest(t, first.url, "ben", { transports: ["poll"] })];
  const [anas, bens] = await Promise.all([watch(ana, "lobby"), watch(ben, "lobby")]);
  const wanted = Array.from({ length: 90 }, (_, index) => `${index}`);
  const sent = wanted.map((text) => anas.room.send(text));
  await until(() => bens.shown.length > 0, "a first message");
  await first.end("SIGKILL");
  await serve(t, { port: first.port, home: first.home });
  await Promise.all(sent);
  for (const page of [anas, bens]) {
    await until(() => page.shown.length >= wanted.length, "all messages");
    assert.deepEqual(page.texts(), wanted);
  }
});

test("a room that has been lost with its store is begun anew", async (t) => {
  const first = await serve(t);
  const ana = guest(t, first.url, "ana");
  const anas = await watch(ana, "lobby");
  for (const text of ["one", "two", "three"]) await anas.room.send(text);
  await until(() => anas.shown.length === 3, "the messages");
  const reset = anas.room.once("room:reset");
  await first.end("SIGKILL");
  await serve(t, { port: first.port });
  const { missed, messages, lastSeq } = await within(reset, 5000, "reset");
  assert.deepEqual([missed, messages, lastSeq], [true, [], 0]);
  await anas.room.send("four");
  await until(() => anas.texts().at(-1) === "four", "what is said since");
});

test("a token that does not come is asked for again", async (t) => {
  const { url } = await serve(t, { dev: false, settings: WITH_TOKENS });
  /** @type {(Promise<string> | string)[]} */
  const tokens = [new Promise(() => {}), Promise.reject(new Error("no token today")), token("ana", 3600)];
  tokens.forEach((it) => Promise.resolve(it).catch(() => {}));
  const ana = guest(t, url, "ana", { getToken: () => /** @type {any} */ (tokens.shift()), connectTimeoutMs: 500 });
  /** @type {any[]} */
  const errors = [];
  ana.on("state", ({ error }) => error && errors.push(error.message));
  await reaches(ana, "online");
  assert.deepEqual(errors, ["getToken gave no token within 500 ms.", "no token today"]);
});

test("a client that missed more than the server tells begins anew, and is told", async (t) => {
  const { server, line } = await serveBehindProxy(t, { settings: ["chat.history_page=5", "chat.history_max=5"] });
  const [ana, ben] = [guest(t, line.url, "ana"), guest(t, server.url, "ben")];
  const [anas, bens] = await Promise.all([watch(ana, "lobby"), watch(ben, "lobby")]);
  await bens.room.send("0");
  await until(() => anas.shown.length === 1, "the first message");
  line.refuse(true);
  line.cut();
  await reaches(ana, "reconnecting");
  for (let n = 1; n <= 9; n++) await bens.room.send(`${n}`);
  const reset = anas.room.once("room:reset");
  line.refuse(false);
  const { missed, messages, lastSeq } = await within(reset, 5000, "reset");
  const texts = messages.map((/** @type {any} */ it) => it.content);
  assert.deepEqual([missed, texts, lastSeq], [true, ["5", "6", "7", "8", "9"], 10]);
  await bens.room.send("10");
  await until(() => anas.texts().at(-1) === "10", "what is said since");
});

test("edits and deletions of the time away are told", async (t) => {
  const { server, line } = await serveBehindProxy(t);
  const [ana, ben] = [guest(t, line.url, "ana"), guest(t, server.url, "ben")];
  const [anas, bens] = await Promise.all([watch(ana, "lobby"), watch(ben, "lobby")]);
  const [one, two] = [await bens.room.send("one"), await bens.room.send("two")];
  await until(() => anas.shown.length === 2, "the messages");
  /** @type {any[]} */
  const heard = [];
  for (const name of ["chat:message", "chat:edited", "chat:deleted"]) {
    anas.room.on(name, (data) => heard.push([name, data.messageId, data.seq, data.content]));
  }
  line.refuse(true);
  line.cut();
  await reaches(ana, "reconnecting");
  await bens.room.edit(one.messageId, "uno");
  const three = await bens.room.send("three");
  await bens.room.delete(two.messageId);
  line.refuse(false);
  await until(() => heard.length === 3, "what happened meanwhile");
  assert.deepEqual(heard, [
    ["chat:edited", one.messageId, 3, "uno"],
    ["chat:message", three.messageId, 4, "three"],
    ["chat:deleted", two.messageId, 5, undefined],
  ]);
});

for (const transport of /** @type {const} */ (["ws", "sse", "poll"])) {
  test(`a token is renewed before it expires, over ${transport}`, async (t) => {
    const settings = [...WITH_TOKENS, "auth.expiring_notice=2s", "auth.leeway=0s"];
    const { url } = await serve(t, { dev: false, settings });
    let asked = 0;
    const getToken = async () => token("ana", ++asked === 1 ? 3 : 3600);
    const ana = guest(t, url, "ana", { getToken, transports: [transport] });
    await watch(ana, "lobby");
    await reaches(ana, "online");
    let changes = 0;
    ana.on("state", () => (changes += 1));
    await within(ana.once("auth:expiring"), 5000, "notice");
    await until(() => asked === 2, "a new token");
    await pause(3_500);
    assert.deepEqual([changes, asked, ana.state], [0, 2, "online"]);
  });

  test(`a token that has expired is replaced by the next connection, over ${transport}`, async (t) => {
    const { url } = await serve(t, { dev: false, settings: [...WITH_TOKENS, "auth.leeway=0s"] });
    let asked = 0;
    const getToken = () => token("ana", ++asked === 1 ? -60 : 3600);
    const ana = guest(t, url, "ana", { getToken, transports: [transport] });
    const { error } = await within(ana.once("state"), 5000, "refusal");
    assert.equal(error.code, "token_expired");
    await reaches(ana, "online");
    assert.equal(asked, 2);
  });

  test(`a client that is refused stays away until it is opened again, over ${transport}`, async (t) => {
    const { url } = await serve(t, { dev: false, settings: WITH_TOKENS });
    let given = "no token at all";
    const ana = guest(t, url, "ana", { getToken: () => given, transports: [transport] });
    const waiting = ana.join("lobby");
    await assert.rejects(waiting, { code: "closed" });
    assert.equal(ana.state, "closed");
    given = token("ana", 3600);
    ana.open();
    await reaches(ana, "online");
    await assert.rejects(ana.join("secret"), { code: "permission_denied" });
  });
}

test("a client that waits for its next attempt makes it now when it is told to", async (t) => {
  const { line } = await serveBehindProxy(t);
  const ana = guest(t, line.url, "ana", { backoff: { firstMs: 600_000, longestMs: 600_000 } });
  await reaches(ana, "online");
  const lost = ana.once("state");
  line.cut();
  assert.equal((await within(lost, 5000, "end of the connection")).state, "reconnecting");
  ana.retry();
  await reaches(ana, "online");
  ana.retry();
  assert.equal(ana.state, "online", "there is nothing to try");
});

test("a page that is shown again tries at once", async (t) => {
  const { line } = await serveBehindProxy(t);
  const ana = guest(t, line.url, "ana", { backoff: { firstMs: 60_000, longestMs: 60_000 } });
  await reaches(ana, "online");
  // As a browser has it.
  const page = Object.assign(new EventTarget(), { visibilityState: "visible" });
  const { document, addEventListener, removeEventListener } = globalThis;
  Object.assign(globalThis, { document: page, addEventListener() {}, removeEventListener() {} });
  t.after(() => Object.assign(globalThis, { document, addEventListener, removeEventListener }));
  ana.close();
  ana.open();
  await reaches(ana, "online");
  line.cut();
  await reaches(ana, "reconnecting");
  page.dispatchEvent(new Event("visibilitychange"));
  await reaches(ana, "online", 3_000);
  ana.close();
});

test("a hundred rooms are joined again without being refused for haste", async (t) => {
  const { line } = await serveBehindProxy(t, { generous: false });
  const ana = guest(t, line.url, "ana", { backoff: QUICK });
  const rooms = Array.from({ length: 100 }, (_, index) => `room-${index}`);
  /** @type {any[]} */
  const changes = [];
  ana.on("state", (change) => changes.push(change));
  const joined = Promise.all(rooms.map((roomId) => ana.join(roomId)));
  await within(joined, 15_000, "all rooms");
  const away = ana.once("state");
  line.cut();
  assert.equal((await within(away, 5000, "end of the connection")).state, "reconnecting");
  await until(async () => (await joined).every((room) => room.joined), "all rooms again", 15_000);
  await reaches(ana, "online");
  assert.deepEqual(changes.map(({ state }) => state), ["online", "reconnecting", "online"]);
});
