/** The circle beside a name: a colour by the user's id, and initials. */

import { make } from "./dom.js";

/** Hues that are told apart; their lightness is that of the page's colours. */
const HUES = 12;

/** @param {string} userId @param {string} name @param {string} [status] With a dot that shows it. */
export function avatar(userId, name, status) {
  const made = make("span", "avatar");
  made.setAttribute("aria-hidden", "true");
  paint(made, userId, name, status);
  return made;
}

/** @param {HTMLElement} circle @param {string} userId @param {string} name @param {string} [status] */
export function paint(circle, userId, name, status) {
  const letters = initials(name);
  if (circle.firstChild?.nodeValue !== letters || circle.dataset.user !== userId) {
    circle.dataset.user = userId;
    circle.dataset.hue = String(hash(userId) % HUES);
    circle.replaceChildren(letters);
  }
  const dot = circle.querySelector(".presence");
  if (status === undefined) dot?.remove();
  else if (dot) dot.className = `presence ${status}`;
  else circle.append(make("span", `presence ${status}`));
}

/** The first letters of the first two words, or the first two characters of a Chinese name. @param {string} name */
export function initials(name) {
  const [chinese] = /^\p{Script=Han}{1,2}/u.exec(name.trim()) ?? [];
  if (chinese) return chinese;
  const words = name.trim().split(/\s+/u).slice(0, 2);
  return words.map((word) => [...new Intl.Segmenter().segment(word)][0]?.segment ?? "").join("").toLocaleUpperCase();
}

/** @param {string} text */
function hash(text) {
  let sum = 2166136261;
  for (let i = 0; i < text.length; i += 1) sum = Math.imul(sum ^ text.charCodeAt(i), 16777619);
  return (sum ^ (sum >>> 15)) >>> 0;
}
