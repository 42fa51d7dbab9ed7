// Two people at desks and one with a telephone: what they say, and what they see of each other.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { Cast, conversation, DESKTOP, here, message, noSidewaysScroll, online, PHONE, say, shot, SMALL, texts } from "./cast.mjs";

/** @typedef {import("playwright-core").Page} Page */

/** @type {Cast} */
let cast;
/** @type {Page} */
let ana;
/** @type {Page} */
let ming;
/** @type {Page} */
let bo;

/** Has a shell do what a line says, and the server say that it was done. @param {string} line @param {Record<string, string>} [variables] */
async function run(line, variables = {}) {
  const { stdout } = await promisify(execFile)("sh", ["-c", line], { env: { ...process.env, ...variables } });
  assert.equal(JSON.parse(stdout).success, true, stdout);
}

before(async () => {
  cast = await Cast.gather();
});
after(() => cast?.disperse());

test("a visitor is proposed a name, gives another, and sees who is there", async () => {
  ana = await cast.window();
  await ana.goto(cast.server.url);
  await ana.getByRole("dialog", { name: "What should we call you?" }).waitFor();
  const field = ana.getByRole("textbox", { name: "Your name" });
  assert.match(await field.inputValue(), /^\w+ \w+$/);
  await shot(ana, "name-light");
  await field.fill("Ana Ferreira");
  await field.press("Enter");
  await ana.getByText("Nothing has been said here yet").waitFor();
  await ana.getByText("Only you are here").waitFor();
  await shot(ana, "empty-light");

  [ming, bo] = await Promise.all([cast.enter("李明", { colorScheme: "dark" }), cast.enter("Bo", PHONE)]);
  await ana.locator("#here .name").nth(2).waitFor();
  assert.deepEqual(await here(ana), ["Ana Ferreira", "Bo", "李明"], "oneself first");
  assert.equal(await bo.locator("#subtitle").textContent(), "3 people here");
  assert.equal(await ana.getByText("Only you are here").isVisible(), false);
});

test("messages go to everybody, once, in any script", async () => {
  await say(ana, "Good morning! The new schedule is up.");
  await message(ming, "Good morning! The new schedule is up.").waitFor();
  await say(ming, "早上好，我马上看 👩🏽‍💻🎉");
  await message(bo, "早上好，我马上看 👩🏽‍💻🎉").waitFor();
  await say(bo, "On my way");
  for (const page of [ana, ming, bo]) {
    await message(page, "On my way").waitFor();
    assert.deepEqual(await texts(page), ["Good morning! The new schedule is up.", "早上好，我马上看 👩🏽‍💻🎉", "On my way"]);
  }
});

test("a hint says who is typing, and goes when they stop", async () => {
  const box = ming.getByRole("textbox", { name: "Message" });
  await box.pressSequentially("I th");
  for (const page of [ana, bo]) await page.locator("#typing.active").getByText("李明 is typing").waitFor();
  await shot(ana, "typing-light");
  await box.fill("");
  await ana.locator("#typing:not(.active)").waitFor();
});

test("a mark says how far a message has come: stored, delivered, read", async () => {
  const away = await cast.enter("Cleo", { at: "/#room=marks" });
  const reader = await cast.enter("Dov", { at: "/#room=marks" });
  await say(away, "Alone with Dov");
  await message(away, "Alone with Dov").locator(".mark.read").waitFor();
  assert.match((await message(away, "Alone with Dov").locator(".mark").getAttribute("aria-label")) ?? "", /^Read by .*Dov/);
  // In another room, what is said here reaches Dov and is not read.
  await conversation(reader, "lobby").click();
  await message(reader, "On my way").waitFor();
  await say(away, "Are you still there?");
  await message(away, "Are you still there?").locator(".mark.delivered").waitFor();
  assert.equal(await conversation(reader, "marks").locator(".count").textContent(), "1");
  assert.match(await reader.title(), /^\(1\) #lobby/);
  await conversation(reader, "marks").click();
  await message(away, "Are you still there?").locator(".mark.read").waitFor();
  await reader.locator(".new", { hasText: "New" }).waitFor();
  assert.equal(await conversation(reader, "marks").locator(".count").textContent(), "");

  // Marks and unread counts are there again when the page is.
  await away.reload();
  await message(away, "Alone with Dov").locator(".mark.read").waitFor();
  await Promise.all([away, reader].map((page) => page.context().close()));
});

test("successive messages of one author stand together, and a link is a link", async () => {
  const box = ana.getByRole("textbox", { name: "Message" });
  await box.fill("Two things:");
  await box.press("Shift+Enter");
  await box.pressSequentially("the first is done.");
  await box.press("Enter");
  await say(ana, "The second: https://example.com/a?b=c.");
  const second = message(ming, "The second: https://example.com/a?b=c.");
  await second.waitFor();
  assert.equal(await second.locator(".head").count(), 0);
  assert.equal(await second.locator("a").getAttribute("href"), "https://example.com/a?b=c");
  assert.equal(await message(ming, "Two things:\nthe first is done.").locator(".author").textContent(), "Ana Ferreira");
});

test("one answers a message, and changes and deletes one's own", async () => {
  const asked = message(ming, "The second: https://example.com/a?b=c.");
  await asked.hover();
  await asked.getByRole("button", { name: "Reply" }).click();
  await ming.locator("#context").getByText("Reply to Ana Ferreira").waitFor();
  await say(ming, "Thanks, I see it");
  const answer = message(ana, "Thanks, I see it");
  await answer.locator(".quote").getByText("The second:").waitFor();
  await answer.locator(".quote").click();
  assert.equal(await ana.evaluate(() => document.activeElement?.textContent?.includes("The second")), true, "the quoted message has the focus");

  await ming.locator("#box").press("ArrowUp");
  await ming.locator("#context").getByText("Editing your message").waitFor();
  assert.equal(await ming.locator("#box").inputValue(), "Thanks, I see it");
  await say(ming, "Thanks, I see both");
  await ana.locator("article", { hasText: "Thanks, I see both" }).getByText("edited").waitFor();

  const own = ming.locator("article", { hasText: "Thanks, I see both" });
  await own.hover();
  await own.getByRole("button", { name: "Delete" }).click();
  const dialog = ming.getByRole("dialog", { name: "Delete this message?" });
  await shot(ming, "delete-dark");
  await dialog.getByRole("button", { name: "Delete" }).click();
  await ana.getByText("This message was deleted").waitFor();
  await ana.getByText("Thanks, I see both").waitFor({ state: "detached" });
  const others = message(ana, "On my way");
  await others.hover();
  assert.equal(await others.getByRole("button", { name: "Delete" }).count(), 0);
});

test("a private conversation is between two", async () => {
  await ana.getByRole("button", { name: "Write to 李明" }).click();
  await ana.getByText("This is between you and 李明").first().waitFor();
  await say(ana, "Have you got five minutes?");
  const note = ming.locator(".toast", { hasText: "Have you got five minutes?" });
  await note.waitFor();
  await shot(ming, "private-toast-dark");
  assert.equal(await conversation(ming, "Ana Ferreira").locator(".count").textContent(), "1");
  await note.locator("button.words").click();
  await message(ming, "Have you got five minutes?").waitFor();
  await message(ana, "Have you got five minutes?").locator(".mark.read").waitFor();
  await ming.locator("#box").pressSequentially("S");
  await ana.locator("#typing.active").getByText("李明 is typing").waitFor();
  await say(ming, "Sure");
  await message(ana, "Sure").waitFor();
  assert.deepEqual(await texts(ana), await texts(ming));
  assert.equal(await bo.locator("#privates li").count(), 0);
  // It is found again, with what was said.
  await ming.reload();
  await conversation(ming, "Ana Ferreira").click();
  await message(ming, "Have you got five minutes?").waitFor();
  for (const page of [ana, ming]) await conversation(page, "lobby").click();
});

test("a room is there when somebody enters it, and its address leads there", async () => {
  await bo.getByRole("button", { name: "Show the conversations" }).click();
  await shot(bo, "phone-sidebar-light");
  await bo.getByRole("button", { name: "Join or create a room" }).click();
  await bo.getByRole("textbox", { name: "Name of the room" }).fill("设计 & plans");
  await bo.keyboard.press("Enter");
  await bo.locator("#title").getByText("设计-&-plans").waitFor();
  await say(bo, "First!");
  const address = new URL(bo.url()).hash;
  assert.equal(new URLSearchParams(address.slice(1)).get("room"), "设计-&-plans");
  await ana.goto(`${cast.server.url}/${address}`);
  await message(ana, "First!").waitFor();
  await ana.goBack();
  await ana.locator("#title").getByText("lobby").waitFor();
  await conversation(ana, "设计-&-plans").click();
  await ana.getByRole("button", { name: "Leave the room" }).click();
  await conversation(ana, "设计-&-plans").waitFor({ state: "detached" });
  await bo.getByRole("button", { name: "Show the conversations" }).click();
  await conversation(bo, "lobby").click();
});

test("presence: away, offline with the time, invisible, and several devices", async () => {
  const person = (/** @type {Page} */ page, /** @type {string} */ name) => page.locator("#panel .person", { hasText: name });
  await ming.locator("#profile-button").click();
  await ming.getByRole("radio", { name: "Away" }).check({ force: true });
  await person(ana, "李明").getByText("Away").waitFor();
  await ming.getByRole("radio", { name: "Online" }).check({ force: true });
  await person(ana, "李明").getByText("Online").waitFor();
  const href = await ming.locator("#another-device").getAttribute("href");
  await ming.keyboard.press("Escape");

  const second = await cast.window();
  await second.goto(`${cast.server.url}${href}`);
  await online(second);
  assert.equal(await second.locator("#profile-button .name").textContent(), "李明");
  await ana.reload();
  await person(ana, "李明").getByText("2 devices").waitFor();
  await say(second, "From my other device");
  await message(ming, "From my other device").waitFor();
  await second.context().close();

  const guest = await cast.enter("Esi");
  await say(guest, "Just passing");
  await guest.context().close();
  await ana.locator("#earlier .person", { hasText: "Esi" }).getByText(/last seen/).waitFor();
});

test("a notification is a note, and stays in the list until it is read", async () => {
  const userId = await ana.evaluate(() => JSON.parse(sessionStorage.getItem("tidings.identity") ?? "{}").id);
  const notify = (/** @type {string} */ title) => cast.rpc(`token=${cast.server.token}`, "notification:send", { userId, title, body: "On machine 7" });
  // The first one by the line that the empty list shows.
  await ana.getByRole("button", { name: "Notifications", exact: true }).click();
  const line = await ana.locator("#notify-curl code").innerText();
  await ana.keyboard.press("Escape");
  await run(line, { KEY: cast.server.key });
  await ana.locator(".toast", { hasText: "Build finished" }).getByText("All tests passed.").waitFor();
  await shot(ana, "notification-light");
  const bell = ana.getByRole("button", { name: "Notifications, 1 unread" });
  await bell.click();
  const list = ana.locator("#notifications li");
  await list.filter({ hasText: "Build finished" }).click();
  await ana.getByRole("button", { name: "Notifications", exact: true }).waitFor();
  await notify("Deployed");
  await notify("Deployed again");
  await list.nth(2).waitFor();
  assert.deepEqual(await list.locator("strong").allTextContents(), ["Deployed again", "Deployed", "Build finished"]);
  await shot(ana, "inbox-light");
  await ana.getByRole("button", { name: "Mark all as read" }).click();
  await ana.getByRole("button", { name: "Notifications", exact: true }).waitFor();
  await ana.keyboard.press("Escape");
  assert.equal(await ana.locator("#inbox").isVisible(), false);
});

test("text is only ever text, and nothing is too long for the page", async () => {
  const markup = `<img src=x onerror="document.title='owned'"><b>bold</b>`;
  const name = `<script>alert(1)</script>${"长".repeat(20)}`;
  const eve = await cast.enter(name);
  await say(eve, markup);
  for (const page of [ana, ming, bo]) await message(page, markup).waitFor();
  for (const long of ["w".repeat(4_000), "👩🏽‍💻".repeat(80)]) {
    await say(eve, long);
    for (const page of [ana, ming, bo]) await message(page, long).waitFor();
  }
  for (const page of [ana, ming, bo]) {
    assert.equal(await page.locator("article img, article b, article script, #here script").count(), 0);
    assert.match(await page.title(), /#lobby · Tidings$/);
  }
  await ana.locator("#here .person", { hasText: "<script>" }).waitFor();
  await ana.getByText("What just happened").click();
  for (const viewport of [DESKTOP, { width: 900, height: 700 }, SMALL]) {
    await ana.setViewportSize(viewport);
    await noSidewaysScroll(ana, `${viewport.width} pixels`);
    await shot(ana, `long-${viewport.width}`);
  }
  await ana.setViewportSize(DESKTOP);
  await ana.getByText("What just happened").click();
  await noSidewaysScroll(bo, "a telephone");
  await shot(bo, "phone-long-light");
  await eve.context().close();
});

test("the name can be changed", async () => {
  await ming.locator("#profile-button").click();
  await ming.getByRole("button", { name: "Change your name" }).click();
  await ming.getByRole("textbox", { name: "Your name" }).fill("李明（上海）");
  await ming.getByRole("button", { name: "Save" }).click();
  await ana.locator("#here .name", { hasText: "李明（上海）" }).waitFor();
});

test("what just happened: the frames, and a line for the terminal that does the same", async () => {
  await say(ana, "It's me");
  await message(ming, "It's me").waitFor();
  await ana.getByText("What just happened").click();
  const frames = ana.locator("#frames li");
  await frames.filter({ hasText: '"type":"chat:message"' }).first().waitFor();
  const sent = frames.filter({ hasText: '"type":"chat:send"' }).first();
  await sent.getByRole("button").click();
  await sent.locator("pre").getByText('"content": "It\'s me"').waitFor();
  await shot(ana, "inspector-light");
  await run((await ana.locator("#curl code").textContent()) ?? "");
  await message(ming, "It's me").nth(1).waitFor();
  await ana.getByText("What just happened").click();
});

test("it looks right: light and dark, wide and narrow", async () => {
  for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
    for (const [name, page] of Object.entries({ desktop: ana, phone: bo })) {
      await page.emulateMedia({ colorScheme });
      await shot(page, `${name}-${colorScheme}`);
    }
  }
  await ana.emulateMedia({ colorScheme: "light" });
  const background = () => ana.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await background();
  await ana.locator("#profile-button").click();
  await ana.getByRole("radio", { name: "Dark" }).check({ force: true });
  const dark = await background();
  assert.notEqual(dark, light);
  await ana.keyboard.press("Escape");
  await ana.reload();
  assert.equal(await background(), dark, "the choice is remembered");
});

test("the browsers had nothing to complain about", () => assert.deepEqual(cast.complaints, []));
