#!/usr/bin/env bash
# Installs what the suites need: node_modules, and a Python environment in .cache. Quick when nothing changed.
set -euo pipefail
cd "$(dirname "$0")"

stamp=.cache/setup.stamp
wanted=$(cat package-lock.json package.json requirements.txt | sha256sum | cut -d' ' -f1)
if [[ -f $stamp && $(<"$stamp") == "$wanted" && -d node_modules && -x .cache/venv/bin/pytest ]]; then
  exit 0
fi
mkdir -p .cache
npm ci --no-progress --loglevel=error
[[ -x .cache/venv/bin/python ]] || python3 -m venv .cache/venv
.cache/venv/bin/pip install --quiet --disable-pip-version-check -r requirements.txt
echo "$wanted" >"$stamp"
