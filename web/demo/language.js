/** The language of a page: English or Chinese, whichever the browser names first. */

const first = navigator.languages.map((tag) => tag.slice(0, 2).toLowerCase()).find((tag) => tag === "en" || tag === "zh");

export const language = first === "zh" ? "zh" : "en";

/** How dates and numbers are written: the region counts, as long as the language is that of the words. */
export const locale = navigator.languages.find((tag) => tag.toLowerCase().startsWith(language)) ?? language;

/**
 * The words of a page in its language.
 * @template {string} W
 * @param {{en: Record<W, string>, zh: Record<W, string>}} books
 */
export function phrasebook(books) {
  const words = books[language];

  /**
   * @param {W} word
   * @param {Record<string, string | number>} [values] What stands in the place of `{…}`.
   */
  const say = (word, values = {}) => words[word].replace(/\{(\w+)\}/g, (whole, key) => String(values[key] ?? whole));

  /** Whether there are words for that. @param {string} word @returns {word is W} */
  const has = (word) => Object.hasOwn(words, word);

  /**
   * Fills in the words of the page: `data-say` is the text of an element, `data-say-label` its accessible name and what a pointer that
   * rests there is told.
   */
  const sayAll = () => {
    document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
    for (const element of document.querySelectorAll("[data-say]")) {
      element.textContent = say(/** @type {W} */ (element.getAttribute("data-say")));
    }
    for (const element of document.querySelectorAll("[data-say-label]")) {
      const label = say(/** @type {W} */ (element.getAttribute("data-say-label")));
      element.setAttribute("aria-label", label);
      if (element instanceof HTMLButtonElement) element.title = label;
    }
  };

  return { say, has, sayAll };
}
