// Who plays in the suites: users with names that are hard to carry, and one of them on every transport.

import assert from "node:assert/strict";
import { token } from "../lib/tidings.mjs";
import { until } from "../lib/wait.mjs";
import { NAMES, TRANSPORTS } from "./transports.mjs";

/** Chinese beyond the basic plane, joined and coloured emoji, a combining accent, right to left, and what JSON escapes. */
export const TEXT = '海内存知己 𠜎 👩‍👩‍👧‍👦 👍🏽 e\u0301 नि שלום "\\/ \u2028 <b>&amp;';

let count = 0;
/** A room, user or other name that nobody has used. @param {string} what */
export const fresh = (what) => `${what}·房间 👩‍👩‍👧‍👦 e\u0301 ${process.pid}-${++count}`;

/** @typedef {{id: string, name: string}} User */

/** @returns {User} */
export function user() {
  const id = fresh("用户");
  return { id, name: `小明 ${id} 🀄` };
}

/**
 * Signs a new user in.
 * @param {string} url @param {string} transport
 * @param {import("./transports.mjs").Options & {claims?: object, user?: User}} [options]
 */
export async function enter(url, transport, options = {}) {
  const { claims, user: who = user(), ...rest } = options;
  const client = await TRANSPORTS[transport](url, { token: token(who.id, { name: who.name, ...claims }), ...rest });
  return Object.assign(client, { user: who });
}

/** @typedef {Awaited<ReturnType<typeof enter>>} Player */

/** One new user on each transport. @param {string} url @param {Parameters<typeof enter>[2]} [options] @returns {Promise<Player[]>} */
export const company = (url, options) => Promise.all(NAMES.map((name) => enter(url, name, options)));

/** @param {Player[]} players @param {string} room @returns {Promise<any>} */
export const joinAll = (players, room) => Promise.all(players.map((player) => player.done("room:join", room)));

/**
 * The same event on each of the clients, which have to be given the same data.
 * @param {import("./transports.mjs").Client[]} clients @param {string} type @param {(data: any) => any} [fits] @param {number} [ms]
 */
export async function heardByAll(clients, type, fits, ms) {
  const all = await Promise.all(clients.map((client) => client.event(type, fits, ms)));
  for (const [i, data] of all.entries()) assert.deepEqual(data, all[0], `${type} on ${clients[i].transport}`);
  return all[0];
}

/**
 * Has a message go through a room, so that whatever was sent to its members before has arrived.
 * @param {import("./transports.mjs").Client} from @param {import("./transports.mjs").Client[]} to @param {string} room
 */
export async function flush(from, to, room) {
  const { messageId } = await from.done("chat:send", { roomId: room, content: "that is all" });
  await heardByAll(to, "chat:message", (it) => it.messageId === messageId);
}

/**
 * The same for a volatile event, which a polling client does without when it is between two requests: it is said again
 * until all have heard of it.
 * @param {() => Promise<any>} say @param {import("./transports.mjs").Client[]} clients @param {string} type
 * @param {(data: any) => any} [fits]
 */
export async function heardByAllInTheEnd(say, clients, type, fits = () => true) {
  const begun = clients.map((client) => client.events.length);
  const heard = () =>
    clients.map((client, i) => client.events.slice(begun[i]).find((it) => it.type === type && fits(it.data)));
  const all = () => heard().every(Boolean);
  const again = async () => {
    await say();
    return until(all, type, 250).catch(() => false);
  };
  await until(again, `${type} on each transport`, 10_000);
  const [first, ...rest] = heard().map((it) => it?.data);
  for (const [i, data] of rest.entries()) assert.deepEqual(data, first, `${type} on ${clients[i + 1].transport}`);
  return first;
}

/** @param {any} time */
export const assertTime = (time) => assert.match(time, /^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);

/** @param {any} answer @param {string} code @param {RegExp} [says] */
export function assertFault(answer, code, says = /./) {
  assert.equal(answer?.success, false, JSON.stringify(answer));
  assert.equal(answer.code, code, JSON.stringify(answer));
  assert.match(answer.error, says);
}

/** The settings under which no limit is met by accident. */
export const GENEROUS = {
  "limits.connections_per_ip": 5000,
  "limits.unauthenticated_per_ip": 1000,
  "limits.connections_per_user": 500,
  "limits.rate.connection.per_second": 10_000,
  "limits.rate.connection.burst": 20_000,
  "limits.rate.user.per_second": 10_000,
  "limits.rate.user.burst": 20_000,
  "limits.rate.ip.per_second": 50_000,
  "limits.rate.ip.burst": 100_000,
};
