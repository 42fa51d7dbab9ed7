// People at the demo page: each in a browser context of their own, and all that their browsers complain about.

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { serve } from "./server.mjs";

/** @typedef {import("playwright-core").Page} Page */
/** @typedef {import("playwright-core").BrowserContextOptions} ContextOptions */
/** @typedef {Awaited<ReturnType<typeof serve>>} Server */

export const DESKTOP = { width: 1280, height: 800 };
/** @type {ContextOptions} */
export const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };
/** The narrowest that anybody still carries. */
export const SMALL = { width: 320, height: 568 };

const screenshots = fileURLToPath(new URL("../.cache/screenshots/", import.meta.url));

/** A server, a browser, and the people who use them. */
export class Cast {
  /** Errors of pages, refusals of the content security policy, requests to anybody else. @type {string[]} */
  complaints = [];

  /** @param {Server} server @param {import("playwright-core").Browser} browser */
  constructor(server, browser) {
    this.server = server;
    this.browser = browser;
  }

  static async gather() {
    await mkdir(screenshots, { recursive: true });
    const args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-sync"];
    // One after the other: what fails alone leaves nothing behind.
    const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args });
    try {
      return new Cast(await serve(), browser);
    } catch (error) {
      await browser.close();
      throw error;
    }
  }

  async disperse() {
    await this.browser.close();
    await this.server.kill();
    await this.server.forget();
  }

  /** Ends the server as a crash would, and starts another in its place. @param {() => Promise<void>} meanwhile */
  async restart(meanwhile) {
    await this.server.kill();
    await meanwhile();
    this.server = await serve(this.server.port, this.server.home);
  }

  /** A window of its own, not yet at the page. @param {ContextOptions} [options] @returns {Promise<Page>} */
  async window(options = {}) {
    const context = await this.browser.newContext({ locale: "en-GB", viewport: DESKTOP, ...options });
    context.setDefaultTimeout(10_000);
    const page = await context.newPage();
    this.watch(page);
    return page;
  }

  /** @param {Page} page */
  watch(page) {
    page.on("pageerror", (error) => this.complaints.push(error.stack ?? error.message));
    page.on("console", (message) => {
      // A server that is away is what some tests are about.
      if (message.type() === "error" && !message.text().includes("ERR_CONNECTION_REFUSED") && !message.text().includes("ERR_INTERNET_DISCONNECTED")) {
        this.complaints.push(message.text());
      }
    });
    page.on("request", (request) => {
      const { protocol, host } = new URL(request.url());
      if (protocol !== "data:" && host !== new URL(this.server.url).host) this.complaints.push(`a request to ${request.url()}`);
    });
  }

  /** Somebody comes to the page, and gives a name. @param {string} name @param {ContextOptions & {at?: string}} [options] @returns {Promise<Page>} */
  async enter(name, { at = "/", ...options } = {}) {
    const page = await this.window(options);
    await page.goto(this.server.url + at);
    const field = page.locator("#name");
    await field.fill(name);
    await field.press("Enter");
    await online(page);
    return page;
  }

  /** A command of nobody's page. @param {string} who @param {string} type @param {any} data */
  async rpc(who, type, data) {
    const response = await fetch(`${this.server.url}/rpc?${who}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ type, data }),
    });
    const answer = await response.json();
    assert.equal(answer.success, true, JSON.stringify(answer));
    return answer;
  }
}

/** @param {Page} page */
export const online = (page) => page.locator("body[data-connection=online]").waitFor({ timeout: 30_000 });

/** @param {Page} page @param {string} text */
export async function say(page, text) {
  const box = page.locator("#box");
  await box.fill(text);
  await box.press("Enter");
}

/** A message as this page shows it. @param {Page} page @param {string} text */
export const message = (page, text) => page.locator("article.message").filter({ has: page.locator(".body > .text").getByText(text, { exact: true }) });

/** Every message that the page has drawn, from above. @param {Page} page */
export const texts = (page) => page.locator("article.message .body > .text").allTextContents();

/** @param {Page} page */
export const here = (page) => page.locator("#here .name").allTextContents();

/** The conversation with that name in the sidebar. @param {Page} page @param {string} name */
export const conversation = (page, name) => page.locator("#sidebar li button").filter({ has: page.locator(".name").getByText(name, { exact: true }) });

/** @param {Page} page @param {string} name */
export const shot = (page, name) => page.screenshot({ path: `${screenshots}${name}.png` });

/** @param {Page} page @param {string} what */
export async function noSidewaysScroll(page, what) {
  const wide = await page.evaluate(() =>
    [...document.querySelectorAll("html, main, #scroller, #sidebar, #here, #frames, .bar, footer")]
      .filter((it) => it.scrollWidth > it.clientWidth + 1 && getComputedStyle(it).overflowX !== "visible" && it.clientWidth > 0)
      .map((it) => `${it.tagName}#${it.id} by ${it.scrollWidth - it.clientWidth}`),
  );
  assert.deepEqual(wide, [], `${what}: wider than the page`);
}
