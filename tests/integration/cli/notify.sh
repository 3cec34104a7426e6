#!/bin/bash
# shellcheck disable=SC2016 # what is in single quotes is for the container's shell or for jq
# NOTIFY_SOCKET: what a container says of its readiness reaches the service manager, and nothing else does.
# shellcheck source=SCRIPTDIR/../../support/probe/harness.sh
source "$(dirname "$0")/../../support/probe/harness.sh"
for applet in sleep cat ls stat; do ln -s busybox "$work/template/bin/$applet"; done
command -v python3 >/dev/null || { echo '1..0 # SKIP needs python3'; exit 0; }

# The service manager: each message is a line of JSON; with a descriptor (BARRIER) it is closed when it was read.
cat >"$work/manager.py" <<'PYTHON'
import array, json, os, socket, sys
path = sys.argv[1]
listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
listener.bind("\0" + path[1:] if path[0] == "@" else path)
print(json.dumps({"listening": path}), flush=True)
while True:
    message, ancillary, _, _ = listener.recvmsg(4096, socket.CMSG_SPACE(16))
    for _, _, data in ancillary:
        for fd in array.array("i", data[: len(data) // 4 * 4]):
            os.close(fd)
    print(json.dumps(message.decode()), flush=True)
PYTHON
say() { # MESSAGE: as the container's program would, through its root
        python3 - "/proc/$pid/root/run/notify/notify.sock" "$1" <<'PYTHON'
import os, socket, sys
sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
os.chdir(os.path.dirname(sys.argv[1]))
sender.connect(os.path.basename(sys.argv[1]))
sender.send(sys.argv[2].encode())
PYTHON
}
manager() { # PATH: starts it
        setpriv --pdeathsig KILL python3 "$work/manager.py" "$1" >"$bundle/told" &
        manager_pid=$!
        eventually grep -q listening "$bundle/told"
        export NOTIFY_SOCKET=$1
}
dismiss() { kill "$manager_pid"; wait "$manager_pid" 2>/dev/null || true; unset NOTIFY_SOCKET; }
told() { grep -v listening "$bundle/told" | grep -v BARRIER | jq -r .; } # without what only synchronizes
same() { # WANTED FOUND
        [[ $1 == "$2" ]] || { printf 'wanted %q, found %q\n' "$1" "$2"; return 1; }
}
waits='shell("echo $NOTIFY_SOCKET; [ ! -e /run/notify ] || ls /run/notify; echo up; exec sleep 1000")'
is_up() { grep -q up "$bundle/out"; }
main_pid() { rt state "$id" | jq .pid; }

foreground() { # PATH
        manager "$1"
        config "$waits"
        "$STINT" --root "$state" run --bundle "$bundle" "$id" >"$bundle/out" 2>"$bundle/err" </dev/null &
        local runtime=$!
        eventually is_up
        same '/run/notify/notify.sock notify.sock up' "$(tr '\n' ' ' <"$bundle/out" | sed 's/ $//')"
        pid=$(main_pid)
        say $'STATUS=working\nFDSTORE=1'
        say 'READY=0'
        say $'STATUS=done\nREADY=1\nMAINPID=1'
        eventually grep -q MAINPID "$bundle/told"
        same "READY=1 MAINPID=$runtime" "$(told | tr '\n' ' ' | sed 's/ *$//')"
        ! say 'STATUS=late' 2>/dev/null || { echo 'a late message was taken'; return 1; }
        rt kill "$id" KILL
        wait $runtime || true
        dismiss
        nothing_left
}
detached() { # VERB: it returns when the container is ready
        manager "$bundle/host.sock"
        config "$waits"
        if [[ $1 == start ]]; then
                rt create --bundle "$bundle" "$id" >"$bundle/out" 2>"$bundle/err" </dev/null
                [[ ! -s $bundle/out ]]
                rt start "$id" </dev/null &
        else
                rt run --detach --bundle "$bundle" "$id" >"$bundle/out" 2>"$bundle/err" </dev/null &
        fi
        local starter=$!
        eventually is_up
        pid=$(main_pid)
        sleep 0.3
        kill -0 $starter || { echo 'it did not wait'; return 1; }
        say READY=1
        wait $starter
        same "READY=1 MAINPID=$pid" "$(told | tr '\n' ' ' | sed 's/ *$//')"
        grep -q BARRIER "$bundle/told" || { echo 'it did not wait for the manager'; return 1; }
        same running "$(rt state "$id" | jq -r .status)"
        rt delete --force "$id"
        dismiss
        nothing_left
}
never_ready() { # a container that ends first: nobody waits for ever
        manager "$bundle/host.sock"
        config 'shell("exit 3")'
        rt create --bundle "$bundle" "$id" >"$bundle/out" 2>"$bundle/err" </dev/null
        rt start "$id"
        rt delete "$id"
        rt run --bundle "$bundle" "$id" || same 3 $?
        same '' "$(told)"
        dismiss
}
users() { # every user of the container, also in a user namespace
        manager "$bundle/host.sock"
        mkdir "$rootfs/run/notify" # the mapped root may not make it in a root directory that is not its own
        config "$waits | mapped(100000; 65536) | .process.user = {uid: 10, gid: 20}"
        rt run --bundle "$bundle" "$id" >"$bundle/out" 2>"$bundle/err" </dev/null &
        eventually is_up
        pid=$(main_pid)
        nsenter --target "$pid" --user --mount --setuid 10 --setgid 20 /bin/sh -c "[ -w /run/notify/notify.sock ]"
        same 666 "$(stat -c %a "/proc/$pid/root/run/notify/notify.sock")"
        grep -q ' /run/notify ro,nosuid,nodev,noexec' "/proc/$pid/mountinfo"
        rt delete --force "$id"
        dismiss
}
of_the_config() { # podman: the config has a socket of its own, conmon forwards
        manager "$bundle/host.sock"
        config 'shell("echo $NOTIFY_SOCKET; [ -e /run/notify ] || echo none") | .process.env += ["NOTIFY_SOCKET=/run/other/sock"]'
        rt run --bundle "$bundle" "$id" >"$bundle/out"
        same '/run/other/sock none' "$(tr '\n' ' ' <"$bundle/out" | sed 's/ $//')"
        dismiss
}
nobody_asks() {
        config 'shell("echo ${NOTIFY_SOCKET-unset}; [ -e /run/notify ] || echo none")'
        rt run --bundle "$bundle" "$id" >"$bundle/out"
        same 'unset none' "$(tr '\n' ' ' <"$bundle/out" | sed 's/ $//')"
}
in_a_file() { foreground "$bundle/host.sock"; }
abstract() { foreground "@$id"; }

story 'run: READY=1 alone is forwarded, with the pid of the runtime' in_a_file
story 'run: to a manager in the abstract namespace' abstract
story 'run --detach returns when the container is ready, and tells its pid' detached run
story 'start returns when the container is ready, and tells its pid' detached start
story 'a container that ends before it is ready' never_ready
story 'every user of the container may say it' users
story 'NOTIFY_SOCKET in process.env is left alone' of_the_config
story 'without NOTIFY_SOCKET there is no socket' nobody_asks
done_testing
