#!/bin/bash
# What is open in a task: the standard streams, the descriptors of LISTEN_FDS and --preserve-fds, and nothing else of the caller's
# or the runtime's, however many there are. Every escape through /proc/self/fd begins with one too many.
# shellcheck source-path=SCRIPTDIR source=attack.sh
. "$(dirname "$(readlink -f "$0")")/attack.sh"

with_open() { # many, some of them directories of the machine
        "$@" 3<"$bundle/one" 4<"$bundle/two" 5</ 6<"$bundle" 17</etc/passwd 99</ 500</etc
}
sockets() { # PID-VARIABLE COMMAND...: as a service manager passes descriptors
        LISTEN_FDS=$1 bash -c 'export LISTEN_PID=$$; exec "$@"' - "${@:2}"
}
files() { echo one >"$bundle/one"; echo two >"$bundle/two"; }
# shellcheck disable=SC2120
run_it() { # [FLAG...]: `run`, or with create=1 `create` and `start`
        local status=0
        if [[ ${create-} ]]; then
                "${before[@]}" "$STINT" --root "$state" create --bundle "$bundle" "$@" "$id" >"$bundle/out" 2>"$bundle/err"
                rt start "$id"
                eventually is_stopped
                rt delete "$id"
        else
                "${before[@]}" "$STINT" --root "$state" run --bundle "$bundle" "$@" "$id" >"$bundle/out" 2>"$bundle/err" || status=$?
        fi
        make_report $status
}
are_open() { # JSON ARRAY: and nothing else
        expect "[.fds[].fd] | sort == $1" '[.fds[] | select(.cloexec)] == []'
}
none() {
        files
        before=()
        config .
        with_open run_it
        are_open '[0, 1, 2]'
        expect '[.env[] | select(startswith("LISTEN"))] == []'
}
listening() { # N ARRAY
        files
        before=(sockets "$1")
        config .
        with_open run_it
        are_open "$2"
        expect ".env | index(\"LISTEN_FDS=$1\") != null and index(\"LISTEN_PID=1\") != null" '.pid == 1' \
                '[.fds[] | select(.fd == 3)][0].target | endswith("/one")'
}
preserved() { # N ARRAY
        files
        before=()
        config .
        with_open run_it --preserve-fds "$1"
        are_open "$2"
        expect '[.env[] | select(startswith("LISTEN"))] == []'
}
both() { # those that are kept follow those that are listened on
        files
        before=(sockets 1)
        config .
        with_open run_it --preserve-fds 1
        are_open '[0, 1, 2, 3, 4]'
        expect '.env | index("LISTEN_FDS=1") != null' '[.fds[] | select(.fd == 4)][0].target | endswith("/two")'
}
not_for_us() { # LISTEN_PID is another process's
        files
        before=(env LISTEN_FDS=2 LISTEN_PID=1)
        config .
        with_open run_it
        are_open '[0, 1, 2]'
        expect '[.env[] | select(startswith("LISTEN"))] == []'
}
of_hooks() { # what a configuration has open for hooks, devices, terminals and filters is closed too
        files
        before=(sockets 2)
        config '.process.oomScoreAdj = 100 | .linux.maskedPaths = ["/proc/version"] | .linux.readonlyPaths = ["/proc/sys"]
                | .hooks.startContainer = [{path: "/bin/busybox", args: ["busybox", "true"]}] | .hooks.createContainer = [hook("true")]
                | .linux.sysctl = {"net.core.somaxconn": "77"} | seccomp(["getcwd"]; "SCMP_ACT_ALLOW") | namespace("cgroup")'
        with_open run_it
        are_open '[0, 1, 2, 3, 4]'
}
for create in '' 1; do
        how=${create:+create and start}
        how=${how:-run}
        story "$how: nothing but the standard streams" none
        story "$how: LISTEN_FDS=1" listening 1 '[0, 1, 2, 3]'
        story "$how: LISTEN_FDS=3" listening 3 '[0, 1, 2, 3, 4, 5]'
        story "$how: --preserve-fds 2" preserved 2 '[0, 1, 2, 3, 4]'
        story "$how: LISTEN_FDS=1 and --preserve-fds 1" both
        story "$how: LISTEN_FDS of another process" not_for_us
        story "$how: with hooks, filter, masks and attributes" of_hooks
done
unused() { # LISTEN_FDS=N of which not all are open
        files
        before=(sockets 3)
        config .
        create='' run_it 3<"$bundle/one" 4<&- 5<&- 6<&-
        was_refused || are_open '[0, 1, 2, 3]'
}
story 'run: LISTEN_FDS counts more than there are' unused
unused_preserved() {
        files
        before=()
        config .
        create='' run_it --preserve-fds 3 3<"$bundle/one" 4<&- 5<&- 6<&-
        was_refused || are_open '[0, 1, 2, 3]'
}
story 'run: --preserve-fds counts more than there are' unused_preserved
no_number() {
        files
        config .
        local number create=''
        for number in -1 -2 1x 4294967295 4294967293 4294967294 4294967296 18446744073709551617 ''; do
                before=(sockets "$number")
                with_open run_it
                was_refused || are_open '[0, 1, 2]' || { echo "LISTEN_FDS=$number"; return 1; }
        done
}
story 'run: LISTEN_FDS is no number' no_number
hooks_see() { # a hook's are its own: the state on 0, what it prints on 1 and 2
        files
        config ".hooks |= (.createRuntime = [hook(\"ls /proc/self/fd >\" + \$bundle + \"/seen\")] | .createContainer = .createRuntime | .poststop = .createRuntime)"
        before=()
        create='' with_open run_it
        [[ $(sort -n "$bundle/seen" | head -n 4 | tr '\n' ' ') == '0 1 2 3 ' && $(wc -l <"$bundle/seen") -le 4 ]] || { cat "$bundle/seen"; return 1; }
}
story 'hooks: nothing but the standard streams' hooks_see
exec_has() { # ARRAY FLAG...
        files
        start_holding 'args(["/bin/busybox", "sleep", "1000"])'
        local status=0
        with_open "${before[@]}" "$STINT" --root "$state" exec "${@:2}" "$id" /bin/probe >"$bundle/out" 2>"$bundle/err" || status=$?
        make_report $status
        are_open "$1"
}
before=()
story 'exec: nothing but the standard streams' exec_has '[0, 1, 2]'
story 'exec: --preserve-fds 2' exec_has '[0, 1, 2, 3, 4]' --preserve-fds 2
story 'exec: as another user, with another root' exec_has '[0, 1, 2]' --user 10:20 --cap CAP_KILL --no-new-privs
before=(sockets 2)
story 'exec: LISTEN_FDS are not for it' exec_has '[0, 1, 2]'
parked() { # an init that waits for its start: streams, and what it needs itself, none of which is a file of the machine
        files
        config '.process.oomScoreAdj = 100'
        with_open rt create --bundle "$bundle" "$id" >"$bundle/out" 2>"$bundle/err"
        local pid fd target
        pid=$(rt state "$id" | jq .pid)
        for fd in /proc/"$pid"/fd/*; do
                target=$(readlink "$fd")
                ((${fd##*/} < 3)) || [[ $target == socket:* || $target == /memfd:* || $target == / && $(stat -Lf -c %T "$fd") == proc ]] ||
                        { echo "descriptor ${fd##*/} is $target"; return 1; }
        done
}
story 'create: an init that waits for its start' parked

done_testing
