#!/bin/bash
# runtime.md: "State", "Lifecycle", "Operations".
# shellcheck source-path=SCRIPTDIR source=../support/probe/harness.sh
. "$(dirname "$(readlink -f "$0")")/../support/probe/harness.sh"

create() { # CONFIG
        config "$1"
        rt create --bundle "$bundle" "$id" >"$bundle/out" 2>"$bundle/err"
}
holding() { grep -q holding "$bundle/out"; }
stop() { rt kill "$id" KILL; eventually is_stopped; }

# ---- state
state_fields() {
        create 'probe("hold") | .annotations = {"org.example.key": "value", "other": ""}'
        expect_state '.ociVersion | test("^[0-9]+\\.[0-9]+\\.")' '.id == $id' '.status == "created"' '.pid > 1' '.bundle == $bundle' \
                '.annotations["org.example.key"] == "value"' '.annotations.other == ""'
        rt start "$id"
        expect_state '.status == "running"' '.pid > 1'
        stop
        expect_state '.status == "stopped"' '(.pid // 0) == 0' '.id == $id' '.bundle == $bundle'
        rt delete "$id"
        must_fail 'does not exist' rt state "$id"
}
story 'runtime.md, State: ociVersion, id, status, pid, bundle, annotations in each status' state_fields
absolute_bundle() {
        config 'probe("hold")'
        (cd "$work" && rt create --bundle "${bundle##*/}" "$id" >"$bundle/out" 2>"$bundle/err")
        expect_state '.bundle == $bundle'
}
story 'runtime.md, State: bundle is the absolute path' absolute_bundle
default_bundle() {
        config 'probe("hold")'
        (cd "$bundle" && rt create "$id" >out 2>err)
        expect_state '.bundle == $bundle'
}
story 'runtime.md, Create: the bundle may be the working directory' default_bundle
true_pid() {
        create 'probe("hold")'
        local pid
        pid=$(rt state "$id" | jq .pid)
        rt start "$id"
        [[ $(rt state "$id" | jq .pid) == "$pid" ]]
        eventually holding
        [[ $(tr '\0' ' ' <"/proc/$pid/cmdline") == '/bin/probe hold ' ]]
        stop
}
story 'runtime.md, State: pid is the container process, the same from created on' true_pid

# ---- create
not_run_yet() {
        create 'shell("echo ran >/ran; probe hold")'
        sleep 0.3
        [[ ! -e $rootfs/ran ]] || { echo 'the program has run'; return 1; }
        rt start "$id"
        eventually test -e "$rootfs/ran"
        stop
}
story 'runtime.md, Create: process.args MUST NOT be applied until start' not_run_yet
later_changes() {
        create 'probe("hold")'
        config 'args(["/bin/none"]) | .hostname = "changed"'
        rt start "$id"
        eventually holding
        stop
        jq -se 'add | .hostname != "changed"' "$bundle/out" >/dev/null
}
story 'runtime.md, Lifecycle: updates to config.json after create MUST NOT affect the container' later_changes
all_properties() { # what is not of the process is there before start
        create '.hostname = "inside" | mounted("/data"; "tmpfs"; "mine"; []) | probe("hold")'
        local pid
        pid=$(rt state "$id" | jq .pid)
        [[ $(stat -Lc %i "/proc/$pid/ns/net") != "$(stat -Lc %i /proc/self/ns/net)" ]]
        grep -q ' /data .* mine ' "/proc/$pid/mountinfo"
        [[ $(nsenter --target "$pid" --uts uname -n) == inside ]]
}
story 'runtime.md, Create: all properties but process MUST be applied' all_properties
same_id() {
        create 'probe("hold")'
        must_fail 'already exists|in use' rt create --bundle "$bundle" "$id"
        must_fail 'already exists|in use' rt run --bundle "$bundle" "$id"
        expect_state '.status == "created"'
        rt start "$id"
        stop
        must_fail 'already exists|in use' rt create --bundle "$bundle" "$id"
        rt delete "$id"
        rt create --bundle "$bundle" "$id" >"$bundle/out" 2>"$bundle/err"
}
story 'runtime.md, Create: an ID that is not unique MUST be an error; it is free again after delete' same_id
bad_id() { # ID
        config .
        must_fail 'id|container|too long' rt create --bundle "$bundle" "$1"
        nothing_left
}
for bad in '' . .. a/b ../up 'a b' 'a:b' $'a\nb' 'ä' '*' -flag; do
        story "runtime.md, Create: an ID that is not valid MUST be an error: '$(printf %q "$bad")'" bad_id "$bad"
done
long_id() { bad_id "$(printf 'a%.0s' {1..1100})"; }
story 'runtime.md, Create: an ID that is too long for a file name MUST be an error' long_id
odd_id() { # with all the characters that are valid
        id=$id+a_B-1.c
        create .
        expect_state '.id == $id'
        rt delete --force "$id"
}
story 'runtime.md, Create: an ID of letters, digits, "_+-." is valid' odd_id
no_arguments() { # VERB
        must_fail . rt "$1"
}
for verb in create state start kill delete; do
        story "runtime.md, Operations: $verb MUST generate an error if it is not provided the ID" no_arguments $verb
done
for verb in state start kill delete pause resume; do
        unknown() { must_fail 'does not exist' rt $verb none-of-ours; }
        story "runtime.md, Operations: $verb of a container that does not exist MUST be an error" unknown
done
create_without_process() {
        create 'del(.process)'
        expect_state '.status == "created"'
        must_fail 'process' rt start "$id"
        rt delete --force "$id"
}
story 'runtime.md, Start: MUST generate an error if process was not set' create_without_process
failed_create() {
        config 'mounted("/data"; "nonefs"; "n"; []) | .hooks = {createRuntime: [{path: "/bin/true"}]}'
        must_fail 'nonefs|/data' rt create --bundle "$bundle" "$id"
        must_fail 'does not exist' rt state "$id"
        nothing_left
}
story 'runtime.md, Create: a property that cannot be applied MUST be an error, and no container' failed_create
pid_file() {
        config 'probe("hold")'
        rt create --bundle "$bundle" --pid-file "$bundle/pid" "$id" >"$bundle/out" 2>"$bundle/err"
        expect_state ".pid == $(<"$bundle/pid")"
}
story 'runtime.md, Create: the process ID is written where the caller asks for it' pid_file

# ---- start
start_twice() {
        create 'probe("hold")'
        rt start "$id"
        must_fail 'cannot start|running|not.*created' rt start "$id"
        expect_state '.status == "running"'
        stop
        must_fail 'cannot start|stopped|not.*created' rt start "$id"
        expect_state '.status == "stopped"'
}
story 'runtime.md, Start: a container that is not created MUST be an error, and have no effect' start_twice
no_program() {
        create 'args(["/bin/none"])' && must_fail 'no such file|not found' rt start "$id"
        true
}
story 'runtime.md, Start: a program that does not exist is an error of create or start' no_program

# ---- kill
signals() { # SIGNAL NAME
        create 'probe("hold")'
        rt start "$id"
        eventually holding
        rt kill "$id" "$1"
        eventually grep -q "\"signal\":\"$2\"" "$bundle/out"
        expect_state '.status == "running"'
        stop
}
for pair in HUP:HUP SIGUSR1:USR1 12:USR2 sigint:INT; do
        story "runtime.md, Kill: MUST send the specified signal to the container process: ${pair%:*}" signals "${pair%:*}" "${pair#*:}"
done
default_signal() {
        create 'probe("hold")'
        rt start "$id"
        eventually holding
        rt kill "$id"
        eventually is_stopped
        grep -q '"signal":"TERM"' "$bundle/out"
}
story 'runtime.md, Kill: TERM when none is named' default_signal
kill_created() {
        create 'probe("hold")'
        rt kill "$id" KILL
        eventually is_stopped
}
story 'runtime.md, Kill: a container that is created may be sent a signal' kill_created
kill_stopped() {
        create 'probe("exit=0")'
        rt start "$id"
        eventually is_stopped
        must_fail 'not running' rt kill "$id" KILL
        expect_state '.status == "stopped"'
}
story 'runtime.md, Kill: a container that is neither created nor running MUST be an error' kill_stopped
# The runtime is held right after its clone: the program must find all written down that others need to reach it.
known_before_it_runs() { # CONFIG
        command -v strace >/dev/null || skip 'needs strace'
        config "$1 | probe(\"hold\")"
        wrapper+=(env ASAN_OPTIONS=detect_leaks=0) # which cannot look for them while it is traced
        wrapper+=(strace -f -o /dev/null -e trace=clone3 -e inject=clone3:delay_exit=1500000)
        rt run --bundle "$bundle" "$id" >"$bundle/out" 2>"$bundle/err" &
        eventually holding
        wrapper=()
        expect_state '.status == "running"' '.pid > 1'
        rt kill "$id" KILL
        local status=0
        wait $! || status=$?
        [[ $status == 137 ]] || { echo "status $status"; return 1; }
        nothing_left
}
story 'runtime.md, Kill: as soon as the program runs' known_before_it_runs .
story 'runtime.md, Kill: as soon as the program runs, also in a time namespace' known_before_it_runs \
        '.linux.namespaces += [{type: "time"}]'
bad_signal() {
        create 'probe("hold")'
        must_fail 'signal' rt kill "$id" NONE
        must_fail 'signal' rt kill "$id" 9999
        expect_state '.status == "created"'
}
story 'runtime.md, Kill: an unknown signal is an error' bad_signal

# ---- delete
delete_running() {
        create 'probe("hold")'
        rt start "$id"
        must_fail 'not stopped|running' rt delete "$id"
        expect_state '.status == "running"'
        stop
        rt delete "$id"
        nothing_left
}
story 'runtime.md, Delete: a container that is not stopped MUST be an error, and have no effect' delete_running
delete_by_force() {
        create 'probe("hold")'
        rt start "$id"
        rt delete --force "$id"
        nothing_left
}
story 'runtime.md, Delete: by force it is killed first' delete_by_force
not_ours_stays() { # what the container used but did not create
        mkdir "$bundle/volume"
        touch "$bundle/volume/file" "$bundle/netns"
        unshare --net="$bundle/netns" true
        create 'bound($bundle + "/volume"; "/data"; ["bind"]) | namespace("network"; $bundle + "/netns") | probe("hold")'
        rt delete --force "$id"
        [[ -e $bundle/volume/file && -e $rootfs/bin/probe && $(stat -fc %T "$bundle/netns") == nsfs ]]
}
story 'runtime.md, Delete: resources that the container did not create MUST NOT be deleted' not_ours_stays
everybody_goes() {
        create 'shell("for i in 1 2 3; do setsid sleep 1000 & done; probe hold")'
        rt start "$id"
        eventually holding
        local pids
        pids=$(rt ps --format json "$id" | jq -r '.[]')
        (($(wc -w <<<"$pids") >= 4)) || { echo "processes: $pids"; return 1; }
        stop
        rt delete "$id"
        for pid in $pids; do eventually dead "$pid"; done
}
dead() { [[ ! -e /proc/$1 || $(awk '{ print $3 }' "/proc/$1/stat") == Z ]]; }
story 'runtime.md, Delete: no process of the container is left' everybody_goes
without_pid_namespace() { # nothing but the cgroup says whose they are
        create 'without_namespace("pid") | shell("setsid sleep 1000 & echo child $! >/child; exec probe hold")'
        rt start "$id"
        eventually holding
        rt kill "$id" KILL
        eventually is_stopped
        rt delete "$id"
        eventually dead "$(cut -d ' ' -f 2 "$rootfs/child")"
        nothing_left
}
story 'runtime.md, Delete: no process is left without a pid namespace either' without_pid_namespace

# ---- run: its exit status is the program's
for status in 0 1 42 255; do
        holds "glossary: the runtime's exit status is the process's: $status" "probe(\"exit=$status\")" ".exit == $status"
done
holds 'glossary: a process that a signal ends: 128 and the signal' 'args(["/bin/sh", "-c", "trap - TERM; probe only; kill -9 $$"]) | without_namespace("pid")' '.exit == 137'
output_is_whole() {
        config 'args(["/bin/busybox", "seq", "1", "20000"])'
        run_probe
        [[ $(wc -l <"$bundle/out") == 20000 ]]
}
story 'config.md, Process: standard output is all there when run returns' output_is_whole
input_arrives() {
        config 'args(["/bin/busybox", "cat"])'
        echo typed | rt run --bundle "$bundle" "$id" >"$bundle/out"
        [[ $(<"$bundle/out") == typed ]]
}
story 'config.md, Process: standard input is the caller'"'"'s' input_arrives

done_testing
