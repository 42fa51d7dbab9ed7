// A room of five thousand messages, read from its end to its beginning.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { Cast, message, online, say, shot, texts } from "./cast.mjs";

/** @typedef {import("playwright-core").Page} Page */

/** Node 20 has none of its own. */
const WebSocketOfNode = createRequire(new URL("../package.json", import.meta.url))("ws").WebSocket;

const MESSAGES = 5_000;
const AT_ONCE = 250;
const NODES_MOST = 200;

/** @type {Cast} */
let cast;
/** @type {Page} */
let ana;
/** The numbers of the messages in the order of the room. @type {number[]} */
const order = [];

before(async () => {
  cast = await Cast.gather();
  for (let from = 1; from <= MESSAGES; from += AT_ONCE) {
    await fill(from, AT_ONCE);
  }
  // What is sent without waiting for answers may overtake what was sent before; the room's order is the one that counts.
  while (order.length < MESSAGES) {
    const before = order.length === 0 ? undefined : MESSAGES - order.length + 1;
    const { messages } = await cast.rpc("id=scribe", "chat:history", { roomId: "lobby", before, limit: 500 });
    order.unshift(...messages.map((/** @type {{content: string}} */ it) => numberOf(it.content)));
  }
  ana = await cast.enter("Ana");
  // From here on, every state of the list counts, and not only those that a test happens to look at.
  await ana.evaluate(() => {
    const list = document.getElementById("messages");
    if (!list) throw new Error("there is no list");
    const here = /** @type {any} */ (globalThis);
    here.most = list.childElementCount;
    new MutationObserver(() => (here.most = Math.max(here.most, list.childElementCount))).observe(list, { childList: true });
  });
});
after(() => cast?.disperse());

/** Has so many messages said in the lobby. @param {number} from @param {number} count */
async function fill(from, count) {
  const socket = new WebSocketOfNode(`${cast.server.url.replace("http", "ws")}/ws`);
  await once(socket, "open");
  const stored = new Promise((resolve, reject) => {
    let answers = 0;
    socket.on("message", (/** @type {Buffer} */ data) => {
      const frame = JSON.parse(String(data));
      if (frame.type !== "ack") return;
      if (frame.data.success === false) reject(new Error(String(data)));
      if (++answers === count) resolve(undefined);
    });
  });
  socket.send(JSON.stringify({ type: "auth", data: { id: "scribe", username: "Scribe" } }));
  for (let number = from; number < from + count; number += 1) {
    // Of different heights, since a guess of them is what a long list stands on.
    const content = `Message ${number}${number % 7 === 0 ? "\nwith a second line\nand a third" : ""}`;
    socket.send(JSON.stringify({ type: "chat:send", id: number, data: { roomId: "lobby", content } }));
  }
  await stored;
  socket.close();
}

/** The numbers of the messages that are drawn. @param {Page} page */
const numbers = async (page) => (await texts(page)).map(numberOf);

/** @param {string} text */
const numberOf = (text) => Number(/^Message (\d+)/.exec(text)?.[1]);

/** @param {Page} page */
const visible = (page) =>
  page.evaluate(() => {
    const scroller = document.getElementById("scroller")?.getBoundingClientRect();
    if (!scroller) return null;
    for (const article of document.querySelectorAll("article.message")) {
      const { top, bottom } = article.getBoundingClientRect();
      if (bottom > scroller.top + 1) return { text: article.querySelector(".text")?.textContent ?? "", offset: Math.round(top - scroller.top) };
    }
    return null;
  });

test("the page begins at the end", async () => {
  await ana.locator("article").last().waitFor();
  assert.equal((await numbers(ana)).at(-1), order.at(-1));
  assert.equal(await ana.locator("#jump").isVisible(), false);
});

test("what is fetched above does not move what is read", async () => {
  await ana.locator("#scroller").hover();
  await ana.mouse.wheel(0, -300);
  const first = async () => order.indexOf((await numbers(ana))[0] ?? 0);
  let moves = 0;
  for (let step = 0; step < 12; step += 1) {
    await ana.mouse.wheel(0, -400);
    // Whatever the wheel has begun comes to an end.
    await ana.evaluate(() => new Promise((resolve) => setTimeout(resolve, 250)));
    const [before, from] = [await visible(ana), await first()];
    await ana.waitForFunction(() => document.getElementById("messages")?.ariaBusy !== "true");
    await ana.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
    assert.deepEqual(await visible(ana), before);
    if ((await first()) !== from) moves += 1;
    if (moves > 2) break;
  }
  await ana.locator("#jump").waitFor();
});

test("reading back to the beginning shows every message, in order, with few of them in the document", async () => {
  /** @type {Set<number>} */
  const seen = new Set();
  const until = Date.now() + 60_000;
  while (!seen.has(0)) {
    const drawn = await numbers(ana);
    const from = order.indexOf(drawn[0] ?? 0);
    assert.deepEqual(drawn, order.slice(from, from + drawn.length), "one after the other");
    for (const i of drawn.keys()) seen.add(from + i);
    assert.ok(Date.now() < until, `no further than ${Math.min(...seen)}`);
    await ana.mouse.wheel(0, -1_500);
    await ana.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
  }
  // The newest had gone by before.
  const gaps = Array.from({ length: MESSAGES - 500 }, (_, i) => i).filter((i) => !seen.has(i));
  assert.deepEqual(gaps.slice(0, 20), []);
  await ana.getByText("This is the beginning of #lobby").waitFor();
  await shot(ana, "history-beginning");
});

test("what is said meanwhile does not tear the reader away, and one button leads to it", async () => {
  const before = await visible(ana);
  await cast.rpc("id=late&username=Late", "chat:send", { roomId: "lobby", content: "Message 5001" });
  await ana.locator("#jump").getByText("1 new").waitFor();
  assert.deepEqual(await visible(ana), before);
  await ana.locator("#jump").click();
  await message(ana, "Message 5001").waitFor();
  await say(ana, "Message 5002");
  await message(ana, "Message 5002").locator(".mark").waitFor();
  const most = await ana.evaluate(() => /** @type {any} */ (globalThis).most);
  assert.ok(most <= NODES_MOST && most > 20, `${most} messages were in the document at once`);
});

test("the keyboard goes through the messages", async () => {
  await ana.locator("article[tabindex='0']").last().focus();
  await ana.keyboard.press("ArrowUp");
  await ana.keyboard.press("ArrowUp");
  const focused = () => ana.evaluate(() => document.activeElement?.querySelector(".text")?.textContent);
  assert.equal(numberOf((await focused()) ?? ""), order.at(-1));
  await ana.keyboard.press("Home");
  // As far back as the page still has it: what was read long ago is fetched again when it is wanted.
  const home = order.indexOf(numberOf((await focused()) ?? ""));
  assert.ok(home >= 0 && home < MESSAGES - 500, `the focus is at ${home}`);
  await ana.keyboard.press("End");
  assert.match((await focused()) ?? "", /^Message 5002/);
  await ana.reload();
  await online(ana);
  await message(ana, "Message 5002").waitFor();
});

test("the browser had nothing to complain about", () => assert.deepEqual(cast.complaints, []));
