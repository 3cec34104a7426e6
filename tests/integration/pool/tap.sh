# shellcheck shell=bash
# tap.sh: for tests of slots. `check SENTENCE FUNCTION` runs FUNCTION in a subshell with errexit, and what it
# prints when it fails is shown. Ends with `done_testing`. $bundle is a fresh B1, $work a directory of the
# script's own, `drive` runs pool-drive with a state directory there.
set -uo pipefail
[[ -x ${DRIVE:?pool-drive} ]] || { echo "Bail out! no executable $DRIVE"; exit 1; }
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
bundles=$here/../../support/bundles
DRIVE=$(realpath "$DRIVE")
work=$(mktemp -d "${TMPDIR:-/tmp}/stint-pool.XXXXXX")
bundle=$work/bundle
trap '"$bundles/drop-bundle" "$bundle"; rm -rf "$work"' EXIT
"$bundles/make-bundle" B1 "$bundle" >/dev/null || { echo "Bail out! no bundle"; exit 1; }
cases=0 failures=0

drive() { timeout 60 "$DRIVE" --root "$work/state" "$@"; }

check() { # SENTENCE FUNCTION [ARG...]
  local sentence=$1 said status
  shift
  cases=$((cases + 1))
  said=$(set -e; "$@" 2>&1) # not as a condition: errexit would have no effect
  status=$?
  if ((status == 0)); then
    echo "ok $cases - $sentence"
  else
    echo "not ok $cases - $sentence"
    [[ -z $said ]] || sed 's/^/# /' <<<"$said" | cut -c 1-300
    failures=$((failures + 1))
  fi
}

same() { # WANTED FOUND
  [[ $1 == "$2" ]] || { printf 'wanted %q, found %q\n' "$1" "$2"; return 1; }
}

done_testing() {
  echo "1..$cases"
  exit $((failures > 0))
}
