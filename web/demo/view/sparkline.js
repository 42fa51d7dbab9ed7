/** The last minutes of a number as a line. */

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 120;
const HEIGHT = 32;
const POINTS_MOST = 60;

export class Sparkline {
  element = document.createElementNS(SVG, "svg");
  #line = document.createElementNS(SVG, "path");
  #area = document.createElementNS(SVG, "path");
  /** @type {number[]} */
  #values = [];

  constructor() {
    this.element.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    this.element.setAttribute("preserveAspectRatio", "none");
    this.element.setAttribute("aria-hidden", "true");
    this.element.classList.add("sparkline");
    this.#area.classList.add("area");
    this.#line.classList.add("line");
    this.element.append(this.#area, this.#line);
  }

  /** @param {number} value */
  add(value) {
    this.#values.push(value);
    if (this.#values.length > POINTS_MOST) this.#values.shift();
    const most = Math.max(...this.#values, Number.EPSILON);
    // All stand on zero: what hardly changes is a calm line, and not a storm.
    const x = (/** @type {number} */ index) => WIDTH - ((this.#values.length - 1 - index) * WIDTH) / (POINTS_MOST - 1);
    const y = (/** @type {number} */ it) => HEIGHT - 2 - (it / (most * 1.15)) * (HEIGHT - 4);
    const points = this.#values.map((it, index) => `${x(index).toFixed(1)} ${y(it).toFixed(1)}`);
    this.#line.setAttribute("d", `M${points.join("L")}`);
    this.#area.setAttribute("d", `M${x(0).toFixed(1)} ${HEIGHT}L${points.join("L")}L${WIDTH} ${HEIGHT}Z`);
  }
}
