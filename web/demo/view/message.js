/** One message, as a row of the list. Text is only ever text; addresses in it become links. */

import { dayName, momentOf, timeOf } from "../calendar.js";
import { say, sayError } from "../words.js";
import { avatar } from "./avatar.js";
import { iconButton, make, textButton } from "./dom.js";
import { icon } from "./icons.js";

/** @typedef {import("../model/timeline.js").Entry} Entry */

/**
 * All that a row shows. Two that are equal look the same.
 * @typedef {object} Row
 * @property {Entry} entry
 * @property {boolean} own
 * @property {boolean} isFirst Of several of one author: the others stand below it without a head.
 * @property {string | null} day Begins this day.
 * @property {boolean} isNew Everything from here on is unread.
 * @property {{name: string, text: string} | null} quoted
 * @property {{level: "sending" | "sent" | "delivered" | "read", label: string} | null} mark Of our own.
 * @property {number} position
 */

/**
 * @typedef {object} Actions
 * @property {(entry: Entry) => void} reply
 * @property {(entry: Entry) => void} edit
 * @property {(entry: Entry) => void} remove
 * @property {(entry: Entry) => void} copy
 * @property {(entry: Entry) => void} retry
 * @property {(entry: Entry) => void} discard
 * @property {(messageId: string) => void} goTo
 */

const ADDRESS = /\bhttps?:\/\/[^\s<>"'，。；）]+[^\s<>"'.,;:!?)，。；）]/giu;
/** A message of nothing but so many emoji is shown large. */
const EMOJI_ONLY = /^(?:\p{RGI_Emoji}\s*){1,3}$/v;

/** What tells two rows apart. @param {Row} row */
export function signature({ entry, isFirst, day, isNew, quoted, mark }) {
  const { content, state, edited, deleted, senderName, timestamp } = entry;
  const mine = mark ? `${mark.level}${mark.label}` : "";
  return [content, state, edited, deleted, senderName, timestamp, isFirst, day, isNew, quoted?.name, quoted?.text, mine].join("\u0000");
}

/** @param {Row} row @param {Actions} actions @returns {HTMLElement} */
export function drawMessage(row, actions) {
  const article = make("article", "message");
  article.tabIndex = -1;
  article.setAttribute("aria-setsize", "-1");
  updateMessage(article, row, actions);
  return article;
}

/** @param {HTMLElement} article @param {Row} row @param {Actions} actions */
export function updateMessage(article, row, actions) {
  const { entry, own, isFirst, day, isNew, mark } = row;
  article.setAttribute("aria-posinset", String(row.position));
  const text = entry.deleted ? say("deletedMessage") : entry.content;
  const label = say("said", { name: own ? say("you") : entry.senderName, time: timeOf(entry.timestamp), text });
  article.setAttribute("aria-label", mark ? `${label} (${mark.label})` : label);
  article.className = `message${isFirst ? " first" : ""}${own ? " own" : ""}`;
  article.dataset.state = entry.state;
  const focused = article.contains(document.activeElement) && article !== document.activeElement;
  const line = make("div", "line", isFirst ? avatar(entry.senderId, entry.senderName) : gutterTime(entry), body(row, actions), mark && ticks(mark));
  article.replaceChildren(...[day && dayLine(entry.timestamp), isNew && newLine(), line].filter((it) => it instanceof Node));
  if (focused) article.focus({ preventScroll: true });
}

/** What can be done with a message; made when it is wanted. @param {HTMLElement} article @param {Row} row @param {Actions} actions */
export function addToolbar(article, { entry, own }, actions) {
  const line = article.querySelector(".line");
  if (!line || line.querySelector(".toolbar") || entry.state !== "stored" || entry.deleted) return;
  const bar = make("div", "toolbar");
  bar.setAttribute("role", "toolbar");
  bar.append(iconButton(say("reply"), "reply", () => actions.reply(entry)));
  bar.append(iconButton(say("copyText"), "copy", () => actions.copy(entry)));
  if (own) bar.append(iconButton(say("editMessage"), "edit", () => actions.edit(entry)));
  if (own) bar.append(iconButton(say("deleteMessage"), "trash", () => actions.remove(entry)));
  line.append(bar);
}

/** @param {Row} row @param {Actions} actions */
function body({ entry, own, isFirst, quoted }, actions) {
  const made = make("div", "body");
  if (isFirst) {
    const time = make("time", "", timeOf(entry.timestamp));
    time.dateTime = entry.timestamp;
    time.title = momentOf(entry.timestamp);
    const author = make("span", "author", entry.senderName);
    made.append(make("p", "head", author, own && make("span", "you", say("you")), time));
  }
  if (quoted && entry.replyTo) {
    const { replyTo } = entry;
    const quote = textButton("", () => actions.goTo(replyTo), "quote");
    quote.append(make("span", "name", quoted.name), make("span", "text", quoted.text));
    made.append(quote);
  }
  made.append(entry.deleted ? make("p", "text deleted", say("deletedMessage")) : text(entry));
  if (entry.state === "failed") {
    const why = make("span", "", `${say("failed")} ${sayError(entry.error)}`);
    const again = textButton(say("retry"), () => actions.retry(entry));
    const discard = textButton(say("discard"), () => actions.discard(entry));
    made.append(make("p", "failure", icon("warning"), why, again, discard));
  }
  return made;
}

/** @param {Entry} entry */
function text({ content, edited }) {
  const made = make("p", EMOJI_ONLY.test(content) ? "text jumbo" : "text");
  let from = 0;
  for (const { 0: address, index } of content.matchAll(ADDRESS)) {
    const link = make("a", "", address);
    link.href = address;
    link.target = "_blank";
    link.rel = "noopener noreferrer";
    made.append(content.slice(from, index), link);
    from = index + address.length;
  }
  made.append(content.slice(from));
  if (edited) made.append(make("span", "edited", say("edited")));
  return made;
}

/** @param {NonNullable<Row["mark"]>} mark */
function ticks({ level, label }) {
  const made = make("span", `mark ${level}`, icon(level === "sending" ? "clock" : level === "sent" ? "check" : "checks"));
  made.title = label;
  made.setAttribute("role", "img");
  made.setAttribute("aria-label", label);
  return made;
}

/** @param {Entry} entry */
function gutterTime({ timestamp }) {
  const made = make("time", "gutter", timeOf(timestamp));
  made.dateTime = timestamp;
  made.title = momentOf(timestamp);
  return made;
}

/** @param {string} timestamp */
function dayLine(timestamp) {
  const made = make("div", "day", make("span", "", dayName(timestamp)));
  made.setAttribute("role", "separator");
  return made;
}

function newLine() {
  const made = make("div", "new", make("span", "", say("newLine")));
  made.setAttribute("role", "separator");
  return made;
}
