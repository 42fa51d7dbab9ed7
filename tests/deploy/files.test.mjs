// Each file of deploy/ is read by the program that it is for.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { configure } from "../lib/nginx.mjs";

const deploy = fileURLToPath(new URL("../../deploy/", import.meta.url));
const binary = process.env.TIDINGS || fileURLToPath(new URL("../../target/release/tidings", import.meta.url));
const folder = mkdtempSync(path.join(tmpdir(), "deploy-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** @param {string} command @param {string[]} args @param {Record<string, string>} [env] */
function run(command, args, env = {}) {
  const { error, status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8", env: { ...process.env, ...env } });
  assert.ifError(error);
  return { status, said: `${stdout}${stderr}` };
}
/** @param {Parameters<typeof run>} args */
function passes(...args) {
  const { status, said } = run(...args);
  assert.equal(status, 0, said);
  return said;
}

describe("deploy/", () => {
  it("has a unit that systemd takes, and that leaves the service little to break", () => {
    const unit = path.join(folder, "tidings.service");
    const text = readFileSync(path.join(deploy, "systemd/tidings.service"), "utf8");
    writeFileSync(unit, text.replaceAll("/usr/local/bin/tidings", path.resolve(binary)));
    assert.equal(passes("systemd-analyze", ["verify", unit]).trim(), "");
    const exposure = /exposure level for [^:]+: ([\d.]+)/.exec(passes("systemd-analyze", ["security", "--offline=true", unit]));
    assert.ok(Number(exposure?.[1]) < 2, `the exposure is ${exposure?.[1]}`);
  });

  it("has a configuration that nginx takes", () => {
    const [cert, key] = ["cert.pem", "key.pem"].map((it) => path.join(folder, it));
    passes("openssl", ["req", "-x509", "-newkey", "ed25519", "-nodes", "-subj", "/CN=localhost", "-out", cert, "-keyout", key]);
    const file = configure(folder, { port: 8443, upstreams: [3000], tls: { cert, key } });
    assert.match(passes("nginx", ["-t", "-q", "-c", file, "-p", folder]), /^$/);
  });

  it("has a configuration that Caddy takes", () => {
    const file = path.join(deploy, "caddy/Caddyfile");
    passes("caddy", ["validate", "--config", file, "--adapter", "caddyfile"], { HOME: folder, XDG_DATA_HOME: folder });
  });

  it("has a file that compose takes, and that wants a secret", () => {
    const args = ["-f", path.join(deploy, "docker/compose.yaml"), "config", "-q"];
    passes("docker-compose", args, { TIDINGS_AUTH_SECRET: "x".repeat(32) });
    const { status, said } = run("docker-compose", args, { TIDINGS_AUTH_SECRET: "" });
    assert.notEqual(status, 0);
    assert.match(said, /openssl rand -hex 32/);
  });

  it("has manifests that fit the API of Kubernetes", () => {
    const validate = fileURLToPath(new URL("../.cache/venv/bin/kubernetes-validate", import.meta.url));
    const said = passes(validate, [path.join(deploy, "kubernetes/tidings.yaml")]);
    assert.equal(said.match(/passed for resource/g)?.length, 3, said);
  });

  it("sets nothing that the server does not know", () => {
    const manifest = readFileSync(path.join(deploy, "kubernetes/tidings.yaml"), "utf8");
    const settings = /tidings\.toml: \|\n((?: {4}.*\n|\n)+)/.exec(manifest)?.[1].replace(/^ {4}/gm, "");
    const file = path.join(folder, "tidings.toml");
    writeFileSync(file, settings ?? "");
    const secret = { TIDINGS_AUTH_SECRET: randomBytes(32).toString("hex") };
    passes(binary, ["config", "check", "--config", file], secret);
    const image = readFileSync(path.join(deploy, "docker/Dockerfile"), "utf8");
    const variables = Object.fromEntries([...image.matchAll(/\b(TIDINGS_[A-Z_]+)=(\S+)/g)].map(([, name, value]) => [name, value]));
    assert.deepEqual(Object.keys(variables).sort(), ["TIDINGS_AUTH_SECRET", "TIDINGS_LISTEN", "TIDINGS_STORE_PATH"]);
    passes(binary, ["config", "check"], { ...variables, ...secret });
  });
});
