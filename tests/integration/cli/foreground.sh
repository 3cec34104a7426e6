#!/bin/bash
# shellcheck disable=SC2016 # what is in single quotes is for the container's shell or for jq
# run and exec in the foreground: status, signals, terminal, what is inherited, and what a signal to stop undoes.
# shellcheck source=SCRIPTDIR/../../support/probe/harness.sh
source "$(dirname "$0")/../../support/probe/harness.sh"
for applet in sleep stty seq cat kill; do ln -s busybox "$work/template/bin/$applet"; done
here=$(dirname "$(readlink -f "$0")")

same() { # WANTED FOUND
        [[ $1 == "$2" ]] || { printf 'wanted %q, found %q\n' "$1" "$2"; return 1; }
}

st() { # VERB...: without the harness's timeout(1), which would stand between a signal and the program
        exec "$STINT" --root "$state" --log "$bundle/log.json" --log-format json "$@"
}

ends() { # STATUS COMMAND...
        local wanted=$1 status=0
        shift
        "$@" || status=$?
        same "$wanted" "$status"
}

# ---- status

statuses() {
        local status
        for status in 0 1 42 255; do
                config "shell(\"exit $status\")"
                ends $status rt run --bundle "$bundle" "$id"
                nothing_left
        done
}

killed() {
        config 'shell("echo >/ready; sleep 100")'
        (st run --bundle "$bundle" "$id") &
        eventually test -e "$rootfs/ready"
        rt kill "$id" KILL
        ends 137 wait $!
        nothing_left
}

kept() {
        config 'shell("exit 3")'
        ends 3 rt run --keep --bundle "$bundle" "$id"
        expect_state '.status == "stopped"'
        rt delete "$id"
        nothing_left
}

detached() {
        config 'shell("echo >/ready; sleep 100")'
        rt run --detach --bundle "$bundle" --pid-file "$bundle/pid" "$id" </dev/null >/dev/null 2>&1
        eventually test -e "$rootfs/ready"
        expect_state ".pid == $(<"$bundle/pid")" '.status == "running"'
        same 1 "$(find "$bundle" -maxdepth 1 -name '*pid*' | wc -l)"
}

short() { # the pid is known even when the program has ended before it could be asked for
        local n
        config 'shell(":")'
        for n in 1 2 3 4 5; do
                rt run --bundle "$bundle" --pid-file "$bundle/pid" "$id"
                [[ $(<"$bundle/pid") =~ ^[1-9][0-9]*$ ]]
                rm "$bundle/pid"
                rt run --detach --bundle "$bundle" --pid-file "$bundle/pid" "$id" </dev/null >/dev/null 2>&1
                [[ $(<"$bundle/pid") =~ ^[1-9][0-9]*$ ]]
                eventually is_stopped
                rt delete "$id"
        done
}

# ---- a full state directory

small_state() { # TMPFS-OPTION: nothing but the options of the file system that holds the state
        umount "$bundle/small" 2>/dev/null || mkdir "$bundle/small"
        mount -t tmpfs -o "mode=700,$1" small "$bundle/small"
}
in_small() { # STATUS VERB...
        local wanted=$1 status=0
        shift
        : >"$bundle/log.json"
        timeout 20 "$STINT" --root "$bundle/small" --log "$bundle/log.json" --log-format json "$@" >"$bundle/out" 2>"$bundle/err" </dev/null || status=$?
        same "$wanted" "$status"
}
refused_for_room() { # OPTION VERB
        in_small 1 "$2" --bundle "$bundle" "$id"
        [[ $(errors) == *'no space left on device'* ]] || { echo "$1 $2: $(errors)"; return 1; }
        same '' "$(ls "$bundle/small")"
        nothing_left
}
full_state() { # no room for the state: an error, and nothing is left, whichever file it was that did not fit
        local verb n
        config 'shell("exit 3")'
        for verb in run create; do
                for n in 1 2 3; do # the root directory itself is an inode
                        small_state "nr_inodes=$n"
                        refused_for_room "nr_inodes=$n" $verb
                done
                small_state size=4k
                head -c 4096 /dev/zero >"$bundle/small/.full"
                refused_for_room size=4k $verb
        done
        jq '.annotations = {"org.example.long": ("x" * 6000)}' "$bundle/config.json" >"$bundle/long" && mv "$bundle/long" "$bundle/config.json"
        for n in 4 8 12 16; do # room for the first line of the state, for the config, ...
                small_state "size=${n}k"
                refused_for_room "size=${n}k" run
        done
        small_state size=1m
        in_small 3 run --bundle "$bundle" "$id"
        same '' "$(ls "$bundle/small")"
        umount "$bundle/small"
}
bare_environment() { # no TMPDIR, no HOME, no PATH
        config 'shell("exit 3")'
        ends 3 env -i "$STINT" --root "$state" run --bundle "$bundle" "$id"
        ends 1 env -i XDG_RUNTIME_DIR= "$STINT" state "$id"
}

# ---- signals

forwards() { # SIGNAL: the program gets it, and stint ends with its answer
        config "shell(\"trap 'exit 42' $1; echo >/ready; while :; do sleep 0.05; done\")"
        rm -f "$rootfs/ready"
        (st run --bundle "$bundle" "$id") &
        eventually test -e "$rootfs/ready"
        kill -"$1" $!
        ends 42 wait $!
}

signals_are_forwarded() {
        local signal
        for signal in TERM INT HUP QUIT USR1 USR2 ALRM CONT TSTP TTIN 34; do forwards $signal; done
}

exec_forwards() {
        config 'shell("echo >/up; sleep 100")'
        rt run --detach --bundle "$bundle" "$id" </dev/null >/dev/null 2>&1
        eventually test -e "$rootfs/up"
        (st exec "$id" /bin/sh -c 'trap "exit 42" TERM; echo >/ready; while :; do sleep 0.05; done') &
        eventually test -e "$rootfs/ready"
        kill -TERM $!
        ends 42 wait $!
}

signals_are_as_new() { # nothing blocked, nothing ignored
        config 'args(["/bin/sh", "-c", "exec /bin/busybox cat /proc/self/status"])'
        rt run --bundle "$bundle" "$id" >"$bundle/out"
        same 0 "$((0x$(sed -n 's/^SigBlk:\s*//p' "$bundle/out")))"
        same 0 "$((0x$(sed -n 's/^SigIgn:\s*//p' "$bundle/out") & ~0x7f))"
}

interrupted_before_the_start() {
        local begun
        config '.hooks.createRuntime = [{path: "/bin/sh", args: ["sh", "-c", "echo >\($work)/hooked; exec sleep 30"]}]'
        rm -f "$work/hooked"
        (st run --bundle "$bundle" "$id") &
        eventually test -e "$work/hooked"
        begun=$SECONDS
        kill -TERM $!
        ends 1 wait $!
        ((SECONDS - begun < 10)) || { echo "it took $((SECONDS - begun)) s"; return 1; }
        [[ $(errors) == *'interrupted by Terminated' ]] || { echo "said: $(errors)"; return 1; }
        nothing_left
}

orphans_are_reaped() { # without a pid namespace they are the subreaper's
        local zombies
        config 'without_namespace("pid") | shell("(sleep 0.1 & sleep 0.1 &) ; echo >/ready; sleep 0.5; exit 6")'
        (st run --bundle "$bundle" "$id") &
        eventually test -e "$rootfs/ready"
        sleep 0.3
        zombies=$(ps -o stat= --ppid $! | grep -c ^Z || true)
        same 0 "$zombies"
        ends 6 wait $!
}

# ---- what is inherited

listen_fds() {
        echo listened >"$bundle/3"
        echo preserved >"$bundle/4"
        config 'shell("read -r a <&3; read -r b <&4; echo $a $b $LISTEN_FDS $LISTEN_PID; (: <&5) 2>/dev/null && echo open")'
        same 'listened preserved 1 1' "$(bash -c 'LISTEN_FDS=1 LISTEN_PID=$BASHPID exec "$0" "$@"' \
                "$STINT" --root "$state" run --preserve-fds 1 --bundle "$bundle" "$id" \
                3<"$bundle/3" 4<"$bundle/4" 5<"$bundle/4")"
        config 'shell("(: <&3) 2>/dev/null && echo open; echo ${LISTEN_FDS-none}")'
        same none "$(LISTEN_FDS=1 LISTEN_PID=1 rt run --bundle "$bundle" "$id" 3<"$bundle/3")" # meant for another
}

not_enough_fds() {
        config .
        must_fail 'descriptor 4 is not open' rt run --preserve-fds 2 --bundle "$bundle" "$id" 3</dev/null 4<&-
        nothing_left
}

stdio_is_passed() {
        config 'shell("read -r x; echo out $x; echo err $x >&2")'
        echo word | rt run --bundle "$bundle" "$id" >"$bundle/out" 2>"$bundle/err"
        same 'out word' "$(<"$bundle/out")"
        same 'err word' "$(<"$bundle/err")"
}

closed_stdio() {
        config 'shell("exit 4")'
        ends 4 rt run --bundle "$bundle" "$id" <&- >&- 2>&-
}

caller_is_left_alone() { # libstint's rule, seen from outside: state and pid file are relative to the caller's directory
        config 'shell(":")'
        mkdir "$bundle/cwd"
        (cd "$bundle/cwd" && umask 077 && timeout 20 "$STINT" --root ./state run --pid-file pid -b .. "$id" && ls) >"$bundle/out"
        same $'pid\nstate' "$(<"$bundle/out")"
}

# ---- terminals

on_terminal() { # STEPS VERB...
        local steps=$1
        shift
        "$here/on-terminal" 31 77 "$steps" "$STINT" --root "$state" "$@" </dev/null >"$bundle/shown" 2>&1
}

shows() { tr -d '\r' <"$bundle/shown" | grep -qFx -- "$1" || { echo "no line '$1' in: $(<"$bundle/shown")"; return 1; }; }
untouched() { ! grep -q 'settings changed' "$bundle/shown" || { echo "the terminal was left in another mode"; return 1; }; }

run_on_terminal() {
        config '.process.terminal = true | shell("until stty size; do sleep 0.01; done 2>/dev/null; echo go; read -r x; echo got $x; exit 9")'
        on_terminal $'expect go\nsend word\\r' run --bundle "$bundle" "$id"
        shows '31 77'
        shows 'got word'
        shows 'status 9'
        untouched
}

control_c() { # is a character for the container's terminal, which makes the signal
        config '.process.terminal = true | shell("trap \"echo caught; exit 8\" INT; echo go; while :; do sleep 0.05; done")'
        on_terminal $'expect go\nsend \\x03\nexpect caught' run --bundle "$bundle" "$id"
        shows 'status 8'
        untouched
}

resized() {
        config '.process.terminal = true | shell("trap \"stty size\" WINCH; echo go; while [ ! -e /end ]; do sleep 0.05; done")'
        (eventually grep -q . "$rootfs/end") 2>/dev/null &
        on_terminal $'expect go\nresize 20 60\nexpect 20 60\nsignal KILL' run --bundle "$bundle" "$id"
        wait
        shows 'status -9'
        rt delete --force "$id"
}

all_is_shown() {
        config '.process.terminal = true | shell("stty -opost; seq 1 20000")'
        on_terminal '' run --bundle "$bundle" "$id"
        seq 1 20000 >"$bundle/wanted"
        head -n 20000 "$bundle/shown" | cmp - "$bundle/wanted"
        untouched
}

restored_after_death() { # of the program by a signal
        config '.process.terminal = true | shell("echo go; while :; do sleep 0.05; done")'
        on_terminal $'expect go\nsignal TERM\nsignal KILL' run --bundle "$bundle" "$id" || true
        rt delete --force "$id"
        config '.process.terminal = true | shell("trap \"exit 5\" TERM; echo go; while :; do sleep 0.05; done")'
        on_terminal $'expect go\nsignal TERM' run --bundle "$bundle" "$id"
        shows 'status 5'
        untouched
}

console_size() {
        config '.process.terminal = true | .process.consoleSize = {height: 12, width: 34} | shell("stty size")'
        same '12 34' "$(rt run --bundle "$bundle" "$id" </dev/null 2>/dev/null | tr -d '\r')"
}

terminal_without_ours() { # a pipe on each side: the container has a terminal all the same
        config '.process.terminal = true | shell("stty -echo; echo go; read -r x; echo got $x; exit 7")'
        ends 7 rt run --bundle "$bundle" "$id" < <(sleep 0.5; echo word; sleep 1) >"$bundle/out"
        tr -d '\r' <"$bundle/out" | grep -qx 'got word'
}

exec_on_terminal() {
        config 'shell("echo >/up; sleep 100")'
        rt run --detach --bundle "$bundle" "$id" </dev/null >/dev/null 2>&1
        eventually test -e "$rootfs/up"
        on_terminal $'expect go\nsend word\\r' exec --tty "$id" /bin/sh -c 'stty size; echo go; read -r x; echo got $x; exit 9'
        shows '31 77'
        shows 'got word'
        shows 'status 9'
        untouched
}

console_to_socket() {
        config '.process.terminal = true | shell("echo go; read -r x; echo got $x; sleep 0.2")'
        "$TOOLS/receive" console "$bundle/socket" < <(sleep 1; echo word) >"$bundle/received" &
        eventually test -S "$bundle/socket"
        rt run --detach --console-socket "$bundle/socket" --bundle "$bundle" "$id" </dev/null >"$bundle/out" 2>&1
        wait $!
        [[ ! -s $bundle/out ]]
        tr -d '\r' <"$bundle/received" | grep -qx 'got word'
        eventually is_stopped
}

socket_of_a_long_path() {
        local long
        long=$bundle/$(printf 'x%.0s' {1..120})
        mkdir "$long"
        config '.process.terminal = true | shell("echo go")'
        (cd "$long" && exec "$TOOLS/receive" console socket </dev/null) >"$bundle/received" &
        eventually test -S "$long/socket"
        rt run --detach --console-socket "$long/socket" --bundle "$bundle" "$id" </dev/null >/dev/null 2>&1
        wait $!
        tr -d '\r' <"$bundle/received" | grep -qx go
        eventually is_stopped
}

no_socket_in_the_foreground() {
        config '.process.terminal = true'
        must_fail 'console-socket is for --detach' rt run --console-socket "$bundle/socket" --bundle "$bundle" "$id"
}

story "run ends with the program's status" statuses
story "run ends with 128 plus the signal that killed the program" killed
story "run --keep leaves the stopped container" kept
story "run --detach returns, and leaves one pid file" detached
story "the pid file of a program that has ended already holds its pid" short
story "a full state directory is an error, and nothing is left" full_state
story "an empty environment is enough" bare_environment
story "run sends signals on" signals_are_forwarded
story "exec sends signals on" exec_forwards
story "the program starts with no signal blocked" signals_are_as_new
story "a signal to stop before the program runs undoes everything" interrupted_before_the_start
story "orphans are reaped" orphans_are_reaped
story "systemd's descriptors come before those to preserve" listen_fds
story "a descriptor to preserve that is not open is an error" not_enough_fds
story "standard input, output and error are the program's" stdio_is_passed
story "standard descriptors may be closed" closed_stdio
story "relative paths are the caller's" caller_is_left_alone
story "a terminal is copied both ways, and has our size" run_on_terminal
story "control-c reaches the container's terminal" control_c
story "the window's new size is passed on" resized
story "what the terminal shows is complete" all_is_shown
story "the terminal is given back as it was" restored_after_death
story "the config's console size holds when there is no terminal outside" console_size
story "a terminal inside works with pipes outside" terminal_without_ours
story "exec --tty is copied both ways" exec_on_terminal
story "run --detach sends the terminal to a socket" console_to_socket
story "the path of a socket may be longer than an address holds" socket_of_a_long_path
story "a console socket in the foreground is refused" no_socket_in_the_foreground
done_testing
