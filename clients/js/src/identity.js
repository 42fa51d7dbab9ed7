/** Who the user is: a token that is good now, or a guest. */

import { TidingsError } from "./errors.js";

/** @typedef {import("./transports.js").Credentials} Credentials */
/** @typedef {() => string | Promise<string>} GetToken */

export class Identity {
  #getToken;
  #guest;
  #timeoutMs;

  /**
   * @param {GetToken | undefined} getToken
   * @param {{id: string, username?: string} | undefined} guest
   * @param {number} timeoutMs How long a token may take.
   */
  constructor(getToken, guest, timeoutMs) {
    this.#getToken = getToken;
    this.#guest = guest;
    this.#timeoutMs = timeoutMs;
  }

  /** What to sign in with. @returns {Promise<Credentials>} */
  async credentials() {
    const token = await this.token();
    if (token !== null) return { token };
    if (this.#guest) return this.#guest;
    throw new TidingsError("unauthenticated", "Say who the user is: pass getToken, or guest.", { final: true });
  }

  /**
   * A fresh token; null for a guest. One that never comes shall be asked for again, as a connection would be.
   * @returns {Promise<string | null>}
   */
  token() {
    const [getToken, timeoutMs] = [this.#getToken, this.#timeoutMs];
    if (!getToken) return Promise.resolve(null);
    return new Promise((resolve, reject) => {
      const late = () => reject(new TidingsError("timeout", `getToken gave no token within ${timeoutMs} ms.`));
      const timer = setTimeout(late, timeoutMs);
      /** @type {Promise<string>} */
      const given = Promise.resolve().then(() => getToken());
      given.then(resolve, reject).finally(() => clearTimeout(timer));
    });
  }
}
