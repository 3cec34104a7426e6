#!/bin/bash
# shellcheck disable=SC2016 # what is in single quotes is for the container's shell or for jq
# What stint tells criu, what it does when criu asks, and what it makes of criu's failures: with a stand-in for criu, which runs
# on every kernel.
# shellcheck source-path=SCRIPTDIR source=criu.sh
source "$(dirname "$(readlink -f "$0")")/criu.sh"

criu=${STAND_IN:?the stand-in for criu}

play() { # COMMAND...: the stand-in's script
        export STAND_IN_DIR=$bundle/stand-in
        rm -rf "$STAND_IN_DIR"
        mkdir "$STAND_IN_DIR"
        (($# == 0)) || printf '%s\n' "$@" >"$STAND_IN_DIR/script"
}

save() { rt --criu "$criu" checkpoint --image-path "$bundle/image" "$@" "$id"; }
restore() {
        rt --criu "$criu" restore --detach --bundle "$bundle" --pid-file "$bundle/pid" --image-path "$bundle/image" "$@" "$id" </dev/null
}
back() { restore "$@" >"$bundle/restored" 2>&1; }

sent() { # LINE...: each is in the requests
        local line
        for line; do
                grep -qxF -- "$line" "$STAND_IN_DIR/requests" || { echo "not sent: $line"; grep -F "${line%%=*}=" "$STAND_IN_DIR/requests"; return 1; }
        done
}
mounted_as() { grep -xF -A 1 -- "opts.ext_mnt.key=$1" "$STAND_IN_DIR/requests" | grep -qxF "opts.ext_mnt.val=$2"; }
asked() { same "$1" "$(tail -n +2 "$STAND_IN_DIR/replies" | tr '\n' ',')"; } # "NAME yes,NAME no,"
no_word() { ! grep -q -- "$1" "$STAND_IN_DIR/requests"; }

sleeper() { # [CONFIG]
        config "${1:-.} | shell(\"while :; do sleep 1; done\")"
        silent rt run --detach --bundle "$bundle" "$id" </dev/null
}

an_image() { # as a checkpoint leaves it
        mkdir "$bundle/image"
        printf '["pipe:[1]","pipe:[2]","pipe:[2]"]' >"$bundle/image/descriptors.json"
}

made=('notify-pid setup-namespaces' 'notify network-unlock' 'notify-pid post-restore' 'notify post-resume')

# ---- dump

a_dump() {
        play 'notify network-lock' kill 'notify post-dump'
        mkdir -p "$bundle/data" "$rootfs/real"
        ln -s real "$rootfs/link"
        echo secret >"$rootfs/etc/secret"
        sleeper 'bound($bundle + "/data"; "/link/data/"; ["bind"]) | .linux.maskedPaths = ["/etc/secret", "/mnt", "/nowhere"]'
        local pid
        pid=$(rt state "$id" | jq .pid)
        silent save
        gone
        nothing_left
        asked 'network-lock yes,post-dump yes,'
        sent type=VERSION type=DUMP "opts.pid=$pid" opts.leave_running=false "opts.root=$rootfs" opts.log_level=4 opts.log_file=dump.log \
                opts.notify_scripts=true opts.orphan_pts_master=true opts.manage_cgroups=true opts.manage_cgroups_mode=SOFT \
                opts.tcp_established=false opts.config_file=/etc/criu/runc.conf
        mounted_as /real/data /link/data
        mounted_as /etc/secret /dev/null
        no_word 'key=/mnt$'
        no_word nowhere
        grep -qE '^opts.freeze_cgroup=/sys/fs/cgroup/.*'"$id" "$STAND_IN_DIR/requests"
        grep -qE '^opts.external=file\[' "$STAND_IN_DIR/requests" # standard input is the machine's /dev/null
        same 3 "$(jq length "$bundle/image/descriptors.json")"
        same 700 "$(stat -c %a "$bundle/image")"
        same "$bundle/image $bundle/image" "$(head -n 1 "$STAND_IN_DIR/replies")"
}

options_of_a_dump() {
        play kill
        sleeper '.annotations["org.criu.config"] = "/etc/my-criu.conf"'
        mkdir "$bundle/before"
        silent save --leave-running --tcp-established --ext-unix-sk --shell-job --file-locks --lazy-pages --auto-dedup --empty-ns network \
                --manage-cgroups-mode full --page-server somewhere:1234 --parent-path ../before --work-path "$bundle/work"
        sent opts.leave_running=true opts.tcp_established=true opts.ext_unix_sk=true opts.shell_job=true opts.file_locks=true \
                opts.lazy_pages=true opts.auto_dedup=true opts.empty_ns=1073741824 opts.manage_cgroups_mode=FULL \
                opts.ps.address=somewhere opts.ps.port=1234 opts.parent_img=../before opts.track_mem=true opts.config_file=/etc/my-criu.conf
        same "$bundle/image $bundle/work" "$(head -n 1 "$STAND_IN_DIR/replies")"
        rt state "$id" >/dev/null # not retired, although the stand-in has killed it
}

a_pre_dump() {
        play
        sleeper
        silent save --pre-dump
        is_running
        sent type=FEATURE_CHECK features.mem_track=true type=PRE_DUMP
        no_word ext_mnt
        [[ ! -e $bundle/image/descriptors.json ]]
}

status_fd() {
        play 'notify status-ready' 'wait heard' kill
        sleeper
        mkfifo "$bundle/status"
        { head -c 1 "$bundle/status" | od -An -c >"$bundle/ready"; : >"$STAND_IN_DIR/heard"; } &
        silent save --lazy-pages --status-fd 7 7>"$bundle/status"
        wait $!
        same '\0' "$(tr -d ' \n' <"$bundle/ready")"
        sent features.lazy_pages=true
        sleeper
        play 'notify status-ready' kill
        silent save --lazy-pages --status-fd 7 7> >(:) # nobody listens
        asked 'status-ready yes,'
}

namespaces_by_path() {
        trap 'ip netns del "$id"' EXIT # of the story's subshell
        ip netns add "$id"
        play kill
        sleeper 'namespace("network"; "/run/netns/" + $id)'
        silent save
        sent "opts.external=net[$(stat -Lc %i "/run/netns/$id")]:extRootNetNS"
        rm "$STAND_IN_DIR/requests"
        play restore "${made[@]}"
        back
        sent opts.inherit_fd.key=extRootNetNS
        silent rt delete --force "$id"
}

default_image() {
        play kill
        sleeper
        (cd "$bundle" && silent rt --criu "$criu" checkpoint "$id")
        [[ -e $bundle/checkpoint/descriptors.json ]]
}

bad_options() {
        play
        sleeper
        must_fail 'invalid manage-cgroups-mode value' save --manage-cgroups-mode most
        same usage "$(code)"
        must_fail 'ADDRESS:PORT' save --page-server here
        must_fail 'ADDRESS:PORT' save --page-server here:70000
        must_fail 'parent-path must be relative' save --parent-path /tmp
        must_fail 'parent-path ../nowhere: no such file' save --parent-path ../nowhere
        must_fail 'namespace "ipc" is not supported' save --empty-ns ipc
        is_running
        ! grep -q DUMP "$STAND_IN_DIR/requests"
}

idmapped() { # criu would lose the mapping without a word
        play kill
        mkdir "$bundle/data"
        sleeper 'bound($bundle + "/data"; "/mnt"; ["bind"]) | .mounts[-1] += {uidMappings: [{containerID: 0, hostID: 1000, size: 10}],
                gidMappings: [{containerID: 0, hostID: 1000, size: 10}]}'
        must_fail 'mount /mnt: criu cannot save and restore an idmapped mount' save
        same unsupported "$(code)"
        is_running
        no_word DUMP
}

# ---- failures

criu_fails() {
        sleeper
        play 'fail 22 the tree is on fire'
        must_fail "criu failed: type DUMP errno 22, log file $bundle/image/dump.log: the tree is on fire" save
        same criu "$(code)"
        play 'log (00.01) Error (a.c:1): first' 'log (00.02)      7: Error (b.c:2): second' 'log (00.03) all is well' 'fail 0 words'
        must_fail 'errno 0, log file .*/dump.log: Error \(a.c:1\): first; Error \(b.c:2\): second$' save
        play 'log (00.01) Error (a.c:1): the last words' vanish
        must_fail 'criu ended with wait status 0x4900 and no answer, log file .*/dump.log: .*the last words' save
        play garbage
        must_fail 'criu sent what is no message' save
        is_running
        no_such() { rt --criu "$bundle/config.json" checkpoint "$id"; }
        must_fail 'not installed' no_such
        chmod +x "$bundle/config.json"
        must_fail 'run .*config.json: exec format error' no_such
        is_running
}

too_old() {
        sleeper
        play
        echo 3.15 >"$STAND_IN_DIR/version"
        must_fail 'criu 3.15 is too old: 3.16 or newer is needed' save
        must_fail 'criu 3.15 is too old' restore
        echo 3.16 >"$STAND_IN_DIR/version"
        echo lazy_pages >"$STAND_IN_DIR/features"
        must_fail 'criu is missing features: mem_track' save --pre-dump
        echo mem_track >"$STAND_IN_DIR/features"
        must_fail 'criu is missing features: lazy_pages' save --lazy-pages
        same criu "$(code)"
        is_running
}

# ---- restore

a_restore() {
        an_image
        mkdir "$bundle/data"
        play restore "${made[@]}"
        config 'bound("data"; "/data"; ["bind"]) | .linux.maskedPaths = ["/etc/secret"] | .linux.resources.pids = {limit: 88} | shell("true")'
        back
        eventually grep -qx restored "$bundle/restored"
        expect_state '.status == "running"' ".pid == $(<"$bundle/pid")" '.rootfs == $rootfs'
        sent type=RESTORE opts.rst_sibling=true opts.evasive_devices=true opts.log_file=restore.log opts.notify_scripts=true \
                opts.manage_cgroups_mode=SOFT "opts.root=$state/$id/root"
        asked 'setup-namespaces yes,network-unlock yes,post-restore yes,post-resume yes,'
        mounted_as /data "$bundle/data"
        mounted_as /dev/null /dev/null
        grep -qE "^opts.cg_root.path=.*$id" "$STAND_IN_DIR/requests"
        same 'pipe:[1] 0,pipe:[2] 1,' "$(awk -F= '/inherit_fd.key/ { key = $2 } /inherit_fd.fd/ { printf "%s %s,", key, $2 }' "$STAND_IN_DIR/requests")"
        [[ -d $rootfs/data && ! -e $state/$id/root ]]
        grep -q "$id" "/proc/$(<"$bundle/pid")/cgroup"
        same 88 "$(cat /sys/fs/cgroup{,/pids}/"$id"/pids.max 2>/dev/null)"
        silent rt kill "$id" TERM
        eventually is_stopped
        silent rt delete "$id"
        nothing_left
}

options_of_a_restore() {
        an_image
        play restore "${made[@]}"
        config 'shell("true")'
        back --tcp-established --lazy-pages --lsm-profile apparmor:mine --lsm-mount-context some:label --manage-cgroups-mode ignore --no-subreaper
        sent opts.tcp_established=true opts.lazy_pages=true opts.lsm_profile=apparmor:mine opts.lsm_mount_context=some:label \
                opts.manage_cgroups_mode=IGNORE
}

in_the_foreground() {
        local status=0
        an_image
        play restore "${made[@]}"
        config 'shell("true")'
        rt --criu "$criu" restore --bundle "$bundle" --image-path "$bundle/image" "$id" </dev/null >"$bundle/restored" 2>&1 &
        eventually grep -qx restored "$bundle/restored" || { cat "$bundle/restored" "$STAND_IN_DIR/replies"; return 1; }
        silent rt kill "$id" TERM
        wait $! || status=$?
        same 5 "$status"
        gone
        nothing_left
}

hooks_of_a_restore() {
        an_image
        play restore "${made[@]}"
        config 'shell("true") | .hooks.prestart = [hook("cat >" + $bundle + "/state")] | .hooks.createRuntime = [hook("readlink /proc/self/ns/mnt >" + $bundle + "/mnt")]
                | .hooks.poststop = [hook("touch " + $bundle + "/stopped")]'
        back
        same "$(<"$bundle/pid")" "$(jq .pid "$bundle/state")"
        same "$(readlink /proc/self/ns/mnt)" "$(<"$bundle/mnt")"
        silent rt delete --force "$id"
        [[ -e $bundle/stopped ]]
        config 'shell("true") | .hooks.createRuntime = [hook("echo never; exit 1")]'
        play restore "${made[@]}"
        must_fail 'createRuntime.*never' restore
        same hook "$(code)"
        asked 'setup-namespaces no,'
        gone
        nothing_left
}

failing_restores() {
        local steps
        config 'shell("true")'
        play
        must_fail "image-path $bundle/image: no such file" restore
        mkdir "$bundle/image"
        must_fail 'the image has no descriptors.json' restore
        echo '{' >"$bundle/image/descriptors.json"
        must_fail 'descriptors.json' restore
        rm -r "$bundle/image"
        an_image
        for steps in 'fail 2 no image' $'restore\nfail 2 no image' $'restore\nnotify-pid post-restore\nfail 2 no image'; do
                play "$steps"
                must_fail 'type RESTORE errno 2, log file .*/restore.log: no image' restore
                gone
                nothing_left
        done
        play $'restore\nnotify-pid post-restore\nvanish'
        must_fail 'criu ended' restore
        gone
        play restore
        must_fail 'nobody told of the restored init' restore
        nothing_left
        config 'bound("/nowhere"; "/mnt"; ["bind"]) | shell("true")'
        must_fail 'mounts\[.\] /mnt: source /nowhere: no such file' restore
        same mount "$(code)"
        rm -r "$bundle/config.json"
        must_fail 'config.json: no such file' restore
        gone
        nothing_left
}

a_terminal() {
        an_image
        play restore master "${made[@]}"
        config '.process.terminal = true | shell("true")'
        must_fail 'console socket' restore
        timeout 60 "$TOOLS/receive" console "$bundle/socket" </dev/null >"$bundle/received" 2>&1 &
        eventually test -S "$bundle/socket"
        back --console-socket "$bundle/socket"
        asked "orphan-pts-master yes,setup-namespaces yes,network-unlock yes,post-restore yes,post-resume yes,"
        eventually grep -q 'hello from the terminal' "$bundle/received"
        silent rt delete --force "$id"
        wait $!
        rm "$bundle/socket"
        timeout 60 "$TOOLS/receive" console "$bundle/socket" </dev/null >"$bundle/received" 2>&1 &
        eventually test -S "$bundle/socket"
        config 'shell("true")'
        must_fail 'cannot use console socket' restore --console-socket "$bundle/socket"
        wait $! || true
}

# ---- the helper

helper_says() { # TEXT ARG...: run by hand
        local text=$1 status=0
        shift
        "$HELPER" "$@" 3<"$bundle/request" 4>"$bundle/said" || status=$?
        same 1 "$status"
        grep -qaF -- "$text" "$bundle/said" || { tr -d '\0' <"$bundle/said"; return 1; }
}

the_helper() {
        local version
        version=$("$STINT" --version | awk 'NR == 1 { print $3 }')
        echo '{}' >"$bundle/request"
        helper_says "and this stint is version 0.0.0" checkpoint 0.0.0
        helper_says 'request to stint-criu: id is missing' checkpoint "$version"
        helper_says 'is run by stint' checkpoint
        echo '{"id": 1}' >"$bundle/request"
        helper_says 'request to stint-criu: id is missing or wrong' restore "$version"
        echo '{' >"$bundle/request"
        helper_says 'request to stint-criu' restore "$version"
        sleeper
        play
        mv "$LIBEXEC/stint-criu" "$LIBEXEC/away"
        must_fail 'stint-criu is not installed' save
        same criu "$(code)"
        mv "$LIBEXEC/away" "$LIBEXEC/stint-criu"
        must_fail '/nowhere/criu is not installed' rt --criu /nowhere/criu checkpoint "$id"
        is_running
        [[ $(rt features | jq '.annotations | with_entries(select(.key | test("checkpoint"))) | .[]' | head -n 1) == *true* ]]
}

story "a dump says what is outside, and retires the container" a_dump
story "every option of checkpoint reaches criu" options_of_a_dump
story "a pre-dump leaves the container alone" a_pre_dump
story "--status-fd gets a NUL while criu still serves" status_fd
story "a network namespace by path is external" namespaces_by_path
story "the image goes to ./checkpoint unless told otherwise" default_image
story "options that make no sense are refused before criu is asked" bad_options
story "an idmapped mount is refused" idmapped
story "a failure of criu is told with its words and its log" criu_fails
story "a criu that is too old, or lacks a feature, is refused" too_old
story "a restore makes all but the processes, and writes down the one that criu made" a_restore
story "every option of restore reaches criu" options_of_a_restore
story "in the foreground the status is the process's" in_the_foreground
story "hooks run in the machine's namespaces, and can stop a restore" hooks_of_a_restore
story "a restore that fails anywhere leaves nothing" failing_restores
story "a terminal's master goes to the console socket" a_terminal
story "the helper refuses another version and a broken request; stint says when it is missing" the_helper
done_testing
