/** Where somebody is on the page, which its address says: so it can be gone back from, shared and loaded again. */

const VIEWS = /** @type {const} */ (["overview", "rooms", "connections"]);

/**
 * @typedef {object} Place
 * @property {typeof VIEWS[number]} view
 * @property {string} [room] The room that is looked at.
 * @property {string} [prefix] Of the rooms that are listed.
 * @property {string} [connection] The connection that is looked at.
 * @property {string} [by] What connections are searched by: `userId`, `roomId` or `address`.
 * @property {string} [sought]
 * @property {string} [after] The last of the page before.
 */

/** @returns {Place} */
export function here() {
  const { view, ...rest } = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
  return { ...rest, view: VIEWS.find((it) => it === view) ?? "overview" };
}

/** @param {Place} place */
export function addressOf(place) {
  const given = Object.entries(place).filter(([, value]) => value !== undefined && value !== "");
  return `#${new URLSearchParams(given)}`;
}

/** @param {Place} place @param {boolean} [instead] Whether one cannot go back to where one was. */
export function go(place, instead = false) {
  const hash = addressOf(place);
  if (hash === location.hash) return;
  history[instead ? "replaceState" : "pushState"](null, "", hash);
  dispatchEvent(new HashChangeEvent("hashchange"));
}
