/** The icons of the page: strokes on a grid of 20. */

const PATHS = {
  bell: "M5 8a5 5 0 0 1 10 0c0 4.5 2 5.500 2 5.500H3S5 12.500 5 8M8.300 16.500a2 2 0 0 0 3.400 0",
  check: "m4 10.500 4 4 8-9",
  checks: "m1.500 10.500 4 4 8-9M9.500 13l1.500 1.500 8-9",
  chevron: "m7 4 6 6-6 6",
  clock: "M10 5.500V10l3 2M17 10a7 7 0 1 1-14 0 7 7 0 0 1 14 0",
  close: "m5 5 10 10M15 5 5 15",
  copy: "M7.500 7.500h8v9h-8zM12.500 7.500v-4h-8v9h3",
  down: "M10 4v12m-5-5 5 5 5-5",
  edit: "m3.500 16.500.8-3.600L13.500 3.700l2.800 2.800-9.200 9.200z",
  leave: "M12 4H5v12h7M9 10h8m-3-3 3 3-3 3",
  link: "M8.500 11.500a3 3 0 0 0 4.300 0l3-3a3 3 0 0 0-4.300-4.300l-1 1M11.500 8.500a3 3 0 0 0-4.300 0l-3 3a3 3 0 0 0 4.300 4.300l1-1",
  menu: "M3 5.500h14M3 10h14M3 14.500h14",
  people: "M10.500 6.500a3 3 0 1 1-6 0 3 3 0 0 1 6 0M2 16.500c0-3 2.500-5 5.500-5s5.500 2 5.500 5M12.500 3.800a3 3 0 0 1 0 5.400M15 12c1.900.7 3 2.300 3 4.500",
  plus: "M10 4v12M4 10h12",
  reply: "M8 4.500 3 9.500l5 5M3.500 9.500H11c3.500 0 6 2 6 6",
  send: "M10 16.500v-13m-5.500 5.500L10 3.500l5.500 5.500",
  trash: "M3.500 5.500h13M8 5.500v-2h4v2M5 5.500l.8 11h8.400l.8-11",
  warning: "M10 7v4m0 2.800v.2M10 3 2.500 16.500h15z",
};

/** @typedef {keyof typeof PATHS} IconName */

const SVG = "http://www.w3.org/2000/svg";

/** @param {IconName} name */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 20 20");
  svg.setAttribute("aria-hidden", "true");
  svg.classList.add("glyph");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

/** Fills in the icons of index.html: `data-icon`. */
export function drawIcons() {
  for (const place of document.querySelectorAll("[data-icon]")) {
    place.prepend(icon(/** @type {IconName} */ (place.getAttribute("data-icon"))));
  }
}
