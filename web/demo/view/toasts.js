/** Short notes at the edge of the page, which go by themselves; not while somebody is at them. */

import { say } from "../words.js";
import { any, iconButton, make } from "./dom.js";
import { icon } from "./icons.js";

const SHOWN_MS = 6_000;
const SHOWN_MOST = 4;

/**
 * @param {{title: string, text?: string, kind?: "note" | "notification" | "message" | "error", avatar?: HTMLElement, act?: () => void}} toast
 *   `act`: what happens when it is chosen.
 */
export function toast({ title, text, kind = "note", avatar, act }) {
  const list = any("toasts");
  const item = make("li", "toast");
  item.dataset.kind = kind;
  const sign = avatar ?? icon(kind === "error" ? "warning" : kind === "notification" ? "bell" : "check");
  const words = make(act ? "button" : "div", "words", make("strong", "", title), text ? make("span", "", text) : null);
  item.append(sign, words, iconButton(say("dismiss"), "close", () => item.remove()));
  if (act && words instanceof HTMLButtonElement) {
    words.type = "button";
    words.addEventListener("click", () => {
      item.remove();
      act();
    });
  }
  list.append(item);
  while (list.childElementCount > SHOWN_MOST) list.firstElementChild?.remove();

  let timer = 0;
  const begin = () => {
    clearTimeout(timer);
    timer = setTimeout(() => item.remove(), SHOWN_MS);
  };
  const wait = () => clearTimeout(timer);
  for (const kind of ["pointerenter", "focusin"]) item.addEventListener(kind, wait);
  for (const kind of ["pointerleave", "focusout"]) item.addEventListener(kind, begin);
  begin();
}

/** Takes away those of a kind. @param {string} kind */
export function clearToasts(kind) {
  for (const item of any("toasts").querySelectorAll(`[data-kind="${CSS.escape(kind)}"]`)) item.remove();
}
