# shellcheck shell=bash
# harness.sh: what the tests of the real runtime are written in; source it first, call `done_testing` last.
#
# A script is a list of cases, each one call that begins with the clause it checks:
#   holds   CLAUSE CONFIG EXPECTATION...   the probe runs with base.json changed by CONFIG (jq); then
#                                          every EXPECTATION (jq) is true of its report, and nothing is left
#   refused CLAUSE CONFIG TEXT             the runtime refuses: exit status not 0, an error that matches
#                                          TEXT (an extended regular expression), the program never ran
#   story   CLAUSE FUNCTION                anything longer: FUNCTION runs in a subshell with errexit
# CONFIG and EXPECTATION may use harness.jq, $id, $bundle, $rootfs, $work and $tools. Output is TAP.
#
# Environment: STINT the runtime; TOOLS the directory with probe, receive, without;
# STINT_WITHOUT=CALL,... runs it under `without`; ST_TEST_STRICT=1 makes a skip a failure.
# The script runs in a mount namespace of its own, and removes all that it makes.

set -uo pipefail
shopt -s nullglob

if [[ -z ${STINT_TEST_TOKEN-} ]]; then
        [[ -x ${STINT:?the runtime to test} && -x ${TOOLS:?where probe is}/probe ]] ||
                { echo "Bail out! no executable $STINT or $TOOLS/probe"; exit 1; }
        ((EUID == 0)) || { echo "1..0 # SKIP needs root"; exit 0; }
        export STINT_TEST_TOKEN=stint-test-$$-$RANDOM
        exec unshare --mount --propagation private -- "$0" "$@" </dev/null
fi

support=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
token=$STINT_TEST_TOKEN
work=$(mktemp -d "${TMPDIR:-/tmp}/$token.XXXX")
state=$work/state
chmod 755 "$work" # a user namespace looks for the root in here
case_number=0 failures=0 time_limit=${STINT_TEST_TIME_LIMIT:-60} wrapper=()
[[ -z ${STINT_WITHOUT-} ]] || wrapper=("$TOOLS/without" "$STINT_WITHOUT")

# ---- the runtime

rt() { # VERB...: the runtime, with a state directory and a log of the case's own, behind ${wrapper[@]}
        timeout -k 5 "$time_limit" "${wrapper[@]}" \
                "$STINT" --root "$state" --log "$bundle/log.json" --log-format json "$@"
}

make_template() {
        mkdir -p "$state" "$work/template"/{bin,dev,etc,proc,root,run,sys,tmp,mnt}
        cp "$TOOLS/probe" "$(command -v busybox)" "$work/template/bin"
        ln -s busybox "$work/template/bin/sh"
        printf 'root:x:0:0::/root:/bin/sh\nten:x:10:20::/:/bin/sh\n' >"$work/template/etc/passwd"
        chmod 1777 "$work/template/tmp"
}

new_bundle() { # [SUFFIX]: sets bundle, rootfs, id; the root is a copy made of hard links
        id=$token-$case_number${1-}
        bundle=$work/$case_number${1-}
        rootfs=$bundle/rootfs
        mkdir "$bundle"
        cp -al "$work/template" "$rootfs"
}

config() { # FILTER: config.json is base.json changed by it
        jq --arg id "$id" --arg bundle "$bundle" --arg rootfs "$rootfs" --arg work "$work" --arg tools "$TOOLS" \
                "$(<"$support/harness.jq") .linux.cgroupsPath = \"/\" + \$id | ${1:-.}" \
                "$support/base.json" >"$bundle/config.json"
}

run_probe() { # [FLAG...]: run it to its end; what it printed becomes the report
        local status=0
        rt run --bundle "$bundle" "$@" "$id" >"$bundle/out" 2>"$bundle/err" || status=$?
        make_report "$status"
}

make_report() { # STATUS: the JSON lines of $bundle/out are one object; anything else is .output
        jq -sR --argjson exit "$1" 'reduce (split("\n")[] | select(. != "")) as $line ({exit: $exit, output: ""};
                ($line | try fromjson catch null) as $o
                | if ($o | type) == "object" then . * $o else .output += $line + "\n" end)' \
                "$bundle/out" >"$bundle/report"
}

# ---- expectations

expect_in() { # FILE EXPECTATION...: each is true of the JSON in FILE; says which is not
        local file=$1 expectation filter='[' failed
        shift
        for expectation; do
                filter+="([try ($expectation) catch .] | if length > 0 and all(. == true) then empty"
                filter+=" else {expected: \$ARGS.positional[${n:=0}], found: .} end),"
                n=$((n + 1))
        done
        unset n
        failed=$(jq -r --arg id "$id" --arg bundle "$bundle" --arg rootfs "$rootfs" --arg work "$work" --arg tools "$TOOLS" \
                "$(<"$support/harness.jq") ${filter%,}] | .[] | \"expected \(.expected)\", \"found    \(.found)\"" \
                "$file" --args "$@") || { echo "cannot evaluate: $*"; return 1; }
        [[ -z $failed ]] || { echo "$failed"; return 1; }
}

expect() { expect_in "$bundle/report" "$@"; }

expect_state() { # EXPECTATION...: of what `state` prints
        rt state "$id" >"$bundle/state.json" || { echo "state failed"; return 1; }
        expect_in "$bundle/state.json" "$@"
}

errors() { # what the runtime said in its log
        jq -r 'select(.level == "error" or .level == "fatal") | .msg' "$bundle/log.json" 2>/dev/null
}

must_fail() { # TEXT COMMAND...: it does, with an error that matches TEXT
        local text=$1 status=0 said
        shift
        : >"$bundle/log.json"
        "$@" >"$bundle/out" 2>"$bundle/err" || status=$?
        said=$(errors; cat "$bundle/err")
        ((status != 0)) || { echo "succeeded: $*"; return 1; }
        ((status != 124 && (status < 128 || status == 255))) || { echo "status $status: $*"; return 1; }
        grep -Eqi -- "$text" <<<"$said" || { echo "the error does not match '$text'"; return 1; }
}

eventually() { # COMMAND...: true within ten seconds
        local tries
        for ((tries = 0; tries < 1000; tries++)); do
                "$@" && return 0
                sleep 0.01
        done
        echo "never true: $*"
        return 1
}

is_running() { [[ $(rt state "$id" | jq -r .status) == running ]]; }
is_stopped() { [[ $(rt state "$id" | jq -r .status) == stopped ]]; }

nothing_left() { # of the case's containers
        local left=("$state"/* /sys/fs/cgroup/"$id"* /sys/fs/cgroup/*/"$id"*) mounts
        [[ ${#left[@]} == 0 ]] || { echo "left behind: ${left[*]}"; return 1; }
        mounts=$(</proc/self/mountinfo)
        [[ $mounts != *" $rootfs"[/\ ]* ]] || { echo "mounts are left on $rootfs"; return 1; }
}

# ---- cases

skip() { echo "$*" >"$bundle/skip"; exit 77; }                   # what a better machine could check
inapplicable() { echo "$*" >"$bundle/skip"; exit 78; }           # what cannot be checked on any machine of this kind

sweep() { # remove what a case left, whatever its result was
        local entry group pid
        for entry in "$state"/*; do rt delete --force "${entry##*/}" >/dev/null 2>&1; done
        for group in /sys/fs/cgroup/"$id"* /sys/fs/cgroup/*/"$id"*; do
                while read -r pid; do kill -KILL "$pid" 2>/dev/null; done < <(cat "$group"/cgroup.procs "$group"/*/cgroup.procs 2>/dev/null)
                find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || { sleep 0.2; find "$group" -depth -type d -exec rmdir {} + 2>/dev/null; }
        done
        while read -r entry; do umount -l "$entry" 2>/dev/null; done \
                < <(awk -v dir="$bundle" 'index($5, dir) == 1 { print $5 }' /proc/self/mountinfo | tac)
        rm -rf --one-file-system "$bundle" "$state"/*
}

story() { # CLAUSE FUNCTION [ARG...]
        local clause=$1 status
        shift
        new_bundle
        (set -e; "$@") >"$work/said" 2>&1
        status=$?
        case $status in
        0) rt delete --force "$id" >/dev/null 2>&1; nothing_left >"$work/said" || status=1;;
        77) [[ -z ${ST_TEST_STRICT-} ]] || status=1;;
        esac
        case $status in
        0) echo "ok $((case_number + 1)) - $clause";;
        77 | 78) echo "ok $((case_number + 1)) - $clause # SKIP $(<"$bundle/skip")";;
        *)
                echo "not ok $((case_number + 1)) - $clause"
                { cat "$work/said"; errors | sed 's/^/runtime: /'; cat "$bundle/skip" "$bundle/err" 2>/dev/null; } |
                        head -n 20 | cut -c 1-300 | sed 's/^/# /'
                failures=$((failures + 1));;
        esac
        sweep
        case_number=$((case_number + 1))
}

holds() { story "$1" check_holds "${@:2}"; }
check_holds() {
        local wants_success=('.exit == 0')
        config "$1"
        shift
        run_probe
        [[ "$*" != *.exit* ]] || wants_success=()
        expect "${wants_success[@]}" "$@"
        nothing_left
}

refused() { story "$1" check_refused "${@:2}"; }
check_refused() {
        config "$1"
        must_fail "$2" rt run --bundle "$bundle" "$id"
        [[ ! -s $bundle/out ]] || { echo "the program ran: $(head -c 200 "$bundle/out")"; return 1; }
        nothing_left
}

# ---- the end

processes_left() { # those that carry the token in their environment or cgroup, but for this script's own
        local dir pid parent
        for dir in /proc/[0-9]*; do
                pid=${dir#/proc/}
                grep -qs "$token" "$dir/environ" "$dir/cgroup" || continue
                parent=$(awk '$3 != "Z" { print $4 }' "$dir/stat" 2>/dev/null) # a zombie is its parent's to reap
                [[ -z $parent || $pid == "$$" || $pid == "$BASHPID" || $parent == "$$" || $parent == "$BASHPID" ]] ||
                        echo "process $pid, child of $parent: $(tr '\0' ' ' <"$dir/cmdline")"
        done
}

done_testing() {
        local left
        new_bundle
        left=$(processes_left; grep -F "$token" /proc/self/mountinfo; ip -o netns list 2>/dev/null | grep "$token"
                echo "$work"/[0-9]*/ | tr ' ' '\n' | grep -vx "$bundle/")
        rm -rf --one-file-system "$bundle"
        if [[ -z $left ]]; then
                echo "ok $((case_number + 1)) - nothing of ours is left"
        else
                echo "not ok $((case_number + 1)) - nothing of ours is left"
                sed 's/^/# /' <<<"$left"
                failures=$((failures + 1))
        fi
        echo "1..$((case_number + 1))"
        exit $((failures > 0))
}

interrupted() { sweep; exit 1; }
trap interrupted INT TERM HUP
trap 'rm -rf --one-file-system "$work"' EXIT
id=none bundle=$work/none rootfs=$bundle/rootfs
make_template
