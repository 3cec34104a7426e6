#!/bin/bash
# config-linux.md, "Control groups": cgroupsPath and every resource, seen in the cgroup's files on v1, v2 and hybrid.
# shellcheck source-path=SCRIPTDIR source=../support/probe/harness.sh
. "$(dirname "$(readlink -f "$0")")/../support/probe/harness.sh"

version=1
[[ $(stat -fc %T /sys/fs/cgroup) != cgroup2fs ]] || version=2
clause=config-linux.md

group_dir() { # CONTROLLER [PATH]: the directory of the case's cgroup
        if ((version == 2)); then echo "/sys/fs/cgroup/${2-$id}"; else echo "/sys/fs/cgroup/$1/${2-$id}"; fi
}
control() { cat "$(group_dir "${1%%.*}")/$1"; } # FILE: what it holds; its controller is the part before the first dot
expect_control() { # FILE PATTERN...: an extended regular expression that the whole content matches, spaces squeezed
        local found
        while (($#)); do
                found=$(control "$1" | tr -s ' \n' ' ' | sed 's/ $//')
                [[ $found =~ ^($2)$ ]] || { echo "$1 is '$found', not '$2'"; return 1; }
                shift 2
        done
}
created() { # CONFIG: a container that is created, not started
        config "$1"
        rt create --bundle "$bundle" "$id" >"$bundle/out" 2>"$bundle/err"
}
applied() { # CONFIG V1-EXPECTATIONS V2-EXPECTATIONS: "FILE PATTERN;FILE PATTERN"; "refused" where a version cannot
        local wanted=$2 pair first expectations=()
        ((version == 1)) || wanted=$3
        if [[ $wanted == refused ]]; then
                check_refused ".linux.resources += $1" .
                return
        fi
        while read -r -d ';' pair; do
                expectations+=("${pair%% *}" "${pair#* }")
        done <<<"$wanted;"
        first=$(group_dir "${expectations[0]%%.*}" .)/${expectations[0]}
        [[ -e $first || -e $(group_dir "${expectations[0]%%.*}" .)/cgroup.procs ]] || skip "no ${expectations[0]%%.*} controller here"
        created ".linux.resources += $1"
        expect_control "${expectations[@]}"
        rt delete --force "$id"
        nothing_left
}
resource() { story "$clause, $1" applied "${@:2}"; }
needs_file() { # FILE-V1 FILE-V2: skips when the kernel's cgroups have no such file; looked up in a group of our own
        local file=$1 dir
        ((version == 1)) || file=$2
        dir=$(group_dir "${file%%.*}" "$id-look")
        mkdir "$dir" 2>/dev/null || skip "no ${file%%.*} controller here"
        local there=0
        [[ -e $dir/$file ]] || there=1
        rmdir "$dir"
        ((there == 0)) || skip "this kernel has no $file"
}
where_there() { # FILE-V1 FILE-V2 then as applied: only where the kernel has the file
        needs_file "$1" "$2"
        applied "${@:3}"
}
optional_resource() { story "$clause, $1" where_there "${@:2}"; }

# ---- memory
resource 'Memory: limit' '{memory: {limit: 67108864}}' 'memory.limit_in_bytes 67108864' 'memory.max 67108864'
resource 'Memory: limit -1 is none' '{memory: {limit: -1}}' 'memory.limit_in_bytes 9223372036854771712' 'memory.max max'
resource 'Memory: reservation is the soft limit' '{memory: {reservation: 33554432}}' 'memory.soft_limit_in_bytes 33554432' 'memory.low 33554432'
optional_resource 'Memory: swap is the limit of memory and swap' memory.memsw.limit_in_bytes memory.swap.max \
        '{memory: {limit: 67108864, swap: 100663296}}' 'memory.memsw.limit_in_bytes 100663296;memory.limit_in_bytes 67108864' \
        'memory.swap.max 33554432;memory.max 67108864'
optional_resource 'Memory: swap equal to limit leaves none' memory.memsw.limit_in_bytes memory.swap.max \
        '{memory: {limit: 67108864, swap: 67108864}}' 'memory.memsw.limit_in_bytes 67108864' 'memory.swap.max 0'
optional_resource 'Memory: swap -1 is no limit' memory.memsw.limit_in_bytes memory.swap.max \
        '{memory: {limit: 67108864, swap: -1}}' 'memory.memsw.limit_in_bytes 9223372036854771712' 'memory.swap.max max'
story "$clause, Memory: swap below limit cannot be: an error" check_refused '.linux.resources.memory = {limit: 67108864, swap: 33554432}' 'memory|swap'
resource 'Memory: swappiness; v2 has none: an error' '{memory: {swappiness: 10}}' 'memory.swappiness 10' refused
resource 'Memory: disableOOMKiller; v2 cannot: an error' '{memory: {limit: 67108864, disableOOMKiller: true}}' \
        'memory.oom_control oom_kill_disable 1 .*' refused
resource 'Memory: disableOOMKiller false is the default' '{memory: {limit: 67108864, disableOOMKiller: false}}' \
        'memory.oom_control oom_kill_disable 0 .*' 'memory.max 67108864'
story "$clause, Memory: swappiness above 100 is an error" check_refused '.linux.resources.memory = {swappiness: 101}' 'swappiness'
story "$clause, Memory: limit below -1 is an error" check_refused '.linux.resources.memory = {limit: -2}' 'memory|limit'
out_of_memory() {
        config '.linux.resources.memory = {limit: 16777216, swap: 16777216} | args(["/bin/busybox", "tail", "/dev/zero"])'
        needs_file memory.memsw.limit_in_bytes memory.swap.max
        run_probe
        expect '.exit == 137'
}
story "$clause, Memory: who takes more than the limit is killed" out_of_memory
story "$clause, Memory: a small limit is the program's alone: 1 MiB is enough for busybox" check_holds \
        '.linux.resources.memory = {limit: 1048576} | args(["/bin/busybox", "true"])'

# ---- cpu
resource 'CPU: shares' '{cpu: {shares: 512}}' 'cpu.shares 512' 'cpu.weight [1-9][0-9]?'
resource 'CPU: quota and period' '{cpu: {quota: 50000, period: 200000}}' 'cpu.cfs_quota_us 50000;cpu.cfs_period_us 200000' 'cpu.max 50000 200000'
resource 'CPU: quota alone' '{cpu: {quota: 50000}}' 'cpu.cfs_quota_us 50000' 'cpu.max 50000 100000'
resource 'CPU: period alone' '{cpu: {period: 200000}}' 'cpu.cfs_period_us 200000' 'cpu.max max 200000'
resource 'CPU: quota -1 is none' '{cpu: {quota: -1, period: 200000}}' 'cpu.cfs_quota_us -1' 'cpu.max max 200000'
optional_resource 'CPU: burst' cpu.cfs_burst_us cpu.max.burst '{cpu: {quota: 50000, burst: 20000}}' 'cpu.cfs_burst_us 20000' 'cpu.max.burst 20000'
optional_resource 'CPU: idle' cpu.idle cpu.idle '{cpu: {idle: 1}}' 'cpu.idle 1' 'cpu.idle 1'
optional_resource 'CPU: realtimeRuntime and realtimePeriod; v2 has none: an error' cpu.rt_runtime_us cpu.max \
        '{cpu: {realtimeRuntime: 5000, realtimePeriod: 500000}}' 'cpu.rt_runtime_us 5000;cpu.rt_period_us 500000' refused
resource 'CPU: cpus' '{cpu: {cpus: "0"}}' 'cpuset.cpus 0' 'cpuset.cpus 0'
resource 'CPU: mems' '{cpu: {mems: "0"}}' 'cpuset.mems 0' 'cpuset.mems 0'
story "$clause, CPU: cpus is where the process runs" check_holds '.linux.resources.cpu = {cpus: "0"}' '.cpus == [0]'
story "$clause, CPU: cpus that the machine does not have are an error" check_refused '.linux.resources.cpu = {cpus: "4000"}' 'cpu'
story "$clause, CPU: a malformed list is an error" check_refused '.linux.resources.cpu = {cpus: "0-"}' 'cpu'
story "$clause, CPU: burst above quota cannot be: an error" check_refused '.linux.resources.cpu = {quota: 10000, burst: 20000}' 'cpu|burst'

# ---- pids
resource 'PIDs: limit' '{pids: {limit: 17}}' 'pids.max 17' 'pids.max 17'
resource 'PIDs: limit -1 is none' '{pids: {limit: -1}}' 'pids.max max' 'pids.max max'
resource 'PIDs: limit 0 is a valid value: no other task' '{pids: {limit: 0}}' 'pids.max [01]' 'pids.max [01]'
story "$clause, PIDs: the limit holds" check_holds \
        '.linux.resources.pids = {limit: 1} | shell("/bin/busybox true || exec probe only exit=5; exit 1")' '.exit == 5 or .exit == 2'

# ---- block I/O
disk=$(lsblk -dnro MAJ:MIN,TYPE 2>/dev/null | awk '$2 == "disk" { print $1; exit }')
throttle() { # FIELD V1-FILE V2-KEY
        [[ -n $disk ]] || skip 'no disk here'
        applied "{blockIO: {$1: [{major: ${disk%:*}, minor: ${disk#*:}, rate: 1048576}]}}" "$2 $disk 1048576" "io.max .*$disk .*$3=1048576.*"
}
story "$clause, Block IO: throttleReadBpsDevice" throttle throttleReadBpsDevice blkio.throttle.read_bps_device rbps
story "$clause, Block IO: throttleWriteBpsDevice" throttle throttleWriteBpsDevice blkio.throttle.write_bps_device wbps
story "$clause, Block IO: throttleReadIOPSDevice" throttle throttleReadIOPSDevice blkio.throttle.read_iops_device riops
story "$clause, Block IO: throttleWriteIOPSDevice" throttle throttleWriteIOPSDevice blkio.throttle.write_iops_device wiops
optional_resource 'Block IO: weight' blkio.bfq.weight io.bfq.weight '{blockIO: {weight: 500}}' 'blkio.bfq.weight 500' 'io.bfq.weight (default )?500'
weightless() {
        local file=io.weight
        ((version == 2)) || file=blkio.weight
        for file in $file ${file/./.bfq.}; do
                [[ ! -e $(group_dir "${file%%.*}" .)/$file ]] || inapplicable "this kernel has $file"
        done
        needs_file blkio.throttle.read_bps_device io.max
        check_refused '.linux.resources.blockIO = {leafWeight: 500}' 'weight|blkio|blockIO'
}
story "$clause, Block IO: leafWeight where the kernel has none is an error" weightless

# ---- huge pages, network, rdma, unified
optional_resource 'Huge page limits' hugetlb.2MB.limit_in_bytes hugetlb.2MB.max '{hugepageLimits: [{pageSize: "2MB", limit: 4194304}]}' \
        'hugetlb.2MB.limit_in_bytes 4194304' 'hugetlb.2MB.max 4194304'
story "$clause, Huge page limits: a size that the machine does not have is an error" check_refused \
        '.linux.resources.hugepageLimits = [{pageSize: "3MB", limit: 4194304}]' 'hugetlb|pageSize|3MB'
optional_resource 'Network: classID; v2 has none: an error' net_cls.classid cgroup.procs '{network: {classID: 1048577}}' 'net_cls.classid 1048577' refused
optional_resource 'Network: priorities; v2 has none: an error' net_prio.ifpriomap cgroup.procs \
        '{network: {priorities: [{name: "lo", priority: 5}]}}' 'net_prio.ifpriomap .*lo 5.*' refused
story "$clause, RDMA: a device that is not there is an error" check_refused \
        '.linux.resources.rdma = {"stint_test0": {hcaHandles: 3, hcaObjects: 10}}' 'rdma'
resource 'Unified: any file of the v2 hierarchy; on v1 an error' '{unified: {"memory.high": "50331648"}}' refused 'memory.high 50331648'
resource 'Unified: several, with the controllers that they need' '{unified: {"pids.max": "33", "cpu.weight": "77", "memory.swap.max": "max"}}' refused \
        'pids.max 33;cpu.weight 77'
story "$clause, Unified: a controller that is not present MUST be an error" check_refused '.linux.resources.unified = {"none.max": "1"}' 'unified|none'
story "$clause, Unified: a name that leaves the cgroup's directory is an error" check_refused '.linux.resources.unified = {"../cgroup.procs": "0"}' 'unified|\.\.'

# ---- allowed devices. No driver has 240:77: to open it is ENXIO when it is allowed, EPERM when it is not.
none='{allow: false, access: "rwm"}'
rules() { # RULES EXPECTATION...: with /special in the root
        mknod "$rootfs/special" c 240 77
        check_holds ".linux.resources.devices = [$1] | probe(\"open=/special:r\", \"open=/special:w\", \"mknod=/tmp/made:c:240:77\", \"open=/dev/null:rw\")" "${@:2}"
}
device_rules() { story "$clause, Allowed device list: $1" rules "${@:2}"; }
reads='.open["/special:r"].error == "ENXIO"' writes='.open["/special:w"].error == "ENXIO"' makes='.mknod["/tmp/made:c:240:77"].error == null'
no_reads=${reads/ENXIO/EPERM} no_writes=${writes/ENXIO/EPERM}
special='type: "c", major: 240, minor: 77'
device_rules 'denied: not opened; default devices are' "$none" "$no_reads" "$no_writes" '.open["/dev/null:rw"].error == null'
device_rules 'access rwm: opened and made' "$none, {allow: true, $special, access: \"rwm\"}" "$reads" "$writes" "$makes"
device_rules 'access r' "$none, {allow: true, $special, access: \"r\"}" "$reads" "$no_writes"
device_rules 'access w' "$none, {allow: true, $special, access: \"w\"}" "$no_reads" "$writes"
device_rules 'access m' "$none, {allow: true, $special, access: \"m\"}" "$no_reads" "$no_writes" "$makes"
device_rules 'entries MUST be applied in the listed order: allowed, then denied' \
        "$none, {allow: true, $special, access: \"rwm\"}, {allow: false, $special, access: \"w\"}" "$reads" "$no_writes" "$makes"
device_rules 'entries MUST be applied in the listed order: denied, then allowed' \
        "$none, {allow: false, $special, access: \"rwm\"}, {allow: true, $special, access: \"r\"}" "$reads" "$no_writes"
device_rules 'entries MUST be applied in the listed order: all are denied last' "{allow: true, $special, access: \"rwm\"}, $none" "$no_reads" "$no_writes"
device_rules 'a minor number that is not set is all' "$none, {allow: true, type: \"c\", major: 240, access: \"r\"}" "$reads"
device_rules 'a major number that is not set is all' "$none, {allow: true, type: \"c\", minor: 77, access: \"r\"}" "$reads"
device_rules 'another minor number is another device' "$none, {allow: true, type: \"c\", major: 240, minor: 78, access: \"r\"}" "$no_reads"
device_rules 'another type is another device' "$none, {allow: true, type: \"b\", major: 240, minor: 77, access: \"r\"}" "$no_reads"
device_rules 'a type that is not set is all' '{allow: true, access: "rwm"}' "$reads" "$writes" "$makes"
story "$clause, Allowed device list: allow is REQUIRED" check_refused '.linux.resources.devices = [{access: "rwm"}]' 'allow|devices'

# ---- the path
everywhere() { # CONFIG PATH: the process is there in each hierarchy that has a controller
        config "$1"
        run_probe
        expect '.exit == 0' "[.cgroups[] | select(.controllers != \"\" or $version == 2) | .path] | length > 0 and all(. == \"$2\")"
}
story "$clause, Cgroups path: an absolute one MUST be relative to the cgroups mount point" everywhere '.linux.cgroupsPath = "/" + $id' "/$token-$case_number"
nested() {
        created '.linux.cgroupsPath = "/" + $id + "/a/b"'
        [[ -d $(group_dir memory "$id/a/b") ]]
        [[ $(cat "$(group_dir memory "$id/a/b")/cgroup.procs") == "$(rt state "$id" | jq .pid)" ]]
        rt delete --force "$id"
        [[ ! -d $(group_dir memory "$id/a/b") ]] || { echo 'the cgroup is left'; return 1; }
        find /sys/fs/cgroup/"$id" /sys/fs/cgroup/*/"$id" -depth -type d -delete 2>/dev/null || true # parents may be kept for others
}
story "$clause, Cgroups path: created if it does not exist, with its parents" nested
existing() {
        local dir
        dir=$(group_dir memory)
        mkdir "$dir"
        check_holds . ".cgroups | map(.path) | index(\"/$id\") != null"
}
story "$clause, Cgroups path: an empty cgroup that exists is used" existing
parent_references() { # stays below the mount point, or is an error
        config '.linux.cgroupsPath = "/../../" + $id'
        rt run --bundle "$bundle" "$id" >"$bundle/out" 2>"$bundle/err" || return 0
        make_report 0
        expect '[.cgroups[].path] | unique - ["/", "/" + $id] == []'
}
story "$clause, Cgroups path: \"..\" does not leave the mount point" parent_references
story "$clause, Cgroups path: not set, the runtime has a default" check_holds 'del(.linux.cgroupsPath)' '[.cgroups[].path | length] | max > 1'
story "$clause, Namespaces: cgroup: the container's own cgroup is the root that it sees" check_holds 'namespace("cgroup")' '[.cgroups[].path] | unique == ["/"]'
sub_groups_go() {
        created .
        mkdir "$(group_dir memory)/made-inside"
        rt delete --force "$id"
        nothing_left
}
story 'runtime.md, Delete: MUST delete the cgroup, with what was made in it' sub_groups_go
joins_the_group() {
        created 'probe("hold")'
        rt start "$id"
        rt exec "$id" /bin/probe >"$bundle/out" 2>"$bundle/err"
        make_report 0
        expect "[.cgroups[] | select(.controllers != \"\" or $version == 2) | .path] | all(. == \"/$id\")"
}
story "$clause, Control groups: a process that joins is in the container's cgroup" joins_the_group

# ---- update, pause, resume
updated() {
        created 'probe("hold") | .linux.resources += {memory: {limit: 67108864}, pids: {limit: 20}}'
        echo '{"memory": {"limit": 134217728}, "cpu": {"shares": 512}}' | rt update --resources - "$id"
        if ((version == 1)); then expect_control memory.limit_in_bytes 134217728 cpu.shares 512 pids.max 20
        else expect_control memory.max 134217728 cpu.weight '[1-9][0-9]?' pids.max 20; fi
}
story "$clause, Control groups: update changes what it names and nothing else" updated
check_before_update() {
        created 'probe("hold") | .linux.resources.memory = {limit: 67108864}'
        rt start "$id"
        echo '{"memory": {"limit": 4096, "checkBeforeUpdate": true}}' >"$bundle/update.json"
        must_fail 'memory|limit|busy' rt update --resources "$bundle/update.json" "$id"
        is_running
        rt kill "$id" KILL
}
story "$clause, Memory: checkBeforeUpdate MUST reject a limit below what is used" check_before_update
is_frozen() { # by v1's freezer or, in a hybrid too, by v2's
        [[ $(cat /sys/fs/cgroup/freezer/"$id"/freezer.state 2>/dev/null) == FROZEN ]] ||
                grep -qs 'frozen 1' /sys/fs/cgroup/"$id"/cgroup.events /sys/fs/cgroup/unified/"$id"/cgroup.events
}
frozen() {
        created 'shell("while :; do echo x >>/tmp/beats; sleep 0.01; done")'
        rt start "$id"
        eventually test -s "$rootfs/tmp/beats"
        rt pause "$id"
        expect_state '.status == "paused"'
        is_frozen || { echo 'no freezer says so'; return 1; }
        local before
        before=$(stat -c %s "$rootfs/tmp/beats")
        sleep 0.3
        [[ $(stat -c %s "$rootfs/tmp/beats") == "$before" ]] || { echo 'it goes on'; return 1; }
        rt resume "$id"
        expect_state '.status == "running"'
        ! is_frozen || { echo 'still frozen'; return 1; }
        goes_on() { [[ $(stat -c %s "$rootfs/tmp/beats") != "$before" ]]; }
        eventually goes_on
        rt kill "$id" KILL
        eventually is_stopped
}
story 'runtime.md, State: an additional status is a new state: paused' frozen

done_testing
