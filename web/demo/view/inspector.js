/** "What just happened": the frames of this tab as they went over the wire, and the line that does the same from a terminal. */

import { exactTimeOf } from "../calendar.js";
import { say } from "../words.js";
import { curlLine, isOfTheUser } from "./curl.js";
import { any, element, make, setText } from "./dom.js";
import { oneStop, rove } from "./roving.js";
import { snippet } from "./snippet.js";

/** @typedef {{number: number, direction: "up" | "down", frame: any, at: Date}} Seen */

const KEPT_MOST = 120;
/** How much of a long frame is shown. */
const TEXT_MOST = 400;
const OPENED_MOST = 20_000;

export class Inspector {
  #identity;
  /** The newest first. @type {Seen[]} */
  #frames = [];
  #total = 0;
  /** @type {any} */
  #command = null;
  #details = element("inspector", HTMLDetailsElement);
  #waiting = false;

  /** @param {() => import("../identity.js").Identity} identity */
  constructor(identity) {
    this.#identity = identity;
    this.#details.addEventListener("toggle", () => this.#show());
    rove(any("frames"), "button");
  }

  /** @param {"up" | "down"} direction @param {any} frame */
  add(direction, frame) {
    this.#total += 1;
    this.#frames.unshift({ number: this.#total, direction, frame: masked(frame), at: new Date() });
    if (this.#frames.length > KEPT_MOST) this.#frames.pop();
    if (direction === "up" && isOfTheUser(frame.type)) this.#command = frame;
    if (this.#waiting) return;
    // However many come at once, the list is drawn once.
    this.#waiting = true;
    setTimeout(() => {
      this.#waiting = false;
      this.#show();
    }, 100);
  }

  #show() {
    setText(any("frames-count"), say("framesCount", { count: this.#total }));
    if (!this.#details.open) return;
    const list = any("frames");
    any("frames-empty").hidden = this.#frames.length > 0;
    const newest = Number(list.firstElementChild?.getAttribute("data-number") ?? 0);
    const fresh = this.#frames.filter((it) => it.number > newest);
    list.prepend(...fresh.map((it) => this.#draw(it)));
    while (list.childElementCount > KEPT_MOST) list.lastElementChild?.remove();
    oneStop(list, "button");
    this.#showCurl(this.#command);
  }

  /** @param {Seen} seen */
  #draw({ number, direction, frame, at }) {
    const arrow = make("span", "arrow", direction === "up" ? "↑" : "↓");
    arrow.setAttribute("role", "img");
    arrow.setAttribute("aria-label", say(direction));
    const text = JSON.stringify(frame);
    const shown = make("code", "", make("b", "", String(frame?.type ?? "")), " ", text.length > TEXT_MOST ? `${text.slice(0, TEXT_MOST)}…` : text);
    const button = make("button", "", arrow, make("time", "", exactTimeOf(at)), shown);
    button.type = "button";
    button.setAttribute("aria-expanded", "false");
    const item = make("li", direction, button);
    item.dataset.number = String(number);
    button.addEventListener("click", () => {
      const opened = item.querySelector("pre");
      button.setAttribute("aria-expanded", String(!opened));
      if (opened) opened.remove();
      else item.append(make("pre", "", JSON.stringify(frame, null, 2).slice(0, OPENED_MOST)));
      if (direction === "up") this.#showCurl(frame);
    });
    return item;
  }

  /** @param {any} command */
  #showCurl(command) {
    const place = any("curl");
    any("curl-empty").hidden = command !== null;
    if (command === null) return;
    const line = curlLine(command, this.#identity());
    const key = `${command.type} ${line}`;
    if (place.dataset.shown === key) return;
    place.dataset.shown = key;
    place.replaceChildren(line === null ? make("p", "hint", say("curlNone")) : snippet(line));
  }
}

/** A token is nobody's business, and a page is easily shown to somebody. @param {any} frame */
function masked(frame) {
  return frame?.data?.token === undefined ? frame : { ...frame, data: { ...frame.data, token: "…" } };
}
