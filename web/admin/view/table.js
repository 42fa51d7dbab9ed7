/** Rows and cells. On a narrow page each row is a card, where every cell says what it is. */

import { make, setText, textButton } from "../../demo/view/dom.js";
import { addressOf } from "../place.js";
import { say } from "../words.js";

/** @param {import("../words.js").Word} label @param {string} [className] @param {...Node} content */
export function cell(label, className, ...content) {
  const made = make("td", className, ...content);
  made.dataset.label = say(label);
  return made;
}

/** Sets the texts of the first cells of a row. @param {HTMLElement} row @param {string[]} texts */
export function fill(row, texts) {
  texts.forEach((text, index) => {
    const cell = row.children[index];
    if (cell) setText(cell, text);
  });
}

/** @param {string} text @param {import("../place.js").Place} place @param {string} [className] */
export function linkTo(text, place, className) {
  const link = make("a", className, text);
  link.href = addressOf(place);
  return link;
}

/**
 * The way from page to page of a long list.
 * @param {HTMLElement} place @param {{isFirst: boolean, hasMore: boolean, first: () => void, next: () => void}} pages
 */
export function showPages(place, { isFirst, hasMore, first, next }) {
  const wanted = `${isFirst}${hasMore}`;
  place.hidden = isFirst && !hasMore;
  if (place.dataset.shown !== wanted) {
    place.dataset.shown = wanted;
    const back = textButton(say("firstPage"), () => place.dispatchEvent(new Event("first")), "action");
    const on = textButton(say("nextPage"), () => place.dispatchEvent(new Event("next")), "action");
    back.disabled = isFirst;
    on.disabled = !hasMore;
    place.replaceChildren(back, on);
  }
  pagers.get(place)?.abort();
  const over = new AbortController();
  pagers.set(place, over);
  place.addEventListener("first", first, { signal: over.signal });
  place.addEventListener("next", next, { signal: over.signal });
}

/** @type {WeakMap<HTMLElement, AbortController>} */
const pagers = new WeakMap();
