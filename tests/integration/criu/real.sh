#!/bin/bash
# shellcheck disable=SC2016 # what is in single quotes is for the container's shell or for jq
# Containers that are saved to disk and brought back by the real criu: CRIU, else the one in PATH. Skipped where criu itself says
# that it cannot work on this kernel.
# shellcheck source-path=SCRIPTDIR source=criu.sh
source "$(dirname "$(readlink -f "$0")")/criu.sh"

criu=${CRIU:-criu}
if ! command -v "$criu" >/dev/null; then
        echo "1..0 # SKIP criu is not installed"
        exit 0
elif ! why=$("$criu" check 2>&1); then
        echo "1..0 # SKIP criu check: $(head -n 1 <<<"$why")"
        exit 0
fi

images() { echo "$bundle/image"; }
save() { # [OPTION...]
        rt --criu "$criu" checkpoint --image-path "$(images)" --work-path "$bundle/work" "$@" "$id"
}
restore() { # [OPTION...]: as an engine does
        rt --criu "$criu" restore --detach --bundle "$bundle" --pid-file "$bundle/pid" --image-path "$(images)" \
                --work-path "$bundle/work" "$@" "$id" </dev/null
}
back() { restore "$@" >>"$bundle/count" 2>"$bundle/err"; }

# ---- the life of one

continues() {
        local before
        counter
        silent save
        gone
        nothing_left
        [[ -s $bundle/work/dump.log ]]
        before=$(count)
        sleep 0.3
        same "$before" "$(count)"
        back
        expect_state '.status == "running"' ".pid == $(<"$bundle/pid")" '.bundle == $bundle' '.rootfs == $rootfs' \
                '.created | sub("\\.[0-9]+"; "") | fromdateiso8601 - now | fabs < 100'
        reaches $((before + 5))
        consecutive
        silent rt kill "$id" KILL
        eventually is_stopped
        silent rt delete "$id"
        nothing_left
}

leave_running() {
        local before pid
        counter
        pid=$(rt state "$id" | jq .pid)
        silent save --leave-running
        before=$(count)
        expect_state '.status == "running"' ".pid == $pid"
        reaches $((before + 5))
        consecutive
}

twice() { # saved, brought back, saved and brought back
        local before
        counter
        silent save
        back
        reaches $(($(count) + 3))
        rm -r "$(images)"
        silent save
        before=$(count)
        back
        reaches $((before + 3))
        consecutive
}

pre_dump() {
        local before
        "$criu" check --feature mem_dirty_track >/dev/null 2>&1 || skip "this kernel does not track memory (CONFIG_MEM_SOFT_DIRTY)"
        counter
        silent rt --criu "$criu" checkpoint --image-path "$(images)-1" --pre-dump "$id"
        is_running
        reaches $(($(count) + 3))
        [[ -z $(find "$(images)-1" -name 'core-*') ]]
        silent save --parent-path ../image-1
        gone
        [[ -L $(images)/parent ]]
        before=$(count)
        back
        reaches $((before + 3))
        consecutive
}

paused() {
        local before
        counter
        silent rt pause "$id"
        silent save --leave-running
        expect_state '.status == "paused"'
        before=$(count)
        silent rt resume "$id"
        reaches $((before + 3))
        silent rt pause "$id"
        rm -r "$(images)"
        silent save
        gone
        nothing_left
        before=$(count)
        back
        reaches $((before + 3))
        consecutive
}

# ---- what is around the processes

binds() { # [OPTION]
        local option=${1-bind}
        mkdir -p "$bundle"/{data/deep,inner} "$rootfs/real"
        ln -s real "$rootfs/link"
        echo from-outside >"$bundle/file"
        echo secret >"$rootfs/etc/secret"
        counter 'bound($bundle + "/data"; "/data"; ["bind", "ro", "'"$option"'"]) | bound($bundle + "/inner"; "/data/deep"; ["bind", "'"$option"'"])
                | bound($bundle + "/file"; "/link/file"; ["bind", "'"$option"'"]) | bound("file"; "relative"; ["bind", "'"$option"'"])
                | .linux.maskedPaths = ["/etc/secret", "/proc/kcore", "/mnt", "/nowhere"] | .linux.readonlyPaths = ["/proc/sys", "/etc"]
                | .mounts += [{destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev", "ro"]}]'
        silent save
        mv "$rootfs" "$rootfs.old" # an image that was unpacked afresh has no mount points
        cp -al "$work/template" "$rootfs"
        mkdir -p "$rootfs/real"
        ln -s real "$rootfs/link"
        echo secret >"$rootfs/etc/secret"
        cp "$rootfs.old/real/file" "$rootfs/real/file"
        echo from-elsewhere >"$bundle/inner/new"
        back
        reaches $(($(count) + 3))
        rt exec "$id" /bin/probe >"$bundle/out" </dev/null
        make_report 0
        expect 'mount_at("/data").root | endswith("/data")' 'has_option("/data"; "ro")' 'has_option("/data/deep"; "ro") | not' \
                'mount_at("/real/file").root | endswith("/file")' 'has_option("/proc/sys"; "ro")' 'has_option("/etc"; "ro")' \
                'has_option("/mnt"; "ro")' 'mount_at("/etc/secret").type != "overlay"'
        same from-elsewhere "$(rt exec "$id" /bin/sh -c 'cat /data/deep/new')"
        same from-outside "$(rt exec "$id" /bin/sh -c 'cat /relative')"
        same '' "$(rt exec "$id" /bin/sh -c 'cat /etc/secret')"
}

with_shared_mounts() { # as on a machine with systemd
        trap 'mount --make-rprivate /' EXIT # of the story's subshell
        mount --make-rshared /
        binds private # criu 4.2 cannot restore a bind from the root's own file system that gets the machine's mounts
}

cgroup_mount() {
        counter 'mounted("/sys"; "sysfs"; "sysfs"; ["ro"]) | mounted("/sys/fs/cgroup"; "cgroup"; "cgroup"; ["ro", "nosuid", "noexec", "nodev"])'"$1"
        rt exec "$id" /bin/cat /proc/1/cgroup >"$bundle/before"
        silent save
        back
        reaches $(($(count) + 3))
        rt exec "$id" /bin/cat /proc/1/cgroup | diff "$bundle/before" -
}

other_cgroup() { # and limits
        local leaf
        counter
        silent save
        config '.linux.cgroupsPath = "/" + $id + "-other" | .linux.resources.pids = {limit: 77} | shell("true")'
        back
        reaches $(($(count) + 3))
        for leaf in /sys/fs/cgroup{,/pids}/"$id-other"/pids.max; do
                [[ ! -e $leaf ]] || { same 77 "$(<"$leaf")"; grep -qx "$(<"$bundle/pid")" "${leaf%/*}/cgroup.procs"; return; }
        done
        echo "no pids.max of $id-other"
        return 1
}

pipes() { # standard output and error, as an engine's
        config 'shell("i=0; while :; do i=$((i + 1)); echo $i; sleep 0.1; done")'
        rt run --detach --bundle "$bundle" "$id" </dev/null 2>&1 | cat >"$bundle/count" &
        reaches 3
        silent save
        wait $!
        jq -e 'length == 3 and (.[1] | startswith("pipe:")) and .[1] == .[2]' "$(images)/descriptors.json" >/dev/null
        restore 2>&1 | cat >>"$bundle/count" &
        reaches $(($(count) + 3))
        consecutive
        silent rt kill "$id" KILL
        wait $!
}

network_by_path() {
        trap 'ip netns del "$id"' EXIT # of the story's subshell
        ip netns add "$id"
        counter 'namespace("network"; "/run/netns/" + $id)'
        silent save
        ip netns del "$id"
        ip netns add "$id"
        back
        reaches $(($(count) + 3))
        same "$(stat -Lc %i "/run/netns/$id")" "$(stat -Lc %i "/proc/$(<"$bundle/pid")/ns/net")"
        silent rt delete --force "$id"
}

terminal() {
        config '.process.terminal = true | shell("while read -r line; do echo \"got $line\"; done")'
        timeout 90 "$TOOLS/receive" console "$bundle/socket" < <(sleep 1; echo one; sleep 2) >"$bundle/received" 2>&1 &
        eventually test -S "$bundle/socket"
        silent rt run --detach --bundle "$bundle" --console-socket "$bundle/socket" "$id"
        eventually grep -q 'got one' "$bundle/received"
        silent save
        wait $!
        rm "$bundle/socket"
        must_fail 'console socket' rt --criu "$criu" restore --detach --bundle "$bundle" --image-path "$(images)" "$id"
        gone
        timeout 90 "$TOOLS/receive" console "$bundle/socket" < <(sleep 1; echo two; sleep 2) >"$bundle/received2" 2>&1 &
        eventually test -S "$bundle/socket"
        back --console-socket "$bundle/socket"
        eventually grep -q 'got two' "$bundle/received2"
        silent rt kill "$id" KILL
        wait $!
}

hooks_run() {
        local log=$bundle/hooks
        counter "reduce (\"prestart\", \"createRuntime\", \"createContainer\", \"poststart\", \"poststop\") as \$kind (.;
                .hooks[\$kind] = [hook(\"cat >> $log.\" + \$kind)])"
        silent save
        same stopped "$(jq -r .status "$log.poststop")"
        rm "$log".*
        back
        same "$(<"$bundle/pid")" "$(jq .pid "$log.createRuntime")"
        same creating "$(jq -r .status "$log.prestart")"
        same "$log.createRuntime $log.prestart" "$(echo "$log".*)"
}

hook_fails() {
        counter
        silent save
        config '.hooks.createRuntime = [hook("echo no way; exit 3")] | shell("true")'
        must_fail 'no way' restore
        gone
        nothing_left
}

foreground() {
        local status=0
        config 'shell("trap \"exit 7\" TERM; i=0; while :; do i=$((i + 1)); echo $i; sleep 0.1; done")'
        rt run --detach --bundle "$bundle" "$id" </dev/null >"$bundle/count" 2>&1
        reaches 3
        silent save
        rt --criu "$criu" restore --bundle "$bundle" --image-path "$(images)" "$id" </dev/null >>"$bundle/count" 2>&1 &
        reaches $(($(count) + 3))
        silent rt kill "$id" TERM
        wait $! || status=$?
        same 7 "$status"
        gone
        consecutive
}

user_namespace() {
        chown -R 100000:100000 "$rootfs"
        counter 'mapped(100000; 65536)'
        silent save
        back
        reaches $(($(count) + 3))
        consecutive
}

# ---- what fails

id_taken() {
        counter
        silent save --leave-running
        must_fail 'container with given ID already exists' restore
        is_running
}

broken_image() {
        counter
        silent save
        : >"$(images)/pstree.img"
        must_fail "criu failed: type RESTORE.*$bundle/work/restore.log: Error" restore
        same criu "$(code)"
        gone
        nothing_left
}

cannot_be_saved() { # an open file of the machine, on a descriptor that criu was told nothing of
        exec 5>"$bundle/outside"
        config 'shell("i=0; while :; do i=$((i + 1)); echo $i; sleep 0.1; done")'
        rt run --detach --preserve-fds 3 --bundle "$bundle" "$id" </dev/null >"$bundle/count" 3>&1 4>&1
        reaches 3
        must_fail "criu failed: type DUMP.*$bundle/work/dump.log: Error" save
        same criu "$(code)"
        reaches $(($(count) + 3))
        consecutive
}

no_image() {
        counter
        must_fail "--image-path $(images): no such file" restore
        mkdir "$(images)"
        must_fail 'container with given ID already exists' restore
        silent rt delete --force "$id"
        must_fail 'no descriptors.json' restore
        gone
        nothing_left
}

story "a counter goes on where it was" continues
story "--leave-running leaves it running" leave_running
story "one that was restored can be saved again" twice
story "--pre-dump saves memory, and a dump with --parent-path the rest" pre_dump
story "a paused container can be saved, and is not paused when it is back" paused
story "bind mounts, masks and read-only paths are what the bundle says" binds
story "the same where the machine's mounts are shared" with_shared_mounts
story "a cgroup mount" cgroup_mount ''
story "a cgroup mount in a cgroup namespace" cgroup_mount '| namespace("cgroup")'
story "the bundle says which cgroup and which limits" other_cgroup
story "pipes lead to the caller's" pipes
story "a network namespace by path is the one that is there" network_by_path
story "a terminal's master goes to the console socket" terminal
story "prestart and createRuntime run at a restore, poststop at a dump" hooks_run
story "a hook that fails undoes the restore" hook_fails
story "without --detach it waits, and ends with the status" foreground
story "a user namespace" user_namespace
story "an id that is taken is refused" id_taken
story "what criu cannot save runs on" cannot_be_saved
story "no image, or not one" no_image
story "a broken image undoes the restore, and criu's words are told" broken_image
done_testing
