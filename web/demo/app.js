/** The page: finds its elements, and connects the room with what is seen of it. */

import { startComposer } from "./composer.js";
import { guest, remember, remembered } from "./identity.js";
import { Frames, startSnippets } from "./inspector.js";
import { Messages } from "./messages.js";
import { showMembers, showTyping } from "./people.js";
import { Room } from "./room.js";
import { say, sayAll } from "./words.js";

/**
 * The element with this id, which index.html has.
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} type
 * @returns {T}
 */
function element(id, type) {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`index.html has no ${type.name} #${id}`);
  return found;
}
const any = (/** @type {string} */ id) => element(id, HTMLElement);
const button = (/** @type {string} */ id) => element(id, HTMLButtonElement);

const roomId = new URLSearchParams(location.search).get("room") || "lobby";
const url = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`;
let identity = remembered() ?? guest();

sayAll(document);
document.title = `#${roomId} · Tidings`;
any("room-name").textContent = roomId;
any("second-tab").setAttribute("href", location.href);
const box = element("box", HTMLTextAreaElement);
box.placeholder = say("placeholder", { room: roomId });

const messages = new Messages(
  { scroller: any("scroller"), list: any("messages"), empty: any("empty"), jump: button("jump") },
  (clientMessageId, content) => room.sendAgain(clientMessageId, content),
);
const frames = new Frames({ list: any("frames"), count: any("frames-count"), empty: any("frames-empty") });
const self = () => ({ userId: identity.id, username: identity.username });

const room = new Room({
  url,
  roomId,
  identity,
  view: {
    state: showState,
    frame: (frame) => frames.add(frame),
    self({ userId, username }) {
      identity = { id: userId, username };
      remember(identity);
      showName();
    },
    members: (members) =>
      showMembers({ list: any("members"), counts: document.querySelectorAll(".members-count") }, members, identity.id),
    typing: (names) => showTyping(any("typing"), names),
    message: (message) => messages.add(message, message.senderId === identity.id),
    sending: (message) => messages.addPending(message, self()),
    sent: (clientMessageId) => messages.sent(clientMessageId),
    notSent: (clientMessageId, reason) => messages.notSent(clientMessageId, reason),
    notice: (what, name) => messages.notice(say(what, { name })),
  },
});

startComposer({ form: element("composer", HTMLFormElement), box, button: button("send") }, {
  send: (content) => room.send(content),
  typing: (active) => room.typing(active),
});
startSnippets(
  { choices: any("snippets"), about: any("snippet-about"), code: any("snippet-code"), copy: button("copy") },
  { origin: location.origin, wsUrl: url, roomId },
);
startNameDialog();
startPeopleToggle();
button("try-again").addEventListener("click", () => room.open());

/** @type {import("./connection.js").Options["onState"]} */
function showState(state, { reason }) {
  const pill = any("state");
  pill.dataset.state = state;
  any("state-text").textContent = say(state);
  button("try-again").hidden = state !== "closed";
  if (reason) messages.notice(reason);
}

function showName() {
  any("own-name").textContent = identity.username;
  button("rename").setAttribute("aria-label", say("changeName", { name: identity.username }));
}

/** Asks for a name on the first visit, before anything is sent; later, when the name is pressed. */
function startNameDialog() {
  const dialog = element("who", HTMLDialogElement);
  const input = element("name", HTMLInputElement);
  let joined = remembered() !== null;

  const ask = () => {
    input.value = identity.username;
    button("name-cancel").hidden = !joined;
    any("name-done").textContent = say(joined ? "save" : "join");
    dialog.showModal();
    input.select();
  };
  dialog.addEventListener("cancel", (event) => {
    // Escape on the first visit means: the proposed name will do.
    if (joined) return;
    event.preventDefault();
    element("who-form", HTMLFormElement).requestSubmit();
  });
  button("name-cancel").addEventListener("click", () => dialog.close());
  element("who-form", HTMLFormElement).addEventListener("submit", (event) => {
    event.preventDefault();
    const username = input.value.trim() || identity.username;
    const changed = !joined || username !== identity.username;
    joined = true;
    dialog.close();
    box.focus();
    if (!changed) return;
    identity = { ...identity, username };
    remember(identity);
    showName();
    room.rename(identity);
  });
  button("rename").addEventListener("click", ask);

  showName();
  if (joined) room.open();
  else ask();
}

/** On a phone the members lie behind a button. */
function startPeopleToggle() {
  const toggle = button("people-toggle");
  toggle.addEventListener("click", () => {
    const open = toggle.getAttribute("aria-expanded") !== "true";
    toggle.setAttribute("aria-expanded", String(open));
    any("people").classList.toggle("open", open);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && toggle.getAttribute("aria-expanded") === "true") toggle.click();
  });
}
