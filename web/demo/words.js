/** Finds the words of the page in the language of the browser: English or Chinese. */

import { chinese } from "./words/chinese.js";
import { english } from "./words/english.js";

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

/** The first language of the browser that there are words for. */
const language = navigator.languages.map((tag) => tag.slice(0, 2).toLowerCase()).find((tag) => tag in GUESTS) === "zh" ? "zh" : "en";

/** How dates and numbers are written: the region counts, as long as the language is that of the words. */
export const locale = navigator.languages.find((tag) => tag.toLowerCase().startsWith(language)) ?? language;

const words = language === "zh" ? chinese : english;

/**
 * @param {Word} word
 * @param {Record<string, string | number>} [values] What stands in the place of `{…}`.
 */
export function say(word, values = {}) {
  return words[word].replace(/\{(\w+)\}/g, (whole, key) => String(values[key] ?? whole));
}

/** What went wrong, for a person. @param {unknown} error */
export function sayError(error) {
  const { code, message } = /** @type {{code?: string, message?: string}} */ (error ?? {});
  const word = `error_${code}`;
  return word in words ? say(/** @type {Word} */ (word)) : (message ?? "");
}

export function guestWords() {
  return GUESTS[language];
}

/**
 * Fills in the words of the page: `data-say` is the text of an element, `data-say-label` its accessible name and what a pointer that
 * rests there is told.
 */
export function sayAll() {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  for (const element of document.querySelectorAll("[data-say]")) {
    element.textContent = say(/** @type {Word} */ (element.getAttribute("data-say")));
  }
  for (const element of document.querySelectorAll("[data-say-label]")) {
    const label = say(/** @type {Word} */ (element.getAttribute("data-say-label")));
    element.setAttribute("aria-label", label);
    if (element instanceof HTMLButtonElement) element.title = label;
  }
}
