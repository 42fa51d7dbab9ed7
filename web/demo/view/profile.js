/** The user's own place: name, what others see, colours, and other windows. */

import { say } from "../words.js";
import { paint } from "./avatar.js";
import { any, button, element, make, setText, within } from "./dom.js";

/** @typedef {import("../model/chat.js").Chat} Chat */
/** @typedef {import("../model/chat.js").OwnStatus} OwnStatus */

export class Profile {
  #chat;
  #circle = make("span", "avatar");

  /** @param {Chat} chat @param {{rename: () => void, isGuest: boolean}} user */
  constructor(chat, { rename, isGuest }) {
    this.#chat = chat;
    // Whoever has a token is who the token says.
    for (const id of ["rename", "another-device", "another-person"]) any(id).hidden = !isGuest;
    within(button("profile-button"), ".avatar-place").append(this.#circle);
    any("status-choice").addEventListener("change", ({ target }) => {
      if (target instanceof HTMLInputElement) void chat.setStatus(/** @type {OwnStatus} */ (target.value));
    });
    const { theme } = /** @type {{theme: {choice: string}}} */ (/** @type {unknown} */ (globalThis));
    const choice = any("theme-choice");
    const chosen = choice.querySelector(`[value="${CSS.escape(theme.choice)}"]`);
    if (chosen instanceof HTMLInputElement) chosen.checked = true;
    choice.addEventListener("change", ({ target }) => {
      if (target instanceof HTMLInputElement) theme.choice = target.value;
    });
    button("rename").addEventListener("click", () => {
      any("profile").hidePopover();
      rename();
    });
  }

  show() {
    const { self, status, state, current } = this.#chat;
    const { userId, username } = self;
    const place = button("profile-button");
    const isOnline = state.state === "online";
    paint(this.#circle, userId, username, !isOnline || status === "invisible" ? "offline" : status);
    setText(within(place, ".name"), username);
    const word = isOnline ? say(`status_${status}`) : say("status_offline");
    setText(within(place, ".state"), isOnline && state.transport ? `${word} ${say(`over_${state.transport}`)}` : word);
    place.setAttribute("aria-label", `${say("profile", { name: username })}, ${word}`);
    const device = element("another-device", HTMLAnchorElement);
    device.href = `/#${new URLSearchParams({ as: userId, name: username, room: current.id })}`;
    if (current.peer === null) element("another-person", HTMLAnchorElement).href = `/#${new URLSearchParams({ room: current.id })}`;
  }
}
