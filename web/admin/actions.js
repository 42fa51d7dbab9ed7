/** What can be done from here: disconnect, notify, publish. Each is asked for in a dialog, and said afterwards. */

import { ask } from "../demo/view/dialogs.js";
import { any, element } from "../demo/view/dom.js";
import { toast } from "../demo/view/toasts.js";
import { say } from "./words.js";

/** @typedef {import("./view/connections.js").Connected} Connected */

const input = (/** @type {string} */ id) => element(id, HTMLInputElement);
const area = (/** @type {string} */ id) => element(id, HTMLTextAreaElement);

export class Actions {
  #backend;
  #failed;
  #done;

  /** @param {import("./backend.js").Backend} backend @param {(error: unknown) => void} failed @param {() => void} done */
  constructor(backend, failed, done) {
    this.#backend = backend;
    this.#failed = failed;
    this.#done = done;
    area("publish-data").addEventListener("input", () => area("publish-data").setCustomValidity(complaint(area("publish-data").value)));
  }

  /** @param {Connected} connection */
  async disconnect({ clientId, userId, username, transport, address }) {
    const user = username ?? userId ?? clientId;
    const agreed = await ask("disconnect-dialog", () => {
      any("disconnect-text").textContent = say("disconnectText", { user, transport, address });
      input("disconnect-reason").value = "";
      input("disconnect-reconnect").checked = false;
    });
    if (!agreed) return;
    const reason = input("disconnect-reason").value.trim();
    const reconnect = input("disconnect-reconnect").checked;
    await this.#do("disconnect", { clientId, ...(reason && { reason }), ...(reconnect && { reconnect }) }, ({ connections }) =>
      say(connections > 0 ? "disconnected" : "wasGone", { user }),
    );
  }

  /** @param {string} [userId] */
  async notify(userId = "") {
    const agreed = await ask("notify-dialog", () => {
      input("notify-user").value = userId;
      input("notify-subject").value = area("notify-body").value = "";
      queueMicrotask(() => input(userId ? "notify-subject" : "notify-user").focus());
    });
    if (!agreed) return;
    const user = input("notify-user").value.trim();
    const body = area("notify-body").value.trim();
    await this.#do("notify", { userId: user, title: input("notify-subject").value.trim(), ...(body && { body }) }, () => say("notified", { user }));
  }

  /** @param {string} [roomId] */
  async publish(roomId = "") {
    const agreed = await ask("publish-dialog", () => {
      input("publish-room").value = roomId;
      input("publish-event").value = area("publish-data").value = "";
      area("publish-data").setCustomValidity("");
      queueMicrotask(() => input(roomId ? "publish-event" : "publish-room").focus());
    });
    if (!agreed) return;
    const [room, event, text] = [input("publish-room").value.trim(), input("publish-event").value.trim(), area("publish-data").value.trim()];
    await this.#do("publish", { roomId: room, event, ...(text && { data: JSON.parse(text) }) }, () => say("published", { event, room }));
  }

  /** @param {string} method @param {object} body @param {(answer: any) => string} tell */
  async #do(method, body, tell) {
    try {
      toast({ title: tell(await this.#backend.ask(method, body)) });
      this.#done();
    } catch (error) {
      this.#failed(error);
    }
  }
}

/** What is wrong with a text as JSON. @param {string} text */
function complaint(text) {
  if (!text.trim()) return "";
  try {
    JSON.parse(text);
    return "";
  } catch (error) {
    return say("noJson", { reason: error instanceof Error ? error.message : "" });
  }
}
