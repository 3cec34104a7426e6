#!/bin/bash
# config.md, "POSIX-platform Hooks"; runtime.md, "Lifecycle": when, where, with what, and what a failure does.
# shellcheck source-path=SCRIPTDIR source=../support/probe/harness.sh
. "$(dirname "$(readlink -f "$0")")/../support/probe/harness.sh"

# A hook writes into $bundle/log, which the container has as /log: what came on its standard input, what it sees.
kinds='prestart createRuntime createContainer startContainer poststart poststop'
logging='bound($bundle + "/log"; "/log"; ["bind"]) | .annotations = {"org.example": "value"}'
log_of() { if [[ $1 == startContainer ]]; then echo /log; else echo "$bundle/log"; fi; }       # KIND: its path for such a hook
probe_of() { if [[ $1 == startContainer ]]; then echo /bin/probe; else echo "$TOOLS/probe"; fi; }
wait_for() { echo "i=0; until $1; do i=\$((i + 1)); test \$i -lt 100 || exit 9; sleep 0.05; done"; } # CONDITION: a script, 5 s

run_hooked() { # CONFIG
        mkdir "$bundle/log"
        config "$logging | $1"
        run_probe
}
one_hook() { # KIND SCRIPT: a run with it
        run_hooked ".hooks.$1 = [hook(\"$2\")]"
}

# ---- the state on standard input
state_of() { # KIND EXPECTATION...
        local kind=$1
        shift
        one_hook "$kind" "cat >$(log_of "$kind")/state"
        expect '.exit == 0'
        [[ -s $bundle/log/state ]] || { echo "$kind was not called, or had no state"; return 1; }
        expect_in "$bundle/log/state" '.id == $id' '.bundle == $bundle' '.ociVersion | test("^[0-9]+\\.[0-9]+\\.[0-9]+")' \
                '.annotations == {"org.example": "value"}' "$@"
        nothing_left
}
state_story() { story "config.md, Hooks: $1: the state MUST be passed over stdin" state_of "$@"; }
state_story prestart '.status == "creating"' '.pid > 1'
state_story createRuntime '.status == "creating"' '.pid > 1'
state_story createContainer '.status == "creating"' '.pid == 1'
state_story startContainer '.status == "created"' '.pid == 1'
state_story poststart '.status == "running"' '.pid > 1'
state_story poststop '.status == "stopped"'

# ---- namespaces
sees() { # KIND: what the probe prints as this hook becomes the report
        one_hook "$1" "cat >/dev/null; $(probe_of "$1") >$(log_of "$1")/seen"
        expect '.exit == 0'
        mv "$bundle/report" "$bundle/container"
        [[ -s $bundle/log/seen ]] || { echo "$1 was not called"; return 1; }
        cp "$bundle/log/seen" "$bundle/out"
        make_report 0
}
of_the_runtime() { # KIND
        local file
        sees "$1"
        for file in mnt pid net ipc uts user; do
                expect ".namespaces.$file == $(stat -Lc %i /proc/self/ns/$file)"
        done
}
of_the_container() { # KIND
        sees "$1"
        expect_in <(jq -s '{hook: .[0].namespaces, container: .[1].namespaces}' "$bundle/report" "$bundle/container") \
                '.hook.mnt == .container.mnt' '.hook.net == .container.net' '.hook.pid == .container.pid' '.hook.uts == .container.uts' '.hook.ipc == .container.ipc'
}
for kind in prestart createRuntime poststart poststop; do
        story "config.md, Hooks: $kind MUST be executed in the runtime namespace" of_the_runtime $kind
done
for kind in createContainer startContainer; do
        story "config.md, Hooks: $kind MUST be executed in the container namespace" of_the_container $kind
done
resolves_inside() {
        cp "$(command -v busybox)" "$rootfs/bin/only-inside"
        run_hooked '.hooks.startContainer = [{path: "/bin/only-inside", args: ["touch", "/log/called"]}]'
        expect '.exit == 0'
        [[ -e $bundle/log/called ]]
}
story 'config.md, Hooks: startContainer: the path MUST resolve in the container namespace' resolves_inside
resolves_outside() { # KIND
        cp "$(command -v busybox)" "$bundle/log-touch"
        mkdir "$bundle/log"
        config "$logging | .hooks.$1 = [{path: (\$bundle + \"/log-touch\"), args: [\"touch\", \$bundle + \"/log/called\"]}]"
        run_probe
        expect '.exit == 0'
        [[ -e $bundle/log/called ]]
}
for kind in prestart createRuntime createContainer poststart poststop; do
        story "config.md, Hooks: $kind: the path MUST resolve in the runtime namespace" resolves_outside $kind
done
before_pivot() { # what createContainer mounts in the root's directory is in the container
        one_hook createContainer "mount -t tmpfs hooked $rootfs/mnt"
        expect '.exit == 0' 'mount_at("/mnt").source == "hooked"'
}
story 'config.md, Hooks: createContainer MUST be called before the pivot_root' before_pivot
namespaces_are_there() { # KIND: the container's namespaces exist, its root is not entered
        one_hook "$1" "pid=\$(jq .pid); readlink /proc/\$pid/ns/net >$bundle/log/net; readlink /proc/\$pid/root >$bundle/log/root"
        expect '.exit == 0' ".namespaces.net == $(tr -dc 0-9 <"$bundle/log/net")"
        [[ $(<"$bundle/log/root") == / ]]
}
story 'config.md, Hooks: prestart MUST be called after the environment is created, before the pivot_root' namespaces_are_there prestart
story 'config.md, Hooks: createRuntime MUST be called after the environment is created, before the pivot_root' namespaces_are_there createRuntime

# ---- args, env
arguments() {
        run_hooked '.hooks.prestart = [{path: "/bin/sh", args: ["name", "-c", "printf \"%s|\" \"$0\" \"$@\" >" + $bundle + "/log/args", "a b", "", "c"]}]'
        [[ $(<"$bundle/log/args") == 'a b||c|' ]]
}
story 'config.md, Hooks: args are the hook'"'"'s argv' arguments
no_arguments() { run_hooked '.hooks.prestart = [{path: "/bin/true"}]'; expect '.exit == 0'; }
story 'config.md, Hooks: args are OPTIONAL' no_arguments
environment() { # KIND ENV EXPECTED: as a program sees it that is no shell
        local found
        STINT_TEST_SECRET=1 run_hooked ".hooks.$1 = [{path: \"/bin/busybox\", env: $2,
                args: [\"dd\", \"if=/proc/self/environ\", \"of=$(log_of "$1")/environment\"]}]"
        expect '.exit == 0'
        found=$(tr '\0' '|' <"$bundle/log/environment")
        [[ $found == "$3" ]] || { echo "the environment is '$found'"; return 1; }
}
for kind in $kinds; do
        story "config.md, Hooks: $kind: env is the environment, and nothing else" environment $kind '["B=2", "A=1 x", "EMPTY="]' 'B=2|A=1 x|EMPTY=|'
done
story 'config.md, Hooks: without env the environment is empty' environment prestart '[]' ''

# ---- order
order() {
        local script='' kind separator=''
        for kind in $kinds; do
                script+="$separator .hooks.$kind = [hook(\"echo $kind.1 >>$(log_of $kind)/order\"), hook(\"echo $kind.2 >>$(log_of $kind)/order\")]"
                separator=' |'
        done
        # the program is executed before the poststart hooks; they wait for its line, to tell
        run_hooked "$script | .hooks.poststart[0] = hook(\"$(wait_for "grep -q program $bundle/log/order"); echo poststart.1 >>$bundle/log/order\")
                | shell(\"echo program >>/log/order; sleep 0.5; probe\")"
        expect '.exit == 0'
        echo prestart.{1,2} createRuntime.{1,2} createContainer.{1,2} startContainer.{1,2} program poststart.{1,2} poststop.{1,2} | tr ' ' '\n' >"$bundle/expected"
        diff "$bundle/expected" "$bundle/log/order"
}
story 'config.md, Hooks: MUST be called in the listed order, the kinds in the order of the life cycle' order
by_operation() { # which of them `create`, `start`, `delete` call
        local script='' kind separator=''
        for kind in $kinds; do
                script+="$separator .hooks.$kind = [hook(\"echo $kind >>$(log_of $kind)/order\")]"
                separator=' |'
        done
        mkdir "$bundle/log"
        config "$logging | $script | probe(\"hold\")"
        rt create --bundle "$bundle" "$id" >"$bundle/out" 2>"$bundle/err"
        [[ $(tr '\n' ' ' <"$bundle/log/order") == 'prestart createRuntime createContainer ' ]] || { cat "$bundle/log/order"; return 1; }
        rt start "$id"
        [[ $(tail -n 2 "$bundle/log/order" | tr '\n' ' ') == 'startContainer poststart ' ]] || { cat "$bundle/log/order"; return 1; }
        rt kill "$id" KILL
        eventually is_stopped
        ! grep poststop "$bundle/log/order" || return 1
        rt delete "$id"
        [[ $(tail -n 1 "$bundle/log/order") == poststop ]] || { cat "$bundle/log/order"; return 1; }
}
story 'runtime.md, Lifecycle: create, start and delete call the hooks that are theirs' by_operation
deleted_before() {
        one_hook poststop "ls /sys/fs/cgroup /sys/fs/cgroup/* | grep -c $id >$bundle/log/groups"
        expect '.exit == 0'
        [[ $(<"$bundle/log/groups") == 0 ]] || { echo "poststop has run before the cgroup was removed"; return 1; }
}
story 'config.md, Hooks: poststop MUST be called after the container is deleted' deleted_before

# ---- timeouts
slow() { # KIND: a hook that sleeps has one second; its child holds its output open
        local started=$SECONDS took
        run_hooked ".hooks.$1 = [hook(\"sleep 50 & echo \$! >$(log_of "$1")/child; exec sleep 300\") + {timeout: 1}]"
        took=$((SECONDS - started))
        [[ $1 == *Container ]] || kill -KILL "$(<"$bundle/log/child")" 2>/dev/null || true
        expect '.exit != 0'
        ((took < 30)) || { echo "took $took s"; return 1; }
        nothing_left
}
for kind in prestart createRuntime createContainer startContainer poststart; do
        story "config.md, Hooks: $kind: timeout is the number of seconds before aborting the hook" slow $kind
done
in_time() { run_hooked '.hooks.prestart = [hook("sleep 0.1") + {timeout: 30}]'; expect '.exit == 0'; }
story 'config.md, Hooks: a hook that is done within its timeout is no failure' in_time
refused 'config.md, Hooks: timeout MUST be greater than zero' '.hooks.prestart = [hook("true") + {timeout: 0}]' 'timeout|hook'
refused 'config.md, Hooks: timeout MUST NOT be negative' '.hooks.prestart = [hook("true") + {timeout: -1}]' 'timeout|hook'
refused 'config.md, Hooks: path MUST be absolute' '.hooks.prestart = [{path: "bin/true"}]' 'path|hook'
refused 'config.md, Hooks: path is REQUIRED' '.hooks.prestart = [{args: ["true"]}]' 'path|hook'
refused 'config.md, Hooks: a path that does not exist is a failure' '.hooks.createRuntime = [{path: "/none"}]' '/none|no such file'

# ---- failures
failing() { # KIND: an error, the program does not run (but before poststart), the poststop hooks do, nothing is left
        run_hooked ".hooks.$1 = [hook(\"exit 3\"), hook(\"touch $(log_of "$1")/second\")] | .hooks.poststop = [hook(\"touch $bundle/log/poststop\")]
                | shell(\"touch /log/program; sleep 30\")"
        expect '.exit != 0'
        errors | grep -qi hook || { echo "the error does not name the hook: $(errors)"; return 1; }
        [[ ! -e $bundle/log/second ]] || { echo 'a hook after the one that failed has run'; return 1; }
        [[ $1 == poststart || ! -e $bundle/log/program ]] || { echo 'the program has run'; return 1; }
        [[ -e $bundle/log/poststop ]] || { echo 'poststop was not called'; return 1; }
        nothing_left
}
for kind in prestart createRuntime createContainer startContainer poststart; do
        story "runtime.md, Lifecycle: if a $kind hook fails the runtime MUST generate an error, stop the container, and go on with poststop" failing $kind
done
killed_hook() {
        run_hooked '.hooks.createRuntime = [hook("kill -9 $$")]'
        expect '.exit != 0'
        nothing_left
}
story 'runtime.md, Lifecycle: a hook that a signal ends has failed' killed_hook
failing_start() { # KIND: the same by `create` and `start`
        mkdir "$bundle/log"
        config "$logging | .hooks.$1 = [hook(\"exit 3\")] | .hooks.poststop = [hook(\"touch $bundle/log/poststop\")] | probe(\"hold\")"
        rt create --bundle "$bundle" "$id" >"$bundle/out" 2>"$bundle/err"
        must_fail hook rt start "$id"
        eventually gone_or_stopped
        rt delete --force "$id"
        [[ -e $bundle/log/poststop ]] || { echo 'poststop was not called'; return 1; }
        nothing_left
}
gone_or_stopped() { [[ $(rt state "$id" 2>/dev/null | jq -r .status) != @(created|running) ]]; }
story 'runtime.md, Lifecycle: start: if a startContainer hook fails the container is stopped' failing_start startContainer
story 'runtime.md, Lifecycle: start: if a poststart hook fails the container is stopped' failing_start poststart
failing_poststop() {
        run_hooked ".hooks.poststop = [hook(\"exit 3\"), hook(\"touch $bundle/log/second\")]"
        expect '.exit == 0'
        [[ -e $bundle/log/second ]] || { echo 'the remaining hooks were not called'; return 1; }
        cat "$bundle/err" "$bundle/log.json" | grep -qi warn || { echo 'no warning'; return 1; }
        nothing_left
}
story 'runtime.md, Lifecycle: if a poststop hook fails the runtime MUST log a warning, and go on' failing_poststop

done_testing
