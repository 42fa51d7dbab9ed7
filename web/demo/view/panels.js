/** What lies at the sides: the conversations on the left, people and live data on the right. On a narrow page they are drawers. */

import { any, button } from "./dom.js";

const NARROW = matchMedia("(max-width: 52rem)");
const MIDDLE = matchMedia("(max-width: 68rem)");

export class Panels {
  #onLive;
  /** Whether the right side is shown where there is room for it. */
  #wide = true;

  /** @param {(looked: boolean) => void} onLive Whether the live data is looked at. */
  constructor(onLive) {
    this.#onLive = onLive;
    button("sidebar-open").addEventListener("click", () => this.#drawer("sidebar"));
    for (const id of ["sidebar-close", "panel-close"]) button(id).addEventListener("click", () => this.close());
    any("scrim").addEventListener("click", () => this.close());
    button("panel-toggle").addEventListener("click", () => this.#togglePanel());
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && document.body.dataset.drawer && !document.querySelector(":popover-open, dialog[open]")) this.close();
    });
    for (const id of ["people", "live"]) button(`${id}-tab`).addEventListener("click", () => this.#tab(id));
    const tabs = any("people-tab").parentElement;
    tabs?.addEventListener("keydown", ({ key }) => {
      if (key !== "ArrowLeft" && key !== "ArrowRight") return;
      const other = button("people-tab").ariaSelected === "true" ? "live" : "people";
      this.#tab(other);
      button(`${other}-tab`).focus();
    });
    document.addEventListener("visibilitychange", () => this.#look());
    for (const width of [NARROW, MIDDLE]) width.addEventListener("change", () => this.#arrange());
    this.#arrange();
  }

  /** Closes what lies over the conversation. */
  close() {
    const { drawer } = document.body.dataset;
    delete document.body.dataset.drawer;
    this.#arrange();
    if (drawer) button(drawer === "sidebar" ? "sidebar-open" : "panel-toggle").focus();
  }

  #togglePanel() {
    if (MIDDLE.matches) {
      if (document.body.dataset.drawer === "panel") return this.close();
      return this.#drawer("panel");
    }
    this.#wide = !this.#wide;
    this.#arrange();
  }

  /** @param {"sidebar" | "panel"} name */
  #drawer(name) {
    document.body.dataset.drawer = name;
    this.#arrange();
    const first = any(name).querySelector("[aria-current], [role=tab][tabindex='0'], [role=tab]:not([tabindex])");
    if (first instanceof HTMLElement) first.focus();
  }

  #arrange() {
    const { drawer } = document.body.dataset;
    if (drawer && (drawer === "sidebar" ? !NARROW.matches : !MIDDLE.matches)) delete document.body.dataset.drawer;
    const open = document.body.dataset.drawer;
    const panelOpen = MIDDLE.matches ? open === "panel" : this.#wide;
    document.body.classList.toggle("without-panel", !MIDDLE.matches && !this.#wide);
    button("panel-toggle").setAttribute("aria-expanded", String(panelOpen));
    // What is out of sight is out of reach, and what lies beneath a drawer as well.
    any("panel").inert = !panelOpen;
    any("sidebar").inert = NARROW.matches && open !== "sidebar";
    for (const main of document.querySelectorAll("main")) main.inert = open !== undefined;
    this.#look();
  }

  /** @param {string} id */
  #tab(id) {
    for (const it of ["people", "live"]) {
      any(it).hidden = it !== id;
      button(`${it}-tab`).setAttribute("aria-selected", String(it === id));
      button(`${it}-tab`).tabIndex = it === id ? 0 : -1;
    }
    this.#look();
  }

  #look() {
    this.#onLive(!any("live").hidden && !any("panel").inert && document.visibilityState === "visible");
  }
}
