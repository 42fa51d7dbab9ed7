// The four ways to the numbers of `dashboard`, outside of its page.
//
//   node tests/examples/clients/dashboard.mjs [http://127.0.0.1:3000]

import { setTimeout as pause } from "node:timers/promises";
import { EventSource } from "eventsource";
import { WebSocket } from "ws";
import { terminal } from "./terminal.mjs";

/** @typedef {{tick: number, sentAt: number, connections: number, deliveries: number}} Numbers */
/** @typedef {(way: string, numbers: Numbers) => void} Show */

/** @param {string} url @param {number} everyMs @param {Show} show @param {AbortSignal} signal */
export async function poll(url, everyMs, show, signal) {
  while (!signal.aborted) {
    const response = await fetch(`${url}/numbers`, { signal });
    show("polling", /** @type {any} */ (await response.json()));
    await pause(everyMs);
  }
}

/** @param {string} url @param {Show} show @param {AbortSignal} signal */
export async function longPoll(url, show, signal) {
  for (let place = ""; !signal.aborted; ) {
    const response = await fetch(`${url}/poll${place}`, { signal });
    const { session, cursor, events } = /** @type {any} */ (await response.json());
    place = `?session=${session}&cursor=${encodeURIComponent(cursor)}`;
    for (const { data } of events) show("long-polling", data);
  }
}

/** @param {string} url @param {Show} show @param {AbortSignal} signal */
export function eventStream(url, show, signal) {
  const source = new EventSource(`${url}/sse`);
  source.addEventListener("numbers", ({ data }) => show("sse", JSON.parse(data)));
  signal.addEventListener("abort", () => source.close());
}

/** @param {string} url @param {Show} show @param {AbortSignal} signal */
export function webSocket(url, show, signal) {
  const ws = new WebSocket(`${url.replace("http", "ws")}/ws`);
  ws.on("message", (text) => show("websocket", JSON.parse(text.toString()).data));
  signal.addEventListener("abort", () => ws.terminate());
}

terminal(import.meta.url, (url = "http://127.0.0.1:3000") => {
  const { signal } = new AbortController();
  /** @type {Show} */
  const show = (way, numbers) => console.log(way.padEnd(12), Date.now() - numbers.sentAt, "ms", numbers);
  void poll(url, 1_000, show, signal);
  void longPoll(url, show, signal);
  eventStream(url, show, signal);
  webSocket(url, show, signal);
  return () => {};
});
