#!/bin/bash
# shellcheck disable=SC2016 # what is in single quotes is for the container's shell or for jq
# stint batch: input, order, limits, what a task gets, what is recorded.
# shellcheck source=SCRIPTDIR/support.sh
source "$(dirname "$0")/support.sh"

# ---- input

lines() {
        config .
        printf '%s\n' 'echo one; echo $STINT_BATCH' '# a comment' '' 'exit 3' 'echo three >&2' >"$bundle/tasks"
        batch 1 -n 2 --keep-going "$bundle/tasks"
        same '1 0 1,2 3 1,3 0 1' "$(records 'sort_by(.id) | map("\(.id) \(.exit_code) \(.attempt)") | join(",")')"
        same one "$(head -n 1 "$bundle/logs/1.out")"
        same three "$(<"$bundle/logs/3.err")"
        nothing_of_batch
}
json() {
        config .
        cat >"$bundle/tasks" <<'J'
{"id":"a","args":["/bin/sh","-c","echo $A $PWD; cat"],"env":{"A":"x y"},"cwd":"/tmp","stdin":"STDIN","labels":{"k":"v"}}
{"id":"b","args":["/bin/sh","-c","exit 4"],"retry":2}
J
        echo from-file >"$bundle/input"
        sed -i "s|STDIN|$bundle/input|" "$bundle/tasks"
        batch 1 -n 1 --keep-going "$bundle/tasks"
        same $'x y /tmp\nfrom-file' "$(<"$bundle/logs/a.out")"
        same v "$(record a .labels.k)"
        same '1 2 3' "$(record b .attempt | paste -sd ' ')"
        [[ -e $bundle/logs/b.3.out ]]
}
templates() {
        config .
        printf '%s\n' '/data/a.txt' 'b c.tar.gz' >"$bundle/tasks"
        batch 0 -n 1 "$bundle/tasks" echo '{#}' '{}' '{/}' '{//}' '{.}' '{/.}' pre-{}-post
        same '1 /data/a.txt a.txt /data /data/a a pre-/data/a.txt-post' "$(<"$bundle/logs/1.out")"
        same '2 b c.tar.gz b c.tar.gz . b c.tar b c.tar pre-b c.tar.gz-post' "$(<"$bundle/logs/2.out")"
        rm -r "$bundle/results" "$bundle/logs"
        batch 0 -n 1 "$bundle/tasks" echo last:
        same 'last: b c.tar.gz' "$(<"$bundle/logs/2.out")"
}
pipe_still_written() { # the second line is written when the first task has ended
        config .
        mkfifo "$bundle/pipe"
        (batch 0 -n 2 "$bundle/pipe") &
        exec 9>"$bundle/pipe"
        echo 'echo first' >&9
        eventually test -s "$bundle/results"
        echo 'echo second' >&9
        exec 9>&-
        wait $!
        same second "$(<"$bundle/logs/2.out")"
}
bad_line() { # TEXT LINE
        config .
        printf 'true\n%s\n' "$2" >"$bundle/tasks"
        must_fail "$1" rt batch -b "$bundle" -n 1 "$bundle/tasks"
        must_fail "tasks:2" rt batch -b "$bundle" --dry-run "$bundle/tasks"
}
dry_run() {
        config .
        printf '{"id":"a","args":["x"],"after":["b"],"cpus":0.5,"timeout":"1m"}\n{"id":"b","args":["y"]}\n' >"$bundle/tasks"
        rt batch -b "$bundle" --dry-run "$bundle/tasks" >"$bundle/out"
        same 'b a' "$(jq -r .id "$bundle/out" | paste -sd ' ')"
        same '0.5 60' "$(jq -r 'select(.id == "a") | "\(.cpus) \(.timeout)"' "$bundle/out")"
        [[ -z $(ls -A "$state") ]]
}

# ---- order

after() { # b runs before a; c follows the failed d and never runs
        config .
        cat >"$bundle/tasks" <<'J'
{"id":"a","args":["/bin/true"],"after":["b"]}
{"id":"b","args":["/bin/sleep","0.1"]}
{"id":"c","args":["/bin/true"],"after":["a","d"]}
{"id":"d","args":["/bin/sh","-c","exit 1"]}
{"id":"e","args":["/bin/true"],"after":["c"]}
J
        batch 1 -n 4 --keep-going "$bundle/tasks"
        same 'a,b,d' "$(records 'map(.id) | sort | join(",")')"
        [[ $(record a .started_ns) -gt $(record b .exited_ns) ]]
        grep -q '2 succeeded, 1 failed, 2 skipped' "$bundle/err"
}
stuck() { # TEXT TASKS
        config .
        printf '%s\n' "$2" >"$bundle/tasks"
        must_fail "$1" rt batch -b "$bundle" -n 1 "$bundle/tasks"
}
stops_at_failure() {
        config .
        printf '%s\n' 'exit 1' 'true' 'true' >"$bundle/tasks"
        batch 1 -n 1 "$bundle/tasks"
        same 1 "$(records length)"
        grep -q '2 not run' "$bundle/err"
}
retried() { # it works at the third time
        config '.root.readonly = false'
        mkdir "$bundle/count"
        printf '%s\n' 'echo x >>/count/n; test $(wc -l </count/n) = 3' >"$bundle/tasks"
        batch 0 -n 1 --retry 5 --bind "$bundle/count:/count" "$bundle/tasks"
        same '1 2 3' "$(records 'map(.attempt) | map(tostring) | join(" ")')"
        same '1 1 0' "$(records 'map(.exit_code | tostring) | join(" ")')"
}
side_by_side() { # four tasks that wait for each other need four slots
        config .
        mkdir "$bundle/meet"
        for i in 1 2 3 4; do echo "touch /meet/$i; while ! ls /meet/1 /meet/2 /meet/3 /meet/4; do sleep 0.02; done"; done >"$bundle/tasks"
        batch 0 -n 4 --bind "$bundle/meet:/meet" "$bundle/tasks"
}

# ---- what a task gets

writable_root() { # its own, gone with it; the bundle's stays as it is
        config '.root.readonly = false'
        printf '%s\n' 'echo mine >/written; rm /etc/passwd; cat /written' 'cat /etc/passwd; test ! -e /written' >"$bundle/tasks"
        batch 0 -n 1 "$bundle/tasks"
        [[ ! -e $rootfs/written && -e $rootfs/etc/passwd ]]
        nothing_of_batch
}
scratch() {
        config '.root.readonly = false'
        echo 'echo mine >/written; dd if=/dev/zero of=/big bs=65536 count=16 && ls -l /big' >"$bundle/tasks"
        batch 0 -n 1 --scratch "$bundle/scratch" "$bundle/tasks"
        [[ -z $(ls -A "$bundle/scratch") ]]
        rm -r "$bundle/results" "$bundle/logs"
        batch 1 -n 1 --scratch-size 256k "$bundle/tasks"
        grep -qi 'no space' "$bundle/logs/1.err"
}
environment_and_binds() {
        config '.process.env = ["PATH=/bin", "A=config"] | .root.readonly = false'
        mkdir "$bundle/data"
        echo data >"$bundle/data/file"
        echo 'echo $A,$B,$C,$STINT_TASK_ID,$STINT_ATTEMPT,$PWD,$(id -u),$(id -g); cat /d/file; touch /d/new || echo read-only; touch /w/new' >"$bundle/tasks"
        mkdir "$bundle/w"
        chmod 777 "$bundle/w"
        B=passed C=hidden batch 0 -n 1 --env A=set --env B --workdir /tmp --user 7:8 \
                --bind "$bundle/data:/d:ro" --bind "$bundle/w:/w" "$bundle/tasks"
        same $'set,passed,,1,1,/tmp,7,8\ndata\nread-only' "$(<"$bundle/logs/1.out")"
        [[ -e $bundle/w/new ]]
}
network() {
        config 'namespace("network")'
        echo 'readlink /proc/self/ns/net' >"$bundle/tasks"
        ln -sf busybox "$rootfs/bin/readlink"
        batch 0 -n 1 --network host "$bundle/tasks"
        same "$(readlink /proc/self/ns/net)" "$(<"$bundle/logs/1.out")"
        rm -r "$bundle/results" "$bundle/logs"
        config 'del(.linux.namespaces[] | select(.type == "network"))'
        batch 0 -n 1 --network none "$bundle/tasks"
        [[ $(readlink /proc/self/ns/net) != "$(<"$bundle/logs/1.out")" ]]
}
limits() { # of v1 or v2, as the task's own cgroup has them
        config '.mounts += [{destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["ro"]}]'
        echo 'cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/cpu*/cpu.cfs_quota_us /sys/fs/cgroup/memory.max /sys/fs/cgroup/cpu.max 2>/dev/null; true' >"$bundle/tasks"
        batch 0 -n 1 --memory 64M --cpus 0.5 "$bundle/tasks"
        grep -qx 67108864 "$bundle/logs/1.out"
        grep -qE '^50000( 100000)?$' "$bundle/logs/1.out"
        [[ $(record 1 .cgroup.memory_peak_bytes) -gt 0 && $(record 1 .cgroup.cpu_usec) -gt 0 ]]
}
process_one() {
        config 'namespace("pid")'
        echo 'echo $$ $(cat /proc/1/comm) $PPID' >"$bundle/tasks"
        batch 0 -n 1 "$bundle/tasks"
        same '2 stint-init 1' "$(<"$bundle/logs/1.out")"
        rm -r "$bundle/results" "$bundle/logs"
        batch 0 -n 1 --no-init "$bundle/tasks"
        same '1 sh 0' "$(<"$bundle/logs/1.out")"
}

# ---- beside the task

pre_and_post() { # post once, whatever happens; the task's own code is kept
        config .
        printf '%s\n' 'exit 5' 'true' '/none' >"$bundle/tasks"
        batch 1 -n 1 --keep-going --pre "echo pre \$STINT_TASK_ID >>$bundle/steps" \
                --post "echo post \$STINT_TASK_ID \$STINT_END \$STINT_EXIT_CODE >>$bundle/steps; exit 9" "$bundle/tasks"
        same $'pre 1\npost 1 exited 5\npre 2\npost 2 exited 0\npre 3\npost 3 exited 127' "$(<"$bundle/steps")"
        same '5 pre 0 post 9' "$(record 1 '"\(.exit_code) \(.hooks[0].name) \(.hooks[0].exit_code) \(.hooks[1].name) \(.hooks[1].exit_code)"')"
}
pre_fails() {
        config .
        echo 'echo ran' >"$bundle/tasks"
        batch 1 -n 1 --pre 'echo no; exit 4' --post "echo post >>$bundle/steps" "$bundle/tasks"
        same 'start-failed null --pre: exit status 4' "$(record 1 '"\(.end) \(.exit_code) \(.error)"')"
        same '' "$(<"$bundle/logs/1.out")"
        same no "$(<"$bundle/logs/1.steps")"
        same post "$(<"$bundle/steps")"
}
outputs() {
        config .
        cat >"$bundle/tasks" <<'J'
echo JOB_OUT a=1; echo JOB_OUT b=x=y; echo NOT JOB_OUT c=1; echo JOB_OUT a=2; echo plain; printf 'JOB_OUT last=z'
J
        batch 0 -n 1 --outputs JOB_OUT "$bundle/tasks"
        same '{"a":"2","b":"x=y","last":"z"}' "$(record 1 '.outputs | tojson')"
        same $'JOB_OUT a=1\nJOB_OUT b=x=y\nNOT JOB_OUT c=1\nJOB_OUT a=2\nplain\nJOB_OUT last=z' "$(<"$bundle/logs/1.out")"
}

# ---- resources and devices

resources() { # never the same instance twice at once; each looks for the marks of the others
        config .
        mkdir "$bundle/marks"
        for ((i = 0; i < 12; i++)); do
                echo 'for g in $(echo $STINT_RESOURCE_GPU | tr , " "); do mkdir /marks/$g || exit 1; done; sleep 0.05; for g in $(echo $STINT_RESOURCE_GPU | tr , " "); do rm -r /marks/$g; done'
        done >"$bundle/tasks"
        ln -sf busybox "$rootfs/bin/tr"
        batch 0 -n 6 --resource gpu=4 --need gpu=2 --bind "$bundle/marks:/marks" "$bundle/tasks"
        same 2 "$(records 'map(.resources.gpu | length) | unique | join(",")')"
        must_fail 'gpu.*5 wanted, there are 4' rt batch -b "$bundle" -n 1 --resource gpu=4 --need gpu=5 "$bundle/tasks"
        must_fail 'fpga' rt batch -b "$bundle" -n 1 --need fpga=1 "$bundle/tasks"
}
devices() { # a spec in /etc/cdi, which is an overlay of ours here
        mkdir "$bundle/etc"
        mount -t tmpfs none "$bundle/etc"
        mkdir "$bundle/etc/upper" "$bundle/etc/work" "$bundle/shown"
        mount -t overlay -o "lowerdir=/etc,upperdir=$bundle/etc/upper,workdir=$bundle/etc/work" none /etc
        mkdir -p /etc/cdi
        echo shown >"$bundle/shown/file"
        jq -n --arg dir "$bundle/shown" '{cdiVersion: "0.6.0", kind: "v.com/d", devices: [{name: "0", containerEdits: {
                deviceNodes: [{path: "/dev/mine", hostPath: "/dev/zero"}], env: ["MINE=yes"],
                mounts: [{hostPath: $dir, containerPath: "/shown", options: ["rbind", "ro"]}]}}]}' >/etc/cdi/v.json
        config '.root.readonly = false'
        echo 'head -c 4 /dev/mine | wc -c; echo $MINE; cat /shown/file' >"$bundle/tasks"
        batch 0 -n 1 --device v.com/d=0 "$bundle/tasks"
        same $'4\nyes\nshown' "$(<"$bundle/logs/1.out")"
        same v.com/d=0 "$(record 1 '.devices[0]')"
        rm -r "$bundle/results" "$bundle/logs"
        batch 1 -n 1 --device v.com/d=9 "$bundle/tasks"
        same 'start-failed device v.com/d=9: no CDI spec has it' "$(record 1 '"\(.end) \(.error)"')"
        umount /etc "$bundle/etc"
}
slots_auto() { # as many as the CPUs that we may use
        config .
        echo true >"$bundle/tasks"
        rt() { taskset -c "$(taskset -pc $$ | sed 's/.*: *\([0-9]*\).*/\1/')" "$STINT" --root "$state" "$@"; }
        batch 0 --json "$bundle/tasks"
        rt batch -b "$bundle" "$bundle/tasks" 2>"$bundle/err"
        grep -q 'on 1 slot$' "$bundle/err"
        rt batch -b "$bundle" --cpus 0.25 "$bundle/tasks" 2>"$bundle/err"
        grep -q 'on 4 slots$' "$bundle/err"
}
make_room() { # the best-effort task is ended, the exclusive one runs, the other begins again
        config .
        mkdir "$bundle/marks"
        mkfifo "$bundle/pipe"
        (batch 0 -n 1 --bind "$bundle/marks:/marks" "$bundle/pipe") &
        exec 9>"$bundle/pipe"
        echo '{"id":"low","args":["/bin/sh","-c","test -e /marks/high && exit 0; touch /marks/low; exec sleep 100"],"tier":"best-effort"}' >&9
        eventually test -e "$bundle/marks/low"
        echo '{"id":"high","args":["/bin/touch","/marks/high"],"tier":"exclusive"}' >&9
        exec 9>&-
        wait $!
        same 'preempted 1,exited 2' "$(record low '"\(.end) \(.attempt)"' | paste -sd ,)"
        same exited "$(record high .end)"
}

# ---- telling

events() {
        config .
        printf '%s\n' true 'exit 2' >"$bundle/tasks"
        batch 1 -n 1 --keep-going --json "$bundle/tasks"
        same 'started 1,ended 1,started 2,ended 2,summary null' "$(jq -r '"\(.event) \(.id)"' "$bundle/out" | paste -sd ,)"
        same '1 1 2' "$(jq -r 'select(.event == "summary") | "\(.succeeded) \(.failed) \(.start.n)"' "$bundle/out")"
}
no_overwriting() {
        config .
        echo true >"$bundle/tasks"
        batch 0 -n 1 "$bundle/tasks"
        must_fail 'results exists: --resume' rt batch -b "$bundle" --results "$bundle/results" -n 1 "$bundle/tasks"
}
full_disk() { # of the results: no start whose record could not be written
        config .
        mkdir "$bundle/small"
        mount -t tmpfs -o size=96k none "$bundle/small"
        for ((i = 0; i < 100; i++)); do echo "echo $i >>/marks/ran"; done >"$bundle/tasks"
        mkdir "$bundle/marks"
        must_fail 'No space left' rt batch -b "$bundle" -n 2 --bind "$bundle/marks:/marks" --results "$bundle/small/results" "$bundle/tasks"
        same "$(wc -l <"$bundle/marks/ran")" "$(jq -s length "$bundle/small/results")"
        [[ $(jq -s length "$bundle/small/results") -gt 5 ]]
        umount "$bundle/small"
}
cancelled() { # SIGNAL
        config .
        mkdir "$bundle/marks"
        printf '%s\n' 'trap "exit 7" TERM; touch /marks/1; while :; do sleep 0.02; done' 'touch /marks/2; sleep 100' true >"$bundle/tasks"
        (exec "$STINT" --root "$state" batch -b "$bundle" -n 2 --kill-after 200ms --results "$bundle/results" \
                --logs "$bundle/logs" --bind "$bundle/marks:/marks" "$bundle/tasks" >"$bundle/out" 2>"$bundle/err") &
        eventually test -e "$bundle/marks/1" -a -e "$bundle/marks/2"
        kill "-$1" $!
        local status=0
        wait $! || status=$?
        same 1 $status
        same 'cancelled 7 null,cancelled null 15' "$(records 'sort_by(.id) | map("\(.end) \(.exit_code) \(.signal)") | join(",")')"
        nothing_of_batch
        # a new run does what was cancelled, and what never began
        printf '%s\n' true true true >"$bundle/tasks"
        batch 0 -n 2 --resume "$bundle/tasks"
        same '1 1,1 2,2 1,2 2,3 1' "$(records 'map("\(.id) \(.attempt)") | sort | join(",")')"
}

story 'lines are commands for the shell; comments and blank lines are none' lines
story 'JSON lines: env, cwd, stdin, labels, retry' json
story 'a command is a template for the lines' templates
story 'a pipe is read while it is written' pipe_still_written
story 'a line that is no JSON' bad_line 'tasks:2: ' '{"args":'
story 'a member of the wrong type' bad_line 'tasks:2: args.0.: a string wanted, not 7' '{"args":[7]}'
story 'an unknown member' bad_line 'tasks:2: timout: no such member' '{"args":["x"],"timout":3}'
story 'no args' bad_line 'tasks:2: args is missing' '{"id":"x"}'
story 'an id that names no file' bad_line 'tasks:2: id: ' '{"id":"../x","args":["x"]}'
story 'an id twice' bad_line 'tasks:2: id 1: another task has it' '{"id":"1","args":["x"]}'
story '--dry-run prints the tasks in their order' dry_run
story 'after: who waits, who is skipped' after
story 'after a task that never comes' stuck 'task a comes after x, which is not in the input' '{"id":"a","args":["/bin/true"],"after":["x"]}'
story 'after itself' stuck 'task . comes after itself' $'{"id":"a","args":["/bin/true"],"after":["b"]}\n{"id":"b","args":["/bin/true"],"after":["a"]}'
story 'a failure stops what has not begun' stops_at_failure
story '--retry' retried
story 'as many at a time as there are slots' side_by_side
story 'a writable root is the task'"'"'s own' writable_root
story '--scratch, --scratch-size' scratch
story '--env, --workdir, --user, --bind' environment_and_binds
story '--network' network
story '--memory, --cpus' limits
story 'the task is a child of process 1, or is it with --no-init' process_one
story '--pre and --post' pre_and_post
story '--pre that fails: no start, and --post' pre_fails
story '--outputs' outputs
story '--resource, --need' resources
story '--device: what a CDI spec says' devices
story '--slots auto' slots_auto
story 'an exclusive task does not wait for a best-effort one' make_room
story '--json' events
story 'results are not overwritten' no_overwriting
story 'a full disk refuses a start, and loses no end' full_disk
story 'SIGINT ends and records what runs; --resume goes on' cancelled INT
story 'SIGTERM ends and records what runs; --resume goes on' cancelled TERM
done_testing
