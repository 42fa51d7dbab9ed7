/** How the connection is: nothing while it is well, else what is wrong, when the next attempt is due, and a button for now. */

import { say, sayError } from "../words.js";
import { any, button, setText, within } from "./dom.js";

/** @typedef {import("../model/chat.js").StateChange} StateChange */

const TICK_MS = 200;
/** Shorter interruptions are not worth a word. */
const CONNECTING_SHOWN_AFTER_MS = 700;

export class ConnectionBar {
  /** @type {StateChange} */
  #change = { state: "connecting" };
  #timer = 0;
  #since = Date.now();
  #wasOnline = false;

  /** @param {{retry: () => void, open: () => void}} client */
  constructor(client) {
    button("try-now").addEventListener("click", () => {
      if (this.#change.state === "closed") client.open();
      else client.retry();
    });
  }

  /** @param {StateChange} change */
  show(change) {
    const { state } = change;
    const before = this.#change.state;
    this.#change = change;
    document.body.dataset.connection = state;
    if (state !== before) {
      this.#since = Date.now();
      const lost = state === "reconnecting" || state === "offline";
      if (lost && before === "online") setText(any("announcer"), say("lostConnection"));
      if (state === "online" && this.#wasOnline) setText(any("announcer"), say("backOnline"));
      this.#wasOnline ||= state === "online";
    }
    clearInterval(this.#timer);
    if (state !== "online" && state !== "closed") this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#tick();
  }

  #tick() {
    const { state, retryAt = 0, error } = this.#change;
    const bar = any("connection");
    const isShort = state === "connecting" && Date.now() - this.#since < CONNECTING_SHOWN_AFTER_MS;
    bar.hidden = state === "online" || isShort;
    bar.dataset.state = state;
    const waitMs = retryAt - Date.now();
    button("try-now").hidden = state !== "closed" && waitMs < TICK_MS;
    setText(within(bar, ".text"), this.#sentence(state, Math.ceil(waitMs / 1_000), error));
  }

  /** @param {StateChange["state"]} state @param {number} seconds @param {unknown} error */
  #sentence(state, seconds, error) {
    if (state === "closed") return say("closed", { reason: sayError(error) });
    if (state === "connecting" || seconds <= 0) return say(state === "connecting" ? "connecting" : "reconnecting");
    return say(state === "offline" ? "offlineIn" : "reconnectingIn", { seconds });
  }
}
