/**
 * A long list of which only what is near the visible part is in the document.
 *
 * Rows have heights of their own: those that were seen are known, the others are guessed, and stand as empty space above and below.
 * Whatever changes (rows come, go, grow, or turn out taller than guessed), the row at the top of the visible part stays where it is;
 * a reader at the end stays at the end. The browser's own scroll anchoring is off for it.
 */

/** Rows in the document at most. */
const ROWS_MOST = 160;
/** How far beyond the visible part rows are drawn. */
const BEYOND_PX = 900;
/** This near to the end, the reader is taken to follow. */
const FOLLOW_PX = 60;
/** This near to the beginning, more is asked for. */
const NEAR_TOP_PX = 1_200;
const GUESSED_PX = 40;
/** Drawing shows heights that were guessed wrongly, so that more rows fit; after so many rounds it is near enough. */
const ROUNDS = 4;

/**
 * @typedef {object} Rows
 * @property {number} count
 * @property {(index: number) => string} key
 * @property {(index: number, row: HTMLElement | undefined) => HTMLElement} draw The row, made or brought up to date.
 */

export class Window {
  #scroller;
  #list;
  #onMoved;
  /** @type {Rows} */
  #rows = { count: 0, key: () => "", draw: () => document.createElement("div") };
  /** @type {Map<string, number>} */
  #heights = new Map();
  #measured = { sum: 0, count: 0 };
  /** What is in the document. @type {Map<string, HTMLElement>} */
  #drawn = new Map();
  #start = 0;
  #following = true;
  /** Set while we ourselves scroll. */
  #placedAt = -1;
  #width = 0;

  /**
   * @param {HTMLElement} scroller
   * @param {HTMLElement} list Within it.
   * @param {(moved: {atEnd: boolean, nearTop: boolean}) => void} onMoved
   */
  constructor(scroller, list, onMoved) {
    this.#scroller = scroller;
    this.#list = list;
    this.#onMoved = onMoved;
    scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    // A keyboard on the screen, a longer composer, a narrower page, and whatever grows within a row.
    const resized = new ResizeObserver(() => this.#resized());
    resized.observe(scroller);
    resized.observe(list);
  }

  /** Whether the reader is at the end, and stays there. */
  get atEnd() {
    return this.#following;
  }

  /** Whether the beginning is near enough for more to be fetched. */
  get nearTop() {
    return this.#scroller.scrollTop < NEAR_TOP_PX;
  }

  /** Another list altogether, at its end. @param {Rows} rows */
  reset(rows) {
    this.#heights.clear();
    this.#measured = { sum: 0, count: 0 };
    for (const row of this.#drawn.values()) row.remove();
    this.#drawn.clear();
    this.#following = true;
    this.show(rows);
  }

  /** The same list, changed. @param {Rows} rows */
  show(rows) {
    const anchor = this.#anchor();
    this.#rows = rows;
    this.#arrange(anchor, true);
  }

  /** Goes to the end, and stays there. */
  toEnd() {
    this.#following = true;
    this.#arrange(null, false);
  }

  /** Has a row in sight, in the middle if it is not. @param {number} index @returns {HTMLElement | undefined} */
  reveal(index) {
    const key = this.#rows.key(index);
    const row = this.#drawn.get(key);
    const { top, bottom, height } = this.#scroller.getBoundingClientRect();
    const seen = row?.getBoundingClientRect();
    if (!seen || seen.top < top || seen.bottom > bottom) {
      this.#following = false;
      const known = this.#heights.get(key) ?? GUESSED_PX;
      this.#arrange({ key, index, offset: Math.max(0, (height - known) / 2) }, false);
    }
    return this.#drawn.get(key);
  }

  /** The row in the document, if it is there. @param {string} key */
  row(key) {
    return this.#drawn.get(key);
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    // Our own doing is not the reader's.
    if (Math.abs(scrollTop - this.#placedAt) > 1) this.#following = scrollHeight - scrollTop - clientHeight < FOLLOW_PX;
    this.#placedAt = -1;
    this.#arrange(this.#anchor(), false);
  }

  #resized() {
    const width = this.#list.clientWidth;
    if (width !== this.#width) {
      // What was measured was of another width.
      this.#width = width;
      this.#heights.clear();
      this.#measured = { sum: 0, count: 0 };
    }
    this.#arrange(this.#anchor(), false);
  }

  /** The first row of which something is visible, and how far below the upper edge it begins. */
  #anchor() {
    if (this.#following) return null;
    const { top } = this.#scroller.getBoundingClientRect();
    let index = this.#start;
    for (const [key, row] of this.#drawn) {
      const { top: rowTop, bottom } = row.getBoundingClientRect();
      if (bottom > top) return { key, index, offset: rowTop - top };
      index += 1;
    }
    return null;
  }

  /**
   * Draws what has to be there, and puts the anchor where it was; without one, the end to the end.
   * @param {{key: string, index: number, offset: number} | null} anchor
   * @param {boolean} changed Whether rows that stand there already may have changed.
   */
  #arrange(anchor, changed) {
    const { count } = this.#rows;
    const index = anchor ? this.#indexOf(anchor) : -1;
    for (let round = 0; round < ROUNDS; round += 1) {
      const [start, end] = this.#range(index, anchor?.offset ?? 0);
      const same = start === this.#start && end - start === this.#drawn.size;
      if (!same || (changed && round === 0) || round === 0) this.#draw(start, end, changed && round === 0);
      const news = this.#measure();
      this.#list.style.paddingTop = `${this.#sum(0, start)}px`;
      this.#list.style.paddingBottom = `${this.#sum(end, count)}px`;
      if (!news) break;
    }
    const row = index >= 0 ? this.#drawn.get(this.#rows.key(index)) : undefined;
    const { scrollTop } = this.#scroller;
    const wanted =
      row && anchor
        ? scrollTop + row.getBoundingClientRect().top - this.#scroller.getBoundingClientRect().top - anchor.offset
        : this.#following
          ? this.#scroller.scrollHeight - this.#scroller.clientHeight
          : scrollTop;
    if (Math.abs(wanted - scrollTop) >= 1) {
      this.#scroller.scrollTop = wanted;
      this.#placedAt = this.#scroller.scrollTop;
    }
    this.#onMoved({ atEnd: this.#following, nearTop: this.nearTop });
  }

  /** Rows may have come before it. @param {{key: string, index: number}} anchor */
  #indexOf({ key, index }) {
    const { count, key: keyOf } = this.#rows;
    for (let distance = 0; distance < count; distance += 1) {
      for (const at of [index + distance, index - distance]) if (at >= 0 && at < count && keyOf(at) === key) return at;
    }
    return Math.min(index, count - 1);
  }

  /** From which row to which has to be drawn. @param {number} anchor @param {number} offset @returns {[number, number]} */
  #range(anchor, offset) {
    const { count } = this.#rows;
    const { clientHeight } = this.#scroller;
    if (this.#following || anchor < 0) {
      let [start, height] = [count, 0];
      while (start > 0 && height < clientHeight + BEYOND_PX && count - start < ROWS_MOST) height += this.#height(--start);
      return [start, count];
    }
    let [start, above] = [anchor, offset];
    while (start > 0 && above > -BEYOND_PX && anchor - start < ROWS_MOST / 2) above -= this.#height(--start);
    let [end, below] = [anchor, offset];
    while (end < count && below < clientHeight + BEYOND_PX && end - start < ROWS_MOST) below += this.#height(end++);
    return [start, end];
  }

  /** @param {number} start @param {number} end @param {boolean} changed */
  #draw(start, end, changed) {
    const { key: keyOf, draw } = this.#rows;
    const before = this.#drawn;
    /** @type {Map<string, HTMLElement>} */
    const drawn = new Map();
    for (let index = start; index < end; index += 1) {
      const key = keyOf(index);
      const known = before.get(key);
      drawn.set(key, known && !changed ? known : draw(index, known));
      before.delete(key);
    }
    for (const row of before.values()) {
      // Whoever was in it shall not be thrown out of the list.
      if (row.contains(document.activeElement)) this.#scroller.focus({ preventScroll: true });
      row.remove();
    }
    let next = this.#list.firstElementChild;
    for (const row of drawn.values()) {
      if (row === next) next = next.nextElementSibling;
      else this.#list.insertBefore(row, next);
    }
    this.#drawn = drawn;
    this.#start = start;
  }

  /** @returns {boolean} Whether a height is another than was thought. */
  #measure() {
    let news = false;
    for (const [key, row] of this.#drawn) {
      const height = row.getBoundingClientRect().height;
      const known = this.#heights.get(key);
      if (known === height) continue;
      news = true;
      this.#measured.sum += height - (known ?? 0);
      if (known === undefined) this.#measured.count += 1;
      this.#heights.set(key, height);
    }
    return news;
  }

  /** @param {number} index */
  #height(index) {
    const { sum, count } = this.#measured;
    return this.#heights.get(this.#rows.key(index)) ?? (count > 0 ? sum / count : GUESSED_PX);
  }

  /** @param {number} from @param {number} to */
  #sum(from, to) {
    let sum = 0;
    for (let index = from; index < to; index += 1) sum += this.#height(index);
    return Math.round(sum);
  }
}
