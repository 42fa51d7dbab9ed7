/**
 * The box in which a message is written, answered or edited. Enter sends, except while an input method is choosing characters.
 * What was begun in one conversation waits there.
 */

import { say } from "../words.js";
import { any, button, element, setText, within } from "./dom.js";

/** @typedef {import("../model/timeline.js").Entry} Entry */
/** @typedef {{kind: "new"} | {kind: "reply" | "edit", entry: Entry}} Purpose */

/**
 * @typedef {object} Parts
 * @property {(content: string, replyTo?: string) => void} send
 * @property {(entry: Entry, content: string) => void} edit
 * @property {(active: boolean) => void} typing
 * @property {() => Entry | undefined} lastOwn The last message that may be edited.
 */

const QUOTED_MOST = 200;

export class Composer {
  #box = element("box", HTMLTextAreaElement);
  #parts;
  /** @type {Purpose} */
  #purpose = { kind: "new" };
  /** What was begun in other conversations. @type {Map<string, string>} */
  #drafts = new Map();
  #place = "";

  /** @param {Parts} parts */
  constructor(parts) {
    this.#parts = parts;
    const box = this.#box;
    box.addEventListener("input", () => {
      this.#changed();
      if (this.#purpose.kind !== "edit") parts.typing(box.value.trim() !== "");
    });
    box.addEventListener("blur", () => parts.typing(false));
    box.addEventListener("keydown", (event) => this.#key(event));
    within(any("context"), "button").addEventListener("click", () => this.#begin({ kind: "new" }));
    element("composer", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#changed();
  }

  /** Another conversation is shown. @param {string} place Its id. @param {string} name @param {boolean} open Whether one can write there. */
  enter(place, name, open) {
    const box = this.#box;
    box.placeholder = say("placeholder", { room: name });
    box.disabled = !open;
    if (place === this.#place) return;
    if (this.#purpose.kind !== "edit" && box.value) this.#drafts.set(this.#place, box.value);
    else this.#drafts.delete(this.#place);
    this.#place = place;
    this.#purpose = { kind: "new" };
    this.#showPurpose();
    box.value = this.#drafts.get(place) ?? "";
    this.#changed();
  }

  /** @param {Entry} entry */
  reply(entry) {
    this.#begin({ kind: "reply", entry });
  }

  /** @param {Entry} entry */
  edit(entry) {
    this.#begin({ kind: "edit", entry });
  }

  focus() {
    this.#box.focus();
  }

  /** @param {Purpose} purpose */
  #begin(purpose) {
    const wasEdit = this.#purpose.kind === "edit";
    this.#purpose = purpose;
    this.#showPurpose();
    if (purpose.kind === "edit") this.#box.value = purpose.entry.content;
    else if (wasEdit) this.#box.value = "";
    this.#changed();
    this.#box.focus();
    this.#box.setSelectionRange(this.#box.value.length, this.#box.value.length);
  }

  #showPurpose() {
    const purpose = this.#purpose;
    const context = any("context");
    context.hidden = purpose.kind === "new";
    if (purpose.kind === "new") return;
    const { senderName: name, content } = purpose.entry;
    setText(within(context, ".kind"), purpose.kind === "edit" ? say("editing") : say("replyTo", { name }));
    setText(within(context, ".quoted"), content.slice(0, QUOTED_MOST));
  }

  #submit() {
    const content = this.#box.value.trim();
    if (!content || this.#box.disabled) return;
    const purpose = this.#purpose;
    this.#box.value = "";
    this.#begin({ kind: "new" });
    if (purpose.kind === "edit") {
      if (content !== purpose.entry.content) this.#parts.edit(purpose.entry, content);
    } else {
      this.#parts.send(content, purpose.kind === "reply" ? purpose.entry.messageId : undefined);
    }
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.isComposing) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.#submit();
    } else if (event.key === "Escape" && this.#purpose.kind !== "new") {
      event.preventDefault();
      this.#begin({ kind: "new" });
    } else if (event.key === "ArrowUp" && this.#box.value === "") {
      const entry = this.#parts.lastOwn();
      if (!entry) return;
      event.preventDefault();
      this.#begin({ kind: "edit", entry });
    }
  }

  #changed() {
    const box = this.#box;
    box.style.height = "auto";
    box.style.height = `${box.scrollHeight}px`;
    button("send").disabled = box.value.trim() === "";
  }
}
