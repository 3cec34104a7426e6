#!/bin/bash
# conmon as podman and CRI-O start it: its command line, the two pipes by which they talk, exit files,
# logs, terminals, exec; `start`, `kill`, `delete` are the engine's own calls of the runtime.
# shellcheck disable=SC2034 # for engine.sh
needs=(conmon)
# shellcheck source=SCRIPTDIR/engine.sh
source "$(dirname "$(readlink -f "$0")")/engine.sh"

runtime_root=$work/state
rt() { limited "$STINT" --root "$runtime_root" "$@"; }

bundle() { # NAME FILTER [ARG...]: a bundle that runs ARG..., its config changed by FILTER (jq)
  local dir=$work/$1 filter=$2
  shift 2
  mkdir -p "$dir"/{exits,rootfs}
  mount --bind "$work/rootfs" "$dir/rootfs"
  "$STINT" spec --bundle "$dir"
  jq --arg group "/$token/$(basename "$dir")" '.linux.cgroupsPath = $group | .root.readonly = false
    | .process.terminal = false | .process.args = $ARGS.positional | '"${filter:-.}" \
    "$dir/config.json" --args -- "$@" >"$dir/changed.json"
  mv "$dir/changed.json" "$dir/config.json"
}

# Starts conmon as an engine does: it waits for a byte on one pipe, tells the pid on the other.
monitor() { # NAME [OPTION...]: what it told is in $told
  local dir=$work/$1
  shift
  rm -f "$dir/sync"
  mkfifo "$dir/sync"
  exec {sync}<>"$dir/sync"
  _OCI_STARTPIPE=8 _OCI_SYNCPIPE=9 limited env -C "$dir" conmon --api-version 1 --cid "${dir##*/}" --cuuid "${dir##*/}" \
    --name "${dir##*/}" --runtime "$STINT" --runtime-arg --root --runtime-arg "$runtime_root" \
    --bundle "$dir" --exit-dir "$dir/exits" --log-path "k8s-file:$dir/log" --log-level error \
    --socket-dir-path "$work/sockets" --conmon-pidfile "$dir/conmon" --container-pidfile "$dir/pid" "$@" \
    8<<<start 9>"$dir/sync" 2>>"$dir/said" {sync}>&- || return
  read -r -t "$time_limit" told <&"$sync"
  exec {sync}>&-
}

told_pid() { # the pid that conmon told, as in the file
  same "$(jq .data <<<"$told")" "$(<"$work/$1/pid")"
  [[ $(<"$work/$1/pid") -gt 1 ]]
}

up() { # NAME FILTER [ARG...]: created and started
  bundle "$@"
  monitor "$1"
  told_pid "$1"
  rt start "$1"
}
down() { # NAME...
  local name
  for name; do
    rt delete --force "$name"
    umount "$work/$name/rootfs"
  done
}
exit_of() { # NAME [DIRECTORY]
  local file=$work/${2:-$1}/exits/$1
  eventually test -s "$file" && cat "$file"
}
logged() { cut -d ' ' -f 2- "$work/$1/log"; }
status_of() { rt state "$1" | jq -r .status; }
is() { [[ $(status_of "$1") == "$2" ]]; }
loop=(sh -c 'trap "exit 5" TERM; echo ready; while :; do sleep 0.05; done')

# ---- the container

life_cycle() {
  bundle one . sh -c 'echo out; echo err >&2; exit 7'
  monitor one
  told_pid one
  same created "$(status_of one)"
  [[ ! -s $work/one/log ]]
  rt start one
  same 7 "$(exit_of one)"
  same 'stderr F err stdout F out' "$(logged one | sort | tr '\n' ' ' | sed 's/ $//')"
  is one stopped
  [[ ! -s $work/one/said ]]
  rt delete one
  down one
}

signals() {
  up box . "${loop[@]}"
  eventually grep -q ready box/log
  rt kill box 15
  same 5 "$(exit_of box)"
  said=$(rt kill box 15 2>&1) && return 1
  holds "$said" 'container not running'
  down box
  up box2 . "${loop[@]}"
  rt kill box2 KILL
  same 137 "$(exit_of box2)"
  down box2
}

input_arrives() {
  bundle fed . cat
  monitor fed --stdin
  rt start fed
  # the attach socket is one of packets; podman and CRI-O hold it, here its existence is enough
  eventually test -S "$work/sockets/fed/attach"
  rt kill fed KILL
  same 137 "$(exit_of fed)"
  down fed
}

terminal() {
  bundle tty '.process.terminal = true' sh -c 'tty; test -t 1 && echo terminal'
  monitor tty --terminal
  told_pid tty
  rt start tty
  same 0 "$(exit_of tty)"
  holds "$(logged tty)" '/dev/pts/[0-9]+' terminal
  down tty
}

paused() {
  up still . "${loop[@]}"
  rt pause still
  is still paused
  rt resume still
  is still running
  rt kill still TERM
  same 5 "$(exit_of still)"
  down still
}

updated() {
  up grown '.linux.resources.memory.limit = 33554432' "${loop[@]}"
  same 33554432 "$(<"$(limit_file "/$token/grown" memory/memory.limit_in_bytes memory.max)")"
  rt update --resources - grown <<<'{"memory": {"limit": 67108864}, "pids": {"limit": 30}}'
  same 67108864 "$(<"$(limit_file "/$token/grown" memory/memory.limit_in_bytes memory.max)")"
  same 30 "$(<"$(limit_file "/$token/grown" pids/pids.max pids.max)")"
  rt kill grown KILL
  exit_of grown >/dev/null
  down grown
}

out_of_memory() { # conmon watches the cgroup of the pid that it was told
  up hungry '.linux.resources.memory = {limit: 16777216, swap: 16777216}' tail /dev/zero
  same 137 "$(exit_of hungry)"
  ! $unified || [[ -e hungry/oom ]] # in v1 conmon 2.1 may see its own hierarchy only
  down hungry
}

# ---- exec

process() { jq -n --args '{cwd: "/", env: ["PATH=/bin"], user: {uid: 0, gid: 0}, args: $ARGS.positional}' -- "$@"; }

exec_in() { # NAME [OPTION...] -- ARG...: what conmon told is in $told
  local name=$1 options=()
  shift
  while [[ $1 != -- ]]; do options+=("$1"); shift; done
  shift
  mkdir -p "$work/$name-exec/exits"
  ln -sfn "$work/$name/config.json" "$work/$name-exec/config.json"
  process "$@" >"$work/$name-exec/process"
  rm -f "$work/$name-exec"/{log,pid,sync} "$work/$name-exec/exits"/*
  mkfifo "$work/$name-exec/sync"
  exec {sync}<>"$work/$name-exec/sync"
  _OCI_STARTPIPE=8 _OCI_SYNCPIPE=9 limited conmon --api-version 1 --cid "$name" --cuuid exec --name "$name" \
    --runtime "$STINT" --runtime-arg --root --runtime-arg "$runtime_root" --bundle "$work/$name-exec" \
    --exit-dir "$work/$name-exec/exits" --log-path "k8s-file:$work/$name-exec/log" --log-level error \
    --socket-dir-path "$work/sockets" --container-pidfile "$work/$name-exec/pid" \
    --exec --exec-process-spec "$work/$name-exec/process" "${options[@]}" \
    8<<<start 9>"$work/$name-exec/sync" 2>>"$work/$name-exec/said" {sync}>&- || true
  read -r -t "$time_limit" told <&"$sync"
  exec {sync}>&-
}

exec_processes() {
  up host . "${loop[@]}"
  exec_in host -- sh -c 'echo beside; exit 9'
  [[ $(jq .data <<<"$told") -gt 1 ]] || { echo "told $told"; return 1; }
  eventually eval 'grep -q beside host-exec/log'
  same 9 "$(exit_of host host-exec)"
  exec_in host -- /none
  holds "$told" '"data": *-' 'no such file|No such file'
  exec_in host -- /etc/text
  holds "$told" '"data": *-' 'permission denied|Permission denied'
  rt kill host KILL
  exit_of host >/dev/null
  down host
}

# ---- errors

refused() { # NAME FILTER PATTERN ARG...: conmon tells a status below 0 and the runtime's words
  local name=$1 filter=$2 pattern=$3
  shift 3
  bundle "$name" "$filter" "$@"
  monitor "$name"
  [[ $(jq .data <<<"$told") -lt 0 ]] || { echo "told $told"; return 1; }
  holds "$(jq -r .message <<<"$told"; cat "$work/$name/said")" "$pattern"
  umount "$work/$name/rootfs"
}

errors_are_told() {
  refused missing . 'stat /none: [Nn]o such file' /none
  refused denied . 'permission denied' /etc/text
  refused mounts '.mounts += [{destination: "/etc/text/below", type: "bind", source: "/tmp", options: ["bind"]}]' '/etc/text/below' true
  refused config '.process.args = []' 'args' true
}

many_at_once() {
  local i
  for ((i = 0; i < parallel; i++)); do
    (up "many$i" . sh -c "exit $((i % 100))") &
  done
  wait
  for ((i = 0; i < parallel; i++)); do
    same $((i % 100)) "$(exit_of "many$i")"
    down "many$i"
  done
}

sweep() {
  local dir
  for dir in "$runtime_root"/*; do rt delete --force "${dir##*/}"; done
  umount "$work"/*/rootfs
}

mkdir -p "$work/sockets"
check 'create tells the pid, start runs it, the exit file and the log are right' life_cycle
check 'kill, and its error afterwards' signals
check 'a container with an open standard input' input_arrives
check 'a terminal' terminal
check 'pause and resume' paused
check 'limits, and update with JSON on standard input' updated
check 'the OOM kill is seen' out_of_memory
check 'exec: pid, output, status, errors' exec_processes
check 'errors of create reach the engine' errors_are_told
check "$parallel containers at once" many_at_once
check 'nothing is left' nothing_left "/$token\$"
done_testing
