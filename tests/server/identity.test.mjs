// Who is let in, as whom, for how long, and into which rooms: a server set up as in production, and every transport.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { hs256, rs256, rsaPair, unsigned } from "../lib/jwt.mjs";
import { inSeconds, SECRET, serve } from "../lib/tidings.mjs";
import { within } from "../lib/wait.mjs";
import { assertFault, enter as enterWith, flush, fresh, GENEROUS, heardByAll, joinAll } from "./cast.mjs";
import { closeAll, isHttp, NAMES, Refused, TRANSPORTS } from "./transports.mjs";

const PREVIOUS = randomBytes(32).toString("hex");
const ISSUER = "https://login.example.com/";
const AUDIENCE = "tidings";
const rsa = rsaPair();
const otherRsa = rsaPair();

const CONFIG = `
[auth]
previous_secret = "${PREVIOUS}"
issuer = "${ISSUER}"
audience = "${AUDIENCE}"
leeway = "0s"
timeout = "1s"
expiring_notice = "1s"

[rooms]
public = ["lobby", "公开:*"]
`;

/** @type {import("../lib/tidings.mjs").Tidings} */
let server;
/** Takes tokens of a public key. @type {import("../lib/tidings.mjs").Tidings} */
let withPublicKey;
before(async () => {
  server = await serve({ config: CONFIG, settings: GENEROUS, log: "debug" });
  withPublicKey = await serve({
    secret: null,
    config: `[auth]\nalgorithm = "RS256"\npublic_key = """\n${rsa.publicKey}"""\n`,
    settings: GENEROUS,
  });
});
after(async () => {
  await closeAll();
  await withPublicKey.stop();
  await server.stop();
});

const good = () => ({ sub: fresh("用户"), iss: ISSUER, aud: AUDIENCE, exp: inSeconds(600) });
/** @param {string} transport @param {object} [claims] @param {object} [options] */
const enter = (transport, claims = {}, options = {}) =>
  enterWith(server.url, transport, { ...options, claims: { iss: ISSUER, aud: AUDIENCE, rooms: [], ...claims } });

/** @param {Promise<any>} attempt @returns {Promise<Refused>} */
async function refusal(attempt) {
  /** @type {any} */
  const outcome = await attempt.then((client) => client.close().then(() => "let in"), (error) => error);
  if (!(outcome instanceof Refused)) throw new Error(`not refused: ${outcome.stack ?? outcome}`);
  return outcome;
}

/** @param {Refused} refused @param {string} transport @param {string} code @param {number} closeCode */
function assertRefused(refused, transport, code, closeCode) {
  assert.equal(refused.code, code, refused.message);
  assert.match(refused.message, /^\S.*\.$/);
  if (isHttp(transport)) assert.equal(refused.status, 401);
  if (transport.startsWith("WebSocket")) assert.equal(refused.closeCode, closeCode);
}

/** @param {string} transport @param {import("./transports.mjs").Closed} closed @param {number} code */
function assertClosed(transport, closed, code) {
  if (transport.startsWith("WebSocket")) return assert.equal(closed.code, code);
  if (!transport.startsWith("Socket.IO")) return;
  // Unmodified clients stay away after the packet that this reason stands for, and come back after any other end.
  assert.equal(closed.reason === "io server disconnect", code >= 3500, closed.reason);
  if (code < 3500 && transport.endsWith("WebSocket")) assert.equal(closed.code, code);
}

/** Tokens that do not count. @type {Record<string, [string, () => string]>} */
const BAD = {
  "no token at all": ["invalid_token", () => "nonsense"],
  "an empty one": ["invalid_token", () => ""],
  "a truncated one": ["invalid_token", () => hs256(SECRET, good()).slice(0, -5)],
  "one with other claims than were signed": [
    "invalid_token",
    () => {
      const [head, , signature] = hs256(SECRET, good()).split(".");
      const claims = Buffer.from(JSON.stringify({ ...good(), admin: true })).toString("base64url");
      return `${head}.${claims}.${signature}`;
    },
  ],
  "another key's": ["invalid_token", () => hs256(randomBytes(32).toString("hex"), good())],
  "alg none": ["invalid_token", () => unsigned(good())],
  "alg none with a signature": ["invalid_token", () => unsigned(good()) + hs256(SECRET, good()).split(".")[2]],
  "RS256 where a secret is configured": ["invalid_token", () => rs256(rsa.privateKey, good())],
  "an expired one": ["token_expired", () => hs256(SECRET, { ...good(), exp: inSeconds(-5) })],
  "one without an end": ["invalid_token", () => hs256(SECRET, { ...good(), exp: undefined })],
  "one that does not count yet": ["invalid_token", () => hs256(SECRET, { ...good(), nbf: inSeconds(60) })],
  "one for somebody else": ["invalid_token", () => hs256(SECRET, { ...good(), aud: "another service" })],
  "one for nobody": ["invalid_token", () => hs256(SECRET, { ...good(), aud: undefined })],
  "another issuer's": ["invalid_token", () => hs256(SECRET, { ...good(), iss: "https://evil.example.com/" })],
  "no issuer's": ["invalid_token", () => hs256(SECRET, { ...good(), iss: undefined })],
  "nobody's": ["invalid_token", () => hs256(SECRET, { ...good(), sub: undefined })],
  "one of a user with an empty id": ["invalid_token", () => hs256(SECRET, { ...good(), sub: " " })],
  "one with a room pattern that is none": ["invalid_token", () => hs256(SECRET, { ...good(), rooms: ["a*b"] })],
};

for (const transport of NAMES) {
  describe(`identity over ${transport}`, () => {
    it("refuses every token that does not count, wherever it stands", async () => {
      for (const [title, [code, make]] of Object.entries(BAD)) {
        for (const bearer of [false, true]) {
          // An empty header or parameter is as good as none.
          if (title === "an empty one") continue;
          const refused = await refusal(TRANSPORTS[transport](server.url, { token: make(), bearer })).catch((error) => {
            throw new Error(`${title}${bearer ? ", in the header" : ""}: ${error.message}`);
          });
          assertRefused(refused, transport, code, code === "token_expired" ? 3005 : 3500);
        }
      }
    });

    it("takes good tokens: of either secret, for several audiences, in a parameter and in a header", async () => {
      for (const token of [
        hs256(SECRET, good()),
        hs256(PREVIOUS, good()),
        hs256(SECRET, { ...good(), aud: ["x", AUDIENCE], nbf: inSeconds(-5), jti: 7, rooms: ["a"], publish: ["b"] }),
        hs256(SECRET, { ...good(), exp: inSeconds(600) + 0.5 }),
      ]) {
        for (const bearer of [false, true]) {
          const client = await TRANSPORTS[transport](server.url, { token, bearer });
          assert.match(client.welcome.userId, /用户/);
          await client.close();
        }
      }
    });

    it("does not confuse a public key with a secret", async () => {
      const claims = { sub: "ana", exp: inSeconds(600) };
      const client = await TRANSPORTS[transport](withPublicKey.url, { token: rs256(rsa.privateKey, claims) });
      assert.equal(client.welcome.userId, "ana");
      await client.close();
      for (const token of [
        hs256(rsa.publicKey, claims),
        hs256(rsa.publicKey.trim(), claims),
        rs256(otherRsa.privateKey, claims),
        unsigned(claims),
      ]) {
        const refused = await refusal(TRANSPORTS[transport](withPublicKey.url, { token }));
        assertRefused(refused, transport, "invalid_token", 3500);
      }
    });

    it("knows no guests", async () => {
      const client = await TRANSPORTS[transport](server.url, { query: { id: "ana", username: "Ana" } });
      assertFault(await client.ask("chat:send", { roomId: "lobby", content: "x" }), "unauthenticated");
      assertFault(await client.ask("auth", { id: "ana", username: "Ana" }), "invalid_token", /guests/);
      await client.close();
    });

    it("closes a connection on which nobody signs in in time, and leaves the others", async () => {
      const [idle, late] = await Promise.all([TRANSPORTS[transport](server.url), TRANSPORTS[transport](server.url)]);
      const { userId } = await late.done("auth", { token: hs256(SECRET, good()) });
      const error = await idle.event("error");
      assert.equal(error.code, "unauthenticated");
      assertClosed(transport, await within(idle.closed, 5000, "close"), 3502);
      assert.equal((await late.done("presence:get", { userIds: [userId] })).users[0].status, "online");
      assert.equal(late.isClosed, false);
      await late.close();
    });

    it("closes a connection that guesses at tokens", async () => {
      const client = await TRANSPORTS[transport](server.url);
      const answer = client.ask("auth", { token: unsigned(good()) });
      assertFault(await answer, "invalid_token");
      assertClosed(transport, await within(client.closed, 5000, "close"), 3500);
    });

    it("announces the end of a token, and ends with it unless there is a new one", async () => {
      const exp = inSeconds(3);
      const [stays, goes] = await Promise.all([enter(transport, { exp }), enter(transport, { exp })]);
      const announced = await Promise.all([stays.event("auth:expiring"), goes.event("auth:expiring")]);
      assert.deepEqual(announced.map((it) => it.expiresAt), Array(2).fill(new Date(exp * 1000).toISOString()));
      assert.ok(Date.now() < exp * 1000, "ahead of it");
      const token = hs256(SECRET, { ...good(), sub: stays.user.id });
      const { expiresAt } = await stays.done("auth", { token });
      assert.ok(Date.parse(expiresAt) > exp * 1000);

      assert.equal((await goes.event("error")).code, "token_expired");
      assertClosed(transport, await within(goes.closed, 5000, "close"), 3005);
      assert.ok(Date.now() >= exp * 1000 - 50, "not before it");
      await stays.done("room:join", "lobby");
      await flush(stays, [stays], "lobby");
      assert.equal(stays.isClosed, false);
      assert.deepEqual(stays.heard("error"), []);
      await stays.close();
    });

    it("never gives a connection to another user", async () => {
      const client = await enter(transport);
      const other = hs256(SECRET, good());
      assertFault(await client.ask("auth", { token: other }), "already_authenticated", /belongs/);
      await client.done("room:join", "lobby");
      const { messageId } = await client.done("chat:send", { roomId: "lobby", content: "still me" });
      const message = await client.event("chat:message", (it) => it.messageId === messageId);
      assert.equal(message.senderId, client.user.id);
      await client.close();
    });

    it("opens the rooms that the token names, the public ones, and no other", async () => {
      const client = await enter(transport, { rooms: ["team:*", "项目-1"] });
      for (const [room, open] of /** @type {[string, boolean][]} */ ([
        ["team:red", true],
        ["team:", true],
        ["项目-1", true],
        ["lobby", true],
        ["公开:聊天", true],
        ["team", false],
        ["项目-12", false],
        ["lobby2", false],
        ["Team:red", false],
        ["*", false],
        ["公开", false],
      ])) {
        for (const [name, data] of /** @type {[string, any][]} */ ([
          ["room:join", room],
          ["room:members", room],
          ["chat:history", { roomId: room }],
          ["chat:send", { roomId: room, content: "x" }],
          ["chat:read", { roomId: room, seq: 1 }],
          ["chat:receipts", room],
        ])) {
          const answer = await client.ask(name, data);
          if (open) assert.equal(answer.success, true, `${name} ${room}: ${JSON.stringify(answer)}`);
          else assertFault(answer, "permission_denied");
        }
      }
      await client.close();
    });

    it("lets a URL begin in rooms that are open, and in no other", async () => {
      const witness = await enter(NAMES[2], { rooms: ["*"] });
      const rooms = ["lobby", fresh("team:")];
      await joinAll([witness], rooms[0]);
      await joinAll([witness], rooms[1]);
      const client = await enter(transport, { rooms: ["team:*"] }, { rooms });
      for (const room of rooms) {
        await witness.event("room:user-joined", (it) => it.roomId === room && it.userId === client.user.id);
        const { messageId } = await witness.done("chat:send", { roomId: room, content: "x" });
        await client.event("chat:message", (it) => it.messageId === messageId);
      }
      await client.close();
      const refused = await refusal(enter(transport, {}, { rooms: ["lobby", "team:red"] }));
      assertRefused(refused, transport, "permission_denied", 3507);
      await witness.close();
    });

    it("lets send only where the claim publish says so", async () => {
      const client = await enter(transport, { rooms: ["a:*"], publish: ["a:write", "b:*"] });
      await joinAll([client], "a:read");
      await joinAll([client], "a:write");
      await client.done("chat:send", { roomId: "a:write", content: "x" });
      await client.done("room:emit", { roomId: "a:write", event: "move" });
      for (const [name, more] of /** @type {[string, object][]} */ ([
        ["chat:send", { content: "x" }],
        ["chat:edit", { content: "x", messageId: "m" }],
        ["chat:delete", { messageId: "m" }],
        ["room:emit", { event: "move" }],
      ])) {
        assertFault(await client.ask(name, { roomId: "a:read", ...more }), "permission_denied", /publish/);
      }
      assertFault(await client.ask("chat:send", { roomId: "b:1", content: "x" }), "permission_denied");
      await client.close();
      const mute = await enter(transport, { rooms: ["a:*"], publish: [] });
      await mute.done("room:join", "a:write");
      assertFault(await mute.ask("chat:send", { roomId: "a:write", content: "x" }), "permission_denied", /publish/);
      await mute.close();
    });

    it("keeps a private conversation from everybody else, whatever the token says", async () => {
      const [ana, bo, eve] = await Promise.all([
        enter(transport),
        enter(transport),
        enter(transport, { rooms: ["*", "dm:*"], admin: true }),
      ]);
      const { roomId, messageId } = await ana.done("chat:private", { to: bo.user.id, content: "between us" });
      for (const [name, data] of /** @type {[string, any][]} */ ([
        ["room:join", roomId],
        ["room:members", roomId],
        ["chat:history", { roomId }],
        ["chat:send", { roomId, content: "hello" }],
        ["chat:edit", { roomId, messageId, content: "hello" }],
        ["chat:delete", { roomId, messageId }],
        ["chat:read", { roomId, seq: 1 }],
        ["chat:receipts", roomId],
      ])) {
        assertFault(await eve.ask(name, data), "permission_denied");
      }
      assertFault(await eve.ask("room:emit", { roomId, event: "x" }), "not_a_member");
      assertFault(await eve.ask("typing:start", roomId), "not_a_member");
      const membership = { roomId, userId: eve.user.id };
      assertFault(await eve.ask("room:add-member", membership), "bad_request");
      // Other ways to write a room of two are nobody's.
      for (const name of [`dm:${eve.user.id}`, `dm:${eve.user.id}:`, `dm:z:${eve.user.id}:a`, "dm:", "dm:b:a"]) {
        assertFault(await eve.ask("room:join", name), "permission_denied");
      }
      await bo.done("chat:send", { roomId, content: "still between us" });
      await heardByAll([ana, bo], "chat:message", (it) => it.content === "still between us");
      assert.deepEqual(eve.heard("chat:message"), []);
      await Promise.all([ana, bo, eve].map((it) => it.close()));
    });

    it("puts a connection out of rooms that its new token does not open", async () => {
      const [one, two] = [fresh("a"), fresh("b")];
      const witness = await enter(NAMES[0], { rooms: ["*"] });
      const client = await enter(transport, { rooms: [one, two] });
      for (const room of [one, two]) await joinAll([witness, client], room);
      await client.done("auth", { token: hs256(SECRET, { ...good(), sub: client.user.id, rooms: [two] }) });
      assert.deepEqual(await client.event("room:removed"), { roomId: one });
      await witness.event("room:user-left", (it) => it.roomId === one && it.userId === client.user.id);
      const lost = await witness.done("chat:send", { roomId: one, content: "x" });
      await flush(witness, [client], two);
      assert.ok(!client.heard("chat:message").some((it) => it.messageId === lost.messageId));
      assertFault(await client.ask("chat:send", { roomId: one, content: "x" }), "permission_denied");
      await Promise.all([witness, client].map((it) => it.close()));
    });
  });
}

describe("identity", () => {
  it("is asked of a single command as well", async () => {
    const ask = async (token, command) => {
      const headers = { "Content-Type": "application/json", ...(token && { Authorization: `Bearer ${token}` }) };
      const body = JSON.stringify(command);
      const response = await fetch(`${server.url}/rpc`, { method: "POST", headers, body });
      return { status: response.status, body: /** @type {any} */ (await response.json()) };
    };
    const send = { type: "chat:send", data: { roomId: "lobby", content: "x" } };
    const sent = await ask(hs256(SECRET, good()), send);
    assert.deepEqual([sent.status, sent.body.success], [200, true]);
    assertFault((await ask(undefined, send)).body, "unauthenticated");
    for (const [title, [code, make]] of Object.entries(BAD)) {
      if (title === "an empty one") continue;
      const { status, body } = await ask(make(), send);
      assert.equal(status, 401, title);
      assertFault(body, code);
    }
    const closed = await ask(hs256(SECRET, good()), { ...send, data: { ...send.data, roomId: "closed" } });
    assertFault(closed.body, "permission_denied");
  });

  it("keeps memberships over a restart", async () => {
    let own = await serve({ settings: GENEROUS });
    const admin = await enterWith(own.url, NAMES[2], { claims: { admin: true } });
    const member = await enterWith(own.url, NAMES[2], { claims: { rooms: [] } });
    await admin.done("room:add-member", { roomId: "团队", userId: member.user.id });
    own = await own.restart();
    const back = await enterWith(own.url, NAMES[4], { claims: { rooms: [] }, user: member.user });
    await back.done("room:join", "团队");
    await Promise.all([admin, member, back].map((it) => it.close()));
    await own.stop();
  });

  it("may be anybody's in development, by each way in", async () => {
    const own = await serve({ dev: true, secret: null });
    for (const transport of NAMES) {
      const id = fresh("客人");
      const guest = await TRANSPORTS[transport](own.url, { guest: { id, username: "小红" } });
      assert.deepEqual([guest.welcome.userId, guest.welcome.username], [id, "小红"]);
      await guest.done("room:join", "any room");
      const nameless = await TRANSPORTS[transport](own.url);
      const { userId, username } = await nameless.done("auth", { id: "b" });
      assert.deepEqual([userId, username], ["b", "b"]);
      assertFault(await guest.ask("room:add-member", { roomId: "x", userId: "y" }), "permission_denied");
      assertRefused(
        await refusal(TRANSPORTS[transport](own.url, { token: hs256(SECRET, good()) })),
        transport,
        "invalid_token",
        3500,
      );
      await Promise.all([guest, nameless].map((it) => it.close()));
    }
    await own.stop();
  });

  it("does not show in the log", () => {
    const output = server.output();
    assert.doesNotMatch(output, /eyJhbGciOi/, "the beginning of every token");
    assert.ok(!output.includes(SECRET) && !output.includes(PREVIOUS));
  });
});
