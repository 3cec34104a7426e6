# shellcheck shell=bash
# attack.sh: what the tests of published escapes share; on top of the harness.
# shellcheck source-path=SCRIPTDIR source=../../support/probe/harness.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../../support/probe/harness.sh"
[[ -x ${ATTACKS:?where exchange is}/exchange ]] || { echo "Bail out! no executable $ATTACKS/exchange"; exit 1; }

rounds=${STINT_TEST_ROUNDS:-20} # of a race
exec 3>&1                       # comments in the TAP output

# ---- a part of the machine that no container may reach: $bundle/outside
make_outside() {
        mkdir -p "$bundle/outside/dir"
        echo machine >"$bundle/outside/target"
        echo machine >"$bundle/outside/ptmx"
        chmod 640 "$bundle/outside/target"
        fingerprint >"$bundle/outside.before"
}
fingerprint() { find "$bundle/outside" -printf '%P %y %m %U:%G %s %l %i %C@\n'; } # any change moves a ctime
untouched() { # since make_outside
        [[ $(fingerprint) == "$(<"$bundle/outside.before")" ]] ||
                { echo 'the machine was reached'; fingerprint | diff "$bundle/outside.before" -; return 1; }
}

# ---- running what may be refused, but must not succeed in the attack
attempt() { # [FLAG...]: run it; refused or not, no crash; the report is empty when it was refused
        run_probe "$@"
        local status
        status=$(jq .exit "$bundle/report")
        ((status != 124 && (status < 129 || status > 160))) || { echo "status $status"; return 1; }
        untouched
}
was_refused() { [[ $(jq .exit "$bundle/report") != 0 ]]; }

# ---- races: two names swapped all the while, $rounds runs of the configuration. In CHECK errexit is off.
swap() { # A B: until end_swap, or the end of the case
        "$ATTACKS/exchange" "$1" "$2" >"$bundle/swaps" 2>&1 &
        swapper=$!
        trap 'kill "$swapper" 2>/dev/null || true' EXIT
}
end_swap() {
        kill "$swapper"
        wait "$swapper" && (($(<"$bundle/swaps") > rounds)) || { echo "no race: $(<"$bundle/swaps")"; return 1; }
}
race() { # A B CHECK: CHECK is called after each run; what the task printed is in $bundle/out
        local round status=0 ran=0
        swap "$1" "$2"
        for ((round = 0; round < rounds; round++)); do
                rt run --bundle "$bundle" "$id" >"$bundle/out" 2>"$bundle/err" && ran=$((ran + 1))
                "$3" || { echo "in round $round"; status=1; break; }
                [[ -z $(echo "$state"/*) ]] || rt delete --force "$id"
        done
        end_swap || status=1
        echo "# $rounds rounds, $ran not refused; $(<"$bundle/swaps") swaps" >&3
        return $status
}

# What is mounted when the container's mounts are made but its root is not entered yet, as a createContainer hook sees it.
# shellcheck disable=SC2034 # used by the cases
mounts_hook='.hooks.createContainer = [hook("cat /proc/self/mountinfo >" + $bundle + "/mountinfo")]'
nothing_on_outside() {
        untouched || return
        ! grep -s " $bundle/outside" "$bundle/mountinfo" || { echo 'something is mounted on the machine'; return 1; }
}
nothing_read() { ! grep machine "$bundle/out" || { echo 'a file of the machine was read'; return 1; }; }

# ---- a container that stays
start_holding() { # CONFIG
        config "$1"
        rt create --bundle "$bundle" "$id" >"$bundle/out" 2>"$bundle/err"
        rt start "$id"
}
exec_probe() { # ARG...: `exec` with them; what it printed becomes the report
        local status=0
        rt exec "$@" >"$bundle/out" 2>"$bundle/err" || status=$?
        make_report $status
}
