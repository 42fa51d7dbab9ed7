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

# The programs that the files of deploy/ are for. Without a run level, none of them is started when it is installed.
missing=()
for program in nginx:nginx-light caddy:caddy docker-compose:docker-compose systemd-analyze:systemd openssl:openssl; do
  command -v "${program%%:*}" >/dev/null || missing+=("${program##*:}")
done
if ((${#missing[@]})); then
  ((EUID == 0)) || { echo "install these first: apt-get install ${missing[*]}" >&2; exit 1; }
  export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
  apt-get -qq update
  apt-get -qq install --yes --no-install-recommends "${missing[@]}" >/dev/null
fi

npm ci --no-progress --loglevel=error
[[ -x .cache/venv/bin/python ]] || python3 -m venv .cache/venv
.cache/venv/bin/pip install --quiet --disable-pip-version-check -r requirements.txt
echo "$wanted" >"$stamp"
