/**
 * Reads an event stream as the HTML standard says (section 9.2.6), in pieces of any size. Of the fields those matter here that
 * carry an event; comments and unknown fields are passed over.
 */

export class EventStreamParser {
  #decoder = new TextDecoder();
  #rest = "";
  #afterReturn = false;
  #name = "";
  /** @type {string[]} */
  #data = [];
  #event;

  /** @param {(name: string, data: string) => void} event */
  constructor(event) {
    this.#event = event;
  }

  /** @param {Uint8Array} bytes */
  push(bytes) {
    let text = this.#decoder.decode(bytes, { stream: true });
    // A line may end with CR and LF, and the two may come apart.
    if (!text) return;
    const ends = text.endsWith("\r");
    if (this.#afterReturn && text.startsWith("\n")) text = text.slice(1);
    this.#afterReturn = ends;
    const lines = (this.#rest + text).split(/\r\n|\r|\n/);
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.#line(line);
  }

  /** @param {string} line */
  #line(line) {
    if (line === "") return this.#dispatch();
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") this.#name = value;
    else if (field === "data") this.#data.push(value);
  }

  #dispatch() {
    const [name, data] = [this.#name || "message", this.#data];
    this.#name = "";
    this.#data = [];
    if (data.length) this.#event(name, data.join("\n"));
  }
}
