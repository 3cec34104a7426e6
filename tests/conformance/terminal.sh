#!/bin/bash
# config.md, "Process": terminal and consoleSize; config-linux.md, "Default Devices": /dev/console.
# shellcheck source-path=SCRIPTDIR source=../support/probe/harness.sh
. "$(dirname "$(readlink -f "$0")")/../support/probe/harness.sh"

with_console() { # CONFIG: create and start on a console socket; received.N are what came over it and from the terminal
        config ".process.terminal = true | $1"
        timeout 90 "$TOOLS/receive" console "$bundle/socket" </dev/null >"$bundle/received" 2>&1 &
        eventually test -S "$bundle/socket"
        rt create --bundle "$bundle" --console-socket "$bundle/socket" "$id" >"$bundle/out" 2>"$bundle/err"
        rt start "$id"
        wait
        tr -d '\r' <"$bundle/received" >"$bundle/out"
        make_report 0
        rt delete "$id"
}
check_console() { # CONFIG EXPECTATION...
        with_console "$1"
        shift
        expect "$@"
}
terminal() { story "$1" check_console "${@:2}"; }

terminal 'config.md, Process: terminal: standard streams are a pseudoterminal' . '.terminal.stdio == [true, true, true]'
terminal 'config.md, Process: the terminal is one of the container'"'"'s own devpts' . '.terminal.name | test("^/dev/pts/[0-9]+$")'
terminal 'config.md, Process: the terminal is the controlling one' . '.terminal.controlling'
terminal 'config.md, Process: one descriptor and no more comes over the console socket' . '.fds_in_message == 1' '.payload | length > 0'
terminal 'config.md, Process: consoleSize sets the size' '.process.consoleSize = {height: 33, width: 77}' \
        '.terminal.rows == 33' '.terminal.columns == 77'
terminal 'config-linux.md, Default devices: /dev/console is the terminal when there is one' 'probe("stat=/dev/console")' \
        '.stat["/dev/console"].type == "c"' '.stat["/dev/console"].major == 136' 'mount_at("/dev/console").type == "devpts"'
terminal 'config.md, Process: the terminal belongs to the user' \
        '.process.user = {uid: 10, gid: 20} | shell("exec probe only stat=$(tty)")' '.stat[].uid == 10'
terminal 'config.md, Process: descriptors above the streams are not left open' . '[.fds[]? | .fd] - [0, 1, 2] == []'
terminal 'config.md, Process: the terminal works with a read-only root' '.root.readonly = true' '.terminal.controlling'

holds 'config.md, Process: consoleSize MUST be ignored without a terminal' \
        '.process.consoleSize = {height: 33, width: 77}' '.terminal.stdio == [false, false, false]'
holds 'config.md, Process: without a terminal there is no controlling one and no /dev/console' . \
        '.terminal.controlling | not' '.devices | has("console") | not'
refused 'config.md, Process: consoleSize: height and width are REQUIRED' \
        '.process.terminal = true | .process.consoleSize = {height: 33}' 'consoleSize|width|console'
no_socket() {
        config '.process.terminal = true'
        must_fail 'console' rt create --bundle "$bundle" "$id"
        nothing_left
}
story 'config.md, Process: a terminal that nobody takes is an error of create' no_socket
unwanted_socket() {
        config .
        must_fail 'console|socket' rt create --bundle "$bundle" --console-socket "$bundle/none" "$id"
        nothing_left
}
story 'config.md, Process: a console socket for no terminal is an error' unwanted_socket

in_the_foreground() { # the caller has a terminal: `run` copies between the two
        config '.process.terminal = true'
        timeout 30 script -qec "stty rows 21 cols 43; '$STINT' --root '$state' run --bundle '$bundle' '$id'" /dev/null </dev/null |
                tr -d '\r' >"$bundle/out"
        make_report 0
        expect '.terminal.stdio == [true, true, true]' '.terminal.controlling' '.terminal.rows == 21' '.terminal.columns == 43'
}
story 'config.md, Process: terminal in the foreground has the size of the caller'"'"'s' in_the_foreground

exec_on_a_terminal() {
        config 'probe("hold")'
        rt create --bundle "$bundle" "$id" >"$bundle/out" 2>"$bundle/err"
        rt start "$id"
        timeout 90 "$TOOLS/receive" console "$bundle/socket" </dev/null >"$bundle/received" 2>&1 &
        eventually test -S "$bundle/socket"
        jq '.process | .terminal = true | .consoleSize = {height: 5, width: 6} | .args = ["/bin/probe"]' "$bundle/config.json" >"$bundle/process.json"
        rt exec --detach --process "$bundle/process.json" --console-socket "$bundle/socket" "$id" >"$bundle/exec.out" 2>"$bundle/err"
        wait
        tr -d '\r' <"$bundle/received" >"$bundle/out"
        make_report 0
        expect '.terminal.stdio == [true, true, true]' '.terminal.rows == 5' '.terminal.columns == 6' '.terminal.controlling'
        rt kill "$id" KILL
        eventually is_stopped
}
story 'config.md, Process: terminal and consoleSize of a process that joins' exec_on_a_terminal

done_testing
