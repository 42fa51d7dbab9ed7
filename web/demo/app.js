/** The page: puts the chat and what is seen of it together. */

import { guest, remember, remembered, rememberedRooms, rememberRooms } from "./identity.js";
import { Chat } from "./model/chat.js";
import { avatar } from "./view/avatar.js";
import { Bell } from "./view/bell.js";
import { Composer } from "./view/composer.js";
import { ConnectionBar } from "./view/connection.js";
import { askDelete, askName, askRoom } from "./view/dialogs.js";
import { any, button } from "./view/dom.js";
import { showHeader } from "./view/header.js";
import { drawIcons } from "./view/icons.js";
import { Inspector } from "./view/inspector.js";
import { Live } from "./view/live.js";
import { Messages } from "./view/messages.js";
import { Panels } from "./view/panels.js";
import { PeoplePanel, showTyping } from "./view/people.js";
import { Profile } from "./view/profile.js";
import { Rooms } from "./view/rooms.js";
import { toast } from "./view/toasts.js";
import { say, sayAll, sayError } from "./words.js";

/** @typedef {import("./model/chat.js").Topic} Topic */

/** How often the page asks how people are, for what no event tells: devices, and how long ago somebody was seen. */
const REFRESH_MS = 30_000;
const LOBBY = "lobby";

sayAll();
drawIcons();

const address = new URLSearchParams(location.hash.slice(1));
const known = remembered(address);
const identity = known ?? guest();
if (!known) {
  identity.username = await askName(identity.username, true);
  remember(identity);
}

const inspector = new Inspector(() => identity);
const failed = (/** @type {unknown} */ error) => toast({ title: sayError(error), kind: "error" });
const chat = new Chat(identity, { changed, said, notified, failed, frame: (direction, frame) => inspector.add(direction, frame) });
const { client } = chat;

const connection = new ConnectionBar({ retry: () => client.retry(), open: () => client.open() });
const rooms = new Rooms(chat, go);
const people = new PeoplePanel(chat, (userId) => go(chat.privateWith(userId)));
const bell = new Bell(chat.inbox, identity.id, failed);
const profile = new Profile(chat, { rename: () => void rename(), isGuest: !identity.token });
const live = new Live(() => identity);
const panels = new Panels((looked) => live.look(looked));
const messages = new Messages(chat, {
  reply: (entry) => composer.reply(entry),
  edit: (entry) => composer.edit(entry),
  remove: (entry) => void remove(entry),
  copy: (entry) => void navigator.clipboard.writeText(entry.content).then(() => toast({ title: say("copied") }), failed),
  retry: (entry) => chat.current.retry(entry),
  discard: (entry) => chat.current.discard(entry),
}, read);
const composer = new Composer({
  send: (content, replyTo) => {
    chat.current.send(content, replyTo);
    messages.toEnd();
  },
  edit: ({ messageId = "" }, content) => chat.current.room.edit(messageId, content).catch(failed),
  typing: (active) => (active ? chat.current.room.startTyping() : chat.current.room.stopTyping()),
  lastOwn: () => chat.current.timeline.entries.findLast((it) => it.senderId === identity.id && it.state === "stored" && !it.deleted),
});

/** What has changed since the page was drawn last. @type {Set<Topic>} */
const stale = new Set(/** @type {const} */ (["state", "self", "rooms", "messages", "people", "typing", "inbox"]));
let scheduled = false;
draw();

button("new-room").addEventListener("click", () => void enterRoom());
button("leave").addEventListener("click", () => {
  const { current } = chat;
  if (current.peer === null && current.id !== LOBBY) chat.leave(current);
  go(chat.current.id);
});
button("copy-link").addEventListener("click", () => {
  const link = new URL(`/#${new URLSearchParams({ room: chat.current.id })}`, location.origin).href;
  navigator.clipboard.writeText(link).then(() => toast({ title: say("linkCopied"), text: link }), failed);
});
addEventListener("hashchange", () => go(wanted()));
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState !== "visible") return;
  // What came while nobody looked is new.
  chat.current.look();
  changed("messages");
  if (messages.atEnd) read();
});
setInterval(() => document.visibilityState === "visible" && void chat.refreshPeople(), REFRESH_MS);

chat.open(rememberedRooms());
go(wanted());
if (!matchMedia("(pointer: coarse)").matches) composer.focus();

/** The room that the address names. */
function wanted() {
  return new URLSearchParams(location.hash.slice(1)).get("room") || LOBBY;
}

/** Shows a conversation. @param {string} id */
function go(id) {
  const moved = id !== chat.current.id;
  if (moved) chat.show(id);
  const hash = `#${new URLSearchParams({ room: id })}`;
  if (location.hash !== hash) history[moved && location.hash ? "pushState" : "replaceState"](null, "", hash);
  rememberRooms(chat.list.rooms.map((it) => it.id));
  // The page shows it at once: whoever goes on with the keyboard is in the right place.
  draw();
  if (document.body.dataset.drawer) panels.close();
}

async function enterRoom() {
  const name = await askRoom();
  if (name === null) return;
  go(name);
  composer.focus();
}

async function rename() {
  const username = await askName(identity.username, false);
  if (username === identity.username) return;
  await chat.rename(username);
  remember(identity);
}

/** @param {import("./model/timeline.js").Entry} entry */
async function remove(entry) {
  const { room } = chat.current;
  if (await askDelete(entry.content)) await room.delete(entry.messageId ?? "").catch(failed);
}

/** The newest message is in sight. */
function read() {
  if (document.visibilityState === "visible" && chat.current.loaded) chat.current.read();
}

/** @param {import("./model/conversation.js").Conversation} conversation @param {any} message */
function said(conversation, { senderId, senderName, content = "" }) {
  const isShown = conversation === chat.current;
  if (isShown) {
    any("announcer").textContent = `${senderName}: ${content}`;
    messages.noticed();
  } else if (conversation.peer !== null) {
    const title = say("privateFrom", { name: senderName });
    toast({ title, text: content, kind: "message", avatar: avatar(senderId, senderName), act: () => go(conversation.id) });
  }
}

/** @param {import("./model/inbox.js").Notification} notification */
function notified({ title, body, notificationId }) {
  toast({ title, text: body, kind: "notification", act: () => void chat.inbox.read(notificationId).catch(failed) });
}

/** However much changes at once, the page is drawn once. @param {Topic} topic */
function changed(topic) {
  stale.add(topic);
  if (scheduled) return;
  scheduled = true;
  // A page that is not looked at has no frames, but its title tells what is unread.
  if (document.visibilityState === "visible") requestAnimationFrame(draw);
  else setTimeout(draw, 250);
}

function draw() {
  scheduled = false;
  const topics = new Set(stale);
  stale.clear();
  const { current, self } = chat;
  if (topics.has("state")) connection.show(chat.state);
  if (topics.has("self") || topics.has("state")) profile.show();
  if (topics.has("messages") || topics.has("self") || topics.has("people")) messages.show();
  if (topics.has("rooms") || topics.has("messages")) rooms.show();
  if (topics.has("people") || topics.has("self")) people.show();
  if (topics.has("typing")) showTyping(current.typing);
  if (topics.has("inbox")) bell.show();
  showHeader(chat);
  const name = current.peer === null ? `#${current.id}` : current.peer === self.userId ? self.username : chat.people.nameOf(current.peer);
  composer.enter(current.id, name, current.refused === null);
}
