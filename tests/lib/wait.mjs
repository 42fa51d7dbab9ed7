// Waiting with deadlines. No test sleeps for something that it could hear of.

/** @template T @param {Promise<T>} promise @param {number} ms @param {string} what @returns {Promise<T>} */
export function within(promise, ms, what) {
  /** @type {NodeJS.Timeout} */
  let timer;
  const late = new Promise((_, reject) => {
    const error = new Error(`no ${what} within ${ms} ms`);
    timer = setTimeout(() => reject(error), ms);
  });
  return /** @type {Promise<T>} */ (Promise.race([promise, late]).finally(() => clearTimeout(timer)));
}

/**
 * The arguments of the next `event` of an emitter.
 * @param {any} emitter @param {string} event @param {number} [ms] @returns {Promise<any[]>}
 */
export function event(emitter, event, ms = 5000) {
  const heard = new Promise((resolve) => emitter.once(event, (...args) => resolve(args)));
  return within(/** @type {Promise<any[]>} */ (heard), ms, `event "${event}"`);
}

/** Polls a condition that has no event of its own. @param {() => any} check @param {string} what @param {number} [ms] */
export async function until(check, what, ms = 5000) {
  const end = Date.now() + ms;
  for (;;) {
    const value = await check();
    if (value) return value;
    if (Date.now() > end) throw new Error(`${what}: not within ${ms} ms`);
    await pause(15);
  }
}

/** For assertions of silence, and pacing; never for readiness. @param {number} ms @returns {Promise<void>} */
export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Resolves "silence" unless the promise settles first. @param {Promise<any>} promise @param {number} ms */
export function silence(promise, ms) {
  return Promise.race([promise.then((value) => ({ value })), pause(ms).then(() => "silence")]);
}

/** A queue that is pushed by events and read with deadlines. @template T */
export class Inbox {
  /** @type {T[]} */
  items = [];
  /** @type {((item: T) => void)[]} */
  #waiting = [];

  /** @param {T} item */
  push(item) {
    const reader = this.#waiting.shift();
    if (reader) reader(item);
    else this.items.push(item);
  }

  /** @param {number} [ms] @param {string} [what] @returns {Promise<T>} */
  next(ms = 5000, what = "message") {
    if (this.items.length) return Promise.resolve(/** @type {T} */ (this.items.shift()));
    /** @type {(item: T) => void} */
    let reader;
    const item = new Promise((resolve) => this.#waiting.push((reader = resolve)));
    return within(/** @type {Promise<T>} */ (item), ms, what).catch((error) => {
      this.#waiting = this.#waiting.filter((other) => other !== reader);
      throw error;
    });
  }
}
