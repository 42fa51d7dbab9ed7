// Order out of disorder: a room that counts, an unreliable way, and what a page is shown of it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Sequence } from "../src/sequence.js";
import { random } from "./random.mjs";

/** A room with messages, edits and deletions on one clock, which answers as the server does. */
class ModelRoom {
  last = 0;
  /** @type {Map<string, any>} */
  messages = new Map();

  /** @param {() => number} chance @returns {import("../src/sequence.js").Happening} */
  happen(chance) {
    const number = ++this.last;
    const alive = [...this.messages.values()].filter((it) => !it.deleted);
    const pick = alive[Math.floor(chance() * alive.length)];
    if (!pick || chance() < 0.6) {
      const message = { messageId: `m${number}`, seq: number, content: `said ${number}` };
      this.messages.set(message.messageId, message);
      return { name: "chat:message", number, data: { ...message } };
    }
    pick.changeSeq = number;
    if (chance() < 0.3) {
      pick.deleted = true;
      delete pick.content;
      return { name: "chat:deleted", number, data: { messageId: pick.messageId, seq: number } };
    }
    pick.content = `edited ${number}`;
    return { name: "chat:edited", number, data: { messageId: pick.messageId, seq: number, content: pick.content } };
  }

  /** @param {number | null} after @param {number} most @returns {any} */
  join(after, most) {
    const all = [...this.messages.values()].map((it) => ({ ...it }));
    const messages = all.filter((it) => after === null || it.seq > after);
    const changed = all.filter((it) => after !== null && it.seq <= after && it.changeSeq > after);
    const recovered = after !== null && messages.length + changed.length <= most;
    if (recovered) return { messages, changed, lastSeq: this.last, recovered };
    return { messages: all.slice(-most), changed: [], lastSeq: this.last, recovered };
  }
}

/** What a page makes of what it is handed. */
class ModelPage {
  /** @type {Map<string, any>} */
  messages = new Map();
  /** @type {number[]} */
  numbers = [];

  /** @param {any[]} messages */
  reset(messages) {
    this.messages = new Map(messages.map((it) => [it.messageId, { ...it }]));
    this.numbers = [];
  }

  /** @param {import("../src/sequence.js").Happening} happening */
  show({ name, data, number }) {
    assert.ok(number > (this.numbers.at(-1) ?? 0), `${number} comes after ${this.numbers.at(-1)}`);
    this.numbers.push(number);
    const known = this.messages.get(data.messageId);
    if (name === "chat:message") {
      assert.ok(!known, "a message is shown once");
      this.messages.set(data.messageId, { ...data });
    } else if (known) {
      known.content = name === "chat:edited" ? data.content : undefined;
    }
  }
}

test("a page ends with what the room has, whatever was lost, repeated or late on the way", () => {
  for (let seed = 1; seed <= 400; seed++) {
    const chance = random(seed);
    const [room, page, sequence] = [new ModelRoom(), new ModelPage(), new Sequence()];
    const most = 5 + Math.floor(chance() * 40);
    /** @type {any[]} */
    let wire = [];
    /** @type {any} An answer on its way. */
    let answer = null;
    /** @param {import("../src/sequence.js").Outcome} outcome @param {any[]} [messages] */
    const apply = (outcome, messages) => {
      if (outcome.reset) page.reset(messages ?? []);
      for (const happening of outcome.deliver) page.show(happening);
      if (outcome.ask) ask();
    };
    const ask = () => {
      sequence.begin();
      answer = room.join(sequence.last, most);
    };
    const settle = () => {
      const given = answer;
      answer = null;
      apply(sequence.settle(given), given.messages);
    };
    for (let index = 0; index < chance() * 5; index++) room.happen(chance);
    ask();
    for (let step = 0; step < 200; step++) {
      const dice = chance();
      if (dice < 0.5) {
        const happening = room.happen(chance);
        if (chance() < 0.9) wire.push(happening);
        if (chance() < 0.1) wire.push(happening);
      } else if (dice < 0.9 && wire.length) {
        const [happening] = wire.splice(chance() < 0.8 ? 0 : Math.floor(chance() * wire.length), 1);
        apply(sequence.take(happening));
      } else if (dice < 0.97) {
        if (answer) settle();
      } else {
        // The connection is lost, with all that was on its way, and the room is joined anew.
        wire = [];
        ask();
      }
    }
    // What happens last shows whether something is missing.
    wire.push(room.happen(chance));
    for (const happening of wire) apply(sequence.take(happening));
    while (answer) settle();
    assert.equal(sequence.last, room.last, `seed ${seed}`);
    const shown = [...page.messages.values()].map(({ messageId, content }) => [messageId, content]);
    const said = [...room.messages.values()].map(({ messageId, content }) => [messageId, content]);
    assert.deepEqual(shown, said.slice(-shown.length), `seed ${seed}`);
  }
});

test("what is behind is known, and what is ahead waits and asks once", () => {
  const sequence = new Sequence(4);
  const take = (/** @type {number} */ number) => sequence.take({ name: "chat:message", data: {}, number });
  assert.deepEqual(take(4), { deliver: [], ask: false, reset: false });
  assert.equal(take(5).deliver.length, 1);
  assert.deepEqual(take(7), { deliver: [], ask: true, reset: false });
  sequence.begin();
  assert.deepEqual(take(8), { deliver: [], ask: false, reset: false });
  const { deliver, reset } = sequence.settle({ messages: [/** @type {any} */ ({ seq: 6 })], lastSeq: 6, recovered: true });
  assert.deepEqual([deliver.map((it) => it.number), reset], [[6, 7, 8], false]);
});

test("a room that is behind the page has begun anew", () => {
  const sequence = new Sequence(40);
  sequence.begin();
  const outcome = sequence.settle({ messages: [], lastSeq: 2, recovered: false });
  assert.deepEqual(outcome, { deliver: [], ask: false, reset: true });
  assert.equal(sequence.take({ name: "chat:message", data: {}, number: 3 }).deliver.length, 1);
});

test("what waits is bounded, and what was dropped for it is asked for", () => {
  const sequence = new Sequence(0);
  sequence.begin();
  for (let number = 2; number <= 3_000; number++) sequence.take({ name: "chat:message", data: {}, number });
  const outcome = sequence.settle({ messages: [/** @type {any} */ ({ seq: 1 })], lastSeq: 1, recovered: true });
  assert.equal(outcome.deliver.length, 1_001);
  assert.equal(outcome.ask, true);
});
