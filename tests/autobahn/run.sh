#!/usr/bin/env bash
# The Autobahn suite against the server: every rule of RFC 6455 and of permessage-deflate (RFC 7692), case by case.
#
#   tests/autobahn/run.sh              all 517 cases
#   tests/autobahn/run.sh --quick      without 9.* (limits), 12.* and 13.* (compression): a quarter of a minute, for CI
#   tests/autobahn/run.sh 6.* 12.1.*   only these
#
# $CONFORMANCE is the server under test (default: the release build of examples/conformance). SERVER=reference runs the
# suite against `ws` on Node instead, which passes, and so proves the runner.
# The last line is `N passed, N failed`; the report is in tests/.cache/autobahn-report (index.html).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
cache=$root/tests/.cache
report=$cache/autobahn-report

cases='"*"' exclude=''
if [ "${1:-}" = --quick ]; then
  exclude='"9.*", "12.*", "13.*"'
elif [ $# -gt 0 ]; then
  cases=$(printf '"%s", ' "$@")
  cases=${cases%, }
fi

"$here/install.sh"
mkdir -p "$report"
rm -rf "${report:?}"/*

if [ "${SERVER:-}" = reference ]; then
  [ -d "$root/tests/node_modules/ws" ] || (cd "$root/tests" && npm ci --silent)
  server=(node "$here/echo.mjs")
else
  server=("${CONFORMANCE:-$root/target/release/conformance}")
fi
PROFILE=ws-echo PORT=0 DEFLATE=1 "${server[@]}" >"$report/server.log" &
pid=$!
trap 'kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true' EXIT
for _ in $(seq 100); do
  port=$(sed -n 's/^READY \([0-9]*\).*/\1/p' "$report/server.log")
  [ -n "$port" ] && break
  kill -0 "$pid" 2>/dev/null || break
  sleep 0.1
done
[ -n "$port" ] || { echo "${server[*]} did not print READY <port>" >&2; exit 1; }

cat >"$report/spec.json" <<JSON
{
  "outdir": "$report",
  "servers": [{"agent": "server", "url": "ws://127.0.0.1:$port"}],
  "cases": [$cases],
  "exclude-cases": [$exclude],
  "exclude-agent-cases": {}
}
JSON
timeout "${AUTOBAHN_TIMEOUT:-1800}" "$cache/autobahn/python" -W ignore "$here/fuzz.py" "$cache/autobahn/site" "$report/spec.json" ||
  echo "the suite did not finish" >&2
python3 "$here/check.py" "$report"
