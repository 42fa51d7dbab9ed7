/** What the server says of itself, as the numbers that somebody wants to see: totals become rates. */

import { bytes, number, percent, short } from "../demo/numbers.js";
import { say } from "./words.js";

/**
 * @typedef {object} Node
 * @property {string} nodeId
 * @property {string} version
 * @property {string} timestamp
 * @property {number} uptimeSeconds
 * @property {number} connections
 * @property {Record<string, number>} transports
 * @property {number} users
 * @property {number} rooms
 * @property {number} messages
 * @property {number} deliveries
 * @property {number} bytesSent
 * @property {number} bytesReceived
 * @property {number} queueBytes
 * @property {number} [memoryBytes]
 * @property {number} cpuSeconds
 * @property {Record<string, number>} refused
 */

/** Without a value there is nothing to draw yet: rates take two looks. */
/** @typedef {{word: import("./words.js").Word, value?: number, text: string, note?: string}} Reading */
/** @typedef {"messages" | "deliveries" | "bytesSent" | "bytesReceived" | "cpuSeconds"} Total */

const NAMES = { socketio: "Socket.IO", ws: "WebSocket", sse: "SSE", poll: "Poll", rpc: say("rpc") };

export class Rates {
  /** @type {Map<string, Node>} */
  #before = new Map();

  /** @param {Node[]} nodes @returns {Reading[]} */
  read(nodes) {
    const before = this.#before;
    this.#before = new Map(nodes.map((node) => [node.nodeId, node]));
    const sum = (/** @type {(node: Node) => number} */ of) => nodes.reduce((all, node) => all + of(node), 0);
    const rate = (/** @type {Total} */ total) =>
      sum((node) => {
        const earlier = before.get(node.nodeId);
        if (!earlier) return 0;
        const seconds = (Date.parse(node.timestamp) - Date.parse(earlier.timestamp)) / 1_000;
        return seconds > 0 ? Math.max(0, (node[total] - earlier[total]) / seconds) : 0;
      });
    const perSecond = (/** @type {Exclude<Total, "cpuSeconds">} */ word) => {
      if (before.size === 0) return { word, text: "…" };
      const value = rate(word);
      const text = word.startsWith("bytes") ? bytes(value) : short(value);
      return { word, value, text: say("perSecond", { value: text }) };
    };
    const connections = sum((node) => node.connections);
    const [users, rooms, queue, memory] = [sum((it) => it.users), sum((it) => it.rooms), sum((it) => it.queueBytes), sum((it) => it.memoryBytes ?? 0)];
    const cpu = rate("cpuSeconds");
    return [
      { word: "connections", value: connections, text: number(connections), note: transports(sum) },
      { word: "users", value: users, text: number(users) },
      { word: "rooms", value: rooms, text: number(rooms) },
      perSecond("messages"),
      perSecond("deliveries"),
      perSecond("bytesSent"),
      perSecond("bytesReceived"),
      { word: "queueBytes", value: queue, text: queue > 0 ? bytes(queue) : "0" },
      { word: "memory", value: memory, text: bytes(memory) },
      before.size === 0 ? { word: "cpu", text: "…" } : { word: "cpu", value: cpu, text: percent(cpu) },
    ];
  }
}

/** @param {(of: (node: Node) => number) => number} sum */
function transports(sum) {
  return Object.entries(NAMES)
    .map(([key, name]) => ({ name, count: sum((node) => node.transports[key] ?? 0) }))
    .filter(({ count }) => count > 0)
    .map(({ name, count }) => `${number(count)} ${name}`)
    .join(" · ");
}
