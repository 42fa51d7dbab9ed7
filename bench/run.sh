#!/usr/bin/env bash
# Runs the benchmarks: `bench/run.sh fanout-low`, `bench/run.sh all --quick`, `bench/run.sh list`.
# Builds the load generator, our server and the peers first; SKIP_BUILD=1 takes what is there.
# All servers run on the loopback address and are started and ended by the load generator.
set -euo pipefail
cd "$(dirname "$0")/.."

if [[ $# -eq 0 ]]; then
  echo "usage: bench/run.sh <scenario>... | all | list  [--quick] [--check] [--help]" >&2
  exit 2
fi

target=${CARGO_TARGET_DIR:-target}
# The peer has a lock file of its own, and therefore a folder of its own.
peer_target=${CARGO_TARGET_DIR:+$CARGO_TARGET_DIR/peers}
peer_target=${peer_target:-bench/peers/socketioxide/target}
export SOCKETIOXIDE_BIN=${SOCKETIOXIDE_BIN:-$peer_target/release/tidings-bench-socketioxide}
# Not named TIDINGS_…: those are the server's own settings, and it refuses one that it does not know.
export BENCH_CONFORMANCE=${BENCH_CONFORMANCE:-$target/release/conformance}
export BENCH_TIDINGS=${BENCH_TIDINGS:-$target/release/tidings}

if [[ -z ${SKIP_BUILD:-} ]]; then
  cargo build --release --quiet -p tidings-bench -p conformance -p tidings-server
  cargo build --release --quiet --manifest-path bench/peers/socketioxide/Cargo.toml \
    --target-dir "$peer_target"
  (cd bench/peers/node && npm ci --silent --no-fund --no-audit)
fi

bench=$target/release/tidings-bench
if [[ $1 == list ]]; then
  exec "$bench" list
fi
exec "$bench" run "$@"
