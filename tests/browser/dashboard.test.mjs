// The page of the example `dashboard`: four panels, one set of numbers.

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { start } from "../examples/server.mjs";
import { until } from "../lib/wait.mjs";

const screenshots = fileURLToPath(new URL("../.cache/screenshots/", import.meta.url));
const PANELS = ["polling", "long-polling", "sse", "websocket"];

test("four panels show the same numbers, with the bytes and the latency of each", async (t) => {
  // Longer than the page takes between two polls, so that all panels have each tick for a while.
  const { url } = await start(t, "dashboard", { TICK_MS: 2_500 });
  const args = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"];
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args });
  t.after(() => browser.close());
  const page = await browser.newPage();
  /** @type {string[]} */
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => void (message.type() === "error" && complaints.push(message.text())));
  await page.goto(url);
  /** What each panel shows, by the name of the number. @returns {Promise<Record<string, string>[]>} */
  const shown = () =>
    page.$$eval("section", (sections) =>
      sections.map((section) => {
        const pairs = [...section.querySelectorAll("dd")].map((dd) => [dd.dataset.of, dd.textContent]);
        return { panel: section.id, ...Object.fromEntries(pairs) };
      }),
    );
  const panels = await until(
    async () => {
      const panels = await shown();
      return panels.every(({ tick }) => Number(tick) > 1 && tick === panels[0]?.tick) && panels;
    },
    "the same tick in all panels",
    20_000,
  );
  assert.deepEqual(panels.map((/** @type {any} */ it) => it.panel), PANELS);
  for (const { panel, connections, deliveries, bytes, total, latency } of panels) {
    assert.deepEqual({ connections, deliveries }, { connections: panels[0].connections, deliveries: panels[0].deliveries }, panel);
    assert.ok(Number(bytes) > 50 && Number(total) >= Number(bytes), `${panel}: ${bytes} bytes, ${total} in all`);
    assert.match(latency, /^\d+ ms$/, panel);
  }
  assert.equal(panels[0].connections, "3", "a poll is no connection");
  const [polling, , , websocket] = panels.map((/** @type {any} */ it) => Number(it.bytes));
  assert.ok(websocket < polling, `a frame of ${websocket} bytes is less than an answer of ${polling}`);
  await mkdir(screenshots, { recursive: true });
  await page.screenshot({ path: `${screenshots}dashboard.png` });
  assert.deepEqual(complaints, []);
});
