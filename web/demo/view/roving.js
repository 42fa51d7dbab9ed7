/** Lists in which the arrow keys go from one to the next, and Tab goes past. */

/**
 * @param {HTMLElement} list
 * @param {string} selector What can have the focus in it.
 */
export function rove(list, selector) {
  const all = () => [...list.querySelectorAll(selector)].filter((it) => it instanceof HTMLElement);
  list.addEventListener("keydown", (event) => {
    const items = all();
    const at = items.findIndex((it) => it === document.activeElement);
    if (at < 0) return;
    const steps = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 };
    const to = items[steps[/** @type {keyof typeof steps} */ (event.key)] ?? -1];
    if (!to) return;
    event.preventDefault();
    to.focus();
  });
  list.addEventListener("focusin", ({ target }) => {
    for (const it of all()) it.tabIndex = it === target ? 0 : -1;
  });
}

/** After the list has changed: one of it can be reached by Tab. @param {HTMLElement} list @param {string} selector @param {Element | null} [wanted] */
export function oneStop(list, selector, wanted) {
  const items = [...list.querySelectorAll(selector)].filter((it) => it instanceof HTMLElement);
  const focused = items.find((it) => it === document.activeElement);
  const stop = focused ?? items.find((it) => it === wanted) ?? items.find((it) => it.tabIndex === 0) ?? items[0];
  for (const it of items) it.tabIndex = it === stop ? 0 : -1;
}
