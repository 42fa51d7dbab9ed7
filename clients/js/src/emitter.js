/** Listeners by name. One that throws does not keep the others from hearing. */

/** @typedef {(data: any, name: string) => void} Listener */

export class Emitter {
  /** @type {Map<string, Set<Listener>>} */
  #listeners = new Map();

  /**
   * Has `listener` hear every event of that name; `"*"` is every event.
   * @param {string} name
   * @param {Listener} listener
   * @returns {() => void} Ends it, as `off` does.
   */
  on(name, listener) {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners.add(listener));
    return () => this.off(name, listener);
  }

  /**
   * Without a listener it is a promise of the next event's data.
   * @param {string} name
   * @param {Listener} [listener]
   * @returns {Promise<any>} Resolves with the data of the event.
   */
  once(name, listener) {
    return new Promise((resolve) => {
      const stop = this.on(name, (data, heard) => {
        stop();
        resolve(data);
        listener?.(data, heard);
      });
    });
  }

  /**
   * @param {string} name
   * @param {Listener} [listener] Without one: all listeners of that name.
   */
  off(name, listener) {
    if (listener) this.#listeners.get(name)?.delete(listener);
    else this.#listeners.delete(name);
    if (!this.#listeners.get(name)?.size) this.#listeners.delete(name);
  }

  /**
   * Tells the listeners. Only the client itself calls this.
   * @param {string} name
   * @param {any} data
   */
  tell(name, data) {
    for (const listeners of [this.#listeners.get(name), this.#listeners.get("*")]) {
      for (const listener of [...(listeners ?? [])]) {
        try {
          listener(data, name);
        } catch (error) {
          // The page's own mistake shall be seen as one, after everybody has heard.
          queueMicrotask(() => {
            throw error;
          });
        }
      }
    }
  }
}
