#!/bin/bash
# `stint place` on recorded machines: what it says, draws, simulates and refuses.
[[ ! -w /dev/shm ]] || export TMPDIR=/dev/shm # thousands of files
# shellcheck source=SCRIPTDIR/tap.sh
source "$(dirname "$0")/tap.sh"
machines=$(realpath "$TOOLS/../topologies")
on() { # MACHINE ARG...
  [[ -d $work/$1 ]] || "$machines/make-topology" "$1" "$work/$1"
  stint place --topology "$work/$1" "${@:2}"
}

explains() {
  on strix-point --explain --cpus 4 --tenant a --taken 4-5,16-17:a --taken 6:b:shared >words
  diff - words <<'END'
node:    24 CPUs in 12 cores, 2 L3s, 1 NUMA node, 1 package, unequal cores
taken:   4-6,16-17
chosen:  7-8,19-20
memory:  node 0
why:     L3 1 of 2: 10 of its 16 CPUs are free; the fullest that holds them
Processes that stint did not start are not moved.

NUMA node 0
+L3 0+ +L3 1----+
|....| |xxx##...|
|....| |xx.##...|
+----+ +--------+
# chosen   x taken   . free;  a column is a core, a row its threads
END
}

tells_who_gives_way() {
  on guest-flat --explain --cpus 7 --tenant a --taken 0-3:b:best-effort --taken 4-5:b:shared >words
  grep -qx 'gives:   the best-effort task on 0-3:b:best-effort keeps nothing, and is frozen' words
  grep -qx 'gives:   the shared task on 4-5:b:shared keeps 4' words
}

tells_of_a_guest() {
  on guest-giant-l3 --explain --cpus 1 >words
  grep -qx '         an L3 that spans packages is not believed: die instead' words
  on offline --explain --cpus 1 >words
  grep -qx 'offline: 3,8-11,67,72-75,100' words
}

json_has_the_same() {
  on epyc-7451-2s --explain --cpus 12 --json >answer
  jq -e '.cpus == "0-5,48-53" and .memory_nodes == "0" and .domains == 2 and .min_domains == 2
    and .numa_nodes == 1 and .displaced == 0 and .domain_level == "L3"' answer >/dev/null
}

svg_is_drawn() {
  on gb10 --explain --cpus 3 --taken 0 --svg picture.svg >/dev/null
  same "3 1 16" "$(grep -c '2563eb' picture.svg) $(grep -c '9ca3af' picture.svg) $(grep -c 'e5e7eb' picture.svg)"
  [[ $(tail -n 1 picture.svg) == '</svg>' ]]
}

this_machine_within_our_affinity() {
  local cpu
  cpu=$(stint place --explain --cpus 1 --json | jq -r .cpus)
  taskset -c "$cpu" "$STINT" place --explain --cpus 1 --json | jq -e --arg cpu "$cpu" '.cpus == $cpu' >/dev/null
  fails 1 "2 CPUs are asked for and there are 1" taskset -c "$cpu" "$STINT" place --explain --cpus 2
}

simulates() {
  "$machines/make-trace" mix-80 128 200 3 >trace
  on epyc-7763-2s --simulate trace --policy all --json >figures
  jq -e 'map(.policy) == ["stint", "nomad-first-n", "kubelet-packed", "kubelet-uncore", "random"]' figures >/dev/null
  jq -e '.[0] | .starts == 200 and .refused == 0 and .mixed == 0 and .aligned > 0.9' figures >/dev/null
  jq -e '.[0].aligned >= .[1].aligned and .[0].aligned >= .[4].aligned' figures >/dev/null
  on epyc-7763-2s --simulate - <trace | grep -qE '^stint +200 +0 +[0-9.]+% '
  on epyc-7763-2s --simulate trace --policy all | grep -qx 'optimum         too many to try'
}

obeys_a_cpuset() {
  on restricted --explain --cpus 4 --json --cpuset 2-37,66-101 |
    jq -e '.cpus == "2-3,66-67"' >/dev/null
}

refuses() {
  on gb10 --explain --cpus 1 >/dev/null
  fails 1 "place wants one of --explain, --list, --repack and --simulate" on gb10
  fails 1 "place wants one of --explain, --list, --repack and --simulate" on gb10 --explain --cpus 1 --simulate x
  fails 1 "--explain wants --cpus" on gb10 --explain
  fails 1 "invalid tier: gold" on gb10 --explain --cpus 1 --tier gold
  fails 1 "invalid value for smt: off" on gb10 --explain --cpus 1 --smt off
  fails 1 "invalid list of CPUs: x" on gb10 --explain --cpus 1 --taken x
  fails 1 "invalid tier: y" on gb10 --explain --cpus 1 --taken 0:x:y
  fails 1 "invalid list of CPUs: 1-" on gb10 --explain --cpus 1 --cpuset 1-
  fails 1 "none of the CPUs 50 is online" on gb10 --explain --cpus 1 --cpuset 50
  fails 1 "21 CPUs are asked for and there are 20" on gb10 --explain --cpus 21
  fails 1 "open nowhere" on gb10 --simulate nowhere
  fails 1 'no policy "best"' on gb10 --simulate /dev/null --policy best
  fails 1 "open $work/nowhere" stint place --topology "$work/nowhere" --explain --cpus 1
}

check "--explain says where, why, and draws it" explains
check "it says who gives way" tells_who_gives_way
check "it says what stands for the L3 in a guest, and what is offline" tells_of_a_guest
check "--json has the same for programs" json_has_the_same
check "--svg draws each CPU" svg_is_drawn
check "on this machine only CPUs that we may use are chosen" this_machine_within_our_affinity
check "--simulate prints a line for each policy" simulates
check "--cpuset narrows the machine" obeys_a_cpuset
check "what cannot be is refused with its reason" refuses
done_testing
