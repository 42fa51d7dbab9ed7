// The administration: what is going on is seen, and what can be done about it is done.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { WebSocket } from "ws";
import { until, within } from "../lib/wait.mjs";
import { Cast, PHONE, shot } from "./cast.mjs";
import { serve } from "./server.mjs";

/** @typedef {import("playwright-core").Page} Page */

/** What nobody is called who means well. */
const HOSTILE = `<img src=x onerror="document.title='owned'"> "' 小明`;
const PASSWORD = "c0rrect-horse-battery";

/** @type {Cast} */
let cast;

before(async () => {
  cast = await Cast.gather();
});
after(async () => {
  await cast?.disperse();
});

/** Somebody who is connected, without a page. */
class Guest {
  /** @type {{type: string, data: any}[]} */
  heard = [];

  /** @param {WebSocket} line */
  constructor(line) {
    this.line = line;
    line.on("message", (text) => this.heard.push(JSON.parse(String(text))));
    this.closed = new Promise((resolve) => line.on("close", (code) => resolve(code)));
  }

  /** @param {string} url @param {string} id @param {string} username @param {string[]} rooms */
  static async enter(url, id, username, ...rooms) {
    const guest = new Guest(new WebSocket(`${url.replace("http", "ws")}/ws`));
    await within(new Promise((resolve) => guest.line.on("open", resolve)), 5_000, "connection");
    guest.say("auth", { id, username });
    for (const room of rooms) guest.say("room:join", room);
    await until(() => guest.heard.filter(({ type, data }) => type === "ack" && data.success).length === 1 + rooms.length, `${id} has come in`);
    return guest;
  }

  /** @param {string} type @param {any} data */
  say(type, data) {
    this.line.send(JSON.stringify({ type, data, id: this.heard.length + 1 }));
  }

  /** @param {string} type @returns {Promise<any>} */
  event(type) {
    return until(() => this.heard.find((it) => it.type === type)?.data, `the event ${type}`);
  }

  close() {
    this.line.close();
  }
}

/** @param {string} [hash] @param {import("./cast.mjs").ContextOptions} [options] */
async function open(hash = "", options = {}) {
  const page = await cast.window(options);
  await page.goto(`${cast.server.url}/admin${hash}`);
  await page.locator("#state[data-state=live]").waitFor();
  return page;
}

/** @param {Page} page @param {string} id */
const rows = (page, id) => page.locator(`#${id} tr`);
/** @param {Page} page @param {string} name */
const gauge = (page, name) => page.locator(`.gauge[data-of=${name}] .value`);

test("shows how much is going on, and it changes by itself", async () => {
  const page = await open();
  await page.locator(".gauge").first().waitFor();
  const before = Number(await gauge(page, "connections").textContent());
  const guests = await Promise.all(["a", "b", "c"].map((id) => Guest.enter(cast.server.url, id, id, "lobby")));
  await gauge(page, "connections").getByText(String(before + 3), { exact: true }).waitFor();
  const talk = setInterval(() => guests[0]?.say("chat:send", { roomId: "lobby", content: "again" }), 20);
  await until(async () => Number.parseFloat((await gauge(page, "deliveries").textContent()) ?? "") > 0, "a rate of deliveries");
  clearInterval(talk);
  assert.equal(await rows(page, "nodes").count(), 1);
  await shot(page, "admin-overview");
  for (const guest of guests) guest.close();
  await gauge(page, "connections").getByText(String(before), { exact: true }).waitFor();
  await page.context().close();
});

test("asks nothing while nobody looks", async () => {
  const page = await open();
  let asked = 0;
  page.on("request", (request) => void (request.url().includes("/admin/api/") && (asked += 1)));
  await until(() => asked >= 2, "questions every second");
  await page.evaluate(() => {
    Object.defineProperty(document, "visibilityState", { configurable: true, get: () => "hidden" });
    document.dispatchEvent(new Event("visibilitychange"));
  });
  // Whatever was on its way has left by the time that two questions would have been asked.
  await page.waitForTimeout(1_200);
  const before = asked;
  await page.waitForTimeout(2_500);
  assert.equal(asked, before);
  await page.evaluate(() => {
    Object.defineProperty(document, "visibilityState", { configurable: true, get: () => "visible" });
    document.dispatchEvent(new Event("visibilitychange"));
  });
  await until(() => asked > before, "questions again");
  await page.context().close();
});

test("finds a room by how its name begins, with its members and what is said there, as text", async () => {
  const room = `hostile:${HOSTILE}`;
  const guest = await Guest.enter(cast.server.url, HOSTILE, HOSTILE, room, "other:room");
  const page = await open("#view=rooms");
  await page.locator("#prefix").fill("host");
  const link = rows(page, "rooms-rows").getByRole("link");
  await until(async () => (await link.count()) === 1, "one room");
  assert.equal(await link.textContent(), room);
  await link.click();
  assert.equal(await page.locator("#room-title").textContent(), room);
  await page.locator("#members").getByText(HOSTILE, { exact: true }).first().waitFor();
  for (const content of [`first ${HOSTILE}`, "second"]) {
    guest.say("chat:send", { roomId: room, content });
    await page.locator("#tail .text").getByText(content, { exact: true }).waitFor();
  }
  assert.deepEqual(await page.locator("#tail .text").allTextContents(), [`first ${HOSTILE}`, "second"], "each message once, in order");
  await shot(page, "admin-room");
  await page.reload();
  await page.locator("#tail .text").getByText("second", { exact: true }).waitFor();
  assert.equal(await page.locator("main img").count(), 0);
  assert.equal(await page.title(), "Tidings: administration");
  guest.close();
  await page.getByText("Nobody is here now.").waitFor();
  await page.context().close();
});

test("publishes an event to a room, and refuses data that is no JSON", async () => {
  const guest = await Guest.enter(cast.server.url, "listener", "Listener", "stage");
  const page = await open("#view=rooms&room=stage");
  await page.locator("#room-publish").click();
  assert.equal(await page.locator("#publish-room").inputValue(), "stage");
  await page.locator("#publish-event").fill("curtain");
  await page.locator("#publish-data").fill('{"up": ');
  await page.locator("#publish-dialog").getByRole("button", { name: "Send" }).click();
  assert.equal(await page.locator("#publish-data").evaluate((it) => /** @type {HTMLTextAreaElement} */ (it).validity.customError), true);
  assert.equal(await page.locator("#publish-dialog").isVisible(), true);
  await page.locator("#publish-data").fill('{"up": true}');
  await page.locator("#publish-dialog").getByRole("button", { name: "Send" }).click();
  await page.locator("#toasts").getByText("“curtain” was published in stage.").waitFor();
  assert.deepEqual(await guest.event("curtain"), { up: true });

  // What the server refuses is said with its own words.
  await page.locator("#publish").click();
  await page.locator("#publish-event").fill("chat:message");
  await page.locator("#publish-dialog").getByRole("button", { name: "Send" }).click();
  await page.locator("#toasts [data-kind=error]").waitFor();
  guest.close();
  // A browser notes each refusal, and this one was meant.
  cast.complaints = cast.complaints.filter((it) => !it.includes("400 (Bad Request)"));
  await page.context().close();
});

test("finds connections by user, room and address, shows one, notifies its user and disconnects it", async () => {
  const [ann, bob] = [await Guest.enter(cast.server.url, "ann", "Ann", "lobby", "garden"), await Guest.enter(cast.server.url, "bob", "Bob", "lobby")];
  const page = await open("#view=connections");
  const names = () => page.locator("#connections-rows td.name").allTextContents();
  const shown = (/** @type {string[]} */ ...wanted) =>
    until(async () => (await names()).sort().join() === wanted.join(), `the connections of ${wanted.join(" and ") || "nobody"}`);
  await shown("Ann", "Bob");
  await page.locator("#sought").fill("ann");
  await shown("Ann");
  await page.locator("#by").selectOption("roomId");
  await page.locator("#sought").fill("garden");
  await shown("Ann");
  await page.locator("#by").selectOption("address");
  await page.locator("#sought").fill("127.0.0");
  await shown();
  await page.locator("#sought").fill("127.0.0.1");
  await shown("Ann", "Bob");

  await rows(page, "connections-rows").getByRole("link", { name: "Ann" }).click();
  const panel = page.locator("#connection");
  await panel.getByText("garden").waitFor();
  assert.deepEqual(await panel.locator("#connection-rooms li").allTextContents(), ["garden", "lobby"]);
  await shot(page, "admin-connection");
  await panel.getByRole("button", { name: "Notify" }).click();
  await page.locator("#notify-subject").fill(HOSTILE);
  await page.locator("#notify-dialog").getByRole("button", { name: "Send" }).click();
  assert.equal((await ann.event("notification")).title, HOSTILE);

  await panel.getByRole("button", { name: "Disconnect" }).click();
  const dialog = page.locator("#disconnect-dialog");
  assert.match((await dialog.textContent()) ?? "", /Ann, websocket, from 127\.0\.0\.1/);
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await panel.getByRole("button", { name: "Disconnect" }).click();
  await page.locator("#disconnect-reason").fill("Closed for tonight");
  await dialog.getByRole("button", { name: "Disconnect" }).click();
  assert.equal(await within(ann.closed, 5_000, "close of the connection"), 3503);
  assert.equal((await ann.event("error")).message, "Closed for tonight");
  await page.locator("#connection-gone").waitFor();
  await shown("Bob");
  assert.equal(bob.line.readyState, WebSocket.OPEN, "nobody else was disconnected");

  // From its row, asked to come back.
  await page.getByRole("button", { name: "Disconnect Bob" }).click();
  await page.locator("#disconnect-reconnect").check();
  await dialog.getByRole("button", { name: "Disconnect" }).click();
  assert.equal(await within(bob.closed, 5_000, "close of the connection"), 3011);
  await shown();
  await page.context().close();
});

test("can be used with the keyboard alone", async () => {
  const guest = await Guest.enter(cast.server.url, "kim", "Kim", "keys");
  const page = await open("#view=connections");
  await page.locator("#connections-rows td.name").getByText("Kim").waitFor();
  const { keyboard } = page;
  const focused = () => page.evaluate(() => document.activeElement?.getAttribute("aria-label") || document.activeElement?.id || document.activeElement?.textContent || "");
  /** @param {string} wanted */
  const tabTo = async (wanted) => {
    const passed = [];
    for (let i = 0; i < 30; i += 1) {
      await keyboard.press("Tab");
      const now = await focused();
      if (now === wanted) return;
      passed.push(now);
    }
    assert.fail(`${wanted} was not reached: ${passed.join(" | ")}`);
  };
  await tabTo("Kim");
  await keyboard.press("Enter");
  await until(async () => (await focused()) === "connection", "the focus goes to what was opened");
  // It stays where it is, although all of it is drawn anew every second.
  await tabTo("connection-disconnect");
  await page.waitForTimeout(2_200);
  assert.equal(await focused(), "connection-disconnect");
  await keyboard.press("Enter");
  await page.locator("#disconnect-dialog").waitFor();
  await keyboard.press("Escape");
  await page.locator("#disconnect-dialog").waitFor({ state: "hidden" });
  assert.equal(await focused(), "connection-disconnect", "and comes back from a question");
  guest.close();
  await page.context().close();
});

test("fits a telephone, in Chinese and in the dark", async () => {
  const guest = await Guest.enter(cast.server.url, "long".repeat(25), "A name that is longer than a telephone is wide, by far", "a-room-with-quite-a-long-name");
  for (const view of ["overview", "rooms", "connections", "rooms&room=a-room-with-quite-a-long-name"]) {
    const page = await open(`#view=${view}`, { ...PHONE, locale: "zh-CN", colorScheme: "dark" });
    await page.locator(`#views a[aria-current]`).waitFor();
    assert.match((await page.locator("#views").textContent()) ?? "", /概览.*房间.*连接/s);
    const wide = await page.evaluate(() => [document.documentElement, document.body, ...document.querySelectorAll("main")].filter((it) => it.scrollWidth > it.clientWidth).length);
    assert.equal(wide, 0, `${view} is wider than the page`);
    await shot(page, `admin-phone-${view.replace(/\W.*/, "")}`);
    await page.context().close();
  }
  guest.close();
});

test("says so when the server is away, and goes on when it is back", async () => {
  const page = await open();
  await cast.restart(async () => {
    await page.locator("#state[data-state=away]").waitFor();
    await page.getByText("The server does not answer").waitFor();
  });
  await page.locator("#state[data-state=live]").waitFor();
  await page.context().close();
});

test("nothing was complained of", () => {
  assert.deepEqual(cast.complaints, []);
});

test("wants credentials where they are asked for, keeps them for the tab, and forgets them", async () => {
  const guarded = new Cast(await serve(0, undefined, [`admin.password=${PASSWORD}`]), cast.browser);
  const page = await guarded.window();
  await page.goto(`${guarded.server.url}/admin`);
  const field = page.getByLabel("Password or token");
  await field.waitFor();
  assert.equal(await page.locator("#gate-refusal").textContent(), "", "nobody has tried anything yet");
  await field.fill("wrong wrong wrong");
  await field.press("Enter");
  await page.locator("#gate-refusal").getByText("neither the password").waitFor();
  assert.equal(await page.locator("main").isVisible(), false);
  await field.fill(PASSWORD);
  await field.press("Enter");
  await page.locator("#state[data-state=live]").waitFor();
  await page.reload();
  await page.locator("#state[data-state=live]").waitFor();
  assert.equal((await page.context().cookies()).length, 0);
  await page.locator("#settings").click();
  await page.locator("#sign-out").click();
  await field.waitFor();
  await field.fill(guarded.server.token);
  await field.press("Enter");
  await page.locator("#state[data-state=live]").waitFor();
  const complaints = guarded.complaints.filter((it) => !it.includes("401 (Unauthorized)"));
  assert.deepEqual(complaints, []);
  await page.context().close();
  await guarded.server.kill();
  await guarded.server.forget();
});
