#!/bin/bash
# config-linux.md: "Sysctl", "Personality", "Memory policy", "IntelRdt".
# shellcheck source-path=SCRIPTDIR source=../support/probe/harness.sh
. "$(dirname "$(readlink -f "$0")")/../support/probe/harness.sh"

# ---- sysctl
sysctls() { # NAME VALUE PATH
        holds "config-linux.md, Sysctl: $1" ".linux.sysctl = {\"$1\": \"$2\"} | probe(\"read=/proc/sys/$3\")" ".read[\"/proc/sys/$3\"].text == \"$2\n\""
}
sysctls net.core.somaxconn 256 net/core/somaxconn
sysctls net.ipv4.ip_forward 1 net/ipv4/ip_forward
sysctls kernel.shm_rmid_forced 1 kernel/shm_rmid_forced
sysctls kernel.msgmax 9000 kernel/msgmax
sysctls fs.mqueue.msg_max 7 fs/mqueue/msg_max
sysctls kernel.domainname inside.example kernel/domainname
sysctls net/ipv4/ip_default_ttl 33 net/ipv4/ip_default_ttl
holds 'config-linux.md, Sysctl: several values' '.linux.sysctl = {"net.ipv4.ping_group_range": "0 5"} | probe("read=/proc/sys/net/ipv4/ping_group_range")' \
        '.read[].text == "0\t5\n"'
holds 'config-linux.md, Sysctl: with /proc/sys read-only' '.linux.sysctl = {"net.core.somaxconn": "256"} | .linux.readonlyPaths = ["/proc/sys"] | probe("read=/proc/sys/net/core/somaxconn")' \
        '.read[].text == "256\n"'
machine_is_unchanged() {
        local before
        before=$(</proc/sys/net/core/somaxconn)
        check_holds '.linux.sysctl = {"net.core.somaxconn": "123"}'
        [[ $(</proc/sys/net/core/somaxconn) == "$before" ]]
}
story 'config-linux.md, Sysctl: for the container' machine_is_unchanged
refused 'runtime.md, Create: a sysctl that is not of a namespace cannot be applied to the container: an error' '.linux.sysctl = {"vm.swappiness": "10"}' 'vm.swappiness|sysctl'
refused 'runtime.md, Create: a sysctl of a namespace that is the machine'"'"'s: an error' \
        'without_namespace("network") | .linux.sysctl = {"net.core.somaxconn": "256"}' 'net.core.somaxconn|sysctl'
refused 'runtime.md, Create: a sysctl of the machine'"'"'s ipc namespace: an error' \
        'without_namespace("ipc") | .linux.sysctl = {"kernel.msgmax": "9000"}' 'kernel.msgmax|sysctl'
refused 'runtime.md, Create: a sysctl that does not exist is an error' '.linux.sysctl = {"net.none": "1"}' 'net.none|sysctl'
refused 'runtime.md, Create: a value that the kernel refuses is an error' '.linux.sysctl = {"net.core.somaxconn": "many"}' 'somaxconn|sysctl'
refused 'config.md, Valid values: sysctl values are strings' '.linux.sysctl = {"net.core.somaxconn": 256}' 'sysctl|somaxconn|json|type'

# ---- personality
holds 'config-linux.md, Personality: LINUX32: uname shows a 32 bit CPU' '.linux.personality = {domain: "LINUX32"}' '.personality == 8' '.machine | test("^i.86$|^arm")'
holds 'config-linux.md, Personality: LINUX' '.linux.personality = {domain: "LINUX"}' '.personality == 0'
holds 'config-linux.md, Personality: an empty list of flags' '.linux.personality = {domain: "LINUX", flags: []}' '.personality == 0'
refused 'config-linux.md, Personality: no flag values are supported' '.linux.personality = {domain: "LINUX", flags: ["NONE"]}' 'personality|flag'
refused 'config.md, Valid values: an unknown domain MUST be an error' '.linux.personality = {domain: "BSD"}' 'BSD|personality|domain'
refused 'config-linux.md, Personality: domain is REQUIRED' '.linux.personality = {}' 'personality|domain'

# ---- memory policy
policy() { # MODE FLAGS NODES EXPECTATION
        check_holds ".linux.memoryPolicy = {mode: \"$1\", flags: $2, nodes: \"$3\"} | if \"$3\" == \"\" then del(.linux.memoryPolicy.nodes) else . end" "$4"
}
policies() { story "config-linux.md, Memory policy: $1 ${3:+nodes $3}" policy "$@"; }
policies MPOL_DEFAULT '[]' '' '.memory_policy.mode == "MPOL_DEFAULT"'
policies MPOL_LOCAL '[]' '' '.memory_policy.mode == "MPOL_LOCAL"'
policies MPOL_BIND '[]' 0 '.memory_policy | .mode == "MPOL_BIND" and .nodes == [0] and .flags == []'
policies MPOL_INTERLEAVE '[]' 0 '.memory_policy | .mode == "MPOL_INTERLEAVE" and .nodes == [0]'
policies MPOL_PREFERRED '[]' 0 '.memory_policy | .mode == "MPOL_PREFERRED" and .nodes == [0]'
policies MPOL_PREFERRED_MANY '[]' 0 '.memory_policy | .mode == "MPOL_PREFERRED_MANY" and .nodes == [0]'
weighted() {
        [[ -d /sys/kernel/mm/mempolicy/weighted_interleave ]] || skip 'this kernel has no weighted interleave (6.9)'
        policy MPOL_WEIGHTED_INTERLEAVE '[]' 0 '.memory_policy | .mode == "MPOL_WEIGHTED_INTERLEAVE" and .nodes == [0]'
}
story 'config-linux.md, Memory policy: MPOL_WEIGHTED_INTERLEAVE nodes 0' weighted
story 'config-linux.md, Memory policy: MPOL_F_STATIC_NODES' policy MPOL_INTERLEAVE '["MPOL_F_STATIC_NODES"]' 0 '.memory_policy.flags == ["MPOL_F_STATIC_NODES"]'
story 'config-linux.md, Memory policy: MPOL_F_RELATIVE_NODES' policy MPOL_INTERLEAVE '["MPOL_F_RELATIVE_NODES"]' 0 '.memory_policy.flags == ["MPOL_F_RELATIVE_NODES"]'
balanced() {
        [[ -e /proc/sys/kernel/numa_balancing || -n $(zgrep -s CONFIG_NUMA_BALANCING=y /proc/config.gz) ]] || skip 'no NUMA balancing here'
        policy MPOL_BIND '["MPOL_F_NUMA_BALANCING"]' 0 '.memory_policy.flags == ["MPOL_F_NUMA_BALANCING"]'
}
story 'config-linux.md, Memory policy: MPOL_F_NUMA_BALANCING' balanced
refused 'config-linux.md, Memory policy: MPOL_BIND needs a node' '.linux.memoryPolicy = {mode: "MPOL_BIND"}' 'memory|mempolicy|nodes'
refused 'config-linux.md, Memory policy: MPOL_DEFAULT takes no node' '.linux.memoryPolicy = {mode: "MPOL_DEFAULT", nodes: "0"}' 'memory|mempolicy|nodes'
refused 'config-linux.md, Memory policy: a node that is not there is an error' '.linux.memoryPolicy = {mode: "MPOL_BIND", nodes: "900"}' 'memory|mempolicy|nodes'
refused 'config-linux.md, Memory policy: mode is REQUIRED' '.linux.memoryPolicy = {nodes: "0"}' 'mode|memory'
refused 'config.md, Valid values: an unknown memory policy MUST be an error' '.linux.memoryPolicy = {mode: "MPOL_NONE", nodes: "0"}' 'MPOL_NONE|mode|policy'
refused 'config.md, Valid values: an unknown memory policy flag MUST be an error' '.linux.memoryPolicy = {mode: "MPOL_BIND", nodes: "0", flags: ["MPOL_F_NONE"]}' 'MPOL_F_NONE|flag'
refused 'config.md, Valid values: malformed nodes MUST be an error' '.linux.memoryPolicy = {mode: "MPOL_BIND", nodes: "0-"}' 'nodes|memory|mempolicy'

# ---- Intel RDT
without_resctrl() { # CONFIG
        ! grep -q ' - resctrl ' /proc/self/mountinfo || inapplicable 'resctrl is mounted here'
        check_refused "$1" 'intelRdt|rdt|resctrl'
}
story 'config-linux.md, IntelRdt: without a mounted resctrl the runtime MUST generate an error' without_resctrl '.linux.intelRdt = {closID: "stint-test", l3CacheSchema: "L3:0=f"}'
story 'config-linux.md, IntelRdt: schemata: without a mounted resctrl an error' without_resctrl '.linux.intelRdt = {schemata: ["L3:0=f"]}'
story 'config-linux.md, IntelRdt: enableMonitoring: without a mounted resctrl an error' without_resctrl '.linux.intelRdt = {enableMonitoring: true}'
refused 'config-linux.md, IntelRdt: closID that is a path is an error' '.linux.intelRdt = {closID: "../up", l3CacheSchema: "L3:0=f"}' 'closID|rdt'
refused 'config-linux.md, IntelRdt: memBwSchema MUST start with MB:' '.linux.intelRdt = {memBwSchema: "L3:0=f"}' 'memBwSchema|rdt'
refused 'config-linux.md, IntelRdt: schemata MUST NOT contain newlines' '.linux.intelRdt = {schemata: ["L3:0=f\nL2:0=f"]}' 'schemata|rdt'
# A resctrl tree of plain files stands for the kernel's: the state is told that the container is in it.
rdt_statistics() {
        local tree=$bundle/resctrl last
        mkdir -p "$tree/info/L3" "$tree/box/mon_data/mon_L3_00"
        echo 7ff >"$tree/info/L3/cbm_mask"
        echo 4 >"$tree/info/L3/num_closids"
        echo 'L3:0=7ff' >"$tree/schemata"
        echo 'L3:0=f' >"$tree/box/schemata"
        echo 4096 >"$tree/box/mon_data/mon_L3_00/llc_occupancy"
        config 'probe("hold")'
        rt create --bundle "$bundle" "$id" >"$bundle/out" 2>"$bundle/err"
        rt events --stats "$id" >"$bundle/stats"
        expect_in "$bundle/stats" '.data | has("intel_rdt") | not'
        last=$(tail -n 1 "$state/$id/state.json")
        jq -c --arg tree "$tree" '.rdt = {clos: ($tree + "/box"), monitor: null, remove_clos: false}' <<<"$last" >>"$state/$id/state.json"
        rt events --stats "$id" >"$bundle/stats"
        expect_in "$bundle/stats" '.type == "stats"' '.data.pids.current >= 1' '.data.intel_rdt.l3_cache_info.cbm_mask == "7ff"' \
                '.data.intel_rdt.l3_cache_schema == "L3:0=f"' '.data.intel_rdt.l3_cache_schema_root == "L3:0=7ff"' \
                '.data.intel_rdt.cmt_stats == [{llc_occupancy: 4096}]' 'has("intel_rdt") | not'
        rt delete --force "$id"
}
story 'events --stats: intel_rdt is a member of data, where the container is in resctrl' rdt_statistics

done_testing
