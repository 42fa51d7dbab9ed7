/** The administration: who is let in, which view is shown, and what is asked of the server every second. */

import { any, button, element, within } from "../demo/view/dom.js";
import { drawIcons } from "../demo/view/icons.js";
import { toast } from "../demo/view/toasts.js";
import { Actions } from "./actions.js";
import { Backend, Refusal } from "./backend.js";
import { here } from "./place.js";
import { Ticker } from "./ticker.js";
import { Connections } from "./view/connections.js";
import { Overview } from "./view/overview.js";
import { Rooms } from "./view/rooms.js";
import { say, sayAll } from "./words.js";

/** How long a server that does not answer is left alone. */
const AWAY_MS = 2_000;

sayAll();
drawIcons();
document.title = say("title");

const backend = new Backend();
const ticker = new Ticker(look);
const failed = (/** @type {unknown} */ error) => {
  toast({ title: error instanceof Error ? error.message : String(error), kind: "error" });
  if (error instanceof Refusal && error.isOfCredentials) ticker.now();
};
const actions = new Actions(backend, failed, () => ticker.now());
const overview = new Overview();
const views = { overview, rooms: new Rooms(backend, actions), connections: new Connections(backend, actions) };

any("gate").addEventListener("submit", (event) => {
  event.preventDefault();
  const field = element("credentials", HTMLInputElement);
  backend.credentials = field.value.trim();
  field.value = "";
  ticker.start();
});
button("sign-out").addEventListener("click", () => {
  backend.credentials = "";
  location.reload();
});
button("notify").addEventListener("click", () => void actions.notify());
button("publish").addEventListener("click", () => void actions.publish(here().room));
for (const input of document.querySelectorAll("[name=theme]")) {
  if (!(input instanceof HTMLInputElement)) continue;
  const { theme } = /** @type {{theme: {choice: string}}} */ (/** @type {unknown} */ (globalThis));
  input.checked = input.value === theme.choice;
  input.addEventListener("change", () => (theme.choice = input.value));
}
addEventListener("hashchange", () => {
  show();
  ticker.now();
});

show();
state("waiting");
ticker.start();

/** Shows the view that the address names. */
function show() {
  const place = here();
  for (const [name, view] of Object.entries(views)) {
    any(name).hidden = name !== place.view;
    if (name === place.view) view.enter(place);
  }
  for (const link of any("views").querySelectorAll("a")) {
    if (link.dataset.view === place.view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

/** Asks for what is to be seen, and shows it. */
async function look() {
  const place = here();
  try {
    const [{ nodes }, draw] = await Promise.all([backend.ask("info"), views[place.view].look(place)]);
    admit();
    overview.show(nodes);
    // Somebody may have gone elsewhere meanwhile.
    if (location.hash === "" || here().view === place.view) draw(nodes[0].timestamp);
    state("live");
    return 0;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    if (error.isOfCredentials) return refuse(error);
    state(error.code === "rate_limited" ? "slow" : "away");
    // What fails for one view is said there; the others go on.
    if (error.code === "bad_request") toast({ title: error.message, kind: "error" });
    return Math.max(AWAY_MS, error.retryAfterMs);
  }
}

function admit() {
  if (!any("main").hidden) return;
  any("gate").hidden = true;
  any("main").hidden = false;
  any("bar").classList.remove("outside");
  button("sign-out").hidden = !backend.hasCredentials;
}

/** @param {Refusal} refusal */
function refuse(refusal) {
  ticker.stop();
  const tried = backend.hasCredentials;
  backend.credentials = "";
  any("main").hidden = true;
  any("gate").hidden = false;
  any("bar").classList.add("outside");
  any("gate-refusal").textContent = tried ? refusal.message : "";
  any("state").hidden = true;
  any("credentials").focus();
}

/** @param {"live" | "waiting" | "away" | "slow"} state */
function state(state) {
  const place = any("state");
  place.hidden = false;
  place.dataset.state = state;
  const text = within(place, ".text");
  // It is read aloud when it changes, and not every second.
  if (text.textContent !== say(`state_${state}`)) text.textContent = say(`state_${state}`);
}
