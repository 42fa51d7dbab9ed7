/** The numbers of the server, with their last minute as lines; its nodes; and the limits that refused somebody. */

import { bytes, number } from "../../demo/numbers.js";
import { any, keep, make, setText } from "../../demo/view/dom.js";
import { Sparkline } from "../../demo/view/sparkline.js";
import { duration } from "../durations.js";
import { Rates } from "../rates.js";
import { say } from "../words.js";
import { cell, fill } from "./table.js";

/** @typedef {import("../rates.js").Node} Node */

export class Overview {
  #rates = new Rates();
  /** @type {Map<string, {value: HTMLElement, note: HTMLElement, line: Sparkline}>} */
  #gauges = new Map();
  /** How often each limit had refused somebody when the page was opened. @type {Map<string, number> | null} */
  #refusedBefore = null;

  enter() {}

  /** All that it shows is asked for anyway. */
  async look() {
    return () => {};
  }

  /** The lines go on while another view is looked at. @param {Node[]} nodes */
  show(nodes) {
    for (const { word, value, text, note = "" } of this.#rates.read(nodes)) {
      const gauge = this.#gauges.get(word) ?? this.#draw(word);
      setText(gauge.value, text);
      setText(gauge.note, note);
      if (value !== undefined) gauge.line.add(value);
    }
    keep(
      any("nodes"),
      nodes,
      ({ nodeId }) => nodeId,
      () => make("tr", "", cell("node"), cell("version"), cell("uptime", "figure"), cell("connections", "figure"), cell("memory", "figure")),
      (row, { nodeId, version, uptimeSeconds, connections, memoryBytes }) =>
        fill(row, [nodeId, version, duration(uptimeSeconds), number(connections), memoryBytes === undefined ? "" : bytes(memoryBytes)]),
    );
    this.#showLimits(nodes);
  }

  /** @param {Node[]} nodes */
  #showLimits(nodes) {
    /** @type {Map<string, number>} */
    const refused = new Map();
    for (const node of nodes) for (const [limit, count] of Object.entries(node.refused)) refused.set(limit, (refused.get(limit) ?? 0) + count);
    const before = (this.#refusedBefore ??= refused);
    const hit = [...refused].filter(([, count]) => count > 0).sort(([, one], [, other]) => other - one);
    any("no-limits").hidden = hit.length > 0;
    any("limits-table").hidden = hit.length === 0;
    keep(
      any("limits"),
      hit,
      ([limit]) => limit,
      () => make("tr", "", cell("limit", "code"), cell("sinceStart", "figure"), cell("sinceOpened", "figure")),
      (row, [limit, count]) => fill(row, [limit, number(count), number(Math.max(0, count - (before.get(limit) ?? 0)))]),
    );
  }

  /** @param {import("../words.js").Word} word */
  #draw(word) {
    const gauge = { value: make("span", "value"), note: make("span", "note"), line: new Sparkline() };
    const drawn = make("div", "gauge", make("dt", "", say(word)), make("dd", "", gauge.value, gauge.note));
    drawn.dataset.of = word;
    drawn.append(gauge.line.element);
    any("gauges").append(drawn);
    this.#gauges.set(word, gauge);
    return gauge;
  }
}
