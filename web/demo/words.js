/** Every word on the page, in English and in Chinese. The language of the browser decides. */

const english = {
  connecting: "Connecting",
  online: "Online",
  reconnecting: "Reconnecting",
  closed: "Disconnected",
  tryAgain: "Try again",
  greeting: "What should we call you?",
  greetingHint: "Anything you like. The others in the room will see it, and you can change it later.",
  name: "Your name",
  join: "Join the room",
  save: "Save",
  cancel: "Cancel",
  changeName: "Change your name, {name}",
  people: "People",
  peopleHere: "People here: {count}",
  you: "you",
  composer: "Message",
  placeholder: "Message #{room}",
  composerHint: "Enter sends, Shift and Enter starts a new line.",
  send: "Send",
  messages: "Messages",
  newMessages: "New messages",
  quietTitle: "It is quiet in here",
  quietText: "Say hello, or bring company: every tab is another person.",
  secondTab: "Open a second tab",
  joined: "{name} joined",
  left: "{name} left",
  back: "Back online. Messages sent meanwhile may be missing here.",
  today: "Today",
  yesterday: "Yesterday",
  sending: "Sending",
  notSent: "Not sent. {reason}",
  retry: "Send again",
  typingOne: "{a} is typing",
  typingTwo: "{a} and {b} are typing",
  typingMany: "{count} people are typing",
  inspector: "What just happened",
  framesCount: "{count} frames",
  framesTitle: "Frames of this tab",
  framesEmpty: "Nothing has gone over the wire yet.",
  snippetsTitle: "Say something from elsewhere",
  snippetWs: "Plain WebSocket. Paste it into a browser console, or run it with Node 22.",
  snippetSio: "Any Socket.IO client joins the same room. First: npm install socket.io-client",
  snippetCurl: "A Socket.IO session needs no more than HTTP. This opens one.",
  copy: "Copy",
  copied: "Copied",
  up: "sent",
  down: "received",
  skip: "Skip to the message box",
};

/** @type {typeof english} */
const chinese = {
  connecting: "正在连接",
  online: "在线",
  reconnecting: "正在重新连接",
  closed: "已断开",
  tryAgain: "重试",
  greeting: "怎么称呼您？",
  greetingHint: "随意取一个名字即可。房间里的人都会看到，之后也可以修改。",
  name: "您的名字",
  join: "进入房间",
  save: "保存",
  cancel: "取消",
  changeName: "修改您的名字：{name}",
  people: "成员",
  peopleHere: "在场 {count} 人",
  you: "您",
  composer: "消息",
  placeholder: "发送到 #{room}",
  composerHint: "按 Enter 发送，Shift 加 Enter 换行。",
  send: "发送",
  messages: "消息列表",
  newMessages: "有新消息",
  quietTitle: "这里还很安静",
  quietText: "打个招呼吧。也可以再开一个标签页：每个标签页都是一个人。",
  secondTab: "打开第二个标签页",
  joined: "{name} 进入了房间",
  left: "{name} 离开了房间",
  back: "已重新上线。断线期间的消息可能没有显示。",
  today: "今天",
  yesterday: "昨天",
  sending: "发送中",
  notSent: "未发送。{reason}",
  retry: "重新发送",
  typingOne: "{a} 正在输入",
  typingTwo: "{a} 和 {b} 正在输入",
  typingMany: "{count} 人正在输入",
  inspector: "刚刚发生了什么",
  framesCount: "{count} 帧",
  framesTitle: "此标签页的数据帧",
  framesEmpty: "还没有数据往来。",
  snippetsTitle: "从别处发一条消息",
  snippetWs: "普通 WebSocket。可粘贴到浏览器控制台，或用 Node 22 运行。",
  snippetSio: "任何 Socket.IO 客户端都能进入同一个房间。先执行：npm install socket.io-client",
  snippetCurl: "只用 HTTP 也能建立 Socket.IO 会话，例如这样打开一个。",
  copy: "复制",
  copied: "已复制",
  up: "已发送",
  down: "已接收",
  skip: "跳到消息输入框",
};

const guests = {
  en: {
    first: ["Quiet", "Bright", "Gentle", "Swift", "Merry", "Kind", "Brave", "Calm", "Sunny", "Clever"],
    second: ["Heron", "Otter", "Wren", "Seal", "Puffin", "Tern", "Dolphin", "Plover", "Curlew", "Marten"],
    join: " ",
  },
  zh: {
    first: ["安静的", "明亮的", "温柔的", "敏捷的", "快乐的", "善良的", "勇敢的", "从容的"],
    second: ["苍鹭", "水獭", "鹪鹩", "海豹", "海鹦", "燕鸥", "海豚", "松貂"],
    join: "",
  },
};

/** The first language of the browser that we have words for. */
export const language =
  (navigator.languages ?? [navigator.language])
    .map((tag) => tag.slice(0, 2).toLowerCase())
    .find((tag) => tag === "zh" || tag === "en") === "zh"
    ? "zh"
    : "en";

/** How dates and times are written: the region counts here too. */
export const locale = navigator.language;

const words = language === "zh" ? chinese : english;

/** @typedef {keyof typeof english} Word */

/**
 * @param {Word} word
 * @param {Record<string, string | number>} [values] What stands in the place of `{…}`.
 */
export function say(word, values = {}) {
  return words[word].replace(/\{(\w+)\}/g, (whole, key) => String(values[key] ?? whole));
}

export function guestWords() {
  return guests[language];
}

/**
 * Fills in the words of the page: `data-say` is the text of an element, `data-say-label` its accessible name.
 * @param {ParentNode} root
 */
export function sayAll(root) {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  for (const element of root.querySelectorAll("[data-say]")) {
    element.textContent = say(/** @type {Word} */ (element.getAttribute("data-say")));
  }
  for (const element of root.querySelectorAll("[data-say-label]")) {
    element.setAttribute("aria-label", say(/** @type {Word} */ (element.getAttribute("data-say-label"))));
  }
}
