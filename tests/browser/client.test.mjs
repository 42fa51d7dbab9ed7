// The JavaScript client in a page: each transport, and a browser that loses its network.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";
import { serve } from "./server.mjs";

const source = new URL("../../clients/js/src/", import.meta.url);

/** @type {Awaited<ReturnType<typeof serve>>} */
let server;
/** @type {import("playwright-core").Browser} */
let browser;
/** @type {string} */
let site;
/** Serves a page that has the client, from another origin than the server's. */
const pages = createServer(async (request, response) => {
  const path = new URL(request.url ?? "/", "http://localhost").pathname;
  const isModule = path.endsWith(".js");
  const body = isModule ? await readFile(fileURLToPath(new URL(`.${path}`, source))).catch(() => null) : "<!doctype html>";
  response.writeHead(body === null ? 404 : 200, { "content-type": isModule ? "text/javascript" : "text/html" });
  response.end(body);
});

before(async () => {
  server = await serve();
  await new Promise((resolve) => pages.listen(0, "127.0.0.1", () => resolve(undefined)));
  site = `http://127.0.0.1:${/** @type {import("node:net").AddressInfo} */ (pages.address()).port}/`;
  const args = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"];
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args });
});

after(async () => {
  await browser?.close();
  pages.close();
  await server?.kill();
  await server?.forget();
});

/**
 * A page in a context of its own with a client in a room; `globalThis.client`, `.texts` and `.states` are there to look at.
 * @param {string} id @param {string[]} transports
 */
async function open(id, transports) {
  const context = await browser.newContext();
  const page = await context.newPage();
  /** @type {string[]} */
  const errors = [];
  page.on("pageerror", (error) => errors.push(error.message));
  await page.goto(site);
  await page.evaluate(
    async ({ url, id, transports }) => {
      /** @type {any} */
      const here = globalThis;
      const { connect } = await import(/** @type {any} */ ("/index.js"));
      here.client = connect(url, { guest: { id }, transports, heartbeat: { quietMs: 500, answerMs: 1_000 } });
      here.states = [];
      here.texts = [];
      here.client.on("state", (/** @type {any} */ { state }) => here.states.push(state));
      const room = here.client.room("lobby");
      room.on("room:reset", (/** @type {any} */ { messages }) => (here.texts = messages.map((/** @type {any} */ it) => it.content)));
      room.on("chat:message", (/** @type {any} */ { content }) => here.texts.push(content));
      await room.join();
    },
    { url: server.url, id, transports },
  );
  const send = (/** @type {string} */ text) => page.evaluate((text) => /** @type {any} */ (globalThis).client.send("lobby", text).then(() => {}), text);
  const shows = (/** @type {string[]} */ texts) =>
    page.waitForFunction((texts) => JSON.stringify(/** @type {any} */ (globalThis).texts) === JSON.stringify(texts), texts, { timeout: 10_000 });
  const reaches = (/** @type {string} */ state) =>
    page.waitForFunction((state) => /** @type {any} */ (globalThis).client.state === state, state, { timeout: 10_000 });
  return { context, page, errors, send, shows, reaches };
}

test("pages talk over every transport, and one that loses its network misses nothing", async () => {
  const [ws, sse, poll] = await Promise.all(["ws", "sse", "poll"].map((transport) => open(transport, [transport])));
  assert.ok(ws && sse && poll);
  const all = [ws, sse, poll];
  await ws.send("one");
  await sse.send("two");
  await poll.send("three");
  for (const page of all) await page.shows(["one", "two", "three"]);

  for (const away of all) {
    await away.context.setOffline(true);
    await away.reaches("offline");
  }
  const unsent = all.map((page, index) => page.send(`offline ${index}`));
  for (const back of all) {
    await back.context.setOffline(false);
    await back.reaches("online");
  }
  await Promise.all(unsent);
  const shown = await Promise.all(
    all.map(async ({ page }) => {
      await page.waitForFunction(() => /** @type {any} */ (globalThis).texts.length === 6, null, { timeout: 10_000 });
      return page.evaluate(() => /** @type {string[]} */ (/** @type {any} */ (globalThis).texts));
    }),
  );
  for (const texts of shown) {
    assert.deepEqual(texts, shown[0], "every page is shown the same");
    assert.deepEqual([...texts].sort(), ["offline 0", "offline 1", "offline 2", "one", "three", "two"]);
  }
  for (const { errors } of all) assert.deepEqual(errors, []);
});
