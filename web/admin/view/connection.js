/** One connection with all that is known of it. It stays on the page when it has gone. */

import { momentOf } from "../../demo/calendar.js";
import { bytes } from "../../demo/numbers.js";
import { any, button, keep, make, setText, within } from "../../demo/view/dom.js";
import { between } from "../durations.js";
import { addressOf } from "../place.js";
import { say } from "../words.js";
import { linkTo } from "./table.js";

/** @typedef {import("./connections.js").Connected} Connected */

export class ConnectionPanel {
  #backend;
  /** @type {string | undefined} */
  #clientId;
  /** @type {Connected | undefined} */
  #last;

  /** @param {import("../backend.js").Backend} backend @param {import("../actions.js").Actions} actions */
  constructor(backend, actions) {
    this.#backend = backend;
    button("connection-disconnect").addEventListener("click", () => this.#last && void actions.disconnect(this.#last));
    button("connection-notify").addEventListener("click", () => void actions.notify(this.#last?.userId));
  }

  /** @param {string | undefined} clientId */
  enter(clientId) {
    const panel = any("connection");
    // Until something is known of it there is nothing to show.
    if (clientId === undefined) panel.hidden = true;
    if (clientId === this.#clientId) return;
    this.#clientId = clientId;
    this.#last = undefined;
    panel.hidden = true;
  }

  /** @param {string | undefined} clientId @returns {Promise<(now: string) => void>} */
  async look(clientId) {
    if (clientId === undefined) return () => {};
    const { connections } = await this.#backend.ask("connections", { clientId });
    return (now) => clientId === this.#clientId && this.#show(clientId, connections[0], now);
  }

  /** @param {string} clientId @param {Connected | undefined} found @param {string} now */
  #show(clientId, found, now) {
    const panel = any("connection");
    const opened = panel.hidden;
    panel.hidden = false;
    any("connection-gone").hidden = found !== undefined;
    button("connection-disconnect").disabled = found === undefined;
    const connection = found ?? this.#last;
    this.#last = connection;
    setText(any("connection-title"), connection?.username ?? connection?.userId ?? clientId);
    const userId = connection?.userId;
    any("connection-notify").hidden = any("connection-others").hidden = userId === undefined;
    if (userId) any("connection-others").setAttribute("href", addressOf({ view: "connections", by: "userId", sought: userId }));
    this.#showFacts(clientId, connection, now);
    const rooms = connection?.rooms ?? [];
    any("connection-rooms-none").hidden = rooms.length > 0;
    keep(
      any("connection-rooms"),
      rooms,
      (room) => room,
      (room) => make("li", "", linkTo(room, { view: "rooms", room })),
      () => {},
    );
    if (!opened) return;
    panel.focus({ preventScroll: true });
    panel.scrollIntoView({ block: "nearest" });
  }

  /** @param {string} clientId @param {Connected | undefined} connection @param {string} now */
  #showFacts(clientId, connection, now) {
    /** @type {[import("../words.js").Word, string][]} */
    const facts = [["connectionId", clientId]];
    if (connection) {
      const { userId = say("nobody"), transport, address, connectedAt, lastPong, queueBytes } = connection;
      facts.push(["userId", userId], ["transport", transport], ["address", address], ["connectedAt", momentOf(connectedAt)]);
      facts.push(["since", between(connectedAt, now)], ["lastPong", between(lastPong, now)], ["queue", queueBytes > 0 ? bytes(queueBytes) : "0"]);
    }
    keep(
      any("facts"),
      facts,
      ([word]) => word,
      ([word]) => make("div", "", make("dt", "", say(word)), make("dd")),
      (fact, [, text]) => setText(within(fact, "dd"), text),
    );
  }
}
