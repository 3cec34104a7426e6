#!/bin/bash
# slots.sh: a task in a slot behaves as on its own: one matrix of ends for all grades, what is bound at dispatch,
# filters, and what a slot refuses. Environment: DRIVE (pool-drive).
# shellcheck source=tests/integration/pool/tap.sh
. "$(dirname "$(readlink -f "$0")")/tap.sh"

change() { jq "$2" "$bundle/config.json" >"$work/$1.json"; }

ends() { # OPTION...
  same "exit 0
exit 1
exit 255
signal 15
signal 9
signal 11
failed exec: \"/nonexistent\": stat /nonexistent: no such file or directory
failed exec: \"/etc/passwd\": permission denied
ready
signal 15
ready
signal 9
ready
exit 7
exit 0" "$(drive "$@" "$bundle" true 'exit 1' 'exit 255' "${kill_self/N/15}" "${kill_self/N/9}" "${kill_self/N/11}" \
    '@exec /nonexistent' '@exec /etc/passwd' \
    '@signal 15 echo ready; exec sleep 100' '@kill echo ready; exec sleep 100' \
    '@signal 10 trap "exit 7" USR1; echo ready; while :; do sleep 0.01; done' true)"
}

bare_ends() {
  same "1
exit 0
exit 4
failed exec: \"/nonexistent\": stat /nonexistent: no such file or directory
ready
signal 9
ready
exit 7" "$(drive --no-init "$bundle" 'echo $$' 'kill -15 $$; exit 4' '@exec /nonexistent' '@kill echo ready; exec sleep 100' \
    '@signal 10 trap "exit 7" USR1; echo ready; while :; do sleep 0.01; done')"
}

is_a_child_of_pid_1() {
  same "2 1
exit 0" "$(drive --grade "$1" "$bundle" "echo \$\$ \$PPID")"
}

orphans_are_reaped() { # and do not outlive the task
  local said
  said=$(drive --grade "$1" --slots 1 "$bundle" \
    '(sh -c "exit 3" &); while grep -qs "State:.*Z" /proc/[0-9]*/status; do sleep 0.01; done' \
    '(setsid sleep 1000 &)' 'grep -l sleep /proc/[0-9]*/comm; true')
  same "exit 0
exit 0
exit 0" "$said"
}

bound_at_dispatch() { # GRADE
  same "1234 1234 /root 0022 node
exit 0" "$(drive --grade "$1" --user 1234 --hostname node "$bundle" 'echo $(id -u) $(id -g) $HOME $(umask) $(hostname)' |
    sed 's| / 0022| /root 0022|')"
  same "bench
exit 0" "$(drive --grade "$1" "$bundle" hostname)"
}

names_do_not_stay() {
  same "node
exit 0
node
exit 0" "$(drive --grade same-job --slots 1 --hostname node "$bundle" hostname hostname)"
}

long_arguments() { # 100 KB: by a memfd
  local long
  long=$(head -c 100000 /dev/zero | tr '\0' x)
  same "100000
exit 0" "$(drive --grade "$1" "$bundle" "x=$long; echo \${#x}")"
}

memory_limit() {
  local said
  said=$(drive --grade "$1" --memory 16777216 --usage "$bundle" 'x=a; while :; do x=$x$x; done')
  grep -q '^signal 9' <<<"$said" || { echo "$said"; return 1; }
  awk '/^cpu_usec/ { exit !($6 >= 1) }' <<<"$said" || { echo "$said"; return 1; }
}

pids_limit() { # the task and one more: pid 1 does not count
  same "a
exit 0" "$(drive --grade "$1" --pids 2 "$bundle" '(/bin/busybox echo a)')"
}

narrow_filter() { # OPTION...: loaded last, since a parked process needs more than these
  change narrow '.linux.seccomp = {defaultAction: "SCMP_ACT_ERRNO",
    syscalls: [{names: ["execve", "exit_group", "write"], action: "SCMP_ACT_ALLOW"}]}'
  same "exit 0" "$(drive "$@" --config "$work/narrow.json" "$bundle" '@exec /bin/plain')"
}

wide_filter() { # GRADE: loaded before
  change wide '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW",
    syscalls: [{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 95}]}'
  same "Seccomp_filters: 1
exit 1
Seccomp_filters: 1
exit 1" "$(drive --grade "$1" --slots 1 --config "$work/wide.json" "$bundle" \
    'grep -h Seccomp_filters /proc/self/status | tr "\t" " "; mkdir /dev/shm/x 2>/dev/null' \
    'grep -h Seccomp_filters /proc/1/status /proc/self/status | tr "\t" " " | tail -n 1; mkdir /dev/shm/x 2>/dev/null')"
}

upper() {
  change writable '.root.readonly = false'
  same "exit 0
one
exit 0" "$(drive --grade "$1" --upper 4194304 --config "$work/writable.json" "$bundle" \
    'echo one >/etc/new; rm /etc/passwd' 'test -e /etc/passwd && ! test -e /etc/new && echo one')"
  [[ -e $bundle/rootfs/etc/passwd && ! -e $bundle/rootfs/etc/new ]]
  same "exit 1" "$(drive --grade "$1" --upper 1048576 --config "$work/writable.json" "$bundle" \
    'dd if=/dev/zero of=/big bs=64k count=32 2>/dev/null')"
}

refuses() { # TEXT FILTER OPTION...
  local said
  change refused "$2"
  said=$(drive "${@:3}" --config "$work/refused.json" "$bundle" true) && return 1
  grep -qF -- "$1" <<<"$said" || { echo "$said"; return 1; }
  [[ -z $(ls -A "$work/state/.pool" 2>/dev/null) ]]
}

user_namespace() {
  change user '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
    | .linux.gidMappings = .linux.uidMappings'
  chmod 755 "$work" "$bundle"
  same "0 100000
exit 0
exit 3
exit 0" "$(drive "$@" --config "$work/user.json" "$bundle" 'echo $(id -u) $(awk "{print \$2}" /proc/self/uid_map)' 'exit 3' true)"
}

kill_self='kill -N $$; sleep 100'
cp "${PLAIN:?a static program that exits}" "$bundle/rootfs/bin/plain"
check "fresh: every end of a task is its own" ends
check "scrubbed: every end of a task is its own" ends --grade scrubbed
check "same-job: every end of a task is its own" ends --grade same-job
check "without a pid 1 beside it a task ends as a container's first process does" bare_ends
for grade in fresh scrubbed same-job; do
  check "$grade: what is bound at dispatch" bound_at_dispatch $grade
  check "$grade: orphans are reaped, and end with the task" orphans_are_reaped $grade
  check "$grade: 100 KB of arguments" long_arguments $grade
  check "$grade: a filter of three calls" narrow_filter --grade $grade
  check "$grade: a filter that lets a slot park" wide_filter $grade
  if [[ -d /sys/fs/cgroup/memory || -e /sys/fs/cgroup/memory.stat ]]; then
    check "$grade: a task that takes too much memory is killed, and that is counted" memory_limit $grade
    check "$grade: a limit on processes does not count pid 1" pids_limit $grade
  fi
done
check "fresh: the task is pid 2, a child of pid 1" is_a_child_of_pid_1 fresh
check "same-job: a host name is put back" names_do_not_stay
check "fresh: a writable root is an overlay of its own" upper fresh
check "scrubbed: a writable root is an overlay of its own" upper scrubbed
check "a filter of three calls without pid 1" narrow_filter --no-init
check "a user namespace" user_namespace
check "a user namespace, no pid 1" user_namespace --no-init
check "a user namespace, same-job" user_namespace --grade same-job
check "hooks are for a cold start" refuses "hooks: " '.hooks.poststop = [{path: "/bin/true"}]'
check "a terminal is" refuses "process.terminal: " '.process.terminal = true'
check "a shared pid namespace is" refuses "linux.namespaces: " '.linux.namespaces |= map(select(.type != "pid"))'
check "CAP_SYS_PTRACE is, with a pid 1" refuses CAP_SYS_PTRACE '.process.capabilities.bounding += ["CAP_SYS_PTRACE"]'
check "CAP_SYS_ADMIN is, in a slot that is reused" refuses CAP_SYS_ADMIN \
  '.process.capabilities.bounding += ["CAP_SYS_ADMIN"]' --grade same-job
check "no message queues to empty is, in same-job" refuses mqueue '.mounts |= map(select(.type != "mqueue"))' --grade same-job
done_testing
