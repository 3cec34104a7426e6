# shellcheck shell=bash
# tap.sh: for tests of the program that need no container. `check SENTENCE FUNCTION` runs FUNCTION in a
# subshell with errexit, and what it prints when it fails is shown. Ends with `done_testing`.
# Environment: STINT the program. $work is a directory of the script's own, and the working directory.
set -uo pipefail
[[ -x ${STINT:?the program to test} ]] || { echo "Bail out! no executable $STINT"; exit 1; }
# shellcheck disable=SC2034 # for the scripts
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
STINT=$(realpath "$STINT")
work=$(mktemp -d "${TMPDIR:-/tmp}/stint-cli.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
cases=0 failures=0
export XDG_RUNTIME_DIR=$work # an ordinary user's state goes there

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

done_testing() {
  echo "1..$cases"
  exit $((failures > 0))
}

# shellcheck disable=SC2034 # likewise
verbs=(create start run state kill delete exec ps list pause resume update events spec features checkpoint restore place batch)

stint() { "$STINT" --root "$work/state" "$@"; }

# STATUS TEXT COMMAND...: ends with STATUS, prints nothing on stdout, and its error holds TEXT
fails() {
  local wanted=$1 text=$2 status=0
  shift 2
  "$@" >"$work/out" 2>"$work/err" || status=$?
  ((status == wanted)) || { echo "status $status, not $wanted: $* ($(<"$work/err"))"; return 1; }
  [[ ! -s $work/out ]] || { echo "printed: $(<"$work/out")"; return 1; }
  [[ -z $text ]] || sed 's/\\"/"/g' "$work/err" | grep -qF -- "$text" || { echo "no '$text' in: $(<"$work/err")"; return 1; }
}

same() { # WANTED FOUND
  [[ $1 == "$2" ]] || { printf 'wanted %q, found %q\n' "$1" "$2"; return 1; }
}
