#!/bin/bash
# config.md, "Process": arguments, environment, user, limits, scheduling. Terminals: terminal.sh.
# shellcheck source-path=SCRIPTDIR source=../support/probe/harness.sh
. "$(dirname "$(readlink -f "$0")")/../support/probe/harness.sh"

# ---- args, env, cwd
holds 'config.md, Process: args are the program and its arguments' \
        'probe("read=/dev/null", "")| .process.args |= .[:2]' '.args == ["/bin/probe", "read=/dev/null"]'
holds 'config.md, Process: args[0] has the semantics of execvp'"'"'s file: PATH of process.env is searched' \
        '.process.args[0] = "probe" | .process.env = ["PATH=/nowhere:/bin"]' '.args[0] == "probe"'
holds 'config.md, Process: an argument may hold any byte but NUL' \
        '.process.args = ["/bin/sh", "-c", "exec probe only \"read=$0\"", "/dev/null \" \\ \u00e4 \t"]' \
        '.read | keys[0] | test("\\t$")'
refused 'config.md, Process: at least one entry of args is REQUIRED' '.process.args = []' 'args|executable|command'
refused 'config.md, Process: a program that is not there is an error' 'args(["/bin/none"])' 'no such file|not found'
refused 'config.md, Process: a program that is not found in PATH is an error' 'args(["none"])' 'no such file|not found'
refused 'config.md, Process: a program that cannot be executed is an error' 'args(["/etc/passwd"])' 'permission denied'
refused 'config.md, Process: a directory is no program' 'args(["/bin"])' 'permission denied|directory'
holds 'config.md, Process: env is exactly the environment, in order, duplicates and all' \
        '.process.env = ["PATH=/bin", "B=2", "A=1", "EMPTY=", "SPACE= x y "]' \
        '[.env[] | select(startswith("HOME=") | not)] == ["PATH=/bin", "B=2", "A=1", "EMPTY=", "SPACE= x y "]'
holds 'config.md, Process: nothing of the runtime'"'"'s environment reaches the process' \
        . '[.env[] | select(test("STINT|TOOLS|TMPDIR|LISTEN|NOTIFY"))] == []'
holds 'config.md, Process: cwd is the working directory' '.process.cwd = "/etc"' '.cwd == "/etc"'
refused 'config.md, Process: cwd MUST be an absolute path' '.process.cwd = "etc"' 'cwd|absolute'
refused 'config.md, Process: cwd is REQUIRED' 'del(.process.cwd)' 'cwd'
refused 'config.md, Process: cwd that is no directory is an error' '.process.cwd = "/etc/passwd"' 'not a directory|cwd|chdir'

# ---- user
holds 'config.md, User: uid, gid and additionalGids, real, effective, saved and of the file system' \
        '.process.user = {uid: 10, gid: 20, additionalGids: [5, 6]}' \
        '.uids == [10, 10, 10, 10]' '.gids == [20, 20, 20, 20]' '.groups - [20] | sort == [5, 6]'
holds 'config.md, User: without additionalGids no group of the runtime is kept' \
        '.process.user = {uid: 10, gid: 20}' '.groups - [20] == []'
holds 'config.md, User: the highest uid and gid' '.process.user = {uid: 4294967294, gid: 4294967294}' \
        '.uids == [range(4) | 4294967294]' '.gids == [range(4) | 4294967294]'
holds 'config.md, User: umask' '.process.user.umask = 63' '.umask == 63'
holds 'config.md, User: umask 0 is a value' '.process.user.umask = 0' '.umask == 0'
refused 'config.md, User: uid is REQUIRED to be a number' '.process.user.uid = "root"' 'uid|json|type'

# ---- rlimits
holds 'config.md, POSIX process: rlimits: soft and hard MUST match' \
        '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 100, hard: 200}, {type: "RLIMIT_CORE", soft: 0, hard: 4096},
                             {type: "RLIMIT_CPU", soft: 1000, hard: 2000}]' \
        '.rlimits.RLIMIT_NOFILE == [100, 200]' '.rlimits.RLIMIT_CORE == [0, 4096]' '.rlimits.RLIMIT_CPU == [1000, 2000]'
for limit in AS CORE CPU DATA FSIZE LOCKS MEMLOCK MSGQUEUE NICE NOFILE NPROC RSS RTPRIO RTTIME SIGPENDING STACK; do
        value=4194304
        [[ $limit != NICE && $limit != RTPRIO ]] || value=0
        [[ $limit != MSGQUEUE ]] || value=4096
        [[ $limit != @(NPROC|SIGPENDING|NOFILE) ]] || value=1000
        [[ $limit != AS ]] || value=268435456
        holds "config.md, POSIX process: RLIMIT_$limit" \
                ".process.rlimits = [{type: \"RLIMIT_$limit\", soft: $value, hard: $value}]" \
                ".rlimits.RLIMIT_$limit == [$value, $value]"
done
unlimited() { # what the caller has without a limit can stay so
        [[ $(ulimit -Hf) == unlimited ]] || skip 'file size is limited here'
        config '.process.rlimits = [{type: "RLIMIT_FSIZE", soft: 18446744073709551615, hard: 18446744073709551615}]'
        sed -i 's/18446744073709552000/18446744073709551615/' "$bundle/config.json" # jq 1.6 rounds
        run_probe
        expect '.exit == 0' '.rlimits.RLIMIT_FSIZE == [18446744073709551615, 18446744073709551615]'
}
story 'config.md, POSIX process: rlimits are uint64: all ones is no limit' unlimited
refused 'config.md, POSIX process: a limit that the kernel does not have MUST be an error' \
        '.process.rlimits = [{type: "RLIMIT_NONE", soft: 1, hard: 1}]' 'RLIMIT_NONE|rlimit'
refused 'config.md, POSIX process: a duplicated type MUST be an error' \
        '.process.rlimits = [{type: "RLIMIT_CORE", soft: 1, hard: 1}, {type: "RLIMIT_CORE", soft: 1, hard: 1}]' \
        'rlimit|duplicate'
refused 'config.md, Valid values: soft above hard is an error' \
        '.process.rlimits = [{type: "RLIMIT_CORE", soft: 2, hard: 1}]' 'rlimit|RLIMIT_CORE'

# ---- privileges
holds 'config.md, Linux process: noNewPrivileges' '.process.noNewPrivileges = true' '.no_new_privs'
holds 'config.md, Linux process: noNewPrivileges is false by default' . '.no_new_privs | not'
holds 'config.md, Linux process: the process keeps no securebits, death signal or subreaper of the runtime' . \
        '.securebits == 0' '.keep_capabilities == 0' '.parent_death_signal == 0' '.subreaper | not'
holds 'config.md, Process: signals are at their defaults and none is blocked' . \
        '.status.SigBlk | is_set("^0+$")' '.status.SigIgn | is_set("^0+$")'
ignored_signals_are_reset() {
        config .
        (trap '' HUP USR1 TERM; run_probe)
        expect '.exit == 0' '.status.SigIgn | is_set("^0+$")' '.status.SigBlk | is_set("^0+$")'
}
story 'config.md, Process: a signal that the caller ignores is not ignored in the container' ignored_signals_are_reset
holds 'config.md, Process: it leads a session of its own, as process 1 of its pid namespace' . \
        '.pid == 1' '.session == 1' '.process_group == 1'

# ---- oomScoreAdj
holds 'config.md, Linux process: oomScoreAdj MUST be set to the value' '.process.oomScoreAdj = 123' '.oom_score_adj == 123'
oom_score_is_kept() {
        config .
        (echo 77 >/proc/self/oom_score_adj && exec bash -c ': needs a process whose score it is' && :) || skip 'cannot raise oom_score_adj'
        (echo 77 >"/proc/$BASHPID/oom_score_adj"; run_probe)
        expect '.exit == 0' '.oom_score_adj == 77'
}
story 'config.md, Linux process: without oomScoreAdj the runtime MUST NOT change it' oom_score_is_kept
refused 'config.md, Valid values: oomScoreAdj above 1000 is an error' '.process.oomScoreAdj = 1001' 'oom'

# ---- scheduler
for policy in OTHER BATCH; do
        holds "config.md, Linux process: scheduler SCHED_$policy with a nice value" \
                ".process.scheduler = {policy: \"SCHED_$policy\", nice: 7}" \
                ".scheduler.policy == \"SCHED_$policy\"" '.scheduler.nice == 7'
done
holds 'config.md, Linux process: nice and priority that are not set are 0' \
        '.process.scheduler = {policy: "SCHED_BATCH"}' '.scheduler.nice == 0' '.scheduler.priority == 0'
holds 'config.md, Linux process: scheduler SCHED_IDLE' '.process.scheduler = {policy: "SCHED_IDLE"}' '.scheduler.policy == "SCHED_IDLE"'
real_time() { # POLICY: a container's cgroup has no real-time budget of its own on v1 with RT_GROUP_SCHED
        local budget=/sys/fs/cgroup/cpu/cpu.rt_runtime_us
        [[ ! -e $budget ]] || skip 'cgroup v1 gives a new cgroup no real-time budget (RT_GROUP_SCHED)'
        config ".process.scheduler = {policy: \"$1\", priority: 7}"
        run_probe
        expect '.exit == 0' ".scheduler.policy == \"$1\"" '.scheduler.priority == 7'
}
story 'config.md, Linux process: scheduler SCHED_FIFO with a priority' real_time SCHED_FIFO
story 'config.md, Linux process: scheduler SCHED_RR with a priority' real_time SCHED_RR
holds 'config.md, Linux process: scheduler SCHED_DEADLINE with runtime, deadline and period' \
        '.process.scheduler = {policy: "SCHED_DEADLINE", runtime: 10000000, deadline: 20000000, period: 40000000}' \
        '.scheduler | .policy == "SCHED_DEADLINE" and .runtime == 10000000 and .deadline == 20000000 and .period == 40000000'
holds 'config.md, Linux process: scheduler flag SCHED_FLAG_RESET_ON_FORK' \
        '.process.scheduler = {policy: "SCHED_BATCH", flags: ["SCHED_FLAG_RESET_ON_FORK"]}' '.scheduler.flags % 2 == 1'
holds 'config.md, Linux process: scheduler flags of a deadline' \
        '.process.scheduler = {policy: "SCHED_DEADLINE", runtime: 10000000, deadline: 20000000, period: 20000000,
                               flags: ["SCHED_FLAG_RECLAIM", "SCHED_FLAG_DL_OVERRUN"]}' '.scheduler.flags == 6'
refused 'config.md, Valid values: an unknown scheduler policy MUST be an error' \
        '.process.scheduler = {policy: "SCHED_NONE"}' 'SCHED_NONE|polic'
refused 'config.md, Valid values: a policy that this kernel lacks MUST be an error' \
        '.process.scheduler = {policy: "SCHED_ISO"}' 'SCHED_ISO|scheduler'
refused 'config.md, Linux process: the scheduler'"'"'s policy is REQUIRED' '.process.scheduler = {nice: 1}' 'policy|scheduler'
refused 'config.md, Valid values: an unknown scheduler flag MUST be an error' \
        '.process.scheduler = {policy: "SCHED_BATCH", flags: ["SCHED_FLAG_NONE"]}' 'flag'
refused 'config.md, Valid values: a priority that the policy does not take MUST be an error' \
        '.process.scheduler = {policy: "SCHED_FIFO", priority: 100}' 'scheduler|priority|setattr'
refused 'config.md, Valid values: a deadline longer than its period MUST be an error' \
        '.process.scheduler = {policy: "SCHED_DEADLINE", runtime: 10000000, deadline: 50000000, period: 40000000}' 'scheduler|setattr|deadline'

# ---- ioPriority, CPUs
for pair in RT:1 BE:5 IDLE:0; do
        holds "config.md, Linux process: ioPriority class IOPRIO_CLASS_${pair%:*}" \
                ".process.ioPriority = {class: \"IOPRIO_CLASS_${pair%:*}\", priority: ${pair#*:}}" \
                ".io_priority.class == \"IOPRIO_CLASS_${pair%:*}\"" ".io_priority.level == ${pair#*:}"
done
refused 'config.md, Valid values: an unknown ioPriority class MUST be an error' \
        '.process.ioPriority = {class: "IOPRIO_CLASS_NO", priority: 1}' 'IOPRIO_CLASS_NO|ioprio|class'
refused 'config.md, Valid values: an ioPriority above 7 MUST be an error' \
        '.process.ioPriority = {class: "IOPRIO_CLASS_BE", priority: 8}' 'ioprio|priority'
exec_cpus() { # AFFINITY CPUS: the CPUs of a process that joins a running container
        [[ $(nproc) -gt 1 ]] || skip 'one CPU only'
        config "probe(\"hold\") | .process.execCPUAffinity = $1"
        rt create --bundle "$bundle" "$id" >"$bundle/out" 2>"$bundle/err"
        rt start "$id"
        rt exec "$id" /bin/probe >"$bundle/out" 2>"$bundle/err"
        make_report 0
        expect ".cpus == $2"
        rt kill "$id" KILL
        eventually is_stopped
}
all_cpus=$(taskset -pc $$ | sed 's/.*: //; s/-/,/')
story 'config.md, Linux process: execCPUAffinity final is where a joining process runs' exec_cpus '{final: "1"}' '[1]'
story 'config.md, Linux process: execCPUAffinity final as a range' exec_cpus '{initial: "0", final: "0-1"}' '[0, 1]'
init_ignores_exec_affinity() {
        config '.process.execCPUAffinity = {initial: "0", final: "0"}'
        run_probe
        expect '.exit == 0' ".cpus == [$all_cpus]"
}
[[ $all_cpus == 0,1 ]] && story 'config.md, Linux process: execCPUAffinity is not applicable to the init process' init_ignores_exec_affinity
refused 'config.md, Valid values: a malformed execCPUAffinity MUST be an error' \
        '.process.execCPUAffinity = {initial: "0-"}' 'affinity|cpu'

# ---- labels of a security module
labelled() { # FIELD MODULE
        [[ -e /sys/fs/selinux/enforce && $2 == selinux || -e /sys/kernel/security/apparmor && $2 == apparmor ]] &&
                inapplicable "$2 is enabled here; its profiles are not the suite's to load"
        config ".process.$1 = \"stint-test-none\""
        must_fail "$2|label" rt run --bundle "$bundle" "$id"
}
story 'config.md, Linux process: apparmorProfile without AppArmor MUST be an error' labelled apparmorProfile apparmor
story 'config.md, Linux process: selinuxLabel without SELinux MUST be an error' labelled selinuxLabel selinux

done_testing
