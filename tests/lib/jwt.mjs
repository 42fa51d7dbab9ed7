// Tokens for the namespaces that need one.

import { createHmac, createSign, generateKeyPairSync } from "node:crypto";

/** @param {object} value */
const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

/** @param {string} alg @param {object} claims @param {(signed: string) => string} sign */
function token(alg, claims, sign) {
  const signed = `${encode({ alg, typ: "JWT" })}.${encode(claims)}`;
  return `${signed}.${sign(signed)}`;
}

export const inAnHour = () => Math.floor(Date.now() / 1000) + 3600;

/** @param {string} secret @param {object} claims */
export const hs256 = (secret, claims) =>
  token("HS256", claims, (signed) => createHmac("sha256", secret).update(signed).digest("base64url"));

/** @param {string} key PEM @param {object} claims */
export const rs256 = (key, claims) =>
  token("RS256", claims, (signed) => createSign("RSA-SHA256").update(signed).sign(key, "base64url"));

/** @param {object} claims */
export const unsigned = (claims) => token("none", claims, () => "");

export const rsaPair = () =>
  generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
