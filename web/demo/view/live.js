/**
 * The live data: what the server publishes of itself once a second, over an event stream of its own.
 *
 * The stream is open while somebody looks at the panel, and not longer. Totals become rates here.
 */

import { bytes, number, percent, short } from "../numbers.js";
import { say } from "../words.js";
import { any, make, setText } from "./dom.js";
import { Sparkline } from "./sparkline.js";

const ROOM = "server:metrics";
/** A server that publishes nothing is not waited for for ever. */
const PATIENCE_MS = 5_000;

/**
 * @typedef {object} Numbers
 * @property {string} timestamp
 * @property {Record<string, number>} connections
 * @property {number} users
 * @property {number} rooms
 * @property {number} messages
 * @property {number} deliveries
 * @property {number} bytesSent
 * @property {number} bytesReceived
 * @property {number} memoryBytes
 * @property {number} cpuSeconds
 */

/** @typedef {{value: number, text: string, note?: string}} Reading */

/** @type {[name: Parameters<typeof say>[0], read: (now: Numbers, before: Numbers, seconds: number) => Reading][]} */
const GAUGES = [
  ["live_connections", ({ connections }) => count(Object.values(connections).reduce((a, b) => a + b, 0), transports(connections))],
  ["live_users", ({ users }) => count(users)],
  ["live_rooms", ({ rooms }) => count(rooms)],
  ["live_messages", (now, before, seconds) => rate(now.messages - before.messages, seconds)],
  ["live_deliveries", (now, before, seconds) => rate(now.deliveries - before.deliveries, seconds)],
  ["live_bytesSent", (now, before, seconds) => byteRate(now.bytesSent - before.bytesSent, seconds)],
  ["live_bytesReceived", (now, before, seconds) => byteRate(now.bytesReceived - before.bytesReceived, seconds)],
  ["live_memory", ({ memoryBytes }) => ({ value: memoryBytes, text: bytes(memoryBytes) })],
  ["live_cpu", (now, before, seconds) => share((now.cpuSeconds - before.cpuSeconds) / seconds)],
];

export class Live {
  #address;
  /** @type {EventSource | null} */
  #source = null;
  /** @type {Numbers | null} */
  #before = null;
  /** @type {Map<string, {value: HTMLElement, note: HTMLElement, line: Sparkline}>} */
  #drawn = new Map();
  #patience = 0;

  /** @param {() => import("../identity.js").Identity} identity */
  constructor(identity) {
    this.#address = () => {
      const { id, username, token } = identity();
      const query = new URLSearchParams({ ...(token ? { token } : { id, username }), rooms: ROOM });
      return `/sse?${query}`;
    };
  }

  /** @param {boolean} looked Whether somebody looks. */
  look(looked) {
    if (looked === (this.#source !== null)) return;
    clearTimeout(this.#patience);
    if (!looked) {
      this.#source?.close();
      this.#source = null;
      this.#before = null;
      return;
    }
    this.#say("liveWaiting");
    this.#patience = setTimeout(() => this.#say("liveNone"), PATIENCE_MS);
    this.#source = new EventSource(this.#address());
    this.#source.addEventListener(ROOM, ({ data }) => this.#show(JSON.parse(data)));
    // The browser tries again by itself; totals of a server that has begun anew are no basis for rates.
    this.#source.addEventListener("error", () => (this.#before = null));
  }

  /** @param {Parameters<typeof say>[0] | null} word */
  #say(word) {
    const state = any("live-state");
    state.hidden = word === null;
    if (word) setText(state, say(word));
  }

  /** @param {Numbers} now */
  #show(now) {
    const before = this.#before;
    this.#before = now;
    clearTimeout(this.#patience);
    if (!before) return;
    const seconds = (Date.parse(now.timestamp) - Date.parse(before.timestamp)) / 1_000;
    if (!(seconds > 0)) return;
    this.#say(null);
    for (const [name, read] of GAUGES) {
      const { value, text, note = "" } = read(now, before, seconds);
      const gauge = this.#drawn.get(name) ?? this.#draw(name);
      setText(gauge.value, text);
      setText(gauge.note, note);
      gauge.line.add(value);
    }
  }

  /** @param {Parameters<typeof say>[0]} name */
  #draw(name) {
    const [value, note, line] = [make("span", "value"), make("span", "note"), new Sparkline()];
    any("gauges").append(make("div", "gauge", make("dt", "", say(name)), make("dd", "", value, note), line.element));
    const gauge = { value, note, line };
    this.#drawn.set(name, gauge);
    return gauge;
  }
}

/** @param {number} value @param {string} [note] @returns {Reading} */
const count = (value, note) => ({ value, text: number(value), note });

/** @param {number} difference @param {number} seconds @returns {Reading} */
function rate(difference, seconds) {
  const value = Math.max(0, difference / seconds);
  return { value, text: say("perSecond", { value: short(value) }) };
}

/** @param {number} difference @param {number} seconds @returns {Reading} */
function byteRate(difference, seconds) {
  const value = Math.max(0, difference / seconds);
  return { value, text: say("perSecond", { value: bytes(value) }) };
}

/** @param {number} value @returns {Reading} */
const share = (value) => ({ value: Math.max(0, value), text: percent(Math.max(0, value)) });

/** @param {Record<string, number>} connections */
function transports(connections) {
  const names = /** @type {Record<string, string>} */ ({ socketio: "Socket.IO", ws: "WebSocket", sse: "SSE", poll: "Poll" });
  return Object.entries(connections)
    .filter(([, value]) => value > 0)
    .map(([name, value]) => `${number(value)} ${names[name] ?? name}`)
    .join(" · ");
}
