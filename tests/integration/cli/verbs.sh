#!/bin/bash
# shellcheck disable=SC2016 # what is in single quotes is for the container's shell or for jq
# What each verb does, prints and answers, as containerd's shim, conmon, CRI-O, podman and people use it.
# shellcheck source=SCRIPTDIR/../../support/probe/harness.sh
source "$(dirname "$0")/../../support/probe/harness.sh"
for applet in sleep env cat id tail true; do ln -s busybox "$work/template/bin/$applet"; done

silent() { # COMMAND...: succeeds and says nothing, since these may be the container's stdout and stderr
        local said # a file of its own: a container that is made here writes to it later
        said=$(mktemp -p "$bundle" said.XXXX)
        "$@" >"$said" 2>&1 || { echo "failed: $* ($(<"$said"))"; return 1; }
        [[ ! -s $said ]] || { echo "printed by $*: $(<"$said")"; return 1; }
}

same() { # WANTED FOUND
        [[ $1 == "$2" ]] || { printf 'wanted %q, found %q\n' "$1" "$2"; return 1; }
}

says() { # STATUS TEXT COMMAND...: fails with STATUS, and TEXT ends its only log line
        local wanted=$1 text=$2 status=0
        shift 2
        : >"$bundle/log.json"
        "$@" >"$bundle/out" 2>"$bundle/err" || status=$?
        same "$wanted" "$status"
        same 1 "$(wc -l <"$bundle/log.json")"
        [[ $(errors) == *"$text" ]] || { echo "wanted '$text', found '$(errors)'"; return 1; }
        [[ $(<"$bundle/err") == *"$(errors)" ]] || { echo "stderr has other words: $(<"$bundle/err")"; return 1; }
}

exec_fails() { # TEXT ARG...: exec ends with 255, or with 1 when the command line is wrong
        local text=$1 status=0
        shift
        : >"$bundle/log.json"
        rt exec "$@" >"$bundle/out" 2>"$bundle/err" || status=$?
        same "$([[ $(code) == usage ]] && echo 1 || echo 255)" "$status"
        grep -Eq -- "$text" <<<"$(errors)" || { echo "no '$text' in: $(errors)"; return 1; }
}

code() { jq -r .code "$bundle/log.json"; }

sleeper() { # [CONFIG]: a container that runs until it is killed
        config "${1:-.} | shell(\"trap 'exit 5' TERM; echo up >/ready; while :; do sleep 1; done\")"
        silent rt create --bundle "$bundle" --pid-file "$bundle/pid" "$id" </dev/null
        silent rt start "$id"
        eventually test -e "$rootfs/ready"
}

status_is() { same "$1" "$(rt state "$id" | jq -r .status)"; }

# ---- the life of one

lifecycle() {
        config 'args(["sleep", "100"])'
        silent rt create --bundle "$bundle" --pid-file "$bundle/pid" "$id" </dev/null
        [[ $(<"$bundle/pid") =~ ^[0-9]+$ ]]
        expect_state '.status == "created"' ".pid == $(<"$bundle/pid")" '.id == $id' '.bundle == $bundle' \
                '.rootfs == $rootfs' '.ociVersion == "1.3.0"' '.owner == "root" or .owner == ""' \
                '.created | sub("\\.[0-9]+"; "") | fromdateiso8601 - now | fabs < 100'
        silent rt start "$id"
        expect_state '.status == "running"' ".pid == $(<"$bundle/pid")"
        silent rt kill "$id" KILL
        eventually is_stopped
        expect_state '.status == "stopped"' '.pid == 0'
        silent rt delete "$id"
        says 1 'container does not exist' rt state "$id"
}

wrong_states() {
        config 'args(["sleep", "100"])'
        silent rt create --bundle "$bundle" "$id" </dev/null
        says 1 'container with given ID already exists' rt create --bundle "$bundle" "$id"
        same exists "$(code)"
        silent rt start "$id"
        says 1 'cannot start an already running container' rt start "$id"
        same wrong-state "$(code)"
        says 1 "cannot delete container $id that is not stopped: running" rt delete "$id"
        says 1 'container not paused' rt resume "$id"
        silent rt kill "$id" KILL
        eventually is_stopped
        says 1 'cannot start a container that has stopped' rt start "$id"
        says 1 'container not running' rt kill "$id"
        silent rt kill --all "$id" KILL
        says 1 'container not running' rt pause "$id"
        says 1 'container not running' rt update --pids-limit 10 "$id"
        says 1 'container not running' rt events --stats "$id"
        says 1 'container not running' rt checkpoint "$id"
        says 255 'container not running' rt exec "$id" true
        silent rt delete "$id"
        silent rt delete --force "$id"
}

never_started() { # containerd's shim deletes such a one without --force
        config .
        silent rt create --bundle "$bundle" "$id" </dev/null
        silent rt delete "$id"
}

deleted_while_it_runs() {
        sleeper
        silent rt delete --force "$id"
        silent rt delete --force "$id"
}

as_containerd_does() {
        config 'args(["sleep", "100"])'
        silent rt create --bundle "$bundle" --pid-file "$bundle/init.pid" "$id" </dev/null
        silent rt start "$id"
        jq '.process | .args = ["/bin/sh", "-c", "exit 3"] | .terminal = false' "$bundle/config.json" >"$bundle/process.json"
        silent rt exec --process "$bundle/process.json" --detach --pid-file "$bundle/exec.pid" "$id" </dev/null
        [[ -s $bundle/exec.pid ]]
        silent rt pause "$id"
        status_is paused
        silent rt resume "$id"
        jq -e --argjson pid "$(<"$bundle/init.pid")" 'index($pid) != null' <<<"$(rt ps --format json "$id")" >/dev/null
        echo '{"pids": {"limit": 50}}' | silent rt update --resources=- "$id"
        silent rt kill --all "$id" 9
        eventually is_stopped
        silent rt delete "$id"
        silent rt delete --force "$id"
}

# ---- errors of a start

no_such_program() { # the texts that docker and podman map to 127 and 126
        config 'args(["/nope"])'
        says 1 'exec: "/nope": stat /nope: no such file or directory' rt run --bundle "$bundle" "$id"
        same exec "$(code)"
        config 'args(["nope"])'
        says 1 'exec: "nope": executable file not found in $PATH' rt run --bundle "$bundle" "$id"
        config 'args(["/etc/passwd"])'
        must_fail 'permission denied' rt run --bundle "$bundle" "$id"
        nothing_left
}

no_config() {
        must_fail 'config\.json' rt create --bundle "$bundle" "$id"
        echo '{' >"$bundle/config.json"
        must_fail 'config\.json' rt create --bundle "$bundle" "$id"
        same config-invalid "$(code)"
        must_fail 'nowhere' rt create --bundle "$bundle/nowhere" "$id"
        config 'args(["/bin/sh", "-c", "echo other"])'
        mv "$bundle/config.json" "$bundle/other.json"
        same other "$(rt run --bundle "$bundle" --config "$bundle/other.json" "$id")"
}

pid_file_unwritable() {
        config 'args(["sleep", "100"])'
        must_fail 'write pid file' rt create --bundle "$bundle" --pid-file "$bundle/no/pid" "$id"
        nothing_left
        must_fail 'write pid file' rt run --detach --bundle "$bundle" --pid-file "$bundle/no/pid" "$id"
        nothing_left
}

sockets_missing() {
        config '.process.terminal = true'
        must_fail 'connect to socket .*/no' rt create --bundle "$bundle" --console-socket "$bundle/no" "$id"
        must_fail 'connect to socket .*/no' rt create --bundle "$bundle" --pidfd-socket "$bundle/no" "$id"
        must_fail 'console socket' rt create --bundle "$bundle" "$id"
        must_fail 'console socket' rt run --detach --bundle "$bundle" "$id"
        nothing_left
}

# ---- kill

signals_by_name() {
        local signal
        config 'shell("for s in HUP USR1 USR2 WINCH 34; do trap \"echo $s >>/got\" $s; done; echo >/ready; while :; do sleep 0.05; done")'
        silent rt create --bundle "$bundle" "$id" </dev/null
        silent rt start "$id"
        eventually test -e "$rootfs/ready"
        for signal in HUP SIGUSR1 usr2 28 RTMIN; do
                silent rt kill "$id" "$signal"
                eventually test "$(wc -l <"$rootfs/got" 2>/dev/null || echo 0)" -gt "${n:-0}" || true
                sleep 0.2
        done
        same "HUP USR1 USR2 WINCH 34" "$(tr '\n' ' ' <"$rootfs/got" | sed 's/ $//')"
}

term_is_the_default() {
        sleeper
        silent rt kill "$id"
        eventually is_stopped
}

has_no_processes() { [[ $(rt ps --format json "$id") == '[]' ]]; }

kill_all() {
        config 'without_namespace("pid") | shell("sleep 100 & sleep 100 & echo >/ready; wait")'
        silent rt create --bundle "$bundle" "$id" </dev/null
        silent rt start "$id"
        eventually test -e "$rootfs/ready"
        silent rt kill --all "$id" KILL
        eventually is_stopped
        eventually has_no_processes # a killed process is listed until it is reaped
}

# ---- exec

exec_ends() { # STATUS COMMAND...
        local status=0
        rt exec "$id" "${@:2}" || status=$?
        same "$1" "$status"
}

exec_statuses() {
        sleeper
        exec_ends 0 /bin/sh -c :
        exec_ends 7 /bin/sh -c 'exit 7'
        exec_ends 143 /bin/sh -c 'kill -TERM $$'
        says 255 'exec: "/nope": stat /nope: no such file or directory' rt exec "$id" /nope
        exec_fails 'process args cannot be empty' "$id"
        same 'in out' "$(echo in | rt exec "$id" /bin/sh -c 'read -r x; echo "$x out"')"
}

exec_options() {
        local said
        sleeper '.process.env += ["A=config", "B=config"]'
        said=$(rt exec -e A=1 --env C=3 --env A=2 --cwd /tmp --user 10:20 -g 30 --additional-gids 31 "$id" \
                /bin/sh -c 'echo $A $B $C $(pwd) $(id -u):$(id -g):$(id -G)')
        same '2 config 3 /tmp 10:20:20 30 31' "$said"
        said=$(rt exec --env A=2 "$id" /bin/busybox env | grep -c ^A=)
        same 1 "$said"
        said=$(rt exec --no-new-privs --cap CAP_AUDIT_WRITE "$id" /bin/sh -c 'cat /proc/self/status')
        [[ $said == *NoNewPrivs:?1* ]] || { echo "no_new_privs is not set"; return 1; }
        same 20000000 "$(printf '%x' $((0x$(sed -n 's/^CapEff:\s*//p' <<<"$said") & 0x20000000)))"
        same 0 "$((0x$(sed -n 's/^CapInh:\s*//p' <<<"$said")))"
        exec_fails 'parsing ten as int for uid failed' --user ten "$id" true
        exec_fails 'parsing x as int for gid failed' --user 1:x "$id" true
        exec_fails 'unknown capability' --cap CAP_NOPE "$id" true
        exec_fails 'NAME=VALUE' --env NOPE "$id" true
        exec_fails 'console socket' --tty --detach "$id" true
        exec_fails 'console socket' --console-socket "$bundle/x" "$id" true
}

place() { # CONTROLLER FLAG...: where a process of exec is in its hierarchy, below the container's place
        local controller=$1
        shift
        rt exec "$@" "$id" /bin/busybox cat /proc/self/cgroup |
                awk -F: -v c="$controller" '$2 == c || index("," $2 ",", "," c ",") { print $3 }' | sed "s|^/$id||"
}
exec_cgroups() {
        local group file
        sleeper
        [[ $(stat -fc %T /sys/fs/cgroup) != cgroup2fs ]] || { exec_cgroups_v2; return; }
        for group in /sys/fs/cgroup/*/"$id"; do
                mkdir "$group/a" "$group/b"
                for file in "$group"/cpuset.{cpus,mems}; do
                        [[ ! -e $file ]] || tee <"$file" "$group/a/${file##*/}" >"$group/b/${file##*/}"
                done
        done
        same '' "$(place pids)"
        same /a "$(place pids --cgroup a)"
        same /b "$(place freezer --cgroup b)"
        same '/a ' "$(place pids --cgroup pids:/a) $(place cpu --cgroup pids:a)"
        same '/a/a' "$(place pids --cgroup pids,cpu:a)$(place cpu --cgroup pids,cpu:a)"
        same '/a/b' "$(place pids --cgroup pids:a --cgroup cpu:b)$(place cpu --cgroup pids:a --cgroup cpu:b)"
        same '' "$(place freezer --cgroup pids:a --cgroup cpu:b)"
        same /b "$(place pids --cgroup ../../a/../b)"
        same '' "$(place pids --cgroup /)"
        exec_fails 'no hierarchy has controller "nope"' --cgroup nope:a "$id" true
        exec_fails 'no hierarchy has controller ""' --cgroup :a "$id" true
        exec_fails 'chosen before' --cgroup pids:a --cgroup cpu,pids:b "$id" true
        exec_fails 'is missing before one of several' --cgroup pids:a --cgroup b "$id" true
        exec_fails 'no such file' --cgroup none "$id" true
        exec_fails 'no such file' --cgroup pids:none "$id" true
        silent rt kill --all "$id" KILL
}
exec_cgroups_v2() {
        local group=/sys/fs/cgroup/$id
        mkdir "$group/a" "$group/init"
        same /a "$(place '' --cgroup a)"
        exec_fails 'no such file' --cgroup none "$id" true
        exec_fails 'no controllers to choose from' --cgroup pids:a "$id" true
        rt ps --format json "$id" | jq '.[]' | while read -r pid; do echo "$pid" >"$group/init/cgroup.procs"; done
        echo +pids >"$group/cgroup.subtree_control"
        same /init "$(place '')"
        exec_fails 'busy' --cgroup / "$id" true
        silent rt kill --all "$id" KILL
}

exec_process_file() {
        sleeper
        echo '{"user": {"uid": 3, "gid": 4}, "args": ["/bin/sh", "-c", "echo $(id -u):$(id -g) $X"], "env": ["PATH=/bin", "X=y"], "cwd": "/"}' >"$bundle/p.json"
        same '3:4 y' "$(rt exec --process "$bundle/p.json" "$id")"
        same '3:4 y' "$(rt exec -p - "$id" <"$bundle/p.json")"
        echo '{"args": 5}' >"$bundle/p.json"
        says_code() { exec_fails "$1" --process "$bundle/p.json" "$id"; }
        says_code 'args'
        same config-invalid "$(code)"
        exec_fails 'open .*/nowhere' --process "$bundle/nowhere" "$id"
}

exec_paused() {
        sleeper
        silent rt pause "$id"
        silent rt pause "$id"
        exec_fails 'cannot exec in a paused container \(use --ignore-paused to override\)' "$id" true
        rt exec --ignore-paused "$id" /bin/sh -c 'echo >/thawed' </dev/null &
        sleep 0.3
        [[ ! -e $rootfs/thawed ]]
        silent rt resume "$id"
        wait $!
        [[ -e $rootfs/thawed ]]
}

# As runc: the process is frozen where it joins, and its caller waits with it; no signal and no delete is lost meanwhile.
exec_paused_ends() {
        local waiting status=0
        sleeper
        silent rt pause "$id"
        rt exec --ignore-paused --detach "$id" /bin/sh -c 'echo >/ran' </dev/null >"$bundle/said" 2>&1 &
        waiting=$!
        sleep 0.3
        kill -0 $waiting || { echo 'it did not wait'; return 1; }
        same paused "$(rt state "$id" | jq -r .status)"
        rt delete --force "$id"
        wait $waiting || status=$?
        same 255 $status
        [[ ! -e $rootfs/ran ]]
        nothing_left
}

# Hybrid has two freezers: whoever used the other one, the container is paused, and resume continues it.
two_freezers() {
        local v1=/sys/fs/cgroup/freezer/$id/freezer.state v2=/sys/fs/cgroup/unified/$id/cgroup.freeze
        sleeper
        [[ -e $v1 && -e $v2 ]] || inapplicable 'not a hybrid host'
        silent rt pause "$id"
        same '1 THAWED paused' "$(<"$v2") $(<"$v1") $(rt state "$id" | jq -r .status)"
        silent rt resume "$id"
        same '0 THAWED running' "$(<"$v2") $(<"$v1") $(rt state "$id" | jq -r .status)"
        echo FROZEN >"$v1"
        eventually grep -q FROZEN "$v1"
        same paused "$(rt state "$id" | jq -r .status)"
        same paused "$(rt list --format json | jq -r '.[0].status')"
        rt ps --format json "$id" | jq -e 'length >= 1' >/dev/null
        exec_fails 'paused container' "$id" true
        silent rt resume "$id"
        same '0 THAWED running' "$(<"$v2") $(<"$v1") $(rt state "$id" | jq -r .status)"
        echo FROZEN >"$v1"
        echo 1 >"$v2"
        same paused "$(rt state "$id" | jq -r .status)"
        silent rt resume "$id"
        same '0 THAWED running' "$(<"$v2") $(<"$v1") $(rt state "$id" | jq -r .status)"
        echo FROZEN >"$v1"
        silent rt kill "$id" KILL
        eventually is_stopped
        must_fail 'not running' rt resume "$id"
}

exec_detached() {
        sleeper
        silent rt exec -d --pid-file "$bundle/exec.pid" "$id" sleep 50 </dev/null
        grep -qz sleep "/proc/$(<"$bundle/exec.pid")/cmdline"
        silent rt kill --all "$id" KILL
}

exec_preserves() {
        sleeper
        echo three >"$bundle/3"
        echo four >"$bundle/4"
        same 'three four' "$(rt exec --preserve-fds 2 "$id" /bin/sh -c 'read -r a <&3; read -r b <&4; echo $a $b' 3<"$bundle/3" 4<"$bundle/4")"
        same closed "$(rt exec "$id" /bin/sh -c '(: <&3) 2>/dev/null && echo open || echo closed' 3<"$bundle/3")"
        exec_fails 'descriptor 3 is not open' --preserve-fds 1 "$id" true 3<&-
}

# ---- looking

ps_tables() {
        sleeper
        rt ps "$id" >"$bundle/table"
        head -n 1 "$bundle/table" | grep -q '^UID *PID '
        grep -qw "$(<"$bundle/pid")" "$bundle/table"
        same "$(rt ps --format json "$id" | jq length)" "$(($(wc -l <"$bundle/table") - 1))"
        rt ps "$id" -o comm,pid | awk -v pid="$(<"$bundle/pid")" '$2 == pid { found = 1 } END { exit !found }'
        must_fail "couldn't find PID field" rt ps "$id" -o comm
        must_fail 'ps failed' rt ps "$id" --no-such-option
}

lists() {
        sleeper '.annotations = {"a": "b"}'
        mkdir "$state/broken" "$state/torn"
        echo '{"id": "torn", ' >"$state/torn/state.json"
        rt list >"$bundle/table" 2>"$bundle/err"
        same "ID PID STATUS BUNDLE CREATED OWNER" "$(head -n 1 "$bundle/table" | tr -s ' ' | sed 's/ $//')"
        same "$id $(<"$bundle/pid") running $bundle" "$(sed -n 2p "$bundle/table" | awk '{ print $1, $2, $3, $4 }')"
        same 2 "$(wc -l <"$bundle/table")"
        same 2 "$(jq -r 'select(.level == "warning") | .msg' "$bundle/log.json" | grep -cE 'skipping (broken|torn)')"
        jq -e --arg id "$id" 'length == 1 and .[0].id == $id and .[0].status == "running" and .[0].annotations.a == "b"' \
                <<<"$(rt list --format json)"
        same "broken $id torn" "$(rt list -q | tr '\n' ' ' | sed 's/ $//')"
        silent rt delete --force broken
        silent rt delete --force torn
        same "$id" "$(rt list -q)"
}

lists_nothing() {
        same '' "$("$STINT" --root "$work/nowhere" list -q)"
        same '[]' "$("$STINT" --root "$work/nowhere" list -f json)"
        [[ ! -e $work/nowhere ]]
}

# ---- limits and events

limit_of() { rt events --stats "$id" | jq "$1"; }

updates() {
        sleeper '.linux.resources.memory = {limit: 67108864} | .linux.resources.pids = {limit: 100}'
        limit_of . >/dev/null || inapplicable "no statistics"
        same 67108864 "$(limit_of .data.memory.usage.limit)"
        silent rt update --memory 32M --pids-limit 50 "$id"
        same 33554432 "$(limit_of .data.memory.usage.limit)"
        same 50 "$(limit_of .data.pids.limit)"
        echo '{"pids": {"limit": 40}}' | silent rt update --resources - "$id"
        same 40 "$(limit_of .data.pids.limit)"
        echo '{"pids": {"limit": 30}}' >"$bundle/resources.json"
        silent rt update -r "$bundle/resources.json" "$id"
        same 30 "$(limit_of .data.pids.limit)"
        same 33554432 "$(limit_of .data.memory.usage.limit)"
        silent rt update --cpu-share 512 --cpu-quota 50000 --cpu-period 100000 "$id"
        must_fail 'pids' rt update --resources - "$id" <<<'{"pids": {"limit": "many"}}'
        must_fail 'cpuset|cpus' rt update --cpuset-cpus 4000-5000 "$id"
}

kernel_memory_warns() {
        sleeper
        rt update --kernel-memory 100M "$id" 2>/dev/null
        jq -e 'select(.level == "warning") | .msg | test("kernel memory")' "$bundle/log.json"
}

events_flow() {
        sleeper
        rt events --interval 100ms "$id" >"$bundle/events" &
        eventually test "$(sleep 1; wc -l <"$bundle/events")" -ge 3
        silent rt kill "$id" KILL
        wait $!
        jq -se --arg id "$id" 'length >= 3 and all(.type == "stats" and .id == $id and (.data.cpu.usage.total > 0))' "$bundle/events"
}

events_tell_oom() {
        config '.linux.resources.memory = {limit: 33554432, swap: 33554432}
                | shell("echo >/ready; while [ ! -e /go ]; do sleep 0.05; done; (tail -n 1 /dev/zero); sleep 100")'
        silent rt create --bundle "$bundle" "$id" </dev/null
        silent rt start "$id"
        eventually test -e "$rootfs/ready"
        rt events --interval 1h "$id" >"$bundle/events" &
        sleep 0.5
        : >"$rootfs/go"
        eventually test -s "$bundle/events"
        silent rt kill "$id" KILL
        wait $!
        jq -se --arg id "$id" 'length >= 1 and all(. == {type: "oom", id: $id})' "$bundle/events"
}

# ---- what is not there

no_criu() {
        sleeper
        must_fail 'criu' env PATH=/nonexistent "$STINT" --root "$state" --log "$bundle/log.json" --log-format json checkpoint "$id"
        same criu "$(code)"
        must_fail '/no/criu is not installed' "$STINT" --root "$state" --log "$bundle/log.json" --log-format json --criu /no/criu checkpoint "$id"
        must_fail '/no/criu is not installed' "$STINT" --root "$state" --log "$bundle/log.json" --log-format json --criu /no/criu restore "$id-2"
        is_running
}

warnings_wait() { # in the log when the call succeeds, and not beside an error: podman reads one JSON object
        config '.process.capabilities.bounding += ["CAP_OF_TOMORROW"]'
        silent rt create --bundle "$bundle" "$id" </dev/null
        same 1 "$(jq -r 'select(.level == "warning") | .msg' "$bundle/log.json" | grep -c CAP_OF_TOMORROW)"
        silent rt delete --force "$id"
        config '.process.capabilities.bounding += ["CAP_OF_TOMORROW"] | args(["/nope"])'
        must_fail 'nope' rt run --bundle "$bundle" "$id"
        same 1 "$(wc -l <"$bundle/log.json")"
        config '.process.capabilities.bounding += ["CAP_OF_TOMORROW"]'
        silent "$STINT" --root "$state" create --bundle "$bundle" "$id" </dev/null
}

story "create, start, state, kill and delete: a container's life, without a word" lifecycle
story "a verb in the wrong state is refused in runc's words" wrong_states
story "delete takes a container that was never started" never_started
story "delete --force takes one that runs, and succeeds again after" deleted_while_it_runs
story "the calls of containerd's shim" as_containerd_does
story "a program that cannot be executed is told in the words that engines look for" no_such_program
story "a config that is missing, broken or elsewhere" no_config
story "a pid file that cannot be written undoes the start" pid_file_unwritable
story "a missing socket, or none for a terminal, is an error" sockets_missing
story "kill knows signals by name and number" signals_by_name
story "kill sends TERM unless told otherwise" term_is_the_default
story "kill --all reaches every process" kill_all
story "exec ends with the process's status, 128 plus its signal, or 255" exec_statuses
story "exec's options change the process" exec_options
story "exec --cgroup joins cgroups below the container's, some hierarchies by name" exec_cgroups
story "exec takes a process from a file" exec_process_file
story "exec refuses a paused container, unless told otherwise" exec_paused
story "pause, resume and state agree with both freezers of a hybrid host" two_freezers
story "exec in a paused container ends with the container" exec_paused_ends
story "exec --detach leaves the process and its pid" exec_detached
story "exec passes the descriptors it is told to and no other" exec_preserves
story "ps prints ps's table, or pids as JSON" ps_tables
story "list shows what can be read, and warns of the rest" lists
story "list of a state directory that is not there is empty, and makes none" lists_nothing
story "update changes what it is given, and keeps the rest" updates
story "update warns of a limit that Linux no longer has" kernel_memory_warns
story "events prints statistics until the container stops" events_flow
story "events tells of an OOM kill" events_tell_oom
story "checkpoint and restore say that criu is missing" no_criu
story "warnings are logged when the call has succeeded, and only to a file by create" warnings_wait
done_testing
