// The conformance app on Node's own socket.io: the peer that every suite must agree with.
//
// It takes the same environment as the Rust conformance server and prints the same `READY <port>`.
// Settings that only the Rust server has (ATTACHMENT_TIMEOUT, a bounded outbox) are ignored here.

import { createHmac, createVerify, timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { Server } from "socket.io";
import { WebSocketServer } from "ws";

const require = createRequire(import.meta.url);
// engine.io is a dependency of socket.io; taking it from there keeps both at the same version.
const engineIo = createRequire(require.resolve("socket.io"))("engine.io");

const env = process.env;
/** @param {string} name @param {number} fallback */
const number = (name, fallback) => (env[name] ? Number(env[name]) : fallback);

const profile = env.PROFILE || "app";
const node = env.NODE_ID ?? null;
const parser = env.PARSER === "msgpack" ? require("socket.io-msgpack-parser") : undefined;

const http = createServer({
  maxHeaderSize: 16 * 1024,
  headersTimeout: number("HANDSHAKE_TIMEOUT", 60_000),
  requestTimeout: Math.max(number("HANDSHAKE_TIMEOUT", 300_000), 0),
  connectionsCheckingInterval: env.HANDSHAKE_TIMEOUT ? 50 : 30_000,
});

/** @param {any} rooms */
const list = (rooms) => (rooms === undefined || rooms === null ? [] : Array.isArray(rooms) ? rooms : [rooms]);

/** @param {any} operator @param {any} target an object `{rooms, except, local, volatile}`, or rooms themselves */
function narrow(operator, target) {
  const options = typeof target === "string" || Array.isArray(target) ? { rooms: target } : (target ?? {});
  if (list(options.rooms).length) operator = operator.to(list(options.rooms));
  if (list(options.except).length) operator = operator.except(list(options.except));
  if (options.local) operator = operator.local;
  if (options.volatile) operator = operator.volatile;
  return operator;
}

/** Serves `/ws`-like endpoints that are not Socket.IO. @param {(path: string) => WebSocketServer | undefined} find */
function plainWebSockets(find) {
  http.on("upgrade", (req, socket, head) => {
    const path = (req.url ?? "").split("?")[0];
    const server = find(path);
    if (server) return server.handleUpgrade(req, socket, head, (ws) => server.emit("connection", ws, req));
    const owned = ["/socket.io/", "/engine.io/"].some((prefix) => path.startsWith(prefix));
    if (!owned) socket.end("HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  });
}

function echoServer() {
  const deflate = env.DEFLATE ? env.DEFLATE !== "0" : profile === "ws-echo";
  const wss = new WebSocketServer({
    noServer: true,
    maxPayload: number("MAX_PAYLOAD", profile === "ws-echo" ? 64 * 1024 * 1024 : 1_000_000),
    perMessageDeflate: deflate ? { threshold: 0 } : false,
  });
  wss.on("connection", (ws) => {
    ws.on("error", () => {});
    ws.on("message", (data, binary) => ws.send(data, { binary }));
  });
  return wss;
}

/** @param {any} message a string, or bytes @param {any} socket */
const eioEcho = (socket, message) => socket.send(message);

function protocolProfile() {
  const heart = { pingInterval: 300, pingTimeout: 200, maxHttpBufferSize: 1_000_000 };
  const engine = new engineIo.Server({ ...heart, cors: { origin: "*" } });
  engine.on("connection", (socket) => socket.on("message", (data) => eioEcho(socket, data)));
  const io = new Server(http, { ...heart, connectTimeout: 1000, cors: { origin: "*" }, parser, destroyUpgrade: false });
  engine.attach(http, { path: "/engine.io/", destroyUpgrade: false });
  io.on("connection", (socket) => {
    socket.emit("auth", socket.handshake.auth);
    socket.on("message", (...args) => socket.emit("message-back", ...args));
    socket.on("message-with-ack", (...args) => args.pop()(...args));
  });
  io.of("/custom").on("connection", (socket) => {
    socket.emit("auth", socket.handshake.auth);
  });
}

function eioClientProfile() {
  const engine = new engineIo.Server({
    pingInterval: 500,
    maxHttpBufferSize: 100,
    allowRequest: (req, decide) => decide(null, !("deny" in req._query)),
  });
  engine.on("initial_headers", (headers) => {
    headers["Set-Cookie"] = [
      "1=1; Max-Age=86400",
      "2=2; Path=/; HttpOnly; Secure; SameSite=Strict",
      "3=3; Max-Age=0",
      `4=4; Expires=${new Date().toUTCString()}`,
    ];
  });
  engine.on("connection", (socket) => {
    socket.send("hi");
    socket.on("message", (data) => {
      if (data === "give binary") socket.send(Buffer.from([0, 1, 2, 3, 4]));
      else if (data === "give utf8") socket.send("пойду спать всем спокойной ночи");
      else if (data === "sendHeaders") socket.send(JSON.stringify(socket.transport.dataReq?.headers ?? {}));
      else eioEcho(socket, data);
    });
  });
  engine.attach(http, { path: "/engine.io/" });
}

function sioClientProfile() {
  const io = new Server(http, {
    pingInterval: 2000,
    connectionStateRecovery: {},
    parser,
    allowRequest: (_req, decide) => setTimeout(() => decide(null, true), 10),
  });
  const bytes = () => Buffer.from("asdfasdf");
  for (const name of ["/timeout_socket", "/valid", "/asd"]) io.of(name).on("connection", () => {});
  io.of("/foo").on("connection", (socket) => socket.on("getId", (ack) => ack(socket.id)));
  io.of("/abc").on("connection", (socket) => socket.emit("handshake", socket.handshake));
  io.of("/no").use((_socket, next) => next(new Error("Auth failed (custom namespace)")));
  io.use((socket, next) => {
    next("fail" in socket.handshake.query ? new Error("Auth failed (main namespace)") : undefined);
  });
  io.on("connection", (socket) => {
    socket.on("hi", () => socket.emit("hi"));
    socket.on("echo", (x, ack) => ack(x));
    socket.on("ack", () => {
      socket.emit("ack", (a, b) => {
        if (a === 5 && b?.test === true) socket.emit("got it");
      });
    });
    socket.on("getAckDate", (_x, ack) => ack(new Date().toISOString()));
    socket.on("getDate", () => socket.emit("takeDate", new Date()));
    socket.on("getDateObj", () => socket.emit("takeDateObj", { date: new Date() }));
    socket.on("getUtf8", () => {
      for (const text of ["てすと", "Я Б Г Д Ж Й", "Ä ä Ü ü ß", "utf8 — string", "utf8 — string"]) {
        socket.emit("takeUtf8", text);
      }
    });
    socket.on("false", () => socket.emit("false", false));
    socket.on("doge", () => socket.emit("doge", bytes()));
    socket.on("getbin", () => socket.emit("takebin", bytes()));
    socket.on("buffa", (data) => Buffer.isBuffer(data) && socket.emit("buffack"));
    const isJsonBuffer = (data) =>
      data?.hello === "lol" && Buffer.isBuffer(data.message) && data.goodbye === "gotcha";
    socket.on("jsonbuff", (data) => isJsonBuffer(data) && socket.emit("jsonbuff-ack"));
    socket.on("jsonblob", (data) => isJsonBuffer(data) && socket.emit("jsonblob-ack"));
    let first = false;
    socket.on("abuff1", (data) => (first = Buffer.isBuffer(data)));
    socket.on("abuff2", () => first && socket.emit("abuff2-ack"));
    socket.on("blob", (data) => Buffer.isBuffer(data) && socket.emit("back"));
    /** @type {string[]} */
    const order = [];
    socket.on("blob1", (data) => Buffer.isBuffer(data) && order.push("1"));
    socket.on("blob2", (data) => data === "second" && order.push("2"));
    socket.on("blob3", (data) => {
      if (Buffer.isBuffer(data) && order.join() === "1,2") socket.emit("blob3-ack");
    });
    socket.on("getHandshake", (ack) => ack(socket.handshake));
    socket.on("getId", (ack) => ack(socket.id));
  });
}

function benchProfile() {
  const io = new Server(http, { parser, destroyUpgrade: false });
  io.on("connection", (socket) => {
    socket.on("room:join", (room, ack) => {
      socket.join(room);
      ack?.({ success: true });
    });
    socket.on("room:leave", (room, ack) => {
      socket.leave(room);
      ack?.({ success: true });
    });
    socket.on("chat:send", ({ roomId, content }, ack) => {
      io.to(roomId).emit("chat:message", { roomId, content, senderId: socket.id });
      ack?.({ success: true });
    });
    socket.on("echo", (x, ack) => ack(x));
  });
  const hall = new WebSocketServer({ noServer: true, perMessageDeflate: false });
  hall.on("connection", (ws) => {
    ws.on("error", () => {});
    ws.on("message", (data, binary) => {
      if (!binary) for (const client of hall.clients) client.send(data, { binary: false });
    });
  });
  plainWebSockets((path) => (path === "/ws" ? hall : undefined));
}

/** @param {string} token @param {(signed: string, signature: Buffer) => boolean} check @param {string} alg */
function claims(token, alg, check) {
  const [head, body, signature] = token.split(".");
  const read = (part) => JSON.parse(Buffer.from(part, "base64url").toString());
  if (read(head).alg !== alg) throw new Error("algorithm");
  if (!check(`${head}.${body}`, Buffer.from(signature, "base64url"))) throw new Error("signature");
  const all = read(body);
  if (all.exp !== undefined && all.exp * 1000 <= Date.now()) throw new Error("expired");
  return all;
}

/** @param {string} alg @param {(signed: string, signature: Buffer) => boolean} check */
function jwtMiddleware(alg, check) {
  return (socket, next) => {
    try {
      socket.data.sub = claims(socket.handshake.auth.token, alg, check).sub;
      next();
    } catch {
      next(Object.assign(new Error("unauthorized"), { data: { code: 401 } }));
    }
  };
}

/** The last argument is the acknowledgement when the client asked for one. @param {any[]} args */
function splitAck(args) {
  const last = args.at(-1);
  return typeof last === "function" ? { args: args.slice(0, -1), ack: last } : { args, ack: () => {} };
}

function appProfile() {
  const origins = env.ALLOWED_ORIGINS?.split(",").map((origin) => origin.trim());
  const io = new Server(http, {
    parser,
    pingInterval: number("PING_INTERVAL", 25_000),
    pingTimeout: number("PING_TIMEOUT", 20_000),
    connectTimeout: number("CONNECT_TIMEOUT", 45_000),
    maxHttpBufferSize: number("MAX_PAYLOAD", 1_000_000),
    perMessageDeflate: env.DEFLATE === "1",
    cors: { origin: origins ?? "*" },
    destroyUpgrade: false,
    allowRequest: (req, decide) => {
      const origin = req.headers.origin;
      decide(null, !origins || !origin || origins.includes(origin));
    },
    connectionStateRecovery:
      env.RECOVERY === "1" ? { maxDisconnectionDuration: number("RECOVERY_DURATION", 120_000) } : undefined,
  });
  /** @type {{nsp: string, args: any[]}[]} */
  const notes = [];

  /** @param {any} nsp a namespace, or the parent of the dynamic ones */
  const serve = (nsp) => {
    nsp.on("connection", (socket) => {
      serveSocket(socket);
      socket.emit("auth", socket.handshake.auth);
    });
    nsp.on("sse:note", (...args) => notes.push({ nsp: nsp.name, args }));
    nsp.on("sse:ask", (...args) => args.pop()({ node, got: args }));
  };

  /** @param {any} socket */
  const serveSocket = (socket) => {
    const nsp = socket.nsp;
    /** Registers an event whose handler returns the acknowledgement. @param {string} event @param {(...args: any[]) => any} run */
    const answer = (event, run) => {
      socket.on(event, async (...all) => {
        const { args, ack } = splitAck(all);
        try {
          ack(await run(...args));
        } catch (error) {
          ack({ error: error.message });
        }
      });
    };
    const ownRooms = () => [...socket.rooms].sort();

    socket.on("message", (...args) => socket.emit("message-back", ...splitAck(args).args));
    for (const event of ["message-with-ack", "echo"]) {
      socket.on(event, (...all) => {
        const { args, ack } = splitAck(all);
        ack(...args);
      });
    }
    answer("whoami", () => ({
      id: socket.id,
      nsp: nsp.name,
      node,
      transport: socket.conn.transport.name,
      auth: socket.handshake.auth,
      query: socket.handshake.query,
      sub: socket.data.sub ?? null,
    }));
    answer("ask-client", async (event, ...args) => {
      try {
        return { ok: await socket.timeout(number("ASK_TIMEOUT", 2000)).emitWithAck(event, ...args) };
      } catch {
        return { error: "timeout" };
      }
    });
    answer("binary", (n) => Buffer.from(Array.from({ length: n }, (_, i) => i & 255)));
    answer("text", (n) => "x".repeat(n));
    socket.on("kick", (close) => socket.disconnect(close === true));
    socket.on("drop", () => {
      const transport = socket.conn.transport;
      if (transport.name === "websocket") return transport.socket.terminate();
      // Between two polls there is no connection to cut; the next one is.
      const cut = () => (transport.req ? transport.req.socket.destroy() : setTimeout(cut, 5));
      cut();
    });
    answer("join", async (rooms) => {
      await socket.join(rooms);
      return ownRooms();
    });
    answer("leave", async (rooms) => {
      for (const room of list(rooms)) await socket.leave(room);
      return ownRooms();
    });
    answer("rooms", ownRooms);
    answer("set-data", (data) => {
      Object.assign(socket.data, data);
      return true;
    });
    answer("broadcast", (options, event, ...args) => narrow(nsp, options).emit(event, ...args));
    answer("relay", (options, event, ...args) => narrow(socket.broadcast, options).emit(event, ...args));
    answer("ctl:broadcast-ack", (options, event, ...args) => {
      return new Promise((resolve) => {
        narrow(nsp.timeout(options?.timeout ?? 2000), options).emit(event, ...args, (err, responses) =>
          resolve({ err: Boolean(err), responses }),
        );
      });
    });
    answer("ctl:fetch", async (options) => {
      const sockets = await narrow(nsp, options).fetchSockets();
      return sockets
        .map((s) => ({ id: s.id, rooms: [...s.rooms].sort(), data: s.data, auth: s.handshake.auth }))
        .sort((a, b) => (a.id < b.id ? -1 : 1));
    });
    answer("ctl:join", (target, rooms) => (narrow(nsp, target).socketsJoin(rooms), true));
    answer("ctl:leave", (target, rooms) => (narrow(nsp, target).socketsLeave(rooms), true));
    answer("ctl:disconnect", (target, close) => (narrow(nsp, target).disconnectSockets(close === true), true));
    answer("ctl:sse", (event, ...args) => nsp.serverSideEmit(event, ...args));
    answer("ctl:sse-ack", (event, ...args) => {
      return new Promise((resolve) => {
        // The in-memory adapter has no peers and never calls back; that is an empty answer.
        const empty = setTimeout(() => resolve({ err: false, responses: [] }), 200);
        nsp.serverSideEmit(event, ...args, (err, responses) => {
          clearTimeout(empty);
          resolve({ err: Boolean(err), responses });
        });
      });
    });
    answer("ctl:sse-log", () => notes);
    answer("ctl:all-rooms", () => [...nsp.adapter.rooms.keys()].sort());
    answer("ctl:server-count", () => nsp.adapter.serverCount());
  };

  const hmac = (signed, signature) => {
    const own = createHmac("sha256", env.JWT_HS_SECRET ?? "").update(signed).digest();
    return Boolean(env.JWT_HS_SECRET) && own.length === signature.length && timingSafeEqual(own, signature);
  };
  const rsa = (signed, signature) =>
    createVerify("RSA-SHA256").update(signed).verify(readFileSync(env.JWT_RS_PUBLIC_KEY ?? ""), signature);
  io.of("/jwt").use(jwtMiddleware("HS256", hmac));
  io.of("/jwt-rs").use(jwtMiddleware("RS256", rsa));
  for (const name of ["/", "/custom", "/jwt", "/jwt-rs"]) serve(io.of(name));
  serve(io.of(/^\/dyn-\d+$/));

  http.on("request", (req, res) => {
    const path = (req.url ?? "").split("?")[0];
    if (path.startsWith("/socket.io/")) return;
    if (path === "/healthz") return res.setHeader("Content-Type", "text/plain; charset=utf-8").end("ok");
    res.statusCode = 404;
    res.end();
  });
  const echo = echoServer();
  plainWebSockets((path) => (path === "/ws" ? echo : undefined));
}

/** @type {Record<string, () => void>} */
const profiles = {
  protocol: protocolProfile,
  "eio-client": eioClientProfile,
  "sio-client": sioClientProfile,
  "ws-echo": () => {
    const echo = echoServer();
    plainWebSockets(() => echo);
  },
  bench: benchProfile,
  app: appProfile,
};

if (!profiles[profile]) {
  console.error(`unknown PROFILE ${profile}; one of ${Object.keys(profiles).join(", ")}`);
  process.exit(2);
}
profiles[profile]();

const host = env.HOST;
http.listen(number("PORT", 3000), host || "127.0.0.1", () => {
  const address = /** @type {import("node:net").AddressInfo} */ (http.address());
  const ready = () => console.log(`READY ${address.port}`);
  if (host) return ready();
  // A second listener that hands everything to the first: both loopback addresses, one set of handlers.
  const six = createServer();
  six.on("request", (req, res) => http.emit("request", req, res));
  six.on("upgrade", (req, socket, head) => http.emit("upgrade", req, socket, head));
  six.on("error", ready);
  six.listen(address.port, "::1", ready);
});
process.on("SIGTERM", () => process.exit(0));
