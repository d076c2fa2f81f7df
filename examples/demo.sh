#!/usr/bin/env bash
# Shows mlgen at work on a copy of the wine-quality example: demo.sh [MLGEN]
set -euo pipefail

mlgen=$(realpath "$(command -v "${1:-mlgen}")")
example=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/wine-quality
# Kept, so that you can go on from there.
project=$(mktemp -d "${TMPDIR:-/tmp}/mlgen-demo.XXXXXX")

bold='' off=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; then bold=$'\e[1m' off=$'\e[0m'; fi
title() { printf '\n%s%s%s\n\n' "$bold" "$1" "$off"; }
command_line() { title "\$ mlgen $*"; "$mlgen" "$@"; }
# Reads to the end, so that the writer does not end early.
first() { sed -n "1,$1p"; }

cp -R "$example/." "$project"
cd "$project"
# The example is shipped compiled; begin without that.
if [ -f mlgen.lock ]; then
  sed -n 's/^      \(.*\): [0-9a-f]*$/\1/p' mlgen.lock | while read -r file; do rm "$file"; done
  rm mlgen.lock
fi

title "One spec, mlgen.yaml ($(wc -l < mlgen.yaml) lines); its stages:"
sed -n '/^stages:/,/^  test:/p' mlgen.yaml | grep -v '^  test:'

command_line compile | tee .demo-output
files=()
while read -r file; do files+=("$file"); done < <(sed -n 's/^new: //p' .demo-output | grep -vx mlgen.lock)
rm .demo-output

title "Lines written:"
wc -l "${files[@]}" mlgen.lock

for file in "${files[@]}"; do
  title "The first lines of $file:"
  first 16 < "$file" | sed 's/^/  | /'
done

title "\$ mlgen settings    (what no file can enforce; the beginning)"
"$mlgen" settings | first 24

command_line check

title "A stricter gate: \`accuracy >= 0.90\` becomes 0.92, and \`mlgen check\` shows what is not current (the beginning)"
sed -i.bak 's/accuracy >= 0.90/accuracy >= 0.92/' mlgen.yaml
rm mlgen.yaml.bak
"$mlgen" check 2>/dev/null | first 12 || true

cat <<END

${bold}Go on from here:${off}

  cd $project
  PATH=$(dirname "$mlgen"):\$PATH
  mlgen compile                # mends it
  mlgen targets                # what each CI system can say, and how
  mlgen settings github        # the whole checklist of one system
  mlgen explain MLG401         # what a diagnostic means
  mlgen --help
END
