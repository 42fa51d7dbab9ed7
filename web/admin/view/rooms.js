/** The rooms that somebody is in, found by how their names begin. */

import { number } from "../../demo/numbers.js";
import { any, button, element, keep, make, setText, within } from "../../demo/view/dom.js";
import { addressOf, go, here } from "../place.js";
import { say } from "../words.js";
import { RoomPanel } from "./room.js";
import { cell, linkTo, showPages } from "./table.js";

const PAGE = 100;

/** @typedef {import("../place.js").Place} Place */

export class Rooms {
  #backend;
  #panel;

  /** @param {import("../backend.js").Backend} backend @param {import("../actions.js").Actions} actions */
  constructor(backend, actions) {
    this.#backend = backend;
    this.#panel = new RoomPanel(backend);
    const prefix = element("prefix", HTMLInputElement);
    prefix.placeholder = say("prefix");
    prefix.addEventListener("input", () => go({ ...here(), after: undefined, prefix: prefix.value }, true));
    any("rooms-search").addEventListener("submit", (event) => event.preventDefault());
    button("room-publish").addEventListener("click", () => void actions.publish(here().room));
    button("room-close").addEventListener("click", () => {
      const { room } = here();
      go({ ...here(), room: undefined });
      const row = [...any("rooms-rows").children].find((it) => it instanceof HTMLElement && it.dataset.key === room);
      if (row) within(row, "a").focus();
    });
  }

  /** @param {Place} place */
  enter({ room, prefix = "" }) {
    const field = element("prefix", HTMLInputElement);
    if (document.activeElement !== field) field.value = prefix;
    this.#panel.enter(room);
    for (const row of any("rooms-rows").children) mark(row, room);
  }

  /** @param {Place} place @returns {Promise<(now: string) => void>} */
  async look({ prefix = "", after, room }) {
    const question = { limit: PAGE, ...(prefix && { prefix }), ...(after && { after }) };
    const [{ rooms, hasMore }, draw] = await Promise.all([this.#backend.ask("rooms", question), this.#panel.look(room)]);
    return () => {
      this.#show(rooms, hasMore);
      draw();
    };
  }

  /** @param {{roomId: string, members: number, devices: number}[]} rooms @param {boolean} hasMore */
  #show(rooms, hasMore) {
    const place = here();
    keep(
      any("rooms-rows"),
      rooms,
      ({ roomId }) => roomId,
      ({ roomId }) => make("tr", "", cell("room", "name", linkTo(roomId, place)), cell("members", "figure"), cell("devices", "figure")),
      (row, { roomId, members, devices }) => {
        within(row, "a").setAttribute("href", addressOf({ ...place, room: roomId }));
        setText(/** @type {Element} */ (row.children[1]), number(members));
        setText(/** @type {Element} */ (row.children[2]), number(devices));
        mark(row, place.room);
      },
    );
    const none = any("rooms-none");
    none.hidden = rooms.length > 0;
    setText(none, place.prefix ? say("noRoomsFound", { prefix: place.prefix }) : say("noRooms"));
    showPages(any("rooms-pages"), {
      isFirst: !place.after,
      hasMore,
      first: () => go({ ...here(), after: undefined }),
      next: () => go({ ...here(), after: rooms.at(-1)?.roomId }),
    });
  }
}

/** @param {Element} row @param {string | undefined} room */
function mark(row, room) {
  if (/** @type {HTMLElement} */ (row).dataset.key === room) row.setAttribute("aria-current", "true");
  else row.removeAttribute("aria-current");
}
