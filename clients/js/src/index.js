/** `@tidings/client`: the client of Tidings for browsers and Node. Start reading at `client.js`. */

export { Client, connect } from "./client.js";
export { TidingsError } from "./errors.js";
export { Room } from "./room.js";

/** @typedef {import("./client.js").Options} Options */
/** @typedef {import("./connection.js").State} State */
/** @typedef {import("./connection.js").StateChange} StateChange */
/** @typedef {import("./outbox.js").Sent} Sent */
/** @typedef {import("./room.js").Member} Member */
/** @typedef {import("./sequence.js").Message} Message */
