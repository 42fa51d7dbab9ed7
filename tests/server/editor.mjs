// A thin client of a shared text, as an application would write one: it has one operation on its way at a time, keeps
// later ones back, and comes back after whatever happened to its connection.

import { pause } from "../lib/wait.mjs";
import { enter, user } from "./cast.mjs";

/** @typedef {{type: "insert" | "delete", position: number, content?: string, length?: number}} Operation */

/** @param {Operation} it */
const size = (it) => it.content?.length ?? it.length ?? 0;

/** @param {number} position @param {Operation} by an operation that was applied before */
function shift(position, by) {
  if (by.position >= position) return position;
  return by.type === "insert" ? position + size(by) : position - Math.min(size(by), position - by.position);
}

/** What is left of an operation behind another one; `first` has it stand before an insertion at the same place.
 * @param {Operation} it @param {Operation} by @param {boolean} first @returns {Operation[]} */
function behind(it, by, first) {
  if (it.type === "insert") {
    const after = by.type === "insert" && by.position === it.position && !first;
    return [{ ...it, position: after ? it.position + size(by) : shift(it.position, by) }];
  }
  const end = it.position + size(it);
  if (by.type === "insert") {
    if (by.position <= it.position) return [{ ...it, position: it.position + size(by) }];
    if (by.position >= end) return [it];
    const before = by.position - it.position;
    return [
      { ...it, length: before },
      { ...it, position: it.position + size(by), length: size(it) - before },
    ];
  }
  const common = Math.min(end, by.position + size(by)) - Math.max(it.position, by.position);
  const length = size(it) - Math.max(0, common);
  return length === 0 ? [] : [{ ...it, position: shift(it.position, by), length }];
}

/** Both lists, each behind the other. @param {Operation[]} ours not yet in the order of the document @param {Operation[]} theirs */
export function cross(ours, theirs) {
  if (ours.length === 0 || theirs.length === 0) return [ours, theirs];
  if (ours.length === 1 && theirs.length === 1) {
    return [behind(ours[0], theirs[0], true), behind(theirs[0], ours[0], false)];
  }
  if (ours.length > 1) {
    const [head, between] = cross(ours.slice(0, 1), theirs);
    const [tail, rest] = cross(ours.slice(1), between);
    return [[...head, ...tail], rest];
  }
  const [between, head] = cross(ours, theirs.slice(0, 1));
  const [rest, tail] = cross(between, theirs.slice(1));
  return [rest, [...head, ...tail]];
}

/** @param {string} text @param {Operation} it */
const applied = (text, it) =>
  text.slice(0, it.position) + (it.content ?? "") + text.slice(it.position + (it.length ?? 0));

export class Editor {
  text = "";
  version = 0;
  /** Names of operations that were answered. @type {string[]} */
  acknowledged = [];
  user = user();
  connections = 0;
  /** On its way: as it was sent, and what is left of it in the text as it is.
   * @type {{message: any, pieces: Operation[], answer?: number} | null} */
  #sent = null;
  /** @type {Operation[]} */
  #kept = [];
  #made = 0;
  /** Events that came before those before them. @type {Map<number, any>} */
  #early = new Map();
  /** @type {import("./cast.mjs").Player | undefined} */
  #client;
  #ended = false;

  /** @param {string} url @param {string} transport @param {string} documentId */
  constructor(url, transport, documentId) {
    this.url = url;
    this.transport = transport;
    this.documentId = documentId;
  }

  get isQuiet() {
    return !this.#sent && this.#kept.length === 0;
  }

  /** @param {Operation} operation */
  edit(operation) {
    this.text = applied(this.text, operation);
    this.#kept.push(operation);
    this.#send();
  }

  /** Stays connected until it is ended. */
  async run() {
    while (!this.#ended) {
      try {
        const client = await enter(this.url, this.transport, { user: this.user });
        const push = client.push.bind(client);
        client.push = (type, data) => {
          push(type, data);
          if (type === "doc:operation") this.#hear(data);
        };
        await this.#join(client);
        this.connections += 1;
        await client.closed;
      } catch {
        await pause(50);
      }
      this.#client = undefined;
    }
  }

  async end() {
    this.#ended = true;
    await this.#client?.close();
  }

  /** @param {import("./cast.mjs").Player} client */
  async #join(client) {
    const { documentId, version } = this;
    const answer = await client.done("doc:join", version > 0 ? { documentId, version } : { documentId });
    this.#early.clear();
    if (answer.recovered) {
      const id = this.#sent?.message.operationId;
      for (const operation of answer.operations) {
        const own = id && operation.userId === this.user.id && operation.operationId === id;
        if (!own) this.#follow(operation);
        else if (this.#sent) this.#settle();
      }
    } else {
      this.text = answer.content;
      this.#sent = null;
      this.#kept = [];
    }
    this.version = answer.version;
    this.#client = client;
    for (const { data } of client.events.filter((it) => it.type === "doc:operation")) this.#early.set(data.version, data);
    if (this.#sent) this.#ask();
    this.#go();
  }

  /** @param {any} event */
  #hear(event) {
    if (event.documentId !== this.documentId) return;
    this.#early.set(event.version, event);
    if (this.#client) this.#go();
  }

  /** Does what is next in the order of the document. Over HTTP, an answer may come before the events before it. */
  #go() {
    for (;;) {
      const next = this.#early.get(this.version + 1);
      if (next) {
        this.#follow(next);
        this.version += 1;
      } else if (this.#sent?.answer !== undefined && this.version + this.#sent.pieces.length >= this.#sent.answer) {
        this.version = Math.max(this.version, this.#sent.answer);
        this.#settle();
      } else {
        break;
      }
    }
    this.#send();
  }

  #settle() {
    if (this.#sent) this.acknowledged.push(this.#sent.message.operationId);
    this.#sent = null;
  }

  /** @param {Operation} operation */
  #follow({ type, position, content, length }) {
    /** @type {Operation[]} */
    let theirs = [{ type, position, content, length }];
    if (this.#sent) [this.#sent.pieces, theirs] = cross(this.#sent.pieces, theirs);
    [this.#kept, theirs] = cross(this.#kept, theirs);
    for (const it of theirs) this.text = applied(this.text, it);
  }

  #send() {
    const next = this.#client && !this.#sent && this.#kept.shift();
    if (!next) return;
    const { documentId, version } = this;
    const operationId = `${this.user.id} ${(this.#made += 1)}`;
    this.#sent = { message: { documentId, version, operationId, ...next }, pieces: [next] };
    this.#ask();
  }

  async #ask() {
    const sent = this.#sent;
    const client = this.#client;
    if (!sent || !client) return;
    const answer = await client.ask("doc:operation", sent.message).catch(() => undefined);
    if (this.#client !== client || this.#sent !== sent) return;
    if (answer?.success) {
      sent.answer = answer.version;
      this.#go();
    } else if (answer?.retryAfterMs || answer?.code === "unavailable") {
      await pause(answer.retryAfterMs ?? 50);
      if (this.#client === client && this.#sent === sent) this.#ask();
    } else if (answer) {
      throw new Error(`an operation was refused: ${JSON.stringify(answer)}`);
    }
  }
}
