# shellcheck shell=bash
# engine.sh: where the tests of real engines run; source it after setting `needs`, the programs that the
# test wants. `check SENTENCE FUNCTION [ARG...]` runs FUNCTION in a subshell with errexit; what it
# printed is shown when it fails, and then the script's `sweep` removes the engine's containers.
# `done_testing` comes last. Output is TAP.
#
# The script starts itself again in mount, pid, net and ipc namespaces of its own, with a tmpfs at
# $work, /run, /dev/shm and /var/lib/containers: an engine cannot meet the machine's engines, and all
# its processes and mounts end with the script. cgroups are shared with the machine, below /$token.
#
# Environment: STINT the runtime; ENGINE_PARALLEL how many containers run at once (default 50, on an
# emulated CPU 8); ENGINE_TIME_LIMIT seconds that a command of an engine may take (60, emulated 240).
set -uo pipefail
shopt -s nullglob
script=$(readlink -f "$0")

# ---- outside: make a place, and clear it away

thaw() { # a frozen process of a v1 cgroup does not die
  local group
  for group in $(groups_left); do
    [[ ! -e $group/freezer.state ]] || echo THAWED >"$group/freezer.state"
  done 2>/dev/null
}

groups_left() { find /sys/fs/cgroup -depth -type d -path "*/$token*" 2>/dev/null; }

leave() {
  local group tries
  trap - EXIT
  trap '' INT TERM HUP PIPE # timeout(1) signals twice
  thaw
  [[ -z $inside ]] || { kill -KILL "$inside"; wait "$inside"; } 2>/dev/null
  for ((tries = 0; tries < 50; tries++)); do
    groups_left | while read -r group; do rmdir "$group" 2>/dev/null; done
    [[ -n $(groups_left) ]] || break
    sleep 0.1
  done
  rmdir "$work" ${made:+"$made"}
  exit "$status"
}

enter() {
  local program
  ((EUID == 0)) || { echo "1..0 # SKIP needs root"; exit 0; }
  # shellcheck disable=SC2154 # set by the script
  for program in "${needs[@]}" busybox jq; do
    command -v "$program" >/dev/null || { echo "1..0 # SKIP no $program; run: ./dev deps engines"; exit 0; }
  done
  [[ -x ${STINT:?the runtime to test} ]] || { echo "Bail out! no executable $STINT"; exit 1; }
  STINT=$(realpath "$STINT")
  token=stint-engine-$$-$RANDOM inside='' made='' status=1
  work=$(mktemp -d "${TMPDIR:-/tmp}/$token.XXXX") || exit 1
  [[ -d /var/lib/containers ]] || { made=/var/lib/containers; mkdir "$made"; }
  trap leave EXIT
  trap 'exit 143' INT TERM HUP
  export STINT token work ENGINE_INSIDE=yes
  setpriv --pdeathsig KILL unshare --mount --pid --net --ipc --fork --kill-child --mount-proc \
    --propagation private -- "$script" </dev/null &
  inside=$!
  wait "$inside"
  status=$?
  inside=''
  exit
}

# ---- inside

make_place() {
  local dir
  for dir in "$work" /run /dev/shm /var/lib/containers; do
    mount -t tmpfs -o mode=755 "$token" "$dir" || exit 1
  done
  chmod 1777 /dev/shm
  mkdir -p "$work"/{home,tmp,rootfs} /run/lock
  unset "${!XDG_@}" "${!CONTAINER@}" NOTIFY_SOCKET LISTEN_FDS LISTEN_PID
  export HOME=$work/home TMPDIR=$work/tmp
  cd "$work" || exit 1
}

make_rootfs() { # a tar of it is the image
  local root=$work/rootfs applet
  mkdir -p "$root"/{bin,dev,etc,proc,root,run,sys,tmp}
  chmod 1777 "$root/tmp"
  cp "$(command -v busybox)" "$root/bin/busybox"
  busybox --list | grep -vx busybox | while read -r applet; do ln -s busybox "$root/bin/$applet"; done
  printf 'root:x:0:0::/root:/bin/sh\nten:x:10:20::/:/bin/sh\n' >"$root/etc/passwd"
  printf 'root:x:0:\nten:x:20:\n' >"$root/etc/group"
  echo text >"$root/etc/text"
  tar -C "$root" -cf "$work/rootfs.tar" .
}

limited() { timeout -k 5 "$time_limit" "$@"; }

# cgroup files differ: `limit_file v1-controller/v1-name v2-name`, below the container's cgroup $1
limit_file() { # CGROUP V1 V2
  if $unified; then echo "/sys/fs/cgroup$1/$3"; else echo "/sys/fs/cgroup/${2%%/*}$1/${2#*/}"; fi
}

# ---- cases

check() { # SENTENCE FUNCTION [ARG...]
  local sentence=$1 said result
  shift
  cases=$((cases + 1))
  said=$(set -e; "$@" 2>&1) # not as a condition: errexit would have no effect
  result=$?
  if ((result == 0)); then
    echo "ok $cases - $sentence"
  elif ((result == 77)); then
    echo "ok $cases - $sentence # SKIP $(tail -n 1 <<<"$said")"
  else
    echo "not ok $cases - $sentence"
    tail -n 15 <<<"$said" | sed 's/^/# /' | cut -c 1-400
    failures=$((failures + 1))
    sweep >/dev/null 2>&1
  fi
}

skip() { echo "$*"; exit 77; }

same() { # WANTED FOUND
  [[ $1 == "$2" ]] || { printf 'wanted %q, found %q\n' "$1" "$2"; return 1; }
}

holds() { # TEXT PATTERN...: it matches each extended regular expression
  local text=$1 pattern
  shift
  for pattern; do
    grep -Eq -- "$pattern" <<<"$text" || { printf 'no %q in %q\n' "$pattern" "$text"; return 1; }
  done
}

ends() { # STATUS COMMAND...: with that status; its output, error included, is in $said
  local wanted=$1 found=0
  shift
  said=$("$@" 2>&1) || found=$?
  ((found == wanted)) || { echo "status $found, not $wanted: $* ($said)"; return 1; }
}

eventually() { # COMMAND...: true within the time of one command
  local end=$((SECONDS + time_limit))
  while ((SECONDS < end)); do
    "$@" >/dev/null 2>&1 && return
    sleep 0.05
  done
  echo "never true: $*"
  return 1
}

on_a_terminal() { # COMMAND...: with one of 21 rows and 43 columns; its output without carriage returns
  limited script -qec "stty rows 21 cols 43; $(printf '%q ' "$@")" /dev/null </dev/null | tr -d '\r' | sed 's/^^@//' # the echo of script's end of file
}

processes_left() { # in this pid namespace, outside the script's own group; zombies are dead
  local dir group
  group=$(sed 's/.*) //' /proc/1/stat | cut -d ' ' -f 3)
  for dir in /proc/[0-9]*; do
    sed 's/.*) //' "$dir/stat" 2>/dev/null | grep -qE "^[^ZX] [0-9]+ $group " && continue
    grep -qs '^State:.[^ZX]' "$dir/status" || continue
    echo "process ${dir#/proc/}: $(tr '\0' ' ' <"$dir/cmdline")"
  done
}

# shellcheck disable=SC2154 # runtime_root is the script's
left_behind() { # CGROUP PATTERN...: what an engine or the runtime left, but for the cgroups that match
  local pattern groups
  groups=$(groups_left)
  for pattern; do groups=$(grep -Ev -- "$pattern" <<<"$groups" || true); done
  [[ -z $groups ]] || sed 's/^/cgroup /' <<<"$groups"
  awk -v dir="$work/" 'index($5, dir) == 1 { print "mount", $5 }' /proc/self/mountinfo
  find "$runtime_root" -mindepth 1 -maxdepth 1 ! -name .seccomp 2>/dev/null | sed 's/^/state /' # its cache
  processes_left
}

nothing_left() { # all may still be about to end
  local end=$((SECONDS + 5))
  while [[ -n $(left_behind "$@") ]]; do
    ((SECONDS < end)) || { left_behind "$@"; return 1; }
    sleep 0.1
  done
}

done_testing() {
  echo "1..$cases"
  exit $((failures > 0))
}

[[ -n ${ENGINE_INSIDE-} ]] || enter
unified=false
[[ $(stat -fc %T /sys/fs/cgroup) != cgroup2fs ]] || unified=true
cases=0 failures=0 time_limit=60 parallel=50 said=''
if grep -q 'QEMU TCG' /proc/cpuinfo; then time_limit=240 parallel=8; fi # emulated, so 20 times slower
time_limit=${ENGINE_TIME_LIMIT:-$time_limit} parallel=${ENGINE_PARALLEL:-$parallel}
make_place
make_rootfs
