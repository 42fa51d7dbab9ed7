// A shared text, with editors on every transport, whose server is killed while they type.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { serve } from "../lib/tidings.mjs";
import { pause, until } from "../lib/wait.mjs";
import { enter, fresh, GENEROUS } from "./cast.mjs";
import { Editor } from "./editor.mjs";
import { closeAll, NAMES } from "./transports.mjs";

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
