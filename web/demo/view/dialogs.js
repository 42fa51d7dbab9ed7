/** The questions that the page asks: who the user is, which room, and whether a message shall go. */

import { say } from "../words.js";
import { element, within } from "./dom.js";

/**
 * Shows a dialog, until its form is sent or it is left.
 * @param {string} id @param {() => void} [prepare] @returns {Promise<boolean>} Whether the form was sent.
 */
export function ask(id, prepare) {
  const dialog = element(id, HTMLDialogElement);
  const form = within(dialog, "form");
  const over = new AbortController();
  const { signal } = over;
  prepare?.();
  dialog.showModal();
  return new Promise((resolve) => {
    const end = (/** @type {boolean} */ done) => {
      over.abort();
      dialog.close();
      resolve(done);
    };
    form.addEventListener("submit", (event) => (event.preventDefault(), end(true)), { signal });
    within(dialog, "[data-close]").addEventListener("click", () => end(false), { signal });
    dialog.addEventListener("cancel", (event) => (event.preventDefault(), end(false)), { signal });
    // Beside it is away from it.
    dialog.addEventListener("pointerdown", ({ target }) => target === dialog && end(false), { signal });
  });
}

/**
 * What the user wants to be called.
 * @param {string} proposed @param {boolean} isFirst On the first visit, the proposed name is the answer of whoever gives none.
 * @returns {Promise<string>}
 */
export async function askName(proposed, isFirst) {
  const input = element("name", HTMLInputElement);
  const dialog = element("who", HTMLDialogElement);
  const done = await ask("who", () => {
    input.value = proposed;
    within(dialog, "[data-close]").hidden = isFirst;
    within(dialog, "[type=submit]").textContent = say(isFirst ? "start" : "save");
    queueMicrotask(() => input.select());
  });
  return (done && input.value.trim()) || proposed;
}

/** Which room to enter. @returns {Promise<string | null>} */
export async function askRoom() {
  const input = element("room-name", HTMLInputElement);
  const done = await ask("room-dialog", () => (input.value = ""));
  const name = input.value.trim().replace(/^#/, "").replace(/\s+/gu, "-");
  return done && name ? name : null;
}

/** @param {string} text What would be deleted. */
export function askDelete(text) {
  const quote = within(element("delete-dialog", HTMLDialogElement), "blockquote");
  return ask("delete-dialog", () => (quote.textContent = text.slice(0, 300)));
}
