#!/bin/bash
# config.md, "Linux Process": the five capability sets.
# shellcheck source-path=SCRIPTDIR source=../support/probe/harness.sh
. "$(dirname "$(readlink -f "$0")")/../support/probe/harness.sh"

clause='config.md, Linux process: capabilities'
sets='.process.capabilities = {
        bounding: ["CAP_CHOWN", "CAP_KILL", "CAP_MKNOD", "CAP_NET_RAW"], permitted: ["CAP_CHOWN", "CAP_KILL", "CAP_NET_RAW"],
        effective: ["CAP_CHOWN", "CAP_KILL"], inheritable: ["CAP_KILL", "CAP_NET_RAW"], ambient: ["CAP_NET_RAW"]}'

# execve() gives user 0 what is permitted by the bounding set: there the sets cannot differ.
holds "$clause: bounding" "$sets" '.capabilities.bounding == ["CAP_CHOWN", "CAP_KILL", "CAP_NET_RAW", "CAP_MKNOD"]'
holds "$clause: inheritable" "$sets" '.capabilities.inheritable == ["CAP_KILL", "CAP_NET_RAW"]'
holds "$clause: ambient" "$sets" '.capabilities.ambient == ["CAP_NET_RAW"]'
holds "$clause: for another user, permitted and effective are what is ambient" \
        "$sets | .process.user = {uid: 10, gid: 20}" \
        '.capabilities.permitted == ["CAP_NET_RAW"]' '.capabilities.effective == ["CAP_NET_RAW"]' \
        '.capabilities.bounding == ["CAP_CHOWN", "CAP_KILL", "CAP_NET_RAW", "CAP_MKNOD"]' \
        '.capabilities.inheritable == ["CAP_KILL", "CAP_NET_RAW"]'
holds "$clause: user 0 without ambient ones has what the bounding set holds" \
        '.process.capabilities = {bounding: ["CAP_CHOWN", "CAP_KILL"], permitted: ["CAP_CHOWN", "CAP_KILL"],
                                  effective: ["CAP_CHOWN", "CAP_KILL"]}' \
        '.capabilities | .permitted == ["CAP_CHOWN", "CAP_KILL"] and .effective == .permitted and .inheritable == [] and .ambient == []'
holds "$clause: empty sets are none" '.process.capabilities = {bounding: [], permitted: [], effective: []}' \
        '[.capabilities[] | length] == [0, 0, 0, 0, 0]'
holds "$clause: another user has none that is not ambient" '.process.user = {uid: 10, gid: 20}' \
        '.capabilities.effective == []' '.capabilities.permitted == []'
holds "$clause: all that there are" \
        '.process.capabilities |= map_values(["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID",
                "CAP_KILL", "CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE",
                "CAP_NET_BROADCAST", "CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_SYS_MODULE",
                "CAP_SYS_RAWIO", "CAP_SYS_CHROOT", "CAP_SYS_PTRACE", "CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT",
                "CAP_SYS_NICE", "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE", "CAP_AUDIT_WRITE",
                "CAP_AUDIT_CONTROL", "CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM",
                "CAP_BLOCK_SUSPEND", "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE"])' \
        '.capabilities.bounding | length == 40' '.capabilities.effective | length == 40'

# What cannot be had MUST be logged as a warning, and SHOULD NOT fail.
warned() { # SET NAME
        config ".process.capabilities.$1 += [\"$2\"]"
        run_probe
        expect '.exit == 0' ".capabilities.$1 | index(\"$2\") == null"
        cat "$bundle/err" "$bundle/log.json" | grep -Eqi "warn.*($2|capab)|($2|capab).*warn" || { echo 'no warning'; return 1; }
}
ungrantable() { # SET: of a runtime that has lost one itself
        wrapper+=(setpriv --bounding-set=-sys_time)
        warned "$1" CAP_SYS_TIME
}
story "$clause: an unknown name MUST be logged as a warning" warned bounding CAP_OF_THE_FUTURE
for set in bounding effective permitted inheritable ambient; do
        story "$clause: one that cannot be granted ($set) MUST be logged as a warning" ungrantable $set
done
ambient_needs_others() {
        config '.process.capabilities = {bounding: ["CAP_KILL"], effective: ["CAP_KILL"], permitted: ["CAP_KILL"], ambient: ["CAP_KILL"]}'
        run_probe
        expect '.exit == 0' '.capabilities.ambient == []'
        cat "$bundle/err" "$bundle/log.json" | grep -qi warn || { echo 'no warning'; return 1; }
}
story "$clause: an ambient one that is not inheritable cannot be granted: a warning" ambient_needs_others
refused "$clause: a set of the wrong type is an error" '.process.capabilities.bounding = "CAP_KILL"' 'bounding|capabilities|json|type'

done_testing
