#!/bin/bash
# shellcheck disable=SC2016 # what is in single quotes is for the container's shell or for jq
# One table of how tasks end, and the record that each has to leave: with a pid 1 beside the task, and without where the task itself
# can end that way as process 1.
# shellcheck source=SCRIPTDIR/support.sh
source "$(dirname "$0")/support.sh"

# NAME | what --no-init leaves, when it is not the same ("-": not to be asked) | end code signal | options | command
outcomes() {
        cat <<'T'
exit 0||exited 0 null||exit 0
exit 1||exited 1 null||exit 1
exit 42||exited 42 null||exit 42
exit 127 of its own||exited 127 null||exit 127
exit 137 is no signal||exited 137 null||exit 137
exit 255||exited 255 null||exit 255
HUP|-|signaled null 1||kill -HUP $$
INT|-|signaled null 2||kill -INT $$
QUIT|-|signaled null 3||exec /bin/probe-abort 3
ABRT|-|signaled null 6||kill -ABRT $$
KILL|-|signaled null 9||kill -KILL $$
SEGV|-|signaled null 11||kill -SEGV $$
PIPE|-|signaled null 13||kill -PIPE $$
ALRM|-|signaled null 14||kill -ALRM $$
TERM|-|signaled null 15||kill -TERM $$
USR1|-|signaled null 10||kill -USR1 $$
RTMIN|-|signaled null 34||kill -34 $$
abort|-|signaled null 6||exec /bin/probe-abort
out of memory|-|oom null 9|--memory 16M|exec tail -c 100000000 /dev/zero
a child out of memory|exited 3 null|exited 3 null|--memory 16M|tail -c 100000000 /dev/zero; exit 3
soft timeout|-|timeout null 15|--timeout 0.2|exec sleep 100
soft timeout, handled||timeout 5 null|--timeout 0.3 --kill-after 5s|trap 'exit 5' TERM; while :; do sleep 0.02; done
hard timeout||timeout null 9|--timeout 0.2 --kill-after 100ms|trap '' TERM; while :; do sleep 0.02; done
orphans end with it||exited 0 null||(trap '' TERM HUP; sleep 100) & (sleep 0.01) & exit 0
orphans are reaped||exited 0 null||for i in 1 2 3 4 5 6 7 8; do (sleep 0.01 &) ; done; sleep 0.1; exit $(cat /proc/[0-9]*/stat | grep -c ' Z ')
its whole group||exited 0 null||trap 'exit 0' TERM; kill -TERM 0; exit 1
T
}

end_of() { record "$1" '"\(.end) \(.exit_code) \(.signal)"'; }

outcome() { # WANTED OPTIONS COMMAND
        local options=()
        config '.root.readonly = false'
        cp "$TOOLS/abort" "$rootfs/bin/probe-abort"
        read -ra options <<<"$2"
        echo "$3" >"$bundle/tasks"
        rt batch -b "$bundle" -n 1 -q --results "$bundle/results" --logs "$bundle/logs" "${options[@]}" "$bundle/tasks" || true
        same "$1" "$(end_of 1)"
        same 1 "$(records length)"
        check_times
        nothing_of_batch
}
check_times() { # what ran has all times, in their order
        jq -e 'if .end == "start-failed" then .started_ns and .exited_ns and .first_instruction_ns == null
                else .created_ns <= .started_ns and .started_ns <= .exited_ns
                and (.first_instruction_ns == null or (.started_ns <= .first_instruction_ns and .first_instruction_ns <= .exited_ns)) end' \
                "$bundle/results" >/dev/null || { echo "times: $(<"$bundle/results")"; return 1; }
}

exec_failure() { # WANTED-ERROR OPTIONS ARGS-JSON
        local options=()
        config .
        read -ra options <<<"$2"
        printf 'no magic' >"$rootfs/bin/data"
        printf '#!/bin/nothing\n' >"$rootfs/bin/script"
        chmod 755 "$rootfs/bin/data" "$rootfs/bin/script"
        printf '{"id":"x","args":%s}\n' "$3" >"$bundle/tasks"
        batch 1 -n 1 "${options[@]}" --post "touch $bundle/post" "$bundle/tasks"
        same 'start-failed null null' "$(end_of x)"
        record x .error | grep -Eqi "$1" || { echo "error: $(record x .error)"; return 1; }
        [[ -e $bundle/post ]]
        check_times
        nothing_of_batch
}
killed_process_one() { # by somebody outside: what the task itself did is unknown
        config 'namespace("pid")'
        mkdir "$bundle/marks"
        echo 'touch /marks/up; sleep 100' >"$bundle/tasks"
        (batch 1 -n 1 --bind "$bundle/marks:/marks" "$bundle/tasks") &
        eventually test -e "$bundle/marks/up"
        kill -KILL "$(rt list --format json | jq '.[0].pid')"
        wait $!
        same 'signaled null 9' "$(end_of 1)"
        nothing_of_batch
}

while IFS='|' read -r name without wanted options command; do
        story "$name" outcome "$wanted" "$options" "$command"
        [[ $without == - ]] || story "$name, without a pid 1 of ours" outcome "${without:-$wanted}" "--no-init $options" "$command"
done < <(outcomes)
for init in '' '--no-init'; do
        story "no such program $init" exec_failure 'none.*(not found|[Nn]o such file)' "$init" '["/none"]'
        story "not in PATH $init" exec_failure 'none.*not found in' "$init" '["none"]'
        story "no permission $init" exec_failure '[Pp]ermission denied' "$init" '["/etc/passwd"]'
        story "no format $init" exec_failure 'data.*Exec format error' "$init" '["/bin/data"]'
        story "no interpreter $init" exec_failure 'script.*No such file' "$init" '["/bin/script"]'
done
story 'process 1 is killed from outside' killed_process_one
done_testing
