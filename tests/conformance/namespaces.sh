#!/bin/bash
# config-linux.md, "Namespaces", "User namespace mappings", "Offset for Time Namespace".
# shellcheck source-path=SCRIPTDIR source=../support/probe/harness.sh
. "$(dirname "$(readlink -f "$0")")/../support/probe/harness.sh"

file_of() { case $1 in network) echo net;; mount) echo mnt;; *) echo "$1";; esac; } # TYPE: its name in /proc/PID/ns
own() { stat -Lc %i "/proc/self/ns/$(file_of "$1")"; } # TYPE: the runtime namespace's inode

# ---- a new one, the runtime's own, another
for type in pid network mount ipc uts cgroup time; do
        file=$(file_of $type)
        holds "config-linux.md, Namespaces: $type without a path MUST be a new one" "namespace(\"$type\")" ".namespaces.$file != $(own $type)"
        [[ $type == mount ]] || holds "config-linux.md, Namespaces: $type that is not listed MUST be the runtime's" \
                "without_namespace(\"$type\") | .mounts |= map(select(\"$type\" != \"network\" or .type != \"sysfs\"))" ".namespaces.$file == $(own $type)"
done
holds 'config-linux.md, Namespaces: user without a path MUST be a new one' 'mapped(100000; 65536)' ".namespaces.user != $(own user)"
holds 'config-linux.md, Namespaces: user that is not listed MUST be the runtime'"'"'s' . ".namespaces.user == $(own user)"
holds 'config-linux.md, Namespaces: pid: the container'"'"'s process is the first' . '.pid == 1' '.parent == 0'
holds 'config-linux.md, Namespaces: network: its own stack, with a loopback device that is up' . '.interfaces == {"lo": true}'
not_the_first() { # the caller is asked to reap what is not process 1 of a namespace
        config 'without_namespace("pid")'
        run_probe
        expect '.exit == 0' '.pid > 1'
}
story 'config-linux.md, Namespaces: pid of the runtime: the process is one of the machine'"'"'s' not_the_first

flag_of() { # TYPE: unshare's option for it
        case $1 in network) echo --net;; *) echo "--$1";; esac
}
in_given() { # TYPE [CONFIG]: a namespace that a process of ours holds, joined by its path
        local file holder inode status
        file=$(file_of "$1")
        unshare "$(flag_of "$1")" --fork --kill-child sleep 1000 &
        holder=$!
        eventually is_apart "$1" "$holder"
        inode=$(joinable "$1" "$holder")
        check_holds "namespace(\"$1\"; \"$(joinable_path "$1" "$holder")\") | ${2-.}" ".namespaces.$file == $inode" && status=0 || status=1
        kill -KILL "$holder" # which --fork lets survive a SIGTERM
        wait "$holder" 2>/dev/null || true
        return $status
}
# The namespace that unshare made: its child's, which is the first process of a new pid namespace.
joinable_path() {
        local child
        read -r child _ <"/proc/$2/task/$2/children" 2>/dev/null
        echo "/proc/${child:-$2}/ns/$(file_of "$1")"
}
is_apart() { # TYPE HOLDER: it has a namespace that is not ours by now
        local inode
        inode=$(joinable "$1" "$2")
        [[ -n $inode && $inode != "$(own "$1")" ]]
}
joinable() { stat -Lc %i "$(joinable_path "$@")" 2>/dev/null; }
for type in pid network ipc uts cgroup time; do
        story "config-linux.md, Namespaces: $type with a path: the process MUST be placed in it" in_given $type
done
given_mount_namespace() { # with a mount namespace of somebody else the runtime still makes the root in it
        in_given mount
}
story 'config-linux.md, Namespaces: mount with a path: the process MUST be placed in it' given_mount_namespace
given_user_namespace() {
        local holder inode status=0
        unshare --user sleep 1000 &
        holder=$!
        eventually is_apart user "$holder"
        printf '0 100000 65536\n' | tee "/proc/$holder/uid_map" >"/proc/$holder/gid_map"
        inode=$(stat -Lc %i "/proc/$holder/ns/user")
        check_holds "namespace(\"user\"; \"/proc/$holder/ns/user\")" ".namespaces.user == $inode" '.uids == [0, 0, 0, 0]' || status=1
        kill -KILL $holder
        wait $holder 2>/dev/null || true
        return $status
}
story 'config-linux.md, Namespaces: user with a path: the process MUST be placed in it' given_user_namespace
kept_file() { # a namespace may be held by a bind mount instead of a process
        touch "$bundle/netns"
        unshare --net="$bundle/netns" true
        check_holds 'namespace("network"; $bundle + "/netns")' ".namespaces.net == $(stat -Lc %i "$bundle/netns")"
}
story 'config-linux.md, Namespaces: path may be any namespace file' kept_file

for type in pid network ipc uts cgroup time user mount; do
        other=uts
        [[ $type != uts ]] || other=ipc
        refused "config-linux.md, Namespaces: $type with a path of another type MUST be an error" \
                "namespace(\"$type\"; \"/proc/self/ns/$other\")" "namespace|/proc/self/ns/$other|$type|invalid argument"
done
refused 'config-linux.md, Namespaces: a path that is no namespace MUST be an error' 'namespace("network"; "/proc/self/status")' 'namespace|status|invalid'
refused 'config-linux.md, Namespaces: a path that does not exist MUST be an error' 'namespace("network"; "/proc/none")' '/proc/none'
refused 'config-linux.md, Namespaces: path MUST be absolute' 'namespace("network"; "self/ns/net")' 'self/ns/net|absolute|path'
refused 'config-linux.md, Namespaces: a duplicated type MUST be an error' '.linux.namespaces += [{type: "uts"}]' 'uts|duplicate|namespace'
refused 'config-linux.md, Namespaces: a duplicated type with a path MUST be an error' '.linux.namespaces += [{type: "uts", path: "/proc/self/ns/uts"}]' 'uts|duplicate|namespace'
refused 'config-linux.md, Namespaces: an unknown type MUST be an error' '.linux.namespaces += [{type: "none"}]' 'none|namespace'
refused 'config-linux.md, Namespaces: type is REQUIRED' '.linux.namespaces += [{}]' 'type|namespace'

# ---- mappings
holds 'config-linux.md, User namespace mappings: ids inside are those of the machine, shifted' \
        'mapped(100000; 65536) | .process.user = {uid: 10, gid: 20} | probe("read=/proc/self/uid_map", "read=/proc/self/gid_map")' \
        '.uids == [10, 10, 10, 10]' '.gids == [20, 20, 20, 20]' \
        '.read["/proc/self/uid_map"].text | split(" ") | map(select(. != "")) | join(" ") == "0 100000 65536\n"' \
        '.read["/proc/self/gid_map"].text | test("0 +100000 +65536")'
holds 'config-linux.md, User namespace mappings: several ranges' \
        'mapped(100000; 1000) | .linux.uidMappings += [{containerID: 5000, hostID: 300000, size: 7}] | .linux.gidMappings = .linux.uidMappings
         | probe("read=/proc/self/uid_map")' '.read["/proc/self/uid_map"].text | test("5000 +300000 +7\n")'
holds 'config-linux.md, User namespace mappings: as many as the kernel takes' \
        'namespace("user") | .linux.uidMappings = [range(300) | {containerID: ., hostID: (100000 + 2 * .), size: 1}]
         | .linux.gidMappings = .linux.uidMappings | probe("read=/proc/self/uid_map")' '.read["/proc/self/uid_map"].text | split("\n") | length == 301'
seen_by_the_machine() {
        config 'mapped(100000; 65536) | .process.user = {uid: 10, gid: 20} | probe("hold")'
        rt create --bundle "$bundle" "$id" >"$bundle/out" 2>"$bundle/err"
        rt start "$id"
        local pid
        pid=$(rt state "$id" | jq .pid)
        [[ $(awk '/^Uid:/ { print $2 }' "/proc/$pid/status") == 100010 ]]
        [[ $(awk '/^Gid:/ { print $2 }' "/proc/$pid/status") == 100020 ]]
        rt kill "$id" KILL
        eventually is_stopped
}
story 'config-linux.md, User namespace mappings: the machine sees the mapped ids' seen_by_the_machine
refused 'config-linux.md, User namespace mappings: a new user namespace without mappings is an error' 'namespace("user")' 'mapping|uid'
refused 'config-linux.md, User namespace mappings: ranges that overlap are an error' \
        'mapped(100000; 1000) | .linux.uidMappings += [{containerID: 500, hostID: 300000, size: 7}]' 'mapping|uid_map|overlap'
refused 'config-linux.md, User namespace mappings: a size of 0 is an error' 'mapped(100000; 0)' 'size|mapping|uid_map|map'

# ---- time offsets
offset() { # seconds since the machine's start
        awk '{ print int($1) }' /proc/uptime
}
holds 'config-linux.md, Time offsets: monotonic' 'namespace("time") | .linux.timeOffsets = {monotonic: {secs: 100000}}' \
        ".monotonic - $(offset) | . >= 100000 - 5 and . < 100600"
holds 'config-linux.md, Time offsets: boottime' 'namespace("time") | .linux.timeOffsets = {boottime: {secs: 200000, nanosecs: 5}}' \
        ".boottime - $(offset) | . >= 200000 - 5 and . < 200600"
holds 'config-linux.md, Time offsets: both, exactly' \
        'namespace("time") | .linux.timeOffsets = {monotonic: {secs: 7, nanosecs: 8}, boottime: {secs: 9}} | probe("read=/proc/self/timens_offsets")' \
        '.read["/proc/self/timens_offsets"].text | test("monotonic +7 +8\n") and test("boottime +9 +0\n")'
holds 'config-linux.md, Time offsets: secs may be negative' 'namespace("time") | .linux.timeOffsets = {monotonic: {secs: -3}} | probe("read=/proc/self/timens_offsets")' \
        '.read["/proc/self/timens_offsets"].text | test("monotonic +-3 ")'
refused 'config-linux.md, Time offsets: without a time namespace they cannot be: an error' '.linux.timeOffsets = {monotonic: {secs: 7}}' 'time'
refused 'config-linux.md, Time offsets: in a time namespace that exists they cannot be: an error' \
        'namespace("time"; "/proc/self/ns/time") | .linux.timeOffsets = {monotonic: {secs: 7}}' 'time'
refused 'config-linux.md, Time offsets: an unknown clock is an error' 'namespace("time") | .linux.timeOffsets = {realtime: {secs: 7}}' 'realtime|time'
refused 'config-linux.md, Time offsets: a time before the machine'"'"'s start is an error' \
        'namespace("time") | .linux.timeOffsets = {monotonic: {secs: -1000000000}}' 'time|offset|range'
offsets_of_a_joining_process() {
        config 'namespace("time") | .linux.timeOffsets = {monotonic: {secs: 100000}} | probe("hold")'
        rt create --bundle "$bundle" "$id" >"$bundle/out" 2>"$bundle/err"
        rt start "$id"
        rt exec "$id" /bin/probe >"$bundle/out" 2>"$bundle/err"
        make_report 0
        expect ".monotonic - $(offset) >= 100000 - 600"
        rt kill "$id" KILL
        eventually is_stopped
}
story 'config-linux.md, Time offsets: a process that joins has them too' offsets_of_a_joining_process

done_testing
