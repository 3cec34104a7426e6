#!/bin/bash
# How processes get into their cgroups: never through cgroup.procs, and no cgroup2 is mounted, both of which
# wait for an RCU grace period on a quiet machine (Linux 5.5 and later; docs/architecture.md, "cgroups").
# shellcheck source-path=SCRIPTDIR source=../../support/probe/harness.sh
. "$(dirname "$(readlink -f "$0")")/../../support/probe/harness.sh"

traced() { # VERB...: the runtime; its calls that concern cgroups are in $bundle/calls, with the descriptors' paths
        local wrapper=(strace -f -y -qq -a 1 -s 40 -o "$bundle/calls" -e "trace=write,clone3,fsopen,mount,openat2,openat")
        rt "$@" >>"$bundle/out" 2>>"$bundle/err"
}

enters_without_waiting() {
        if grep -E 'write\([0-9]+<[^>]*/cgroup\.procs>|(fsopen|mount)\(.*"cgroup2"' "$bundle/calls"; then
                echo 'waits for a grace period'
                return 1
        fi
        # or nothing was seen
        grep -qE 'write\([0-9]+<[^>]*/tasks>, "0"|CLONE_INTO_CGROUP' "$bundle/calls" || { echo 'enters no cgroup'; return 1; }
}

run_enters() {
        config 'shell(":") | namespace("cgroup") | .linux.resources = {memory: {limit: 67108864}, pids: {limit: 50}}'
        traced run --bundle "$bundle" "$id"
        enters_without_waiting
}
story 'run' run_enters

mounts_its_view() {
        config 'shell("test -e /sys/fs/cgroup/cgroup.procs || test -d /sys/fs/cgroup/memory") | namespace("cgroup")
                | mounted("/sys"; "sysfs"; "sysfs"; ["ro"]) | mounted("/sys/fs/cgroup"; "cgroup"; "cgroup"; ["ro"])'
        traced run --bundle "$bundle" "$id"
        enters_without_waiting
}
story 'run, with a view of its cgroups at /sys/fs/cgroup' mounts_its_view

is_created() { [[ $(rt state "$id" 2>/dev/null | jq -r .status) == created ]]; }
exec_enters() {
        config 'shell("sleep 100") | namespace("cgroup")'
        traced create --bundle "$bundle" "$id" & # strace stays with the init
        eventually is_created
        enters_without_waiting
        rt start "$id"
        traced exec "$id" /bin/sh -c :
        enters_without_waiting
        rt delete --force "$id"
        wait
}
story 'create, and exec' exec_enters

enters_user_namespace() {
        config 'shell(":") | mapped(100000; 1000) | namespace("cgroup")'
        chmod 755 "$bundle"
        traced run --bundle "$bundle" "$id"
        enters_without_waiting
}
story 'run with a user namespace' enters_user_namespace

# ---- a container that runs containers

inner_bundle() {
        mkdir "$bundle/inner"
        cp -al "$work/template" "$bundle/inner/rootfs"
        jq "$(<"$support/harness.jq")"' shell("cat /proc/self/cgroup; sleep 100") | namespace("cgroup") | .linux.cgroupsPath = "/inner"' \
                "$support/base.json" >"$bundle/inner/config.json"
}
inner_group() { # where the machine sees the inner container's cgroup
        local groups=(/sys/fs/cgroup/"$id"/inner /sys/fs/cgroup/{pids,unified}/"$id"/inner)
        groups=("${groups[@]/%/\/cgroup.procs}")
        [[ -n $(cat "${groups[@]}" 2>/dev/null) ]]
}
nested() {
        local caps
        inner_bundle
        caps=$("$STINT" features | jq -c '.linux.capabilities')
        config 'shell("mkdir -p /run/stint; exec /bin/stint --root /run/stint run --bundle /inner inner") | namespace("cgroup")
                | .process.capabilities |= map_values('"$caps"')
                | mounted("/sys"; "sysfs"; "sysfs"; ["rw"]) | mounted("/sys/fs/cgroup"; "cgroup"; "cgroup"; ["rw"])
                | mounted("/run"; "tmpfs"; "tmpfs"; ["mode=755"])
                | bound("'"$(realpath "$STINT")"'"; "/bin/stint"; ["bind", "ro"]) | bound($bundle + "/inner"; "/inner"; ["bind"])'
        rt run --bundle "$bundle" "$id" >"$bundle/out" 2>"$bundle/err" &
        eventually inner_group
        eventually grep -q : "$bundle/out"
        ! grep -v ':/$' "$bundle/out" || { echo 'the inner container sees more than its own cgroups'; return 1; }
        rt delete --force "$id"
        wait
}
story 'stint in a container of stint: cgroups below cgroups' nested

done_testing
