/** A line for the terminal, with a button that copies it. */

import { say } from "../words.js";
import { make, textButton } from "./dom.js";

const COPIED_MS = 1_500;

/** @param {string} code */
export function snippet(code) {
  const pre = make("pre", "", make("code", "", code));
  pre.tabIndex = 0;
  const copy = textButton(say("copy"), () => void copied(), "copy");
  const copied = async () => {
    await navigator.clipboard.writeText(code).catch(() => getSelection()?.selectAllChildren(pre));
    copy.textContent = say("copied");
    setTimeout(() => (copy.textContent = say("copy")), COPIED_MS);
  };
  return make("div", "snippet", pre, copy);
}
