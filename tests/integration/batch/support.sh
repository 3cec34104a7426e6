# shellcheck shell=bash
# support.sh: what the tests of `stint batch` share, on top of the probe's harness.
# shellcheck source=SCRIPTDIR/../../support/probe/harness.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../support/probe/harness.sh"
for applet in sleep cat id grep ls kill echo env dd touch true wc head tail mkdir rm pwd; do
        ln -sf busybox "$work/template/bin/$applet"
done

same() { # WANTED FOUND
        [[ $1 == "$2" ]] || { printf 'wanted %q, found %q\n' "$1" "$2"; return 1; }
}

batch() { # STATUS OPTION... FILE [COMMAND...]: with results and logs; what it prints is in err
        local wanted=$1 status=0
        shift
        rt batch --bundle "$bundle" --results "$bundle/results" --logs "$bundle/logs" "$@" \
                >"$bundle/out" 2>"$bundle/err" || status=$?
        ((status == wanted)) || { echo "status $status, not $wanted"; tail -n 5 "$bundle/err"; return 1; }
}

records() { # FILTER: of the results as one array
        jq -rs "$1" "$bundle/results"
}
record() { # ID FILTER
        jq -r --arg task "$1" "select(.id == \$task) | $2" "$bundle/results"
}

nothing_of_batch() { # no containers, cgroups, mounts; the journal only while something is open
        local left=("$state"/[!.]* "$state"/.batch-*) name
        [[ ${#left[@]} == 0 ]] || { echo "left behind: ${left[*]}"; return 1; }
        for name in $(cat "$bundle"/logs/*.out "$bundle"/run-names 2>/dev/null | grep -ao 'batch-[0-9a-f]\{12\}' | sort -u); do
                left=(); mapfile -t left < <(find /sys/fs/cgroup -type d -name "$name*")
                [[ ${#left[@]} == 0 ]] || { echo "cgroups left: ${left[*]}"; return 1; }
        done
        [[ ! -e $bundle/results.journal ]] || { echo "the journal is left"; return 1; }
}
