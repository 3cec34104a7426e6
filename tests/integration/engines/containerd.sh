#!/bin/bash
# Debian's containerd and its runc.v2 shim, whose runc is stint, driven by ctr. A containerd of the
# script's own with an image made here; the namespace, and so the cgroups' parent, is the token.
# shellcheck disable=SC2034 # for engine.sh
needs=(containerd containerd-shim-runc-v2 ctr script)
# shellcheck source=SCRIPTDIR/engine.sh
source "$(dirname "$(readlink -f "$0")")/engine.sh"

runtime_root=/run/containerd/runc/$token # the shim's choice
image=local/busybox:test

# ---- an image, and the daemon

blob() { # FILE MEDIA-TYPE: into the layout; prints its descriptor
  local digest
  digest=$(sha256sum "$1" | cut -d ' ' -f 1)
  cp "$1" "layout/blobs/sha256/$digest"
  jq -n --arg type "$2" --arg digest "sha256:$digest" --argjson size "$(stat -c %s "$1")" \
    '{mediaType: $type, digest: $digest, size: $size}'
}

make_image() { # an OCI layout as a tar
  local type=application/vnd.oci.image layer config
  mkdir -p layout/blobs/sha256
  layer=$(blob rootfs.tar $type.layer.v1.tar)
  jq '{architecture: "amd64", os: "linux", config: {Env: ["PATH=/bin"], Cmd: ["sh"]}, rootfs: {type: "layers", diff_ids: [.digest]}}' \
    <<<"$layer" >config
  config=$(blob config $type.config.v1+json)
  jq -n --arg type $type --argjson layer "$layer" --argjson config "$config" \
    '{schemaVersion: 2, mediaType: ($type + ".manifest.v1+json"), config: $config, layers: [$layer]}' >manifest
  blob manifest $type.manifest.v1+json | jq --arg name $image \
    '{schemaVersion: 2, manifests: [. + {annotations: {"io.containerd.image.name": $name}}]}' >layout/index.json
  echo '{"imageLayoutVersion": "1.0.0"}' >layout/oci-layout
  tar -C layout -cf image.tar .
}

start_daemon() {
  cat >daemon.toml <<CONF
version = 2
root = "$work/root"
state = "$work/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = "$work/socket"
CONF
  containerd --config daemon.toml >daemon.log 2>&1 &
  echo $! >daemon.pid # for subshells too
  eventually c version || { tail -n 5 daemon.log; return 1; }
}
stop_daemon() {
  kill "$(<daemon.pid)"
  eventually eval '! grep -qs "^State:.[^Z]" "/proc/$(<daemon.pid)/status"'
}

c() { limited ctr --address "$work/socket" --namespace "$token" "$@"; }
run() { c run --runc-binary "$STINT" --fifo-dir "$work/fifos" "$@"; }
start() { # NAME [OPTION...] -- [ARG...]
  local name=$1 options=()
  shift
  while [[ $1 != -- ]]; do options+=("$1"); shift; done
  shift
  run --detach "${options[@]}" $image "$name" "$@"
}
loop=(sh -c 'trap "exit 5" TERM; while :; do sleep 0.05; done')
status() { c task ls | awk -v name="$1" '$1 == name { print $3 }'; }
pid_of() { c task ls | awk -v name="$1" '$1 == name { print $2 }'; }
code_of() { # of a stopped task, which is removed; ctr tells it in a warning
  eventually is "$1" STOPPED
  c task rm "$1" 2>&1 | sed -n 's/.*exit code \([0-9]*\).*/\1/p'
}
is() { [[ $(status "$1") == "$2" ]]; }
exec_in() { c task exec --fifo-dir "$work/fifos" --exec-id "e$RANDOM" "$@"; }
drop() { # NAME...
  local name
  for name; do
    c task rm --force "$name" >/dev/null 2>&1 || true
    c container rm "$name"
  done
}
sweep() {
  local name
  for name in $(c container ls --quiet); do drop "$name"; done
}

# ---- run

output_comes_back() {
  same out "$(run --rm $image one sh -c 'echo out; echo err >&2' 2>err)"
  same err "$(<err)"
}

codes_come_back() {
  ends 0 run --rm $image zero true
  ends 7 run --rm $image seven sh -c 'exit 7'
  ends 255 run --rm $image most sh -c 'exit 255'
  start box -- "${loop[@]}"
  c task kill --signal KILL box
  same 137 "$(code_of box)"
  drop box
}

processes_are_as_asked() {
  local said
  said=$(run --rm --cwd /tmp --env GREETING='a b' --seccomp --annotation a.b=c $image asked sh -c 'pwd; echo "$GREETING"
    grep -E "^(NoNewPrivs|Seccomp):" /proc/self/status | tr -d "\t"')
  same '/tmp a b NoNewPrivs:1 Seccomp:2' "$(tr '\n' ' ' <<<"$said" | sed 's/ $//')"
}

detached() {
  start logged --log-uri "file://$work/logged" -- sh -c 'echo out; echo err >&2; exit 3'
  eventually grep -q err logged
  grep -q out logged
  same 3 "$(code_of logged)"
  drop logged
}

exec_runs_beside() {
  start box --env A=1 -- "${loop[@]}"
  # no --user: ctr 1.6 mounts the overlay a second time to look it up, which breaks the first
  same 'out 1 /tmp' "$(exec_in --cwd /tmp box sh -c 'echo out $A $(pwd)')"
  ends 11 exec_in box sh -c 'exit 11'
  ends 1 exec_in box /none
  holds "$said" '/none.*[Nn]o such file'
  exec_in --detach box sh -c 'touch /tmp/made; sleep 1000'
  eventually exec_in box test -e /tmp/made
  holds "$(c task ps box)" "$(pid_of box)"
  (($(c task ps box | wc -l) >= 3))
  drop box
}

terminals() {
  local ask='until size=$(stty size 2>/dev/null); [ "${size:-0 0}" != "0 0" ]; do sleep 0.05; done; echo $size $(tty)' # set late
  holds "$(on_a_terminal ctr --address "$work/socket" --namespace "$token" run --rm --tty --runc-binary "$STINT" \
    --fifo-dir "$work/fifos" $image tty sh -c "$ask")" '^21 43 /dev/pts/[0-9]+$'
  start box -- "${loop[@]}"
  holds "$(on_a_terminal ctr --address "$work/socket" --namespace "$token" task exec --tty --exec-id tty \
    --fifo-dir "$work/fifos" box sh -c "$ask")" '^21 43 /dev/pts/[0-9]+$'
  drop box
}

# ---- life

metrics_count() {
  local metrics
  start box --memory-limit 67108864 -- "${loop[@]}"
  metrics=$(c task metrics --format json box)
  holds "$(tr -d ' \n' <<<"$metrics")" '"current":"?[1-9]|"usage":\{"?.*"usage":"?[1-9]|usage":"?[1-9]' '67108864'
  drop box
}

paused_is_still() {
  start box -- "${loop[@]}"
  c task pause box
  is box PAUSED
  if exec_in box true; then echo 'exec in a paused container'; return 1; fi
  c task resume box
  is box RUNNING
  exec_in box true
  drop box
}

signals_arrive() {
  start box -- "${loop[@]}"
  exec_in box true # the trap is set by then, or soon
  sleep 0.2
  c task kill --signal TERM box
  eventually is box STOPPED
  if c task kill box 2>kill.err; then echo 'killed a dead one'; return 1; fi
  holds "$(<kill.err)" 'not found|already finished'
  same 5 "$(code_of box)"
  drop box
}

restarts() {
  start box -- sh -c 'echo kept >>/tmp/file; exec sleep 1000'
  c task kill --signal KILL box
  eventually is box STOPPED
  c task rm box || true
  c task start --detach --fifo-dir "$work/fifos" box
  eventually exec_in box sh -c '[ $(wc -l </tmp/file) = 2 ]'
  drop box
}

daemon_restarts() { # the shim and the container go on
  local pid
  start box -- "${loop[@]}"
  pid=$(pid_of box)
  stop_daemon
  kill -0 "$pid"
  start_daemon
  same "$pid" "$(pid_of box)"
  exec_in box true
  drop box
}

shim_dies() { # what is left of the container goes with the daemon's `delete`
  local pid
  start box -- "${loop[@]}"
  pid=$(pid_of box)
  kill -KILL "$(awk '/^PPid:/ { print $2 }' "/proc/$pid/status")"
  eventually eval "! kill -0 $pid"
  eventually eval '! test -e "$runtime_root/box"'
  drop box
}

events_are_sent() { # of a container's life, and of the kernel's OOM kill
  local topic
  ctr --address "$work/socket" --namespace "$token" events >events 2>&1 &
  eventually eval 'c image label $image seen=$RANDOM && test -s events' # it listens
  ends 137 run --rm --memory-limit 16777216 $image hungry tail /dev/zero
  for topic in create start exit delete oom; do
    eventually grep -q "/tasks/$topic .*hungry" events
  done
  kill $!
}

# ---- limits, mounts, namespaces

limits_are_seen() {
  start box --memory-limit 33554432 --cpus 0.5 -- "${loop[@]}"
  same 33554432 "$(<"$(limit_file "/$token/box" memory/memory.limit_in_bytes memory.max)")"
  holds "$(<"$(limit_file "/$token/box" cpu/cpu.cfs_quota_us cpu.max)")" '^50000'
  holds "$(cat "/proc/$(pid_of box)/cgroup")" "/$token/box\$"
  drop box
}

volumes() {
  mkdir dir
  echo host >dir/file
  same host "$(run --rm --mount "type=bind,src=$work/dir,dst=/there,options=rbind:rw" $image rw sh -c 'cat /there/file; echo guest >/there/new')"
  same guest "$(<dir/new)"
  ends 1 run --rm --mount "type=bind,src=$work/dir,dst=/there,options=rbind:ro" $image ro touch /there/refused
  holds "$said" 'Read-only file system'
  ends 1 run --rm --read-only $image root touch /file
  holds "$said" 'Read-only file system'
}

user_namespace() {
  same '0 0 200000 1000' "$(run --rm --uidmap 0:200000:1000 --gidmap 0:300000:1000 $image mapped sh -c 'echo $(id -u) $(cat /proc/self/uid_map)')"
  start box --uidmap 0:200000:1000 --gidmap 0:300000:1000 -- "${loop[@]}"
  same '200000 300000' "$(stat -c '%u %g' "/proc/$(pid_of box)")"
  same 0 "$(exec_in box id -u)"
  drop box
}

joined_namespaces() {
  start first -- "${loop[@]}"
  same 2 "$(run --rm --with-ns "pid:/proc/$(pid_of first)/ns/pid" $image second sh -c 'ps | grep -c "[w]hile :;"')" ||
    holds "$(run --rm --with-ns "pid:/proc/$(pid_of first)/ns/pid" $image third ps)" 'while :;'
  is first RUNNING
  drop first
}

# ---- errors

errors_are_told() { # the shim reads the runtime's log
  ends 1 run --rm $image missing /none
  holds "$said" '/none.*[Nn]o such file' 'unknown'
  ends 1 run --rm $image unfound none
  holds "$said" 'executable file not found'
  ends 1 run --rm $image denied /etc/text
  holds "$said" 'permission denied'
  mkdir -p dir
  ends 1 run --rm --mount "type=bind,src=$work/dir,dst=/etc/text/below,options=rbind" $image mounts true
  holds "$said" '/etc/text/below'
  if grep -q 'unable to retrieve' <<<"$said"; then return 1; fi
  if [[ -n $(c container ls --quiet) ]]; then sweep; fi
}

# ---- many

many_at_once() {
  local i pids=() wrong=0
  for ((i = 0; i < parallel; i++)); do
    start "many$i" -- sh -c 'exec sleep 1000' 2>"many.$i" &
    pids+=($!)
  done
  for ((i = 0; i < parallel; i++)); do
    wait "${pids[i]}" || { cat "many.$i"; wrong=$((wrong + 1)); }
  done
  ((wrong == 0))
  same "$parallel" "$(c task ls | grep -c RUNNING)"
  for ((i = 0; i < parallel; i++)); do (drop "many$i") & done
  wait
}

removed_entirely() {
  sweep
  stop_daemon
  nothing_left "/$token\$"
}

make_image
start_daemon || { echo 'Bail out! containerd does not start'; exit 1; }
c image import image.tar >import.log 2>&1 || { echo "Bail out! $(<import.log)"; exit 1; }

check 'run: what the program prints comes back' output_comes_back
check 'run, task kill: exit statuses' codes_come_back
check 'directory, environment and filter are as asked' processes_are_as_asked
check 'run --detach with a log file' detached
check 'exec: output, status, directory, --detach, ps, a missing program' exec_runs_beside
check 'run --tty and exec --tty have a terminal of the caller'"'"'s size' terminals
check 'metrics count, and know the limit' metrics_count
check 'pause and resume' paused_is_still
check 'a trapped signal is handled; a dead task is not found' signals_arrive
check 'a task is started again on the same files' restarts
check 'a container outlives its containerd, and is found again' daemon_restarts
check 'a container whose shim was killed is cleared away' shim_dies
check 'events: create, start, exit, delete, and oom' events_are_sent
check 'limits are those of the cgroup below the namespace'"'"'s' limits_are_seen
check 'binds, read-only ones, a read-only root' volumes
check '--uidmap: ids inside and outside, exec' user_namespace
check 'a joined pid namespace' joined_namespaces
check 'errors reach the caller with the runtime'"'"'s words' errors_are_told
check "$parallel containers at once" many_at_once
check 'nothing is left' removed_entirely
done_testing
