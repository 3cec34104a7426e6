#!/bin/bash
# shellcheck disable=SC2016 # what is in single quotes is for the container's shell or for jq
# stint batch --resume after kill -9: what is lost, what is run, what is removed. (tests/soak/batch-kill does it at random.)
# shellcheck source=SCRIPTDIR/support.sh
source "$(dirname "$0")/support.sh"

interrupted_run() { # OPTION...: killed while task 1 has ended, 2 and 3 run, 4 has not begun
        config "${CONFIG:-.}"
        mkdir "$bundle/marks"
        printf '%s\n' true 'echo $STINT_ATTEMPT >>/marks/2; test $STINT_ATTEMPT -gt 1 || sleep 100' \
                'echo $STINT_ATTEMPT >>/marks/3; test $STINT_ATTEMPT -gt 1 || sleep 100' 'echo $STINT_ATTEMPT >>/marks/4' >"$bundle/tasks"
        (exec "$STINT" --root "$state" batch -b "$bundle" -n 2 --results "$bundle/results" --logs "$bundle/logs" \
                --bind "$bundle/marks:/marks" "$@" "$bundle/tasks" >"$bundle/out" 2>"$bundle/err") &
        eventually test -s "$bundle/marks/2" -a -s "$bundle/marks/3"
        kill -KILL $!
        wait $! || true
        jq -r 'select(.run) | .run' "$bundle/results.journal" >>"$bundle/run-names"
}
resumed() { # STATUS OPTION...
        batch "$1" -n 2 --keep-going --resume --bind "$bundle/marks:/marks" "${@:2}" "$bundle/tasks"
        nothing_of_batch
}

lost() {
        interrupted_run
        same 1 "$(records length)"
        resumed 1
        same '1 exited,2 lost,3 lost,4 exited' "$(records 'map("\(.id) \(.end)") | sort | join(",")')"
        same 1 "$(<"$bundle/marks/2")"
        resumed 1 # nothing is left to do, and the lost are still lost
        same 4 "$(records length)"
}
rerun() { # OPTION
        interrupted_run
        resumed 0 "$@"
        same '1 exited 1,2 exited 2,2 lost 1,3 exited 2,3 lost 1,4 exited 1' "$(records 'map("\(.id) \(.end) \(.attempt)") | sort | join(",")')"
}
tasks_die_with_it() { # without a pid 1 that would, they are removed by the next
        interrupted_run "$@"
        [[ -z ${1-} ]] || eventually pgrep_marks
        resumed 1 "$@"
        ! pgrep_marks
}
pgrep_marks() { rt list -q | grep -q . ; }
writable() {
        CONFIG='.root.readonly = false' interrupted_run --scratch "$bundle/scratch"
        [[ -n $(ls -A "$bundle/scratch") ]]
        resumed 1 --scratch "$bundle/scratch"
        [[ -z $(ls -A "$bundle/scratch") ]]
}
torn() { # what a power cut may leave behind the last line
        interrupted_run
        printf '{"id":"2","att' >>"$bundle/results"
        printf '{"start":"4","atte' >>"$bundle/results.journal"
        resumed 1
        same '1 exited,2 lost,3 lost,4 exited' "$(records 'map("\(.id) \(.end)") | sort | join(",")')"
}
in_use() { # two batches do not write to one file
        config .
        mkdir "$bundle/marks"
        echo 'while ! ls /marks/go; do sleep 0.02; done' >"$bundle/tasks"
        (batch 0 -n 1 --bind "$bundle/marks:/marks" "$bundle/tasks") &
        eventually test -s "$bundle/results.journal"
        must_fail 'another process writes to it' rt batch -b "$bundle" --resume --results "$bundle/results" "$bundle/tasks"
        touch "$bundle/marks/go"
        wait $!
}
no_results() {
        config .
        echo 'not a record' >"$bundle/results"
        echo true >"$bundle/tasks"
        must_fail 'results:1: ' rt batch -b "$bundle" --resume --results "$bundle/results" "$bundle/tasks"
        same 'not a record' "$(<"$bundle/results")"
}

story 'a started task without an end is lost, what never began runs' lost
story '--rerun-lost' rerun --rerun-lost
story '--retry runs the lost again' rerun --retry 1
story 'tasks die with the batch that watches them' tasks_die_with_it
story 'without a pid 1 of ours the next run ends them' tasks_die_with_it --no-init
story 'scratch directories are removed' writable
story 'half a line is none' torn
story 'results that another batch writes' in_use
story 'a file that is no results is left alone' no_results
done_testing
