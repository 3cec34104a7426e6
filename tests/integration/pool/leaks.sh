#!/bin/bash
# leaks.sh: what a task leaves is looked for by the next one, for each grade: the table of docs/pool.md.
# Environment: DRIVE (pool-drive), RESIDUE.
# shellcheck source=tests/integration/pool/tap.sh
. "$(dirname "$(readlink -f "$0")")/tap.sh"

# what        fresh scrubbed same-job   kept where it says "seen"
table='
root          clean clean    clean
tmp           clean clean    clean
tree          clean clean    clean
mode          clean clean    clean
shm           clean clean    clean
dev           clean clean    clean
ipc           clean clean    clean
mqueue        clean clean    clean
abstract      clean clean    clean
processes     clean clean    clean
self          clean clean    clean
rlimits       clean clean    clean
schedule      clean clean    clean
oomscore      clean clean    clean
coredump      clean clean    clean
session       clean clean    clean
hostname      clean clean    clean
trace         clean clean    clean
cmdline       clean clean    clean
pids          clean seen     seen
timewait      clean seen     seen
address       clean seen     seen
netsysctl     clean seen     seen
ipcsysctl     clean clean    seen
userkeys      seen  seen     seen
'

jq '.root.readonly = false | .linux.readonlyPaths = [] | .linux.maskedPaths = []
  | .process.capabilities |= with_entries(.value += ["CAP_NET_ADMIN"])
  | .mounts += [{destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["mode=1777"]}]' \
  "$bundle/config.json" >"$work/leaky.json"
cp "$RESIDUE" "$bundle/rootfs/bin/residue"

leaves() { # GRADE WHAT WANTED
  local said user=0
  # the user keyring outlives every container: of an id that nothing else here has
  if [[ $2 == userkeys ]]; then user=64123; fi
  said=$(drive --grade "$1" --config "$work/leaky.json" --upper 8388608 --slots 1 --user $user \
    "$bundle" "residue plant $2" "residue look $2")
  same "exit 0
$3
exit 0" "$said"
}

numbers_are_its_own() { # GRADE
  local said peak cpu
  said=$(drive --grade "$1" --usage "$bundle" "residue look self" "residue plant memory" "residue look self")
  peak=$(awk '/^cpu_usec/ { print $4 }' <<<"$said" | tail -n 1)
  cpu=$(awk '/^cpu_usec/ { print $2 }' <<<"$said" | tail -n 1)
  echo "$said"
  ((peak < 12000000 && cpu < 30000))
  awk '/^cpu_usec/ { print $4 }' <<<"$said" | sed -n 2p | awk '{ exit !($1 > 24000000) }'
}

while read -r what fresh scrubbed same_job; do
  [[ -n $what ]] || continue
  check "fresh: $what: $fresh" leaves fresh "$what" "$fresh"
  check "scrubbed: $what: $scrubbed" leaves scrubbed "$what" "$scrubbed"
  check "same-job: $what: $same_job" leaves same-job "$what" "$same_job"
done <<<"$table"
if [[ -d /sys/fs/cgroup/memory ]]; then # v2 cannot reset a peak
  for grade in fresh scrubbed same-job; do
    check "$grade: CPU time and memory peak are the task's own" numbers_are_its_own $grade
  done
fi
done_testing
