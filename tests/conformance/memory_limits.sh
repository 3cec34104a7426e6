#!/bin/bash
# Memory limits down to one page, with the mounts and the filter that an engine asks for: the program runs, or the kernel
# ends it, or an error names the limit; never a hang, never a container that is left.
# shellcheck source-path=SCRIPTDIR source=../support/probe/harness.sh
. "$(dirname "$(readlink -f "$0")")/../support/probe/harness.sh"
bundles=$support/../bundles
above_kib=(1024 512 256 208 184 160 136 112 88 76 64 52 40 28 16 8 4) # where prepare ends at different steps
steps_kib=(65536 1024 768 512 384 256 192 128 96 64 48 32 16 8 4)

engine_bundle() { # KIB [FILTER]: B2 with this limit, or none when it is empty
        [[ -e $bundle/b2 ]] || "$bundles/make-bundle" B2 "$bundle/b2" /bin/echo ran >/dev/null
        [[ -e $bundle/b2.json ]] || cp "$bundle/b2/config.json" "$bundle/b2.json"
        jq --arg id "$id" --arg kib "$1" "$(<"$support/harness.jq")"' .linux.cgroupsPath = "/" + $id | .linux.resources.memory =
                (if $kib == "" then {} else {limit: (($kib | tonumber) * 1024)} end)'" | ${2:-.}" "$bundle/b2.json" >"$bundle/b2/config.json"
}
needs_memory_controller() {
        [[ -e /sys/fs/cgroup/memory/memory.limit_in_bytes ]] ||
                { [[ -e /sys/fs/cgroup/cgroup.controllers ]] && grep -qw memory /sys/fs/cgroup/cgroup.controllers; } || skip 'no memory controller here'
}
outcome() { # STATUS: of what wrote out and log.json; one of "ran", "killed", "refused"
        case $1 in
        0) [[ $(<"$bundle/out") == ran ]] && echo ran && return;;
        137) echo killed && return;;
        1) errors | grep -Eq 'memory\.limit: [0-9]+ bytes are too few' && echo refused && return;;
        esac
        echo "status $1, output '$(head -c 200 "$bundle/out")', error '$(errors)'"
        return 1
}

half_a_mebibyte() {
        needs_memory_controller
        engine_bundle 512 "$1"
        rt run --bundle "$bundle/b2" "$id" >"$bundle/out"
        [[ $(<"$bundle/out") == ran ]] || { echo "printed: $(<"$bundle/out")"; return 1; }
        nothing_left
}
story '512 KiB are enough to start in, with all that an engine asks for' half_a_mebibyte .
story '512 KiB are enough to start in, also with hooks and a runtime that waits' half_a_mebibyte '.hooks = {createRuntime: [hook("true")]}'

run_at() { # KIB FILTER
        local status=0 result
        engine_bundle "$1" "$2"
        : >"$bundle/log.json"
        rt run --bundle "$bundle/b2" "$id" >"$bundle/out" 2>"$bundle/err" || status=$?
        result=$(outcome "$status") || { echo "$1 KiB: $result"; return 1; }
        echo "$1 KiB: $result" >>"$bundle/results"
        nothing_left || { echo "at $1 KiB"; return 1; }
}
least_kib() { # what surely suffices: with sanitizers the runtime's own child needs more, while it runs a hook
        if ldd "$STINT" 2>/dev/null | grep -q libasan; then echo 65536; else echo 1024; fi
}
ladder() { # FUNCTION FILTER: the highest step runs, the lowest is refused
        local kib
        needs_memory_controller
        for kib in "${steps_kib[@]}"; do "$1" "$kib" "$2"; done
        grep -qx "$(least_kib) KiB: ran" "$bundle/results" || { cat "$bundle/results"; return 1; }
        [[ $(tail -n 1 "$bundle/results") == '4 KiB: refused' ]] || { cat "$bundle/results"; return 1; }
}
story 'run, from 64 MiB to 4 KiB: it runs, is killed, or an error names the limit' ladder run_at .
story 'run with hooks, from 64 MiB to 4 KiB: the same' ladder run_at '.hooks = {createRuntime: [hook("true")], startContainer: [{path: "/bin/true"}]}'

status_of() { [[ $(rt state "$id" | jq -r .status) == "$1" ]]; }
create_at() { # KIB FILTER: the output is a file: a parked init keeps the pipe of $() open
        local status=0 result
        engine_bundle "$1" "$2"
        : >"$bundle/log.json"
        rt create --bundle "$bundle/b2" "$id" >"$bundle/out" 2>"$bundle/err" || status=$?
        if ((status == 0)); then
                rt start "$id" 2>"$bundle/err" || status=$?
                eventually status_of stopped
                ((status > 0)) || [[ -s $bundle/out ]] || status=137
                rt delete "$id"
        fi
        result=$(outcome "$status") || { echo "$1 KiB: $result"; return 1; }
        echo "$1 KiB: $result" >>"$bundle/results"
        nothing_left || { echo "at $1 KiB"; return 1; }
}
story 'create and start, from 64 MiB to 4 KiB: the same' ladder create_at .

# Its memory taken by another process of its cgroup, one of the two is killed; both end here.
starved_while_parked() {
        local dir=/sys/fs/cgroup/memory/$id pid
        needs_memory_controller
        [[ -d /sys/fs/cgroup/memory ]] || dir=/sys/fs/cgroup/$id
        engine_bundle 4096 .
        rt create --bundle "$bundle/b2" "$id" >"$bundle/out" 2>"$bundle/err"
        pid=$(rt state "$id" | jq .pid)
        # shellcheck disable=SC2016 # for the shell inside
        bash -c 'echo $$ >"$1/cgroup.procs" && exec tail /dev/zero' hog "$dir" &>/dev/null || true
        kill -KILL "$pid" 2>/dev/null || true
        eventually status_of stopped
        ! rt start "$id" 2>"$bundle/err" || return 1
        errors | grep -E 'memory\.limit: 4194304 bytes are too few to start: cannot start a container that has stopped'
        rt delete "$id"
        nothing_left
}
story 'a limit that kills the parked init is named by start' starved_while_parked

# A limit above the container's own cgroup is there from the first step of prepare on, so each of them meets its end somewhere.
# A cgroup of its own for each try: what the last one left behind is charged for a while.
above() { # KIB
        local dir=/sys/fs/cgroup/memory/$id-above file=memory.limit_in_bytes
        if [[ ! -d /sys/fs/cgroup/memory ]]; then
                dir=/sys/fs/cgroup/$id-above file=memory.max
                echo +memory >/sys/fs/cgroup/cgroup.subtree_control || skip 'the memory controller cannot be enabled'
        fi
        mkdir "$dir"
        echo $(($1 * 1024)) >"$dir/$file"
}
below() { # VERB KIB: any error is right that is about memory; the kernel says "no space" of a node for which it has none
        local status=0
        above "$2"
        : >"$bundle/log.json"
        rt "$1" --bundle "$bundle/b2" "$id" >"$bundle/out" 2>"$bundle/err" || status=$?
        case $status in
        0 | 137) ;;
        1) errors | grep -Eqi 'memory|OOM|no space left' || { echo "$1 at $2 KiB: $(errors)"; return 1; };;
        *) echo "$1 at $2 KiB: status $status"; return 1;;
        esac
        echo "$2 KiB: $status" >>"$bundle/results"
        rt delete --force "$id"
        rmdir /sys/fs/cgroup/"$id"-above* /sys/fs/cgroup/*/"$id"-above* # where the runtime made it also
        nothing_left
}
limited_from_above() { # VERB FILTER
        local kib
        needs_memory_controller
        engine_bundle '' "$2"' | .linux.cgroupsPath = "/" + $id + "-above/leaf" | .process.args = ["/bin/true"]'
        for kib in "${above_kib[@]}"; do below "$1" "$kib"; done
        grep -q 'KiB: 0' "$bundle/results" || { echo 'none has run'; return 1; }
        grep -q 'KiB: 1$' "$bundle/results" || { echo 'none was refused'; return 1; }
}
story 'a limit above the container, at every step of run: that container only' limited_from_above run .
story 'a limit above the container, at every step of create' limited_from_above create .
story 'a limit above the container, at every step of run in a user namespace' limited_from_above run 'mapped(100000; 65536)'

done_testing
