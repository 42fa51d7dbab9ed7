#!/usr/bin/env bash
# Puts the Autobahn test suite and a Python 2.7 to run it into tests/.cache/autobahn, and nothing anywhere else.
#
# The suite was never ported to Python 3, and PyPy runs its masking and UTF-8 code ten times as fast as CPython.
# The last Debian to carry PyPy 2.7 is bullseye: its packages are unpacked, not installed, so that the machine keeps
# the packages it has. `PYPY2=/path/to/pypy` uses another one.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=$here/../.cache/autobahn
stamp=$(cat "$here/install.sh" "$here/requirements.txt" | sha256sum | cut -d' ' -f1)
[ "$(cat "$cache/stamp" 2>/dev/null)" = "$stamp" ] && exit 0
rm -rf "$cache"
mkdir -p "$cache"
cache=$(cd "$cache" && pwd)

unpack_pypy() {
  local apt=$cache/apt mirror
  mkdir -p "$apt"/{state/lists/partial,cache/archives/partial,debs}
  local options=(-qq -o "Dir::Etc::SourceList=$apt/sources.list" -o Dir::Etc::SourceParts=- -o Dir::State="$apt/state"
    -o Dir::State::status=/dev/null -o Dir::Cache="$apt/cache" -o APT::Sandbox::User="$(id -un)")
  # An old release moves to the archive some day, with signatures that have run out by then.
  for mirror in deb.debian.org archive.debian.org; do
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://$mirror/debian bullseye main" \
      >"$apt/sources.list"
    apt-get "${options[@]}" -o Acquire::Check-Valid-Until=false update &&
      (cd "$apt/debs" && apt-get "${options[@]}" download pypy pypy-lib pypy-dev libffi7 libssl1.1) && break
  done
  local deb
  for deb in "$apt"/debs/*.deb; do dpkg-deb -x "$deb" "$cache/pypy"; done
  rm -rf "$apt"
}

if [ -n "${PYPY2:-}" ]; then
  ln -s "$PYPY2" "$cache/python"
else
  unpack_pypy
  cat >"$cache/python" <<'SH'
#!/bin/sh
root=$(cd "$(dirname "$0")/pypy" && pwd)
for lib in "$root"/usr/lib/*-linux-gnu; do LD_LIBRARY_PATH=$lib; done
export LD_LIBRARY_PATH
exec "$root/usr/bin/pypy" "$@"
SH
  chmod +x "$cache/python"
fi

# The machine's own pip fetches the last pip that knows Python 2; that one does the rest.
python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --dest "$cache" pip==20.3.4
export PYTHONPATH=$cache/site:$cache/pip-20.3.4-py2.py3-none-any.whl PYTHONDONTWRITEBYTECODE=1
install() {
  "$cache/python" -W ignore -m pip install --quiet --disable-pip-version-check --no-python-version-warning \
    --no-cache-dir --no-compile --no-deps --no-build-isolation --target "$cache/site" --upgrade "$@"
}
# What the packages below are built with comes first: their setup scripts would fetch newer ones.
install setuptools==44.0.0 wheel==0.37.1
install incremental==16.10.1
install -r "$here/requirements.txt"
echo "$stamp" >"$cache/stamp"
