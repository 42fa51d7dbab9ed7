// The server is killed while people talk, and another one takes its place.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Cast, message, online, PHONE, say, shot, texts } from "./cast.mjs";

/** @typedef {import("playwright-core").Page} Page */

/** @type {Cast} */
let cast;
/** @type {[Page, Page, Page]} */
let pages;

before(async () => {
  cast = await Cast.gather();
  pages = await Promise.all([cast.enter("Ana"), cast.enter("Ming"), cast.enter("Bo", PHONE)]);
});
after(() => cast?.disperse());

/** All pages show the same, each message once. @param {string[]} expected In any order among authors, those of one in theirs. */
async function agree(expected) {
  for (const page of pages) for (const text of expected) await message(page, text).waitFor();
  const [first, ...rest] = await Promise.all(pages.map((page) => texts(page)));
  for (const others of rest) assert.deepEqual(others, first);
  assert.deepEqual(first?.toSorted(), expected.toSorted(), "nothing missing, nothing doubled");
  for (const author of ["ana", "ming", "bo", "eve"]) {
    const of = (/** @type {string[] | undefined} */ list) => list?.filter((it) => it.startsWith(author));
    assert.deepEqual(of(first), of(expected), `the order of ${author}`);
  }
}

test("a killed server loses nothing, doubles nothing, and the pages say how it is", async () => {
  const [ana, ming, bo] = pages;
  const said = ["ana 1", "ming 1", "bo 1"];
  await say(ana, "ana 1");
  await message(ming, "ana 1").waitFor();
  await say(ming, "ming 1");
  await message(bo, "ming 1").waitFor();
  await say(bo, "bo 1");
  await agree(said);

  // A message that may or may not have been stored when the server dies.
  await say(ana, "ana 2");
  await cast.restart(async () => {
    for (const page of pages) await page.locator("#connection").getByText(/Connection lost. Next attempt in \d+ s|Reconnecting/).waitFor();
    for (const text of ["ana 3", "ana 4"]) await say(ana, text);
    await say(ming, "ming 2");
    for (const text of ["bo 2", "bo 3"]) await say(bo, text);
    await message(ana, "ana 4").and(ana.locator("[data-state=sending]")).waitFor();
    assert.equal(await message(bo, "bo 3").locator(".mark").getAttribute("aria-label"), "On its way");
    await ana.locator("#connection").getByText(/Next attempt in/).waitFor({ timeout: 30_000 });
    await shot(ana, "reconnecting-light");
    assert.equal(await ana.locator("#profile-button .state").textContent(), "Offline");
    await shot(bo, "phone-reconnecting-light");
  });
  await cast.rpc("id=eve&username=Eve", "chat:send", { roomId: "lobby", content: "eve 1" });
  for (const page of pages) {
    const now = page.getByRole("button", { name: "Try now" });
    if (await now.isVisible()) await now.click({ timeout: 2_000 }).catch(() => {});
    await online(page);
    await page.locator("#connection").waitFor({ state: "hidden" });
  }
  await agree([...said, "ana 2", "ana 3", "ana 4", "ming 2", "bo 2", "bo 3", "eve 1"]);
  await ana.locator("article[data-state=sending]").waitFor({ state: "detached" });
  assert.equal(await ana.locator("#subtitle").textContent(), "3 people here");
});

test("a page without a network says so, and is told afterwards what it missed", async () => {
  const [ana, ming, bo] = pages;
  const before = await texts(bo);
  await bo.context().setOffline(true);
  await bo.locator("#connection").getByText(/No network|Reconnecting/).waitFor({ timeout: 20_000 });
  await say(ana, "ana 5");
  await say(ming, "ming 3");
  await say(bo, "bo 4");
  await message(ana, "ming 3").waitFor();
  await bo.context().setOffline(false);
  await online(bo);
  await agree([...before, "ana 5", "ming 3", "bo 4"]);
});

test("a message that is refused says why, and can be sent again or taken back", async () => {
  const [ana] = pages;
  // More than the server takes in one command, which the box itself would not let through.
  await ana.locator("#box").evaluate((box) => /** @type {HTMLTextAreaElement} */ (box).removeAttribute("maxlength"));
  await say(ana, `ana ${"long ".repeat(14_000)}`);
  const failed = ana.locator("article[data-state=failed]");
  await failed.getByText("Not sent. It is too long.").waitFor();
  await failed.getByRole("button", { name: "Send again" }).click();
  await failed.getByText("Not sent. It is too long.").waitFor();
  await failed.getByRole("button", { name: "Discard" }).click();
  await failed.waitFor({ state: "detached" });
});

test("the browsers had nothing else to complain about", () => assert.deepEqual(cast.complaints, []));
