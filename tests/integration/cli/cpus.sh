#!/bin/bash
# Tasks and the node's ledger of CPUs, on the real cgroups: what is chosen is what the task has; who gives way, is frozen,
# goes on; hotplug, repacking, a runtime that is killed. The ledger is this test's own. The last cases need domains:
# tests/guest/run --cpus 8 --l3 4.
# shellcheck source=SCRIPTDIR/tap.sh
source "$(dirname "$0")/tap.sh"
bundles=$here/../../support/bundles
token=cpus$$
"$bundles/make-bundle" B1 "$work/b" sleep 1000 >/dev/null
trap 'for id in $(stint list -q); do stint delete --force "$id"; done; "$bundles/drop-bundle" "$work/b"; rm -rf "$work"' EXIT
echo "ledger = $work/run/cpus" >conf
stint() { "$STINT" --root "$work/state" --placement-config "$work/conf" "$@"; }
n_cpus=$(nproc) # of this machine, or of the affinity that we have

task() { # ID KEY=VALUE...: a task with annotations io.stint.KEY, that runs
  local id=$token-$1 filter=. pair
  shift
  for pair; do filter+=" | .annotations[\"io.stint.${pair%%=*}\"] = \"${pair#*=}\""; done
  jq "$filter${more:+ | $more}" b/config.json >"$id.json"
  stint create -b b --config "$work/$id.json" "$id" >/dev/null 2>"$id.err" </dev/null || return
  stint start "$id"
}
end() { stint delete --force "$token-$1"; }
pid_of() { stint state "$token-$1" | jq .pid; }
affinity() { awk '/^Cpus_allowed_list:/ { print $2 }' "/proc/$(pid_of "$1")/status"; }
listed() { stint place --list --json | jq -r --arg id "$token-$1" ".tasks[] | select(.id == \$id) | $2"; }
cpuset() { cat "$(listed "$1" .cgroup)/$2"; }
effective() { if [[ -e $(listed "$1" .cgroup)/cpuset.cpus.effective ]]; then cpuset "$1" cpuset.cpus.effective; else cpuset "$1" cpuset.cpus; fi; }
expand() { # LIST: a CPU a line
  local part
  for part in ${1//,/ }; do seq "${part%-*}" "${part#*-}"; done
}
nothing_left() { [[ $(stint place --list --json | jq '.tasks | length') == 0 ]]; }

plan_is_what_the_task_has() {
  task a cpus=1 placement=strict
  same "$(listed a .cpus)" "$(effective a)"
  same "$(listed a .cpus)" "$(affinity a)"
  same 1 "$(expand "$(affinity a)" | wc -l)"
  end a
  nothing_left
}

nothing_is_asked() {
  task a
  nothing_left
  end a
  [[ $(stint place --list --json | jq '.tasks | length') == 0 ]]
}

a_cpuset_is_refined() {
  more='.linux.resources.cpu.cpus = "1"' task a cpus=1
  same 1 "$(affinity a)"
  same 1 "$(listed a .cpus)"
  stint update --cpuset-cpus 0 "$token-a"
  same 0 "$(affinity a)"
  end a
}

a_quota_is_a_request_when_the_node_says_so() {
  more='.linux.resources.cpu |= . + {quota: 60000, period: 100000}' task a
  nothing_left
  end a
  echo 'cpus-from-quota = yes' >>conf
  more='.linux.resources.cpu |= . + {quota: 60000, period: 100000}' task a
  same 1 "$(listed a .asked)"
  stint update --cpu-quota 150000 --cpu-period 100000 "$token-a"
  same 2 "$(listed a .asked)"
  end a
  sed -i '/quota/d' conf
}

errors_name_the_annotation() {
  fails 1 'annotations.io.stint.cpus: "many" is not a number of CPUs' stint_create cpus=many
  fails 1 'annotations.io.stint.tier: "gold" is not exclusive, shared or best-effort' stint_create cpus=1 tier=gold
  fails 1 "placement: $((n_cpus + 1)) CPUs are asked for and" stint_create "cpus=$((n_cpus + 1))"
  echo 'colour = red' >>conf
  fails 1 'there is no key "colour"' stint_create cpus=1
  sed -i '/colour/d' conf
  nothing_left
  same '' "$(stint list -q)"
}
stint_create() { # KEY=VALUE...
  local filter=. pair
  for pair; do filter+=" | .annotations[\"io.stint.${pair%%=*}\"] = \"${pair#*=}\""; done
  jq "$filter" b/config.json >e.json
  stint create -b b --config "$work/e.json" "$token-e" </dev/null
}

best_effort_gives_way_and_comes_back() {
  task be "cpus=$n_cpus" tier=best-effort tenant=b
  task ex "cpus=$n_cpus" placement=strict
  same true "$(listed be .frozen)"
  same paused "$(stint state "$token-be" | jq -r .status)"
  stint resume "$token-be" 2>resume.err
  grep -q 'goes on when it has CPUs again' resume.err
  same paused "$(stint state "$token-be" | jq -r .status)"
  end ex
  same false "$(listed be .frozen)"
  same running "$(stint state "$token-be" | jq -r .status)"
  end be
}

best_effort_is_idle() {
  local leaf
  task be cpus=1 tier=best-effort
  leaf=$(listed be .cgroup)
  if [[ -e $leaf/cpu.idle ]]; then same 1 "$(<"$leaf/cpu.idle")"
  elif [[ -e $leaf/cpu.weight ]]; then same 1 "$(<"$leaf/cpu.weight")"
  else same 2 "$(cat "/sys/fs/cgroup/cpu/${leaf#/sys/fs/cgroup/cpuset}/cpu.shares")"; fi
  end be
}

a_preference_is_shared_at_worst() {
  task ex "cpus=$((n_cpus - 1))" placement=strict
  task sh cpus=2 2>/dev/null || true
  ! listed sh .tier | grep . || { echo "it got CPUs: $(listed sh .cpus)"; return 1; }
  end ex
  task sh cpus=2
  same exclusive "$(listed sh .tier)"
  end sh
}

strict_waits_for_cpus() {
  local waiter
  task a "cpus=$n_cpus" placement=strict
  fails 1 "are free for this tenant" stint_create cpus=1 placement=strict
  task w cpus=1 placement=strict wait=60 & waiter=$!
  until [[ $(listed w .waits) == true ]]; do :; done
  end a
  wait $waiter
  same "$(listed w .cpus)" "$(affinity w)"
  end w
}

a_killed_runtime_leaks_nothing() {
  local filter='.annotations["io.stint.cpus"] = "1"' runner
  jq "$filter" b/config.json >k.json
  stint run -b b --config "$work/k.json" "$token-k" </dev/null >/dev/null 2>&1 & runner=$!
  until [[ $(stint state "$token-k" 2>/dev/null | jq -r .status) == running ]]; do :; done
  kill -KILL "$(pgrep -P $runner -x stint || echo $runner)"
  wait $runner || true
  [[ -n $(listed k .cpus) ]]
  end k
  nothing_left
}

a_lost_ledger_is_made_again() {
  task a cpus=1 tenant=x job=j
  local before
  before=$(listed a '[.cpus, .tenant, .job, .tier]')
  echo rubbish >run/cpus
  same "$before" "$(listed a '[.cpus, .tenant, .job, .tier]')"
  end a
  nothing_left
}

a_tier_has_its_class() {
  mkdir -p resctrl/info
  printf '%s\n' "resctrl = $work/resctrl" 'class-exclusive = fast L3:0=f' >>conf
  task a cpus=1
  same L3:0=f "$(<resctrl/fast/schemata)"
  same "$(pid_of a)" "$(<resctrl/fast/tasks)"
  end a
  [[ -d resctrl/fast ]] # a class with a name stays
  task b cpus=1 tier=shared
  same "$(echo resctrl/*)" 'resctrl/fast resctrl/info'
  end b
  sed -i '/resctrl\|class/d' conf
}

check "the plan is what the task has" plan_is_what_the_task_has
check "who asks for nothing is not in the ledger" nothing_is_asked
check "a cpuset of the caller is obeyed, at the start and by update" a_cpuset_is_refined
check "a CPU quota is a request where the node says so" a_quota_is_a_request_when_the_node_says_so
check "what is wrong is named" errors_name_the_annotation
check "a best-effort task gives way, is frozen and goes on" best_effort_gives_way_and_comes_back
check "a best-effort task runs when nobody else does" best_effort_is_idle
check "a preference does not take what is another's" a_preference_is_shared_at_worst
check "a strict task waits for CPUs" strict_waits_for_cpus
check "a runtime that is killed leaks no CPU" a_killed_runtime_leaks_nothing
check "a tier has its class in resctrl" a_tier_has_its_class
check "a ledger that was lost is made again from the cgroups" a_lost_ledger_is_made_again

# ---- four domains of two CPUs

domain_of() { # LIST: the L3s of its CPUs
  for cpu in $(expand "$1"); do cat "/sys/devices/system/cpu/cpu$cpu/cache/index3/shared_cpu_list"; done | sort -u
}
tasks_lie_in_domains_of_their_own() {
  local i
  for i in 1 2 3 4; do
    task "$i" cpus=2 placement=strict
    same "$(listed "$i" .cpus)" "$(effective "$i")"
    same "$(listed "$i" .cpus)" "$(affinity "$i")"
    same 1 "$(domain_of "$(affinity "$i")" | wc -l)"
  done
  same 8 "$(for i in 1 2 3 4; do expand "$(affinity $i)"; done | sort -u | wc -l)"
  for i in 1 2 3 4; do end "$i"; done
}

running_best_effort_leaves_at_once() {
  local pid cpu
  more='.process.args = ["sh", "-c", "while :; do :; done"]' task be cpus=8 tier=best-effort tenant=b
  pid=$(pid_of be)
  task ex cpus=6 placement=strict
  same 2 "$(expand "$(affinity be)" | wc -l)"
  cpu=$(awk '{ print $39 }' "/proc/$pid/stat") # it is always on one
  [[ " $(expand "$(affinity be)" | tr '\n' ' ')" == *" $cpu "* ]] || { echo "on $cpu, allowed $(affinity be)"; return 1; }
  same '' "$(comm -12 <(expand "$(affinity be)" | sort) <(expand "$(affinity ex)" | sort))"
  end ex
  same 8 "$(expand "$(affinity be)" | wc -l)"
  end be
}

hotplug() {
  local gone
  task a cpus=2 placement=strict
  gone=$(expand "$(affinity a)" | tail -n 1)
  echo 0 >"/sys/devices/system/cpu/cpu$gone/online"
  stint place --repack >moved
  echo 1 >"/sys/devices/system/cpu/cpu$gone/online"
  grep -qx 'tasks whose CPUs have changed: 1' moved
  same 2 "$(expand "$(affinity a)" | wc -l)"
  ! expand "$(affinity a)" | grep -qx "$gone"
  same 1 "$(domain_of "$(affinity a)" | wc -l)"
  end a
}

repacking() {
  local i
  for i in 1 2 3 4; do task "$i" cpus=1 job="j$i" placement=strict; task "f$i" cpus=1 placement=strict; done
  for i in 1 2 3 4; do end "f$i"; done
  same 4 "$(for i in 1 2 3 4; do domain_of "$(affinity $i)"; done | sort -u | wc -l)"
  stint place --repack
  same 2 "$(for i in 1 2 3 4; do domain_of "$(affinity $i)"; done | sort -u | wc -l)"
  for i in 1 2 3 4; do same "$(listed "$i" .cpus)" "$(affinity "$i")"; done
  for i in 1 2 3 4; do end "$i"; done
}

if [[ $(cat /sys/devices/system/cpu/cpu*/cache/index3/shared_cpu_list 2>/dev/null | sort -u | wc -l) == 4 && $n_cpus == 8 ]]; then
  check "tasks lie in domains of their own" tasks_lie_in_domains_of_their_own
  check "a running best-effort task leaves CPUs before an exclusive one starts" running_best_effort_leaves_at_once
  check "a CPU that goes offline is replaced" hotplug
  check "repacking empties domains" repacking
else
  cases=$((cases + 1))
  echo "ok $cases - domains # SKIP needs eight CPUs in four L3 domains"
fi
done_testing
