#!/usr/bin/env bash
# Runs every suite: the protocol's against the Rust conformance server, or against Node with SERVER=reference; the
# vocabulary's, and that of our JavaScript client, against the real server; and those of the examples, each against its
# own. CONFORMANCE and TIDINGS name other binaries, EXAMPLES the folder of those of the examples; arguments, when given,
# are the Node test files to run instead of all.
set -uo pipefail
cd "$(dirname "$0")"

./setup.sh || exit 1
if [[ ${SERVER:-} != reference && (-z ${CONFORMANCE:-} || -z ${TIDINGS:-}) ]]; then
  (cd .. && cargo build --release -p conformance -p tidings-server) || exit 1
fi
if [[ ${SERVER:-} != reference && -z ${EXAMPLES:-} ]]; then
  # As `cargo test` has built them, if it has.
  (cd .. && cargo build --workspace --examples) || exit 1
fi

failed=0
if (($#)); then
  node --test --test-concurrency=2 "$@" || failed=1
else
  suites=(clients/*.test.mjs engine/*.test.mjs faults/*.test.mjs)
  # There is no such server in Node to compare with.
  [[ ${SERVER:-} == reference ]] ||
    suites+=(server/*.test.mjs deploy/*.test.mjs examples/*.test.mjs ../clients/js/test/*.test.mjs)
  node --test --test-concurrency=2 "${suites[@]}" || failed=1
  PYTHONDONTWRITEBYTECODE=1 .cache/venv/bin/pytest clients || failed=1
  # Backends of the real server, which the reference has none of, and the examples.
  [[ ${SERVER:-} == reference ]] || for folder in webhooks api examples; do
    PYTHONDONTWRITEBYTECODE=1 .cache/venv/bin/pytest "$folder" || failed=1
  done
  # It has its server within, so there is nothing of the reference in it.
  if [[ ${SERVER:-} == reference ]]; then
    :
  elif pkg-config --exists openssl; then
    export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/.cache/rust_socketio}
    (cd clients/rust_socketio && cargo test) || failed=1
  else
    echo "NOT RUN: rust_socketio. It needs the headers of OpenSSL: apt-get install libssl-dev pkg-config."
  fi
fi
exit "$failed"
