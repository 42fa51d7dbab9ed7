/** "What just happened": the frames of this tab as they went over the wire, and how to join from elsewhere. */

import { locale, say } from "./words.js";

/** @typedef {import("./connection.js").Frame} Frame */

const FRAMES_MAX = 100;
/** How much of a long frame is shown. */
const TEXT_MAX = 600;

const clock = new Intl.DateTimeFormat(locale, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
  hourCycle: "h23",
});

export class Frames {
  #list;
  #count;
  #empty;
  #total = 0;

  /** @param {{list: HTMLElement, count: HTMLElement, empty: HTMLElement}} elements */
  constructor({ list, count, empty }) {
    this.#list = list;
    this.#count = count;
    this.#empty = empty;
  }

  /** @param {Frame} frame */
  add({ direction, type, text, at }) {
    const item = document.createElement("li");
    item.className = direction;
    const arrow = document.createElement("span");
    arrow.className = "arrow";
    arrow.textContent = direction === "up" ? "↑" : "↓";
    arrow.setAttribute("role", "img");
    arrow.setAttribute("aria-label", say(direction));
    const time = document.createElement("time");
    time.textContent = clock.format(at);
    const code = document.createElement("code");
    const name = document.createElement("strong");
    name.textContent = JSON.stringify(type);
    const [before = "", ...after] = (text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX)}…` : text).split(name.textContent);
    code.append(before, name, after.join(name.textContent));
    item.append(arrow, time, code);
    this.#list.prepend(item);
    if (this.#list.childElementCount > FRAMES_MAX) this.#list.lastElementChild?.remove();
    this.#total += 1;
    this.#count.textContent = say("framesCount", { count: this.#total });
    this.#empty.hidden = true;
  }
}

/**
 * @param {{origin: string, wsUrl: string, roomId: string}} place
 * @returns {Record<string, {about: string, code: string}>}
 */
function snippets({ origin, wsUrl, roomId }) {
  const who = `{ id: "visitor", username: "Visitor" }`;
  const room = JSON.stringify(roomId);
  return {
    websocket: {
      about: say("snippetWs"),
      code: `const socket = new WebSocket("${wsUrl}");
const command = (type, data) => socket.send(JSON.stringify({ type, data, id: 1 }));
socket.onmessage = ({ data }) => console.log(data);
socket.onopen = () => {
  command("auth", ${who});
  command("room:join", { roomId: ${room} });
  command("chat:send", { roomId: ${room}, content: "Hello from a WebSocket" });
};`,
    },
    socketio: {
      about: say("snippetSio"),
      code: `import { io } from "socket.io-client";

const socket = io("${origin}");
socket.on("chat:message", (message) => console.log(message));
await socket.emitWithAck("auth", ${who});
await socket.emitWithAck("room:join", { roomId: ${room} });
await socket.emitWithAck("chat:send", { roomId: ${room}, content: "Hello from Socket.IO" });`,
    },
    curl: {
      about: say("snippetCurl"),
      code: `curl '${origin}/socket.io/?EIO=4&transport=polling'`,
    },
  };
}

/**
 * @param {{choices: HTMLElement, about: HTMLElement, code: HTMLElement, copy: HTMLButtonElement}} elements
 * @param {{origin: string, wsUrl: string, roomId: string}} place
 */
export function startSnippets({ choices, about, code, copy }, place) {
  const all = snippets(place);
  const show = () => {
    const chosen = /** @type {HTMLInputElement | null} */ (choices.querySelector("input:checked"));
    const snippet = all[chosen?.value ?? "websocket"];
    about.textContent = snippet?.about ?? "";
    code.textContent = snippet?.code ?? "";
  };
  choices.addEventListener("change", show);
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(code.textContent ?? "");
    copy.textContent = say("copied");
    setTimeout(() => (copy.textContent = say("copy")), 1_500);
  });
  show();
}
