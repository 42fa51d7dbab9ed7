/** Elements: found where index.html has them, and made. Text is only ever set as text. */

import { icon } from "./icons.js";

/**
 * The element with this id, which index.html has.
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} type
 * @returns {T}
 */
export function element(id, type) {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`index.html has no ${type.name} #${id}`);
  return found;
}

/** @param {string} id */
export const any = (id) => element(id, HTMLElement);
/** @param {string} id */
export const button = (id) => element(id, HTMLButtonElement);

/**
 * The first element within another that a selector names, which is there.
 * @param {ParentNode} parent @param {string} selector @returns {HTMLElement}
 */
export function within(parent, selector) {
  const found = parent.querySelector(selector);
  if (!(found instanceof HTMLElement)) throw new Error(`there is no ${selector}`);
  return found;
}

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {string} [className]
 * @param {...(string | Node | null | undefined | false)} content
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(tag, className, ...content) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  for (const it of content) if (it) made.append(it);
  return made;
}

/**
 * A button of an icon alone.
 * @param {string} label @param {import("./icons.js").IconName} name @param {() => void} action @param {string} [className]
 */
export function iconButton(label, name, action, className = "icon small") {
  const made = make("button", className, icon(name));
  made.type = "button";
  made.title = label;
  made.setAttribute("aria-label", label);
  made.addEventListener("click", action);
  return made;
}

/**
 * A button of words.
 * @param {string} label @param {() => void} action @param {string} [className]
 */
export function textButton(label, action, className = "link") {
  const made = make("button", className, label);
  made.type = "button";
  made.addEventListener("click", action);
  return made;
}

/**
 * Makes the children of a list what they should be: those with a known key are kept where that is possible, so that the focus stays.
 * @template T
 * @param {HTMLElement} list
 * @param {readonly T[]} items
 * @param {(item: T) => string} keyOf
 * @param {(item: T) => HTMLElement} draw
 * @param {(element: HTMLElement, item: T) => void} update
 */
export function keep(list, items, keyOf, draw, update) {
  const known = new Map([...list.children].map((child) => [/** @type {HTMLElement} */ (child).dataset.key, child]));
  const wanted = items.map((item) => {
    const key = keyOf(item);
    const found = known.get(key);
    const child = found instanceof HTMLElement ? found : draw(item);
    child.dataset.key = key;
    update(child, item);
    return child;
  });
  const keepers = new Set(wanted);
  for (const child of [...list.children]) if (!keepers.has(/** @type {HTMLElement} */ (child))) child.remove();
  wanted.forEach((child, index) => {
    if (list.children[index] !== child) list.insertBefore(child, list.children[index] ?? null);
  });
}

/** Sets what has changed, and nothing else. @param {Element} target @param {string} text */
export function setText(target, text) {
  if (target.textContent !== text) target.textContent = text;
}
