/** The bell: how many notifications are unread, and the list of them. */

import { ago } from "../calendar.js";
import { say } from "../words.js";
import { notifyLine } from "./curl.js";
import { any, button, keep, make, setText, within } from "./dom.js";
import { rove, oneStop } from "./roving.js";
import { snippet } from "./snippet.js";
import { clearToasts } from "./toasts.js";

/** @typedef {import("../model/inbox.js").Inbox} Inbox */
/** @typedef {import("../model/inbox.js").Notification} Notification */

const COUNTED_MOST = 99;

export class Bell {
  #inbox;

  /** @param {Inbox} inbox @param {string} userId @param {(error: unknown) => void} failed */
  constructor(inbox, userId, failed) {
    this.#inbox = inbox;
    rove(any("notifications"), "button");
    button("mark-all").addEventListener("click", () => inbox.read().catch(failed));
    button("more-notifications").addEventListener("click", () => inbox.older().catch(failed));
    any("notify-curl").append(snippet(notifyLine(userId)));
    any("notifications").addEventListener("click", ({ target }) => {
      const item = target instanceof Element ? target.closest("li") : null;
      const id = item?.dataset.key;
      if (id && item.classList.contains("unread")) inbox.read(id).catch(failed);
    });
    any("inbox").addEventListener("toggle", () => {
      // Whoever reads the list needs no notes beside it.
      if (any("inbox").matches(":popover-open")) clearToasts("notification");
      this.show();
    });
  }

  show() {
    const { list, unread, hasMore } = this.#inbox;
    const bell = button("bell");
    const badge = within(bell, ".badge");
    badge.hidden = unread === 0;
    setText(badge, unread > COUNTED_MOST ? `${COUNTED_MOST}+` : String(unread));
    const label = unread > 0 ? say("notificationsUnread", { count: unread }) : say("notifications");
    bell.setAttribute("aria-label", label);
    bell.title = label;
    if (!any("inbox").matches(":popover-open")) return;
    keep(any("notifications"), list, (it) => it.notificationId, draw, update);
    oneStop(any("notifications"), "button");
    any("no-notifications").hidden = list.length > 0;
    button("mark-all").hidden = unread === 0;
    button("more-notifications").hidden = !hasMore;
  }
}

/** @param {Notification} notification */
function draw({ title, body }) {
  const words = make("span", "words", make("strong", "", title), body ? make("span", "body", body) : null, make("time", ""));
  const made = make("button", "", make("span", "dot"), words);
  made.type = "button";
  return make("li", "", made);
}

/** @param {HTMLElement} item @param {Notification} notification */
function update(item, { timestamp, read }) {
  item.classList.toggle("unread", !read);
  const time = within(item, "time");
  time.setAttribute("datetime", timestamp);
  setText(time, ago(timestamp));
  within(item, "button").title = read ? "" : say("markRead");
}
