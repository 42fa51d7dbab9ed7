/** The line for a terminal that does what a command of this page did. */

import { say } from "../words.js";

/** @typedef {import("../identity.js").Identity} Identity */

/** What needs a connection that lasts, or is only of use to one. */
const OF_A_CONNECTION = new Set(["auth", "room:leave", "room:emit", "typing:start", "typing:stop", "presence:set", "ping"]);
/** What the client and the page do by themselves. */
const OF_NOBODY = new Set(["auth", "presence:get", "room:list", "room:join", "chat:receipts", "chat:read", "typing:start", "typing:stop"]);

/** Whether a command is the user's own doing. @param {string} type */
export const isOfTheUser = (type) => !OF_NOBODY.has(type);

/**
 * @param {{type: string, data?: any}} command
 * @param {Identity} identity
 * @returns {string | null} Null when one request cannot do it.
 */
export function curlLine({ type, data }, { id, username, token }) {
  if (OF_A_CONNECTION.has(type)) return null;
  const who = new URLSearchParams(token ? {} : { id, username });
  const bearer = token ? ` \\\n  -H "Authorization: Bearer $TOKEN"` : "";
  if (type === "room:join") {
    who.set("rooms", data.roomId);
    return `curl -N ${quote(`${location.origin}/sse?${who}`)}${bearer}`;
  }
  // The same once more is a message of its own, and no retry.
  const { clientMessageId: _, ...repeatable } = data ?? {};
  const query = who.size > 0 ? `?${who}` : "";
  return `curl ${quote(`${location.origin}/rpc${query}`)}${bearer} \\\n  --json ${quote(JSON.stringify({ type, data: repeatable }))}`;
}

/** Leaves somebody a notification, as a backend does. @param {string} userId */
export function notifyLine(userId) {
  const notification = JSON.stringify({ userId, title: say("notificationTitle"), body: say("notificationBody") });
  return `curl ${quote(`${location.origin}/api/notify`)} \\\n  -H "X-API-Key: $KEY" \\\n  --json ${quote(notification)}`;
}

/** For a shell. @param {string} text */
const quote = (text) => `'${text.replaceAll("'", `'\\''`)}'`;
