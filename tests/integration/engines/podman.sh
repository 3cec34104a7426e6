#!/bin/bash
# Debian's podman, with stint as its runtime: what a person does with containers, and what podman makes
# of the runtime's answers. Storage, state and cgroups are the script's own; no network is used.
# shellcheck disable=SC2034 # for engine.sh
needs=(podman conmon script ip)
# shellcheck source=SCRIPTDIR/engine.sh
source "$(dirname "$(readlink -f "$0")")/engine.sh"

runtime_root=/run/stint # podman gives the runtime no --root

settings() { # FILE NAMES: podman's; NAMES are the runtimes that it asks for JSON errors
  cat >"$1" <<CONF
[containers]
cgroups = "enabled"
netns = "none"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime_supports_json = [$2]
[network]
network_config_dir = "$work/networks"
CONF
}

p() {
  limited podman --root "$work/store" --runroot "$work/runroot" --tmpdir "$work/libpod" \
    --storage-driver overlay --runtime "$STINT" "$@"
}
run() { p run --cgroup-parent "/$token" "$@"; }
start() { run --detach --name "$@" >/dev/null; }
looped() { start "$1" "${@:2}" image sh -c 'trap "exit 5" TERM; while :; do sleep 0.05; done'; }
field() { p inspect --format "{{.$2}}" "$1"; }
is() { [[ $(field "$1" State.Status) == "$2" ]]; }
gone() { ! p container exists "$1"; }
sweep() { p rm --all --force --time 0; }
drop() { eventually p rm --force --time 0 "$@"; } # podman's own cleanup may be at it: busy then
cgroup_of() { # its path below a hierarchy's root
  awk -F: '$2 ~ /memory/ || $1 == 0 { print $3; exit }' "/proc/$(field "$1" State.Pid)/cgroup"
}

# ---- run

output_comes_back() {
  same out "$(run --rm image sh -c 'echo out; echo err >&2' 2>err)"
  same err "$(<err)"
  same fed "$(echo fed | run --rm --interactive image cat)"
}

codes_come_back() {
  ends 0 run --rm image true
  ends 7 run --rm image sh -c 'exit 7'
  ends 255 run --rm image sh -c 'exit 255'
  ends 137 run --rm --pid host image sh -c 'kill -KILL $$'
}

rm_removes() {
  ends 3 run --name kept image sh -c 'exit 3'
  same 3 "$(field kept State.ExitCode)"
  drop kept
  run --rm --name removed image true
  gone removed
}

detached() {
  start one image sh -c 'echo out; echo err >&2; sleep 0.2; exit 9'
  same 9 "$(p wait one)"
  same 9 "$(field one State.ExitCode)"
  same out "$(p logs one 2>err)"
  same err "$(<err)"
  drop one
  start two --rm image sh -c 'sleep 0.2'
  eventually gone two
}

created_then_started() {
  p create --cgroup-parent "/$token" --name made image sh -c 'echo made; exit 4' >/dev/null
  is made created
  ends 4 p start --attach made
  same made "$said"
  drop made
}

processes_are_as_asked() {
  local said
  said=$(run --rm --user 10:20 --workdir /tmp --env GREETING='a b' --hostname box --cap-drop all --cap-add chown \
    --ulimit nofile=100:200 --ulimit nproc=500:500 --sysctl kernel.msgmax=9000 --security-opt no-new-privileges image \
    sh -c 'id -u; id -g; pwd; echo "$GREETING"; hostname; ulimit -Sn; ulimit -Hn; cat /proc/sys/kernel/msgmax
      grep -E "^(CapBnd|NoNewPrivs|Seccomp):" /proc/self/status | tr -d "\t"')
  same '10 20 /tmp a b box 100 200 9000 CapBnd:0000000000000001 NoNewPrivs:1 Seccomp:2' "$(tr '\n' ' ' <<<"$said" | sed 's/ $//')"
}

# ---- exec, terminals

exec_runs_beside() {
  looped box --env A=1
  same 'out 1 /tmp 10' "$(p exec --workdir /tmp --user 10 box sh -c 'echo out $A $(pwd) $(id -u)')"
  same fed "$(echo fed | p exec --interactive box cat)"
  ends 11 p exec box sh -c 'exit 11'
  ends 127 p exec box /none
  ends 127 p exec box none
  ends 126 p exec box /etc/text
  p exec --detach box touch /tmp/made
  eventually p exec box test -e /tmp/made
  holds "$(p top box pid args 2>&1 || p exec box ps)" 'sleep|while'
  drop box
}

terminals() {
  local ask='until size=$(stty size 2>/dev/null); [ "${size:-0 0}" != "0 0" ]; do sleep 0.05; done; echo $size' # podman sets it late
  same '21 43' "$(on_a_terminal podman_here run --rm --tty image sh -c "$ask")"
  looped box
  same '21 43' "$(on_a_terminal podman_here exec --tty box sh -c "$ask")"
  drop box
  start tty --tty image sh -c 'tty; sleep 0.1'
  p wait tty >/dev/null
  holds "$(p logs tty)" '^/dev/pts/[0-9]+'
  drop tty
}

make_podman_here() { # script(1) wants a program
  {
    echo '#!/bin/bash'
    echo "verb=\$1; shift; [[ \$verb != run ]] || set -- --cgroup-parent /$token \"\$@\""
    echo "exec podman --root $work/store --runroot $work/runroot --tmpdir $work/libpod \\"
    echo "  --storage-driver overlay --runtime $STINT \"\$verb\" \"\$@\""
  } >"$work/podman_here"
  chmod +x "$work/podman_here"
  PATH=$work:$PATH
}

# ---- life

stats_count() {
  local stats
  looped box
  stats=$(p stats --no-stream --format '{{.PIDs}} {{.MemUsage}}' box)
  holds "$stats" '^[1-9][0-9]* [0-9.]+[kM]?B / '
  drop box
}

paused_is_still() {
  local before
  start box image sh -c 'i=0; while :; do i=$((i+1)); echo $i >/tmp/count; done'
  eventually p exec box test -s /tmp/count
  p pause box >/dev/null
  is box paused
  before=$(<"$(field box GraphDriver.Data.MergedDir)/tmp/count")
  sleep 0.2
  same "$before" "$(<"$(field box GraphDriver.Data.MergedDir)/tmp/count")"
  if p exec box true; then echo 'exec in a paused container'; return 1; fi
  p unpause box >/dev/null
  is box running
  p exec box true
  drop box
}

update_takes_effect() {
  local group
  looped box --memory 64m
  group=$(cgroup_of box)
  same 67108864 "$(<"$(limit_file "$group" memory/memory.limit_in_bytes memory.max)")"
  p update --memory 48m --memory-swap 48m --cpus 0.5 box >/dev/null
  same 50331648 "$(<"$(limit_file "$group" memory/memory.limit_in_bytes memory.max)")"
  holds "$(<"$(limit_file "$group" cpu/cpu.cfs_quota_us cpu.max)")" '^50000'
  drop box
}

signals_arrive() {
  start box image sh -c 'trap "echo usr1; exit 6" USR1; echo ready; while :; do sleep 0.05; done'
  eventually eval 'p logs box | grep ready'
  p kill --signal USR1 box >/dev/null
  same 6 "$(p wait box)"
  holds "$(p logs box)" usr1
  drop box
  looped box
  p kill box >/dev/null
  same 137 "$(p wait box)"
  drop box
}

stop_asks_then_kills() {
  looped box
  p stop --time 20 box >/dev/null
  same 5 "$(field box State.ExitCode)"
  drop box
  start deaf image sh -c 'trap "" TERM; sleep 1000'
  p stop --time 0 deaf >/dev/null
  same 137 "$(field deaf State.ExitCode)"
  drop deaf
}

restarts() {
  local pid
  looped box
  p exec box touch /tmp/kept
  pid=$(field box State.Pid)
  p restart --time 0 box >/dev/null
  [[ $(field box State.Pid) != "$pid" ]]
  p exec box test -e /tmp/kept
  drop box
  start again --restart on-failure:2 image sh -c 'echo run; exit 1'
  eventually eval '[[ $(p logs again | grep -c run) == 3 ]] && is again exited'
  drop again
}

# ---- limits

limits_are_seen() {
  local limits
  if $unified; then
    limits=$(run --rm --memory 32m --pids-limit 20 --cpus 0.5 --cpuset-cpus 0 image \
      sh -c 'cd /sys/fs/cgroup; cat memory.max pids.max cpu.max cpuset.cpus; grep Cpus_allowed_list /proc/self/status')
  else
    limits=$(run --rm --memory 32m --pids-limit 20 --cpus 0.5 --cpuset-cpus 0 image sh -c 'cd /sys/fs/cgroup
      cat memory/memory.limit_in_bytes pids/pids.max cpu/cpu.cfs_quota_us cpuset/cpuset.cpus; grep Cpus_allowed_list /proc/self/status')
  fi
  holds "$(tr '\n\t' '  ' <<<"$limits")" '^33554432 20 50000( 100000)? 0 Cpus_allowed_list: 0 $'
}

processes_are_limited() {
  ends 2 run --rm --pids-limit 5 image sh -c 'for i in 1 2 3 4 5 6; do sleep 0.5 & done; wait'
  holds "$said" "can't fork"
}

memory_is_limited() { # podman's own OOMKilled stays false here with every runtime, runc and crun too
  ends 137 run --rm --name oom --memory 16m --memory-swap 16m image sh -c 'exec tail /dev/zero'
}

# ---- mounts

volumes() {
  mkdir dir
  echo host >dir/file
  same host "$(run --rm --volume "$work/dir:/there" image sh -c 'cat /there/file; echo guest >/there/new')"
  same guest "$(<dir/new)"
  ends 1 run --rm --volume "$work/dir:/there:ro" image sh -c 'touch /there/refused'
  holds "$said" 'Read-only file system'
  ends 126 run --rm --volume "$work/dir:/there:noexec" image sh -c 'cp /bin/busybox /there/true; chmod 755 /there/true; exec /there/true'
  run --rm --volume named:/data image sh -c 'echo kept >/data/file'
  same kept "$(run --rm --volume named:/data image cat /data/file)"
  p volume rm named >/dev/null
  holds "$(run --rm --tmpfs /scratch:size=1m image sh -c 'grep " /scratch " /proc/mounts')" 'size=1024k'
  holds "$(run --rm --device /dev/fuse:/dev/other image ls -l /dev/other)" '^c.* 10, 229 '
}

read_only_root() {
  ends 1 run --rm --read-only image touch /file
  holds "$said" 'Read-only file system'
  ends 0 run --rm --read-only image sh -c 'touch /tmp/file /run/file /dev/shm/file'
  ends 1 run --rm --read-only --read-only-tmpfs=false image touch /tmp/file
}

# ---- namespaces

user_namespace() {
  local maps=(--uidmap 0:200000:1000 --gidmap 0:300000:1000)
  mkdir mapped
  chmod 777 mapped
  looped box "${maps[@]}" --volume "$work/mapped:/there"
  same '0 0 0 200000 1000' "$(p exec box sh -c 'echo $(id -u) $(id -g) $(cat /proc/self/uid_map)')"
  p exec box sh -c 'touch /there/file /root/file; chown 10:20 /there/file'
  same '200010 300020' "$(stat -c '%u %g' mapped/file)"
  same '200000 300000' "$(stat -c '%u %g' "/proc/$(field box State.Pid)")"
  same 10 "$(p exec --user 10 box id -u)"
  drop box
  ends 127 run --rm "${maps[@]}" image /none
  ends 1 run --rm "${maps[@]}" --read-only image touch /file
}

shared_namespaces() {
  ip netns add prepared
  ip -n prepared link add dummy7 type bridge
  holds "$(run --rm --network ns:/run/netns/prepared image cat /proc/net/dev)" dummy7
  ip netns del prepared
  looped first --hostname first
  same first "$(run --rm --uts container:first image hostname)"
  start second --pid container:first image sh -c 'sleep 1000'
  holds "$(p exec second ps)" 'trap "exit 5"'
  p stop --time 0 second >/dev/null
  is first running
  drop second
  drop first
}

hooks_run() {
  local stage
  mkdir hooks
  for stage in prestart createRuntime poststart poststop; do
    jq -n --arg stage "$stage" --arg file "$work/hooks.$stage" '{version: "1.0.0", when: {always: true}, stages: [$stage],
      hook: {path: "/bin/sh", args: ["sh", "-c", "cat >" + $file]}}' >"hooks/$stage.json"
  done
  p --hooks-dir "$work/hooks" run --cgroup-parent "/$token" --rm --name hooked image true
  for stage in prestart createRuntime poststart poststop; do
    jq -e '.ociVersion and .bundle and (.id | length == 64)' "hooks.$stage" >/dev/null || { echo "hook $stage"; return 1; }
  done
}

# ---- errors

errors_are_told_apart() { # they differ in the exit status and name what failed
  ends 127 run --rm image /none
  holds "$said" '/none' 'not found'
  ends 127 run --rm image none
  ends 126 run --rm image /etc/text
  holds "$said" 'permission denied|Permission denied'
  ends 126 run --rm image /etc
  ends 127 run --rm --workdir /etc/text image true || ends 126 run --rm --workdir /etc/text image true
  mkdir -p dir
  bad_mount=0
  said=$(run --rm --volume "$work/dir:/etc/text/below" image true 2>&1) || bad_mount=$?
  ((bad_mount == 126 || bad_mount == 127)) || { echo "bad mount: $bad_mount $said"; return 1; }
  holds "$said" '/etc/text/below'
}

warnings_do_no_harm() { # podman reads one JSON object: a runtime's warning beside its error would hide it
  ends 127 run --rm --privileged image /none
  holds "$said" '/none'
}

without_json() { # a podman that was not told of stint reads its standard error
  settings "$work/plain.conf" '"crun"'
  CONTAINERS_CONF=$work/plain.conf errors_are_told_apart
}

stopped_is_stopped() {
  start box image true
  eventually is box exited
  ends 125 p kill box
  holds "$said" 'not running|state improper|can only kill running'
  ends 255 p exec box true || ends 125 p exec box true
  drop box
}

# ---- many

many_at_once() {
  local i pids=() wrong=0
  for ((i = 0; i < parallel; i++)); do
    run --detach --name "many$i" image sh -c "echo $i; exec sleep 1000" >/dev/null 2>"many.$i" &
    pids+=($!)
  done
  for ((i = 0; i < parallel; i++)); do
    wait "${pids[i]}" || { cat "many.$i"; wrong=$((wrong + 1)); }
  done
  ((wrong == 0))
  same "$parallel" "$(p ps --quiet --filter status=running | wc -l)"
  same $((parallel - 1)) "$(p logs many$((parallel - 1)))"
  sweep >/dev/null
}

removed_entirely() {
  sweep >/dev/null
  p rmi --all --force >/dev/null
  eventually eval '[[ -z $(processes_left) ]]' # each podman binds this upon itself
  umount "$work/store/overlay" 2>/dev/null || true
  nothing_left "/$token\$" "/$token/conmon\$" # podman's own
}

settings "$work/podman.conf" '"stint"'
export CONTAINERS_CONF=$work/podman.conf
make_podman_here
p import --quiet rootfs.tar image >/dev/null || { echo "Bail out! podman import"; exit 1; }

check 'run: what the program prints comes back, and what it is fed arrives' output_comes_back
check 'run: the exit status is the program'"'"'s, or 128 and the signal' codes_come_back
check 'run --rm leaves no container; without it the status is kept' rm_removes
check 'run --detach: wait, logs, --rm' detached
check 'create, then start --attach' created_then_started
check 'user, directory, environment, capabilities, limits, sysctl and filter are as asked' processes_are_as_asked
check 'exec: output, input, status, user, --detach, missing programs' exec_runs_beside
check 'run --tty and exec --tty have a terminal of the caller'"'"'s size' terminals
check 'stats counts memory and processes' stats_count
check 'pause stops every process, unpause goes on' paused_is_still
check 'update changes limits of a running container' update_takes_effect
check 'kill: a trapped signal is handled, SIGKILL ends it' signals_arrive
check 'stop: SIGTERM first, SIGKILL after the time' stop_asks_then_kills
check 'restart, by hand and by policy' restarts
check 'limits are those that the container sees' limits_are_seen
check '--pids-limit limits' processes_are_limited
check '--memory limits' memory_is_limited
check 'volumes, read-only and noexec ones, named ones, tmpfs, devices' volumes
check '--read-only root, with and without writable tmpfs' read_only_root
check '--uidmap: ids inside and outside, volumes, exec' user_namespace
check 'namespaces by path and of another container' shared_namespaces
check 'hooks of --hooks-dir get the state' hooks_run
check 'errors become statuses 126 and 127, and name what failed' errors_are_told_apart
check 'errors of a container with capabilities that the runtime may not have' warnings_do_no_harm
check 'the same from standard error, without JSON' without_json
check 'a stopped container is said to be stopped' stopped_is_stopped
check "$parallel containers at once" many_at_once
check 'nothing is left' removed_entirely
done_testing
