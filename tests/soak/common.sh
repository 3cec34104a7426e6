# common.sh: what the soaks share. A soak is `tests/soak/NAME --build DIR --seed S --count N`; it prints TAP, and its seed first.
# shellcheck shell=bash
set -uo pipefail

count=$default_count seed=$RANDOM build=build
while (($#)); do
  case $1 in
    --build) build=$2; shift 2;;
    --seed) seed=$2; shift 2;;
    --count) count=$2; shift 2;;
    *) echo "Bail out! no option $1"; exit 2;;
  esac
done
RANDOM=$seed
stint=$(realpath "${STINT:-$build/runtime/stint}")
bundles=$(dirname "$(realpath "$0")")/../support/bundles
work=$(mktemp -d "${TMPDIR:-/tmp}/stint-soak-XXXXXX")
token=soak$$x$seed                    # in every id, so that leftovers are found by name
checks=0 failed=0
echo "# $(basename "$0") --seed $seed --count $count"

finish() {
  local bundle
  for bundle in "$work"/b*; do [[ -e $bundle ]] && "$bundles/drop-bundle" "$bundle" >/dev/null; done
  rm -rf "$work"
}
trap finish EXIT

rt() { "$stint" --root "$work/root" "$@"; }
check() { # OK-STATUS TEXT
  checks=$((checks + 1))
  (($1 == 0)) || { failed=$((failed + 1)); printf 'not '; }
  printf 'ok %d - %s\n' "$checks" "$2"
}
end() {
  echo "1..$checks"
  exit $((failed > 0))
}

# What bears our token or lies in our folder: mounts, cgroups, processes, state.
leftovers() {
  grep -F "$work" /proc/self/mountinfo | grep -vF " $work/b" || true
  find /sys/fs/cgroup -type d -name "*$token*" 2>/dev/null
  [[ ! -d $work/root ]] || ls "$work/root"
  local pid
  for pid in /proc/[0-9]*; do
    tr '\0' ' ' 2>/dev/null <"$pid/cmdline" | grep -F "$token" | grep -vF "tests/soak/"
  done
}
nothing_left() { # TEXT
  local found
  found=$(leftovers)
  [[ -z $found ]] || sed 's/^/# left: /' <<<"$found"
  check $((${#found} > 0)) "$1"
}
