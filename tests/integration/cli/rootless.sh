#!/bin/bash
# shellcheck disable=SC2016 # what is in single quotes is for the container's shell or for jq
# An ordinary user: id maps of one id and of ranges, exec, cgroups that are denied and delegated, --rootless.
# The user is nobody; the ranges are in files of our own that are bound over /etc/subuid and /etc/subgid here only.
# shellcheck source=SCRIPTDIR/../../support/probe/harness.sh
source "$(dirname "$0")/../../support/probe/harness.sh"
uid=$(id -u nobody) gid=$(id -g nobody) first=300000
echo "nobody:$first:65536" >"$work/subid"
touch /etc/subuid /etc/subgid
mount --bind "$work/subid" /etc/subuid
mount --bind "$work/subid" /etc/subgid
# of the program the user gets a copy: the tree may lie below /root, which is closed to others
cp "$STINT" "$work/stint"
STINT=$work/stint
for applet in sleep cat id grep; do ln -s busybox "$work/template/bin/$applet"; done

same() { # WANTED FOUND
        [[ $1 == "$2" ]] || { printf 'wanted %q, found %q\n' "$1" "$2"; return 1; }
}
as_user() { # COMMAND...: in a session of nobody's own, with nothing inherited
        timeout -k 5 "$time_limit" setpriv --reuid "$uid" --regid "$gid" --clear-groups \
                env -i "PATH=$PATH" "STINT_TEST_TOKEN=$token" "XDG_RUNTIME_DIR=$bundle/run" "$@"
}
user_rt() { as_user "${wrapper[@]}" "$STINT" --log "$bundle/run/log.json" --log-format json "$@"; }
user_errors() { jq -r 'select(.level == "error") | .msg' "$bundle/run/log.json"; }

single() { echo "namespace(\"user\") | .linux.uidMappings = [{containerID: 0, hostID: $uid, size: 1}]
        | .linux.gidMappings = [{containerID: 0, hostID: $gid, size: 1}] | del(.linux.cgroupsPath)"; }
ranges() { echo "namespace(\"user\") | .linux.uidMappings = [{containerID: 0, hostID: $uid, size: 1}, {containerID: 1, hostID: $first, size: 65536}]
        | .linux.gidMappings = [{containerID: 0, hostID: $gid, size: 1}, {containerID: 1, hostID: $first, size: 65536}] | del(.linux.cgroupsPath)"; }
user_bundle() { # CONFIG
        config "$1"
        mkdir -p "$bundle/run"
        chown "$uid:$gid" "$bundle/run"
}
user_refused() { # TEXT VERB...: its error matches TEXT, and nothing is left
        local text=$1 status=0
        shift
        rm -f "$bundle/run/log.json"
        user_rt "$@" >"$bundle/out" 2>"$bundle/err" || status=$?
        same 1 $status
        user_errors | grep -Eqi -- "$text" || { echo "the error does not match '$text': $(user_errors)"; return 1; }
        same '' "$(ls "$bundle/run/stint")"
}

# ---- id maps

runs() { # MAPS WANTED
        user_bundle "$1 | shell(\"echo \$(id -u) \$(id -g); cat /proc/self/uid_map /proc/self/setgroups\")"
        user_rt run --bundle "$bundle" "$id" >"$bundle/out"
        same "$2" "$(tr -s ' \n' ' ' <"$bundle/out" | sed 's/ $//')"
        same '' "$(ls "$bundle/run/stint")"
        same 1700 "$(stat -c %a "$bundle/run/stint")"
}
other_user() { # of the range, with groups
        user_bundle "$(ranges) | .process.user = {uid: 10, gid: 20, additionalGids: [30]} | args([\"/bin/id\"])"
        user_rt run --bundle "$bundle" "$id" >"$bundle/out"
        grep -q '^uid=10.* gid=20.*groups=.*30' "$bundle/out" || { cat "$bundle/out"; return 1; }
}
not_ours() { # neither our own id nor in our ranges
        user_bundle "$(ranges) | .linux.uidMappings[1].hostID = 1000000"
        user_refused 'linux.uidMappings: newuidmap' run --bundle "$bundle" "$id"
        user_bundle "$(ranges) | .linux.gidMappings[1].hostID = 1000000"
        user_refused 'linux.gidMappings: newgidmap' run --bundle "$bundle" "$id"
}
unmapped_user() {
        user_bundle "$(single) | .process.user.uid = 10"
        user_refused 'process.user|uid' run --bundle "$bundle" "$id"
}
no_groups() { # the kernel wants them given up before an own map of gids
        user_bundle "$(single) | .process.user.additionalGids = [0]"
        user_refused 'additionalGids|group' run --bundle "$bundle" "$id"
}
no_user_namespace() {
        user_bundle 'del(.linux.cgroupsPath)'
        user_refused 'namespace' run --bundle "$bundle" "$id"
}

# ---- the verbs

begin() { # MAPS
        user_bundle "$1 | shell(\"echo up; exec sleep 100\")"
        user_rt create --bundle "$bundle" --pid-file "$bundle/run/pid" "$id" >"$bundle/out" 2>"$bundle/err"
        user_rt start "$id"
        eventually grep -q up "$bundle/out"
}
verbs() { # MAPS: of a container without a cgroup
        local pid
        begin "$1"
        pid=$(<"$bundle/run/pid")
        same "running $pid nobody" "$(user_rt state "$id" | jq -r '"\(.status) \(.pid) \(.owner)"')"
        same "$uid" "$(stat -c %u "/proc/$pid")" || same 0 "$(stat -c %u "/proc/$pid")" # root's while it is not dumpable
        same '0 0' "$(user_rt exec "$id" /bin/sh -c 'echo $(id -u) $(id -g)')"
        same 'in it' "$(user_rt exec --cwd /tmp --env A='in it' "$id" /bin/sh -c 'echo $A; test $PWD = /tmp')"
        [[ $(user_rt list -q) == "$id" ]]
        for verb in ps pause resume; do user_refuses_without_cgroup $verb; done
        user_rt kill "$id" KILL
        eventually user_stopped
        user_rt delete "$id"
        same '' "$(user_rt list -q)"
}
user_stopped() { [[ $(user_rt state "$id" | jq -r .status) == stopped ]]; }
user_refuses_without_cgroup() { # VERB
        local status=0
        rm -f "$bundle/run/log.json"
        user_rt "$1" "$id" >/dev/null 2>&1 || status=$?
        same 1 $status
        user_errors | grep -q 'no cgroup' || { echo "$1: $(user_errors)"; return 1; }
}
exec_as_other() {
        begin "$(ranges)"
        same '10 20' "$(user_rt exec --user 10:20 "$id" /bin/sh -c 'echo $(id -u) $(id -g)')"
        user_rt delete --force "$id"
}
others_cannot() { # another user's containers are another user's
        begin "$(single)"
        ! setpriv --reuid 61234 --regid 61234 --clear-groups "$STINT" --root "$bundle/run/stint" state "$id" >/dev/null 2>&1
        user_rt delete --force "$id"
}

# ---- cgroups

limit_denied() {
        user_bundle "$(single) | .linux.resources.pids = {limit: 20}"
        user_refused 'linux.resources.pids.limit.*(permission denied|read-only)' run --bundle "$bundle" "$id"
        user_refused 'linux.resources.pids.limit' --rootless true run --bundle "$bundle" "$id"
}
strict() { # --rootless=false: no right to a cgroup is an error also without limits
        user_bundle "$(single) | shell(\"echo ran\")"
        user_refused 'cgroup.*(permission denied|read-only)' --rootless=false run --bundle "$bundle" "$id"
        same ran "$(user_rt --rootless=true run --bundle "$bundle" "$id")"
        same ran "$(user_rt --rootless=auto run --bundle "$bundle" "$id")"
}
root_without_cgroups() { # root who may write none, as in a container: only --rootless lets it do without
        config 'shell("echo ran")'
        must_fail 'cgroup.*read-only' without_cgroups rt run --bundle "$bundle" "$id"
        must_fail 'cgroup.*read-only' without_cgroups rt --rootless=false run --bundle "$bundle" "$id"
        without_cgroups rt --rootless=true run --bundle "$bundle" "$id" >"$bundle/out"
        same ran "$(<"$bundle/out")"
        nothing_left
}
without_cgroups() { # COMMAND...: its cgroup trees are read-only, in this script's mount namespace
        local tree status=0
        while read -r tree; do mount -o remount,bind,ro "$tree"; done < <(cgroup_mounts)
        "$@" || status=$?
        while read -r tree; do mount -o remount,bind,rw "$tree"; done < <(cgroup_mounts)
        return $status
}
cgroup_mounts() { awk '$5 ~ /^\/sys\/fs\/cgroup/ && / - cgroup2? / { print $5 }' /proc/self/mountinfo; }
namespace_root() { # root of a user namespace that is ours: as an ordinary user, but for who calls himself root
        user_bundle 'del(.linux.cgroupsPath) | shell("echo ran")'
        same ran "$(as_user unshare --user --map-root-user --mount "$STINT" run --bundle "$bundle" "$id")"
        [[ -d $bundle/run/stint ]] || { echo 'XDG_RUNTIME_DIR is not used'; return 1; }
        must_fail 'cgroup.*(permission denied|read-only)' as_user unshare --user --map-root-user --mount \
                "$STINT" --rootless=false run --bundle "$bundle" "$id"
}
delegated() { # v2: a subtree that is the user's
        [[ $(stat -fc %T /sys/fs/cgroup) == cgroup2fs ]] || inapplicable 'on v1 a delegated cgroup limits nobody'
        local group=/sys/fs/cgroup/$id
        grep -qw pids /sys/fs/cgroup/cgroup.subtree_control || echo +pids >/sys/fs/cgroup/cgroup.subtree_control || skip 'no pids controller'
        mkdir "$group" "$group/session"
        chown -R "$uid:$gid" "$group"
        user_bundle "$(ranges) | .linux.cgroupsPath = \"/$id/box\" | .linux.resources.pids = {limit: 20} | shell(\"echo up; exec sleep 100\")"
        (
                echo "$BASHPID" >"$group/session/cgroup.procs"
                user_rt run --detach --bundle "$bundle" "$id" >"$bundle/out" 2>"$bundle/err" </dev/null
                eventually grep -q up "$bundle/out"
                same 20 "$(<"$group/box/pids.max")"
                same '0' "$(user_rt exec "$id" /bin/id -u)"
                same 1 "$(user_rt ps --format json "$id" | jq length)"
                user_rt pause "$id"
                same paused "$(user_rt state "$id" | jq -r .status)"
                user_rt resume "$id"
                user_rt delete --force "$id"
        )
        rmdir "$group/session" "$group"
}

story 'a map of one id: it runs as root of its own, without groups' runs "$(single)" "0 0 0 $uid 1 deny"
story 'a map of ranges, by newuidmap and newgidmap' runs "$(ranges)" "0 0 0 $uid 1 1 $first 65536 allow"
story 'process.user of the range, with additional groups' other_user
story 'ids that are not the user'"'"'s are an error of the helper' not_ours
story 'a user that is not mapped is an error' unmapped_user
story 'additional groups with a map of one id are an error' no_groups
story 'without a user namespace: an error' no_user_namespace
story 'create, start, state, exec, list, kill, delete with a map of one id' verbs "$(single)"
story 'create, start, state, exec, list, kill, delete with ranges' verbs "$(ranges)"
story 'exec as another user of the range' exec_as_other
story 'another user cannot see it' others_cannot
story 'a limit that cannot be set is an error, with --rootless too' limit_denied
story '--rootless=false: a cgroup that is denied is an error' strict
story '--rootless=true: root does without cgroups that are read-only' root_without_cgroups
story 'root of a user namespace: state below XDG_RUNTIME_DIR, cgroups that are denied are left out' namespace_root
story 'a delegated cgroup: limits, exec, ps, pause' delegated
umount /etc/subuid /etc/subgid
done_testing
