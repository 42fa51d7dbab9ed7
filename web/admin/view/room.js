/** One room: who is in it, and what is said there. */

import { timeOf } from "../../demo/calendar.js";
import { any, keep, make, setText, within } from "../../demo/view/dom.js";
import { number } from "../../demo/numbers.js";
import { addressOf } from "../place.js";
import { say } from "../words.js";
import { linkTo } from "./table.js";

const MEMBERS_MOST = 100;
/** Messages that are looked up to begin with, and that are shown at most. */
const BEGINNING = 50;
const SHOWN_MOST = 200;
/** Pixels from the end that still count as being there. */
const NEAR = 24;

/** @typedef {{userId: string, username: string, status: string, devices: number}} Member */
/** @typedef {{seq: number, senderId: string, senderName: string, content?: string, deleted?: boolean, timestamp: string}} Message */

export class RoomPanel {
  #backend;
  /** @type {string | undefined} */
  #room;
  /** @type {Message[]} */
  #messages = [];

  /** @param {import("../backend.js").Backend} backend */
  constructor(backend) {
    this.#backend = backend;
  }

  /** @param {string | undefined} room */
  enter(room) {
    const panel = any("room");
    panel.hidden = room === undefined;
    document.body.classList.toggle("with-room", room !== undefined);
    if (room === this.#room) return;
    this.#room = room;
    this.#messages = [];
    any("tail").replaceChildren();
    any("members").replaceChildren();
    any("tail-none").hidden = true;
    if (room === undefined) return;
    any("room-title").textContent = room;
    any("room-connections").setAttribute("href", addressOf({ view: "connections", by: "roomId", sought: room }));
    panel.focus({ preventScroll: true });
    panel.scrollIntoView({ block: "nearest" });
  }

  /** @param {string | undefined} room @returns {Promise<() => void>} */
  async look(room) {
    if (room === undefined) return () => {};
    const last = this.#messages.at(-1)?.seq;
    const question = last === undefined ? { roomId: room, limit: BEGINNING } : { roomId: room, after: last, limit: SHOWN_MOST };
    const [{ members, memberCount }, { messages }] = await Promise.all([
      this.#backend.ask("members", { roomId: room }),
      this.#backend.ask("history", question),
    ]);
    return () => {
      if (room !== this.#room) return;
      this.#showMembers(members, memberCount);
      this.#messages = [...this.#messages, ...messages].slice(-SHOWN_MOST);
      this.#showTail();
    };
  }

  /** @param {Member[]} members @param {number} count */
  #showMembers(members, count) {
    const shown = members.slice(0, MEMBERS_MOST);
    keep(
      any("members"),
      shown,
      ({ userId }) => userId,
      ({ userId, username }) =>
        make("li", "", make("span", "presence"), linkTo(username, { view: "connections", by: "userId", sought: userId }), make("span", "hint")),
      (item, { userId, username, status, devices }) => {
        within(item, ".presence").className = `presence ${status === "invisible" ? "offline" : status}`;
        setText(within(item, "a"), username);
        const id = userId === username ? "" : userId;
        setText(within(item, ".hint"), [id, devices > 1 ? say("devicesOf", { count: devices }) : ""].filter(Boolean).join(" · "));
      },
    );
    const more = any("members-more");
    more.hidden = count > 0 && count <= shown.length;
    setText(more, count === 0 ? say("nobodyHere") : say("membersMore", { count: number(count - shown.length) }));
  }

  #showTail() {
    const tail = any("tail");
    const atEnd = tail.scrollHeight - tail.scrollTop - tail.clientHeight < NEAR;
    keep(
      tail,
      this.#messages,
      ({ seq }) => String(seq),
      ({ senderName, content, deleted, timestamp, seq }) =>
        make(
          "li",
          deleted ? "deleted" : "",
          make("span", "seq", String(seq)),
          make("time", "", timeOf(timestamp)),
          make("b", "", senderName),
          make("span", "text", deleted ? say("deleted") : (content ?? "")),
        ),
      () => {},
    );
    any("tail-none").hidden = this.#messages.length > 0;
    tail.hidden = this.#messages.length === 0;
    if (atEnd) tail.scrollTop = tail.scrollHeight;
  }
}
