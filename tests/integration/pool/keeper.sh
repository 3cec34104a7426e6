#!/bin/bash
# keeper.sh: the keeper is killed: its slots end, its tasks end, and the next start finds nothing of it.
# Environment: DRIVE (pool-drive), RESIDUE.
# shellcheck source=tests/integration/pool/tap.sh
. "$(dirname "$(readlink -f "$0")")/tap.sh"

gone() { # PID...: no such process, or a zombie that somebody else is to reap
  local pid n
  for pid; do
    for ((n = 0; n < 1000; n++)); do
      grep -qs '^State:.[^ZX]' "/proc/$pid/status" || continue 2
      sleep 0.01
    done
    echo "process $pid lives"
    return 1
  done
}

cgroups() { # NAME
  find /sys/fs/cgroup -depth -type d -name "stint-$1"
}

# what is left after the next start: nothing
swept() { # JOURNAL
  drive "$bundle" true >"$work/next"
  same "exit 0" "$(<"$work/next")"
  same "" "$(cgroups "$1")"
  same "" "$(ls -A "$work/state/.pool")"
}

journal() { ls "$work/state/.pool"; }

begin() { # OPTION... COMMAND: in the background, its first line in $said, its pid in $keeper
  mkfifo "$work/line"
  "$DRIVE" --root "$work/state" "${@:1:$# - 1}" "$bundle" "${@: -1}" >"$work/line" 2>&1 &
  keeper=$!
  exec 5<"$work/line"
  rm "$work/line"
  read -r said <&5
}

parked() { # OPTION...
  local name
  begin "$@" @park
  slot=${said#parked }
  name=$(journal)
  [[ -n $(cgroups "$name") ]]
  kill -9 $keeper
  gone "$slot"
  wait $keeper || true
  swept "$name"
}

# The task says its pid on the host: the host's /proc has it by what it was started with.
running() { # OPTION...
  local name mark=$RANDOM$RANDOM pids
  begin "$@" "echo ready; (setsid sleep 1$mark &); sleep 2$mark"
  same ready "$said"
  name=$(journal)
  while pids=$(pgrep -f "^sleep [12]$mark"); (($(wc -w <<<"$pids") < 2)); do sleep 0.01; done
  kill -9 $keeper
  # shellcheck disable=SC2086 # several
  gone $pids
  wait $keeper || true
  swept "$name"
}

# A task that took away what would have told it: the next start ends it.
deaf() {
  local name pid
  begin --no-init 'exec residue deaf'
  same ready "$said"
  name=$(journal)
  pid=$(pgrep -P $keeper)
  kill -9 $keeper
  wait $keeper || true
  grep -q '^State:.S' "/proc/$pid/status"
  swept "$name"
  gone "$pid"
}

a_living_keeper_keeps_what_it_has() {
  local name
  begin @park
  slot=${said#parked }
  name=$(journal)
  drive "$bundle" true >"$work/next"
  same "exit 0" "$(<"$work/next")"
  kill -0 "$slot"
  [[ -n $(cgroups "$name") && -e $work/state/.pool/$name ]]
  kill $keeper
  wait $keeper || true
  gone "$slot"
  swept "$name"
}

# A file that a keeper was killed over before it was whole, and one that is no journal.
odd_files() {
  : >"$work/state/.pool/empty"
  echo nonsense >"$work/state/.pool/nonsense"
  swept none
}

nothing_is_left() { # OPTION...
  drive "$@" "$bundle" true 'exit 1' '@drop echo x; sleep 1000' >"$work/next"
  same "" "$(ls -A "$work/state/.pool")"
  same "" "$(find /sys/fs/cgroup -type d -name "stint-drive-*" -newer "$work/bundle/config.json" | while read -r dir; do
    [[ ! -s $dir/cgroup.procs ]] || cat "$dir/cgroup.procs"; done | sort -u | while read -r pid; do
    grep -qs "$work" "/proc/$pid/root/proc/self/mountinfo" && echo "$pid"; done)"
}

jq '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
  | .linux.gidMappings = .linux.uidMappings' "$bundle/config.json" >"$work/user.json"
chmod 755 "$work" "$bundle"
cp "${RESIDUE:?pool-residue}" "$bundle/rootfs/bin/residue"
for grade in fresh scrubbed same-job; do
  check "$grade: a parked slot ends with its keeper" parked --grade $grade
  check "$grade: a task of uid 0 ends with its keeper" running --grade $grade
  check "$grade: a task of uid 1000 ends with its keeper" running --grade $grade --user 1000
  check "$grade: an orderly end leaves nothing" nothing_is_left --grade $grade
done
check "a task in a user namespace ends with its keeper" running --config "$work/user.json"
check "a parked slot without pid 1 ends with its keeper" parked --no-init
check "a task that is pid 1 ends with its keeper" running --no-init
check "a task that is pid 1, of uid 1000, ends with its keeper" running --no-init --user 1000
check "a task that cannot hear of it is ended by the next start" deaf
check "a living keeper keeps what it has" a_living_keeper_keeps_what_it_has
check "odd files among the journals are no trouble" odd_files
done_testing
