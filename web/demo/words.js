/** The words of the demo. */

import { language, phrasebook } from "./language.js";
import { chinese } from "./words/chinese.js";
import { english } from "./words/english.js";

export { locale } from "./language.js";

/** @typedef {keyof typeof english} Word */

const GUESTS = {
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

const { say, has, sayAll } = phrasebook({ en: english, zh: chinese });

export { say, sayAll };

/** What went wrong, for a person. @param {unknown} error */
export function sayError(error) {
  const { code, message } = /** @type {{code?: string, message?: string}} */ (error ?? {});
  const word = `error_${code}`;
  return has(word) ? say(word) : (message ?? "");
}

export function guestWords() {
  return GUESTS[language];
}
