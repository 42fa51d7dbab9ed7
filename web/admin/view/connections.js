/** Who is connected, found by user, room or address, a page at a time. */

import { bytes } from "../../demo/numbers.js";
import { any, element, iconButton, keep, make, setText, within } from "../../demo/view/dom.js";
import { between } from "../durations.js";
import { addressOf, go, here } from "../place.js";
import { say } from "../words.js";
import { ConnectionPanel } from "./connection.js";
import { cell, linkTo, showPages } from "./table.js";

/** Rows that are drawn anew every second. */
const PAGE = 100;
const ROOMS_MOST = 3;
/** Somebody types on for as long as the pauses are shorter. */
const TYPING_MS = 250;

/** @typedef {import("../place.js").Place} Place */

/**
 * @typedef {object} Connected
 * @property {string} clientId
 * @property {string} [userId]
 * @property {string} [username]
 * @property {string} transport
 * @property {string} address
 * @property {string[]} rooms
 * @property {string} connectedAt
 * @property {string} lastPong
 * @property {number} queueBytes
 */

export class Connections {
  #backend;
  #actions;
  #panel;
  /** What the rows show, by the id of the connection. @type {Map<string, Connected>} */
  #shown = new Map();

  /** @param {import("../backend.js").Backend} backend @param {import("../actions.js").Actions} actions */
  constructor(backend, actions) {
    this.#backend = backend;
    this.#actions = actions;
    this.#panel = new ConnectionPanel(backend, actions);
    const [by, sought] = [element("by", HTMLSelectElement), element("sought", HTMLInputElement)];
    sought.placeholder = say("sought");
    const search = () => go({ view: "connections", by: by.value, sought: sought.value.trim() }, true);
    let timer = 0;
    sought.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(search, TYPING_MS);
    });
    by.addEventListener("change", search);
    any("connections-search").addEventListener("submit", (event) => (event.preventDefault(), search()));
    any("connection-close").addEventListener("click", () => {
      const { connection } = here();
      go({ ...here(), connection: undefined });
      const row = [...any("connections-rows").children].find((it) => it instanceof HTMLElement && it.dataset.key === connection);
      if (row) within(row, "a").focus();
    });
  }

  /** @param {Place} place */
  enter({ by = "userId", sought = "", connection }) {
    const field = element("sought", HTMLInputElement);
    element("by", HTMLSelectElement).value = by;
    if (document.activeElement !== field) field.value = sought;
    this.#panel.enter(connection);
    for (const row of any("connections-rows").children) mark(row, connection);
  }

  /** @param {Place} place @returns {Promise<(now: string) => void>} */
  async look({ by = "userId", sought, after, connection }) {
    const question = { limit: PAGE, ...(sought && { [by]: sought }), ...(after && { after }) };
    // Half an address is none, and nobody has it.
    const list = by === "address" && sought && !isAddress(sought) ? { connections: [], hasMore: false } : this.#backend.ask("connections", question);
    const [{ connections, hasMore }, draw] = await Promise.all([list, this.#panel.look(connection)]);
    return (now) => {
      this.#show(connections, hasMore, now);
      draw(now);
    };
  }

  /** @param {Connected[]} connections @param {boolean} hasMore @param {string} now */
  #show(connections, hasMore, now) {
    const place = here();
    this.#shown = new Map(connections.map((it) => [it.clientId, it]));
    keep(
      any("connections-rows"),
      connections,
      ({ clientId }) => clientId,
      ({ clientId }) => this.#draw(clientId),
      (row, connection) => this.#update(row, connection, place, now),
    );
    const none = any("connections-none");
    none.hidden = connections.length > 0;
    setText(none, say(place.sought ? "noConnectionsFound" : "noConnections"));
    showPages(any("connections-pages"), {
      isFirst: !place.after,
      hasMore,
      first: () => go({ ...here(), after: undefined }),
      next: () => go({ ...here(), after: connections.at(-1)?.clientId }),
    });
  }

  /** @param {string} clientId */
  #draw(clientId) {
    const disconnect = iconButton("", "close", () => {
      const connection = this.#shown.get(clientId);
      if (connection) void this.#actions.disconnect(connection);
    });
    return make(
      "tr",
      "",
      cell("user", "name", linkTo("", { view: "connections" })),
      cell("transport"),
      cell("address", "code"),
      cell("rooms", "rooms"),
      cell("queue", "figure"),
      cell("lastPong", "figure"),
      cell("since", "figure"),
      cell("actions", "last", disconnect),
    );
  }

  /** @param {HTMLElement} row @param {Connected} connection @param {Place} place @param {string} now */
  #update(row, connection, place, now) {
    const { clientId, userId, username, transport, address, rooms, queueBytes, lastPong, connectedAt } = connection;
    const user = username ?? userId ?? say("nobody");
    const link = within(row, "a");
    link.setAttribute("href", addressOf({ ...place, connection: clientId }));
    setText(link, user);
    link.title = userId ?? "";
    link.classList.toggle("nobody", !userId);
    const label = say("disconnectThem", { user });
    const disconnect = within(row, "button");
    if (disconnect.title !== label) {
      disconnect.title = label;
      disconnect.setAttribute("aria-label", label);
    }
    const more = rooms.length > ROOMS_MOST ? ` ${say("moreRooms", { count: rooms.length - ROOMS_MOST })}` : "";
    const texts = [transport, address, rooms.slice(0, ROOMS_MOST).join(", ") + more, queueBytes > 0 ? bytes(queueBytes) : "0", between(lastPong, now), between(connectedAt, now)];
    texts.forEach((text, index) => setText(/** @type {Element} */ (row.children[index + 1]), text));
    row.children[4]?.classList.toggle("much", queueBytes > 65_536);
    mark(row, place.connection);
  }
}

/** @param {Element} row @param {string | undefined} connection */
function mark(row, connection) {
  if (/** @type {HTMLElement} */ (row).dataset.key === connection) row.setAttribute("aria-current", "true");
  else row.removeAttribute("aria-current");
}

/** @param {string} text */
function isAddress(text) {
  const numbers = text.split(".");
  if (numbers.length === 4) return numbers.every((it) => /^\d{1,3}$/.test(it) && Number(it) < 256);
  return URL.canParse(`http://[${text}]`);
}
