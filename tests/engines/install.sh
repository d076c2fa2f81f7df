#!/usr/bin/env bash
# Installs the third-party tools that tests/engines uses: install.sh [PYTHON], or of them only the node modules: --node
#
# PYTHON (python3 by default) is the interpreter that runs the tests; the wheels go into its environment. The node
# modules go to .tools/node at the root of the repository. Needs Python >= 3.10, Node.js >= 20 with npm, and, for what
# is missing of apt.txt, apt. A second run finds everything in place and does nothing.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
node_home=$(cd "$here/../.." && pwd)/.tools/node
python=${1:-python3}

die() { echo "install.sh: $*" >&2; exit 1; }

as_root() {
  if [ "$(id -u)" -eq 0 ]; then env DEBIAN_FRONTEND=noninteractive "$@"; else sudo env DEBIAN_FRONTEND=noninteractive "$@"; fi
}

install_apt() {
  local package missing=()
  command -v dpkg-query >/dev/null || die "no dpkg here; install by other means: $(grep -v '^#' "$here/apt.txt" | xargs)"
  while read -r package; do
    # shellcheck disable=SC2016  # ${Status} is dpkg's own format language
    [ "$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null)" = "install ok installed" ] || missing+=("$package")
  done < <(grep -v '^#' "$here/apt.txt")
  [ ${#missing[@]} -eq 0 ] && return
  local install=(apt-get install -y -q --no-install-recommends "${missing[@]}")
  # The package lists of a fresh machine are empty or out of date; refresh them only if they turn out to be.
  as_root "${install[@]}" || { as_root apt-get update -q && as_root "${install[@]}"; }
}

install_python() {
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' || die "$python is older than 3.10"
  "$python" - "$here/requirements.txt" <<'PY' && return
import sys
from importlib.metadata import PackageNotFoundError, version

for line in open(sys.argv[1], encoding="utf-8"):
    name, _, wanted = line.partition("#")[0].strip().partition("==")
    try:
        if name and version(name) != wanted:
            sys.exit(1)
    except PackageNotFoundError:
        sys.exit(1)
PY
  "$python" -m pip install --disable-pip-version-check -q -r "$here/requirements.txt"
}

install_node() {
  command -v npm >/dev/null || die "npm is missing: install Node.js 20 or newer"
  [ "$(node -p 'process.versions.node.split(".")[0]')" -ge 20 ] || die "Node.js is older than 20"
  cmp -s "$here/package-lock.json" "$node_home/installed-lock.json" && return
  mkdir -p "$node_home"
  rm -f "$node_home/installed-lock.json"
  cp "$here/package.json" "$here/package-lock.json" "$node_home/"
  npm ci --prefix "$node_home" --ignore-scripts --no-audit --no-fund --loglevel=error
  # Written last: an interrupted installation is done again.
  cp "$here/package-lock.json" "$node_home/installed-lock.json"
}

if [ "$python" = --node ]; then
  install_node
else
  install_apt
  install_python
  install_node
fi
