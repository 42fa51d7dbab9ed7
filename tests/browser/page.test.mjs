// The page as a page: what it may load, that it can be used without a pointer, and in Chinese.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Cast, conversation, message, noSidewaysScroll, online, PHONE, say, shot } from "./cast.mjs";

/** @typedef {import("playwright-core").Page} Page */

/** @type {Cast} */
let cast;

before(async () => {
  cast = await Cast.gather();
});
after(() => cast?.disperse());

test("nothing but what the server itself serves may run, and all of it has a type", async () => {
  const page = await cast.window();
  /** @type {Map<string, string | undefined>} */
  const types = new Map();
  page.on("response", (response) => types.set(new URL(response.url()).pathname, response.headers()["content-type"]));
  const response = await page.goto(cast.server.url);
  await page.locator("#name").waitFor();
  const policy = response?.headers()["content-security-policy"] ?? "";
  assert.match(policy, /default-src 'none'/);
  assert.match(policy, /script-src 'self';/);
  assert.match(policy, /style-src 'self';/);
  assert.doesNotMatch(policy, /unsafe|https?:|\*/);
  for (const [path, type] of types) assert.match(type ?? "", /^(text\/(html|css|javascript)|image\/svg)/, path);
  assert.match(types.get("/client/index.js") ?? "", /javascript/, "the page runs on the client of the package");
  assert.equal(await page.locator("[style], script:not([src])").count(), 0, "no styles and no scripts within the page");
  await page.context().close();
});

test("who has a token needs no name, and the token stays out of sight", async () => {
  const { token, url } = cast.server;
  const page = await cast.window();
  await page.goto(`${url}/#token=${token}`);
  await online(page);
  assert.equal(await page.locator("#profile-button .name").textContent(), "Admin");
  assert.doesNotMatch(page.url(), /token/);
  await say(page, "An announcement");
  await message(page, "An announcement").waitFor();
  await page.getByText("What just happened").click();
  await page.locator("#frames li").filter({ hasText: '"token":"…"' }).waitFor();
  assert.ok(!(await page.locator("body").textContent())?.includes(token));
  await page.locator("#curl").getByText('Authorization: Bearer $TOKEN').waitFor();
  await page.context().close();

  const stranger = await cast.window();
  await stranger.goto(`${url}/#token=${token.slice(0, -4)}AAAA`);
  await stranger.locator("#connection").getByText("lets in nobody without a good token").waitFor();
  await stranger.getByRole("button", { name: "Try now" }).waitFor();
  await stranger.context().close();
});

test("everything can be done with the keyboard alone", async () => {
  const page = await cast.window();
  const { keyboard } = page;
  const focused = () => page.evaluate(() => document.activeElement?.id || document.activeElement?.getAttribute("aria-label") || document.activeElement?.textContent || "");
  /** Tab until something has the focus. @param {string | RegExp} wanted @param {string} [key] */
  const tabTo = async (wanted, key = "Tab") => {
    const passed = [];
    for (let i = 0; i < 40; i += 1) {
      await keyboard.press(key);
      const now = await focused();
      if (typeof wanted === "string" ? now === wanted : wanted.test(now)) return;
      passed.push(now);
    }
    assert.fail(`${wanted} was not reached: ${passed.join(" | ")}`);
  };
  await page.goto(cast.server.url);
  await page.getByRole("dialog").waitFor();
  await keyboard.type("Kim");
  await keyboard.press("Enter");
  await online(page);
  assert.equal(await focused(), "box", "one can write at once");
  await keyboard.type("one");
  await keyboard.press("Enter");
  await keyboard.type("two");
  await keyboard.press("Enter");
  await message(page, "two").locator(".mark.sent").waitFor();

  // Up into the messages, to the one before, and answer it.
  await tabTo(/^you at .*two/, "Shift+Tab");
  await keyboard.press("ArrowUp");
  assert.match(await focused(), /^you at .*one/);
  const ring = await page.evaluate(() => getComputedStyle(document.activeElement?.querySelector(".line") ?? document.body).outlineStyle);
  assert.equal(ring, "solid", "one sees where one is");
  await keyboard.press("Tab");
  assert.equal(await focused(), "Reply", "what can be done with a message follows it");
  await keyboard.press("Enter");
  await page.locator("#context").getByText("Reply to Kim").waitFor();
  await keyboard.press("Escape");
  assert.equal(await page.locator("#context").isVisible(), false);
  await keyboard.press("ArrowUp");
  await keyboard.type("!");
  await keyboard.press("Enter");
  await message(page, "two!edited").or(page.locator("article", { hasText: "two!" })).first().waitFor();

  // A room of one's own, and back with the arrow keys.
  await tabTo("new-room", "Shift+Tab");
  await keyboard.press("Enter");
  await keyboard.type("quiet");
  await keyboard.press("Enter");
  await page.locator("#title").getByText("quiet").waitFor();
  await tabTo("#quiet", "Shift+Tab");
  await keyboard.press("ArrowUp");
  await keyboard.press("Enter");
  await page.locator("#title").getByText("lobby").waitFor();

  // The panel, its tabs, the notifications; what was opened is closed by Escape, which leads back.
  await tabTo("people-tab");
  await keyboard.press("ArrowRight");
  assert.equal(await focused(), "live-tab");
  assert.equal(await page.locator("#live").isVisible(), true);
  await keyboard.press("ArrowLeft");
  await tabTo("bell", "Shift+Tab");
  await keyboard.press("Enter");
  await page.locator("#inbox:popover-open").waitFor();
  await keyboard.press("Escape");
  assert.equal(await page.locator("#inbox").isVisible(), false);
  assert.equal(await focused(), "bell");
  await tabTo("box");
  await page.context().close();
});

test("what a screen reader is told: names, landmarks, and what happens", async () => {
  const page = await cast.enter("Lee");
  const other = await cast.enter("Max");
  for (const role of /** @type {const} */ (["navigation", "main", "complementary", "contentinfo"])) {
    assert.ok((await page.getByRole(role).count()) > 0 || role === "contentinfo", role);
  }
  assert.equal(await page.getByRole("heading", { level: 1 }).textContent(), "#lobby");
  await page.getByRole("feed", { name: "Messages" }).waitFor();
  const nameless = await page.evaluate(() =>
    [...document.querySelectorAll("button, a, input, textarea, [role]")]
      .filter((it) => it.checkVisibility() && !["presentation", "status", "tabpanel"].includes(it.getAttribute("role") ?? ""))
      .filter((it) => !(it.getAttribute("aria-label") || it.getAttribute("aria-labelledby") || it.textContent?.trim() || it.closest("label")?.textContent?.trim()))
      .map((it) => it.outerHTML.slice(0, 120)),
  );
  assert.deepEqual(nameless, []);
  await say(other, "Hello, Lee");
  await page.locator("#announcer").getByText("Max: Hello, Lee").waitFor({ state: "attached" });
  await page.locator("#announcer[aria-live=polite]").waitFor({ state: "attached" });
  for (const it of [page, other]) await it.context().close();
});

test("a Chinese browser is spoken to in Chinese", async () => {
  const page = await cast.window({ locale: "zh-CN", colorScheme: "dark" });
  await page.goto(cast.server.url);
  await page.getByText("怎么称呼您？").waitFor();
  assert.match(await page.getByRole("textbox", { name: "您的名字" }).inputValue(), /^\p{Script=Han}+$/u);
  await shot(page, "name-dark-zh");
  await page.getByRole("button", { name: "开始" }).click();
  await online(page);
  assert.equal(await page.locator("html").getAttribute("lang"), "zh-CN");
  await say(page, "大家好，我刚到。");
  await message(page, "大家好，我刚到。").locator(".mark.sent").waitFor();
  await page.getByText("刚刚发生了什么").click();
  await page.getByRole("tab", { name: "实时数据" }).click();
  // What has no words of its own would stand there in English.
  const english = await page.evaluate(() => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const found = [];
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const parent = node.parentElement;
      if (!parent || parent.closest("article, code, pre, .wordmark, #title, .name")) continue;
      const text = (node.nodeValue ?? "").replace(/WebSocket|Server-Sent Events|Enter|Shift|API|#lobby|token/g, "");
      if (/[A-Za-z]{2,}/.test(text)) found.push(text.trim());
    }
    return found;
  });
  assert.deepEqual(english, []);
  await shot(page, "room-dark-zh");
  await page.context().close();
});

test("where there is no WebSocket, the page talks over an event stream", async () => {
  const page = await cast.window();
  await page.addInitScript(() => Reflect.deleteProperty(globalThis, "WebSocket"));
  await page.goto(cast.server.url);
  await page.locator("#name").press("Enter");
  await online(page);
  await page.locator("#profile-button").getByText("Online over an event stream").waitFor();
  await say(page, "Through the back door");
  await message(page, "Through the back door").locator(".mark.sent").waitFor();
  await cast.rpc("id=visitor", "chat:send", { roomId: "lobby", content: "Welcome" });
  await message(page, "Welcome").waitFor();
  await page.context().close();
});

test("the live data shows what the server does, while somebody looks", async () => {
  const page = await cast.enter("Olu");
  await page.getByRole("tab", { name: "Live data" }).click();
  const gauge = (/** @type {string} */ name) => page.locator(".gauge", { has: page.locator("dt").getByText(name, { exact: true }) });
  await gauge("Connections").locator(".note").getByText(/1 WebSocket · 1 SSE/).waitFor();
  await gauge("Users online").locator(".value").getByText("1", { exact: true }).waitFor();
  await gauge("Memory").locator(".value").getByText(/^[\d.]+ MB$/).waitFor();
  await say(page, "Something to count");
  await gauge("Messages").locator(".value").getByText(/^(0\.[1-9]|[1-9])[\d.]*\/s$/).waitFor();
  await page.waitForFunction(() => [...document.querySelectorAll(".sparkline .line")].every((it) => (it.getAttribute("d")?.split("L").length ?? 0) > 2));
  await shot(page, "live-light");
  const streams = async () => (await (await fetch(`${cast.server.url}/metrics/websocket`)).json()).activeConnections;
  assert.equal(await streams(), 2);
  await page.getByRole("tab", { name: "People" }).click();
  while ((await streams()) > 1) await page.waitForTimeout(50);
  await page.context().close();
});

test("on a telephone the sides are drawers, one at a time", async () => {
  const page = await cast.enter("Noor", PHONE);
  await say(page, "From the road");
  await message(page, "From the road").waitFor();
  assert.equal(await page.locator("#sidebar").evaluate((it) => /** @type {HTMLElement} */ (it).inert), true);
  await page.getByRole("button", { name: "Show the conversations" }).tap();
  await conversation(page, "lobby").tap();
  assert.equal(await page.locator("body").getAttribute("data-drawer"), null);
  await page.locator("#panel-toggle").tap();
  await page.getByRole("tab", { name: "People" }).waitFor();
  await shot(page, "phone-people-light");
  await page.touchscreen.tap(10, 400);
  assert.equal(await page.locator("#panel").evaluate((it) => /** @type {HTMLElement} */ (it).inert), true);
  await message(page, "From the road").tap();
  await message(page, "From the road").getByRole("button", { name: "Reply" }).tap();
  await page.locator("#context").getByText("Reply to Noor").waitFor();
  await page.getByText("What just happened").tap();
  await noSidewaysScroll(page, "with the drawer of frames");
  await shot(page, "phone-inspector-light");
  await page.context().close();
});

test("the browsers had nothing to complain about", () => assert.deepEqual(cast.complaints, []));
