#!/bin/bash
# shellcheck disable=SC2016 # what is in single quotes is for the container's shell or for jq
# stint batch for an ordinary user: nobody, with a map of his own id, without cgroups; and where a cgroup is his.
# shellcheck source=SCRIPTDIR/support.sh
source "$(dirname "$0")/support.sh"
uid=$(id -u nobody) gid=$(id -g nobody)

as_user() { # COMMAND...
        timeout -k 5 "$time_limit" setpriv --reuid "$uid" --regid "$gid" --clear-groups \
                env -i "PATH=$PATH" "STINT_TEST_TOKEN=$token" "XDG_RUNTIME_DIR=$bundle/run" "HOME=$bundle/run/home" "$@"
}
user_bundle() { # CONFIG
        config "del(.linux.cgroupsPath) | $1"
        mkdir -p "$bundle/run/home"
        rm -rf "$rootfs" # it is links to the template's files
        cp -a "$work/template" "$rootfs" # an image of his own, as he would have unpacked it
        chown -R "$uid:$gid" "$bundle/run" "$rootfs"
}
user_batch() { # STATUS OPTION... FILE
        local wanted=$1 status=0
        shift
        as_user "$STINT" batch --bundle "$bundle" --results "$bundle/run/results" --logs "$bundle/run/logs" "$@" \
                >"$bundle/out" 2>"$bundle/err" || status=$?
        ((status == wanted)) || { echo "status $status, not $wanted"; tail -n 5 "$bundle/err"; return 1; }
        [[ -z $(ls -A "$bundle/run/stint") ]] || { echo "left: $(ls -A "$bundle/run/stint")"; return 1; }
}

runs() { # CONFIG: root of his own, a writable root, what he writes outside is his
        user_bundle "$1"
        printf '%s\n' 'id -u; cat /proc/self/uid_map; echo x >/new; mkdir /bin2; rm /etc/passwd; echo y >'"$bundle/run/home/out" 'exit 3' >"$bundle/tasks"
        user_batch 1 -n 2 --keep-going --home "$bundle/tasks"
        same "0 0 $uid 1" "$(tr -s ' \n' ' ' <"$bundle/run/logs/1.out" | sed 's/ $//')"
        same "$uid y" "$(stat -c %u "$bundle/run/home/out") $(<"$bundle/run/home/out")"
        [[ ! -e $rootfs/new && -e $rootfs/etc/passwd ]]
        same '1 0,2 3' "$(jq -r '"\(.id) \(.exit_code)"' "$bundle/run/results" | sort | paste -sd ,)"
}
host_network() {
        user_bundle 'namespace("network") | .root.readonly = false | .mounts += [{destination: "/sys", type: "sysfs", source: "sysfs"}]'
        ln -s busybox "$rootfs/bin/readlink"
        echo 'readlink /proc/self/ns/net; ls /sys/class/net >/dev/null' >"$bundle/tasks"
        user_batch 0 -n 1 --network host "$bundle/tasks"
        same "$(readlink /proc/self/ns/net)" "$(<"$bundle/run/logs/1.out")"
}
timeouts() {
        user_bundle .
        echo 'sleep 100 & sleep 100' >"$bundle/tasks"
        user_batch 1 -n 1 --timeout 0.2 "$bundle/tasks"
        same 'timeout 15' "$(jq -r '"\(.end) \(.signal)"' "$bundle/run/results")"
}
denied_limit() { # what was asked for is never left out
        user_bundle .
        echo true >"$bundle/tasks"
        user_batch 1 -n 1 --memory 64M "$bundle/tasks"
        jq -r .error "$bundle/run/results" | grep -qi 'memory' || { cat "$bundle/run/results"; return 1; }
        same start-failed "$(jq -r .end "$bundle/run/results")"
}
delegated() { # v2: a subtree that is the user's
        [[ $(stat -fc %T /sys/fs/cgroup) == cgroup2fs ]] || inapplicable 'on v1 a delegated cgroup limits nobody'
        local group=/sys/fs/cgroup/$id
        grep -qw pids /sys/fs/cgroup/cgroup.subtree_control || echo +pids +memory >/sys/fs/cgroup/cgroup.subtree_control || skip 'no controllers'
        mkdir "$group" "$group/session"
        chown -R "$uid:$gid" "$group"
        user_bundle '.linux.resources.pids = {limit: 20}'
        echo 'cat /proc/self/cgroup' >"$bundle/tasks"
        (
                echo "$BASHPID" >"$group/session/cgroup.procs"
                user_batch 0 -n 1 "$bundle/tasks"
        )
        same 0 "$(jq '.cgroup.oom_kills // 0' "$bundle/run/results")"
        rmdir "$group/session" "$group"
}

story 'a writable root, his own id, his files' runs '.root.readonly = false'
story 'a config for ordinary users: its maps are used' runs ".root.readonly = false | namespace(\"user\") | .linux.uidMappings = [{containerID: 0, hostID: $uid, size: 1}] | .linux.gidMappings = [{containerID: 0, hostID: $gid, size: 1}]"
story 'the network of the host, with its /sys' host_network
story 'a timeout without a cgroup' timeouts
story 'a limit that cannot be set fails the task' denied_limit
story 'in a cgroup that is his' delegated
done_testing
