// A shared text, with editors on every transport, whose server is killed while they type.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { serve } from "../lib/tidings.mjs";
import { pause, until } from "../lib/wait.mjs";
import { assertFault, enter, fresh, GENEROUS } from "./cast.mjs";
import { Editor } from "./editor.mjs";
import { closeAll, NAMES } from "./transports.mjs";

const METRICS = "a token of this test's own";
const SETTINGS = { ...GENEROUS, "documents.history": 100_000 };

/** @type {import("../lib/tidings.mjs").Tidings} */
let server;
before(async () => {
  server = await serve({ settings: SETTINGS });
});
after(async () => {
  await closeAll();
  await server.stop();
});

/** The server dies at once, and comes back with what is on the disk. */
async function kill() {
  const { pid } = server;
  process.kill(pid, "SIGKILL");
  const gone = () => {
    try {
      return !process.kill(pid, 0);
    } catch {
      return true;
    }
  };
  await until(gone, "the end of the server");
  server = await serve({ settings: SETTINGS, at: server });
}

/** The text as somebody finds it who has not seen it before. @param {string} documentId */
async function found(documentId) {
  const reader = await enter(server.url, "WebSocket with JSON");
  const joined = await reader.done("doc:join", { documentId });
  await reader.close();
  return joined;
}

describe("a shared text", () => {
  it("is the same for all in the end, and has everything that was acknowledged once, whenever the server is killed", async () => {
    const documentId = fresh("text").slice(0, 100);
    const editors = [...NAMES, ...NAMES].map((transport) => new Editor(server.url, transport, documentId));
    const running = editors.map((it) => it.run());
    await until(() => editors.every((it) => it.connections > 0), "all editors are there", 10_000);
    /** @type {Map<string, string>} */
    const marks = new Map();
    let typing = true;
    const type = async (editor, number) => {
      for (let i = 0; typing; i += 1) {
        const { text } = editor;
        const letter = text.search(/[a-z]/);
        if (i % 3 === 2 && letter >= 0) {
          editor.edit({ type: "delete", position: letter, length: 1 });
        } else {
          // Before a mark or at the end, so that none is cut in two, nor any character.
          const places = [...text.matchAll(/【/g)].map((it) => it.index ?? 0);
          places.push(text.length);
          const position = places[Math.floor(Math.random() * places.length)];
          const mark = `【${number}-${i}】`;
          marks.set(mark, editor.user.id);
          editor.edit({ type: "insert", position, content: `${mark}ab e\u0301 𠜎😀` });
        }
        await pause(10 + Math.random() * 40);
      }
    };
    const typed = editors.map(type);
    for (let times = 0; times < 2; times += 1) {
      await pause(700);
      await kill();
      const back = editors.map((it) => it.connections);
      await until(() => editors.every((it, i) => it.connections >= Math.max(back[i], times + 2)), "all are back", 20_000);
    }
    await pause(500);
    typing = false;
    await Promise.all(typed);
    await until(() => editors.every((it) => it.isQuiet), "every operation has been answered", 30_000);
    const { content, version } = await found(documentId);
    await until(() => editors.every((it) => it.version === version), "everybody has heard of everything", 10_000);
    for (const editor of editors) assert.equal(editor.text, content, editor.transport);
    for (const [mark, author] of marks) {
      assert.equal(content.split(mark).length - 1, 1, `${mark} of ${author}`);
    }
    assert.ok(marks.size > editors.length && editors.every((it) => it.acknowledged.length > 3));
    await Promise.all(editors.map((it) => it.end()));
    await closeAll();
    await Promise.all(running);
    await kill();
    assert.deepEqual((await found(documentId)).content, content, "it is on the disk");
  });
});

describe("the bounds of shared texts", () => {
  /** @type {import("../lib/tidings.mjs").Tidings} */
  let narrow;
  before(async () => {
    narrow = await serve({
      settings: {
        ...GENEROUS,
        "documents.text_units": 10,
        "documents.editors": 2,
        "documents.max_per_connection": 2,
        "documents.history": 2,
        "documents.idle": "1s",
        "metrics.token": METRICS,
      },
    });
  });
  after(() => narrow.stop());

  /** @param {string} documentId @param {number} version @param {string} content */
  const insertion = (documentId, version, content) => ({
    documentId,
    version,
    operationId: `${version} ${content}`,
    type: "insert",
    position: 0,
    content,
  });

  it("say what is too much, and nothing of it is done", async () => {
    const [a, b, c] = await Promise.all([1, 2, 3].map(() => enter(narrow.url, "WebSocket with JSON")));
    const documentId = fresh("small").slice(0, 50);
    for (const other of ["one", "two"]) await a.done("doc:join", { documentId: other });
    assertFault(await a.ask("doc:join", { documentId }), "too_many_rooms", /2 documents/);
    await a.done("doc:leave", { documentId: "one" });
    for (const it of [a, b]) await it.done("doc:join", { documentId });
    assertFault(await c.ask("doc:join", { documentId }), "overloaded", /2 editors/);
    assertFault(await c.ask("doc:cursor", { documentId, position: 0 }), "not_a_member", /doc:join/);
    await b.close();
    await until(async () => (await c.ask("doc:join", { documentId })).success, "the place of who has gone");

    assert.equal((await a.done("doc:operation", insertion(documentId, 0, "0123456789"))).version, 1);
    assertFault(await c.ask("doc:operation", insertion(documentId, 1, "x")), "too_large", /10 UTF-16 units/);
    const { content, version } = await c.done("doc:join", { documentId });
    assert.deepEqual([content, version], ["0123456789", 1]);
    await Promise.all([a.close(), c.close()]);
  });

  it("keep so much of the past, and say when it does not reach", async () => {
    const writer = await enter(narrow.url, "WebSocket with JSON");
    const documentId = fresh("past").slice(0, 50);
    for (let version = 0; version < 4; version += 1) {
      await writer.done("doc:operation", insertion(documentId, version, String(version)));
    }
    assertFault(await writer.ask("doc:operation", insertion(documentId, 1, "late")), "out_of_sync", /too old/);
    const near = await writer.done("doc:join", { documentId, version: 2 });
    assert.deepEqual([near.recovered, near.operations.map((it) => it.content)], [true, ["2", "3"]]);
    const far = await writer.done("doc:join", { documentId, version: 1 });
    assert.deepEqual([far.recovered, far.content, far.operations], [false, "3210", undefined]);
    const ahead = await writer.done("doc:join", { documentId, version: 9 });
    assert.deepEqual([ahead.recovered, ahead.content], [false, "3210"]);
    await writer.close();
  });

  it("let a text go out of memory that nobody has open, with its past and what may be sent again", async () => {
    const documentId = fresh("idle").slice(0, 50);
    const writer = await enter(narrow.url, "WebSocket with JSON");
    const operation = insertion(documentId, 0, "kept");
    await writer.done("doc:operation", operation);
    const inMemory = async () => {
      const headers = { Authorization: `Bearer ${METRICS}` };
      const page = await (await fetch(`${narrow.url}/metrics`, { headers })).text();
      return Number(/^tidings_documents (\d+)$/m.exec(page)?.[1]);
    };
    await until(async () => (await inMemory()) === 0, "an empty memory", 10_000);
    assert.equal((await writer.done("doc:operation", operation)).version, 1, "it is known still");
    const { content, version } = await writer.done("doc:join", { documentId });
    assert.deepEqual([content, version], ["kept", 1]);
    assert.ok((await inMemory()) > 0);
    await writer.close();
  });
});
