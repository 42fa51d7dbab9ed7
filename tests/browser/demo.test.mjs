// Two people in the demo room, each in a tab of their own.

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";
import { serve } from "./server.mjs";

/** @typedef {import("playwright-core").Page} Page */

const screenshots = fileURLToPath(new URL("../.cache/screenshots/", import.meta.url));
const DESKTOP = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };
/** The narrowest that anybody still carries. */
const SMALL = { width: 320, height: 568 };

/** @type {Awaited<ReturnType<typeof serve>>} */
let server;
/** @type {import("playwright-core").Browser} */
let browser;
/** @type {Page} */
let ana;
/** @type {Page} */
let ming;
/** What the browser complains about: errors, and refusals of the content security policy. @type {string[]} */
const complaints = [];

before(async () => {
  await mkdir(screenshots, { recursive: true });
  server = await serve();
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
  const context = await browser.newContext({ locale: "en-GB", viewport: DESKTOP, permissions: ["clipboard-write"] });
  context.setDefaultTimeout(5_000);
  ana = await context.newPage();
  ming = await context.newPage();
  for (const page of [ana, ming]) watch(page);
});

after(async () => {
  await browser?.close();
  await server?.kill();
  await server?.forget();
});

/** @param {Page} page */
function watch(page) {
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    // A refused connection is what the test of the reconnect is about.
    if (message.type() === "error" && !message.text().includes("WebSocket")) complaints.push(message.text());
  });
}

/** @param {Page} page @param {string} name */
async function enter(page, name) {
  await page.goto(server.url);
  const field = page.getByRole("textbox", { name: "Your name" });
  assert.match(await field.inputValue(), /^\w+ \w+$/, "a friendly name is proposed");
  await field.fill(name);
  await field.press("Enter");
  await state(page, "Online");
}

/** @param {Page} page @param {string} expected */
const state = (page, expected) => page.locator("#state", { hasText: expected }).waitFor({ timeout: 20_000 });

/** @param {Page} page @param {string} text */
async function say(page, text) {
  const box = page.locator("#box");
  await box.fill(text);
  await box.press("Enter");
}

/** A message as this page shows it. @param {Page} page @param {string} text */
const message = (page, text) => page.locator(".bubble .text").getByText(text, { exact: true });

/** @param {Page} page */
const members = (page) => page.locator("#members .name").allTextContents();

/** @param {Page} page @param {string} name */
const shot = (page, name) => page.screenshot({ path: `${screenshots}${name}.png` });

test("a visitor gives a name and sees who is there", async () => {
  await ana.goto(server.url);
  await ana.getByRole("dialog").waitFor();
  await shot(ana, "name-light");
  await enter(ana, "Ana Ferreira");
  await ana.getByText("It is quiet in here").waitFor();
  await shot(ana, "empty-light");
  await enter(ming, "李明");
  await ana.locator("#members .name", { hasText: "李明" }).waitFor();
  assert.deepEqual(await members(ana), ["Ana Ferreira", "李明"]);
  assert.deepEqual(await members(ming), ["李明", "Ana Ferreira"]);
  await ana.getByText("李明 joined").waitFor();
});

test("messages go both ways, in any script", async () => {
  await say(ana, "Good morning! The new schedule is up.");
  await message(ming, "Good morning! The new schedule is up.").waitFor();
  await say(ming, "早上好，我马上看 👩🏽‍💻🎉");
  await message(ana, "早上好，我马上看 👩🏽‍💻🎉").waitFor();

  const own = message(ana, "Good morning! The new schedule is up.");
  assert.equal(await own.count(), 1, "our own message stands there once");
  assert.equal(await own.locator("xpath=ancestor::li[contains(@class, 'own')]").count(), 1);
  await ana.locator(".bubble:not([data-state])", { hasText: "The new schedule is up." }).waitFor();
});

test("text is only ever text", async () => {
  const markup = `<img src=x onerror="document.title='owned'"><b>bold</b>`;
  await say(ming, markup);
  await message(ana, markup).waitFor();
  assert.equal(await ana.locator(".bubble img, .bubble b").count(), 0);
  assert.equal(await ana.title(), "#lobby · Tidings");
});

test("a second line, and messages of one author in one group", async () => {
  const box = ana.getByRole("textbox", { name: "Message" });
  await box.fill("Two things:");
  await box.press("Shift+Enter");
  await box.pressSequentially("the first is done.");
  await box.press("Enter");
  await say(ana, "The second waits for you 🙂");
  await message(ming, "The second waits for you 🙂").waitFor();
  const group = ming.locator(".group", { has: message(ming, "The second waits for you 🙂") });
  assert.equal(await group.locator(".bubble").count(), 2);
  assert.equal(await group.locator(".author").textContent(), "Ana Ferreira");
});

test("a hint shows who is typing, and goes when they stop", async () => {
  const box = ming.getByRole("textbox", { name: "Message" });
  await box.pressSequentially("On my");
  const hint = ana.locator("#typing.active");
  await hint.getByText("李明 is typing").waitFor();
  await shot(ana, "typing-light");
  await box.fill("");
  await hint.waitFor({ state: "detached" });
});

test("everything can be reached from the keyboard", async () => {
  await ana.locator(".brand").click();
  /** @type {string[]} */
  const reached = [];
  for (let i = 0; i < 12; i += 1) {
    await ana.keyboard.press("Tab");
    reached.push(await ana.evaluate(() => document.activeElement?.id || document.activeElement?.tagName || ""));
  }
  for (const id of ["rename", "scroller", "box", "SUMMARY"]) assert.ok(reached.includes(id), `${id} in ${reached}`);
  assert.equal(await ana.getByRole("log").getAttribute("aria-live"), "polite");
});

test("the name can be changed", async () => {
  await ming.getByRole("button", { name: "Change your name, 李明" }).click();
  await ming.getByRole("textbox", { name: "Your name" }).fill("李明（上海）");
  await ming.getByRole("button", { name: "Save" }).click();
  await state(ming, "Online");
  await ana.locator("#members .name", { hasText: "李明（上海）" }).waitFor();
  assert.deepEqual(await members(ana), ["Ana Ferreira", "李明（上海）"]);
  assert.equal(await ming.getByText("Back online").count(), 0, "a new name is not a lost connection");
});

test("the page comes back when the server does, with what was written meanwhile", async () => {
  await server.kill();
  await state(ana, "Reconnecting");
  await say(ana, "Sent while the server was away");
  await ana.locator(".bubble[data-state=waiting]", { hasText: "server was away" }).waitFor();
  await shot(ana, "reconnecting-light");
  server = await serve(server.port, server.home);
  await state(ana, "Online");
  await state(ming, "Online");
  await ana.locator(".bubble:not([data-state])", { hasText: "server was away" }).waitFor();
  await say(ming, "回来了 ✅");
  await message(ana, "回来了 ✅").waitFor();
  await say(ana, "Welcome back");
  await message(ming, "Welcome back").waitFor();
});

test("the page speaks Chinese to a Chinese browser", async () => {
  const context = await browser.newContext({ locale: "zh-CN", viewport: DESKTOP, colorScheme: "dark" });
  context.setDefaultTimeout(5_000);
  const page = await context.newPage();
  watch(page);
  await page.goto(server.url);
  await page.getByText("怎么称呼您？").waitFor();
  await shot(page, "name-dark-zh");
  await page.getByRole("button", { name: "进入房间" }).click();
  await state(page, "在线");
  await say(page, "大家好，我刚到。");
  await message(ana, "大家好，我刚到。").waitFor();
  assert.equal(await page.locator("html").getAttribute("lang"), "zh-CN");
  await shot(page, "room-dark-zh");
  await context.close();
  await ana.locator("#members li").nth(2).waitFor({ state: "detached" });
});

test("what just happened: the frames, and how to join from elsewhere", async () => {
  await ana.getByText("What just happened").click();
  const frames = await ana.locator("#frames code").allTextContents();
  assert.ok(frames.some((frame) => frame.startsWith('{"type":"chat:message"')), frames.join("\n"));
  await ana.getByText("Socket.IO", { exact: true }).click();
  assert.match((await ana.locator("#snippet-code").textContent()) ?? "", /emitWithAck\("room:join"/);
  await shot(ana, "inspector-light");
});

test("it looks right: wide and narrow, light and dark", async () => {
  await ana.getByText("What just happened").click();
  await say(ming, "The new build is on the test machine. Could you look at the order of messages after a reconnect?");
  await say(ming, "I saw one twice yesterday, but only on the phone.");
  await say(ana, "Looking now.");
  await say(ana, "It is fine here: both tabs agree, and every message stands once. 👍");
  await message(ming, "Looking now.").waitFor();
  for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
    await ana.emulateMedia({ colorScheme });
    for (const [name, viewport] of Object.entries({ desktop: DESKTOP, small: SMALL, phone: PHONE })) {
      await ana.setViewportSize(viewport);
      const overflow = await ana.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(overflow <= 0, `${name} scrolls sideways by ${overflow} pixels`);
      await shot(ana, `${name}-${colorScheme}`);
    }
    await ana.getByRole("button", { name: "People" }).click();
    await shot(ana, `phone-people-${colorScheme}`);
    await ana.getByRole("button", { name: "People" }).click();
    await ana.getByText("What just happened").click();
    await shot(ana, `phone-inspector-${colorScheme}`);
    await ana.getByText("What just happened").click();
  }
});

test("the browser had nothing to complain about", () => {
  assert.deepEqual(complaints, []);
});
