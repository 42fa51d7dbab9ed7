#!/usr/bin/env bash
# The demo page and the JavaScript client in headless Chromium, against target/release/tidings (or $TIDINGS). Installs Chromium
# and fonts from Debian and playwright-core from npm when they are missing. Screenshots go to tests/.cache/screenshots.
# The last line is `N passed, N failed`.
set -euo pipefail
cd "$(dirname "$0")"
log=../.cache/browser.log
mkdir -p ../.cache

if ! command -v chromium >/dev/null; then
  apt-get -qq update
  DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends \
    chromium fonts-inter fonts-noto-cjk fonts-noto-color-emoji >/dev/null
fi
[ -d node_modules/playwright-core ] || npm ci --silent

status=0
node --test --test-concurrency=2 --test-reporter=spec ./*.test.mjs 2>&1 | tee "$log" || status=$?
# node counts in lines such as `ℹ pass 7`.
count() { sed -nE "s/^[^a-z]* $1 ([0-9]+)$/\1/p" "$log" | tail -1; }
passed=$(count pass) failed=$(count fail) cancelled=$(count cancelled)
echo "${passed:-0} passed, $((${failed:-1} + ${cancelled:-0})) failed"
exit "$status"
