#!/usr/bin/env bash
# Runs every suite against the Rust conformance server, or against Node with SERVER=reference.
# CONFORMANCE names another binary; arguments, when given, are the Node test files to run instead of all.
set -uo pipefail
cd "$(dirname "$0")"

./setup.sh || exit 1
if [[ ${SERVER:-} != reference && -z ${CONFORMANCE:-} ]]; then
  (cd .. && cargo build --release -p conformance) || exit 1
fi

failed=0
if (($#)); then
  node --test --test-concurrency=2 "$@" || failed=1
else
  node --test --test-concurrency=2 clients/*.test.mjs engine/*.test.mjs faults/*.test.mjs || failed=1
  PYTHONDONTWRITEBYTECODE=1 .cache/venv/bin/pytest clients || failed=1
fi
exit "$failed"
