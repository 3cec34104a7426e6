#!/bin/bash
# config.md, "Mounts": destinations, order, types, options. Propagation and id mapping: mount_trees.sh.
# shellcheck source-path=SCRIPTDIR source=../support/probe/harness.sh
. "$(dirname "$(readlink -f "$0")")/../support/probe/harness.sh"

# ---- what is mounted where
holds 'config.md, Mounts: a file system of a type' 'mounted("/data"; "tmpfs"; "here"; ["size=1m", "mode=700"])' \
        'mount_at("/data") | .type == "tmpfs" and .source == "here" and (.super | index("size=1024k") != null and index("mode=700") != null)'
holds 'config-linux.md, Default filesystems: /proc, /sys, /dev/pts, /dev/shm' \
        'mounted("/sys"; "sysfs"; "sysfs"; ["nosuid", "noexec", "nodev", "ro"])' \
        'mount_at("/proc").type == "proc"' 'mount_at("/sys").type == "sysfs"' 'has_option("/sys"; "ro")' \
        'mount_at("/dev/pts").type == "devpts"' 'mount_at("/dev/shm").type == "tmpfs"'
holds 'config.md, Mounts: mqueue' 'mounted("/dev/mqueue"; "mqueue"; "mqueue"; ["nosuid", "noexec", "nodev"])' \
        'mount_at("/dev/mqueue").type == "mqueue"'
holds 'config.md, Mounts: MUST be mounted in the listed order: the later one covers' \
        'mounted("/data"; "tmpfs"; "first"; []) | mounted("/data/inner"; "tmpfs"; "below"; []) | mounted("/data"; "tmpfs"; "second"; [])
         | probe("list=/data")' 'mount_at("/data").source == "second"' '.list["/data"].names == []'
holds 'config.md, Mounts: MUST be mounted in the listed order: one on another' \
        'mounted("/data"; "tmpfs"; "outer"; []) | mounted("/data/inner"; "tmpfs"; "inner"; [])' \
        'mount_at("/data/inner").parent == mount_at("/data").id'
holds 'config.md, Mounts: a relative destination MUST be interpreted as relative to "/"' \
        '.process.cwd = "/etc" | mounted("data/here"; "tmpfs"; "t"; [])' 'mount_at("/data/here").source == "t"'
holds 'config.md, Mounts: a destination that does not exist is made' 'mounted("/new/deep/er"; "tmpfs"; "t"; [])' 'mount_at("/new/deep/er").source == "t"'
holds 'config.md, Mounts: a destination with ".." stays in the root' 'mounted("/../../data"; "tmpfs"; "t"; [])' 'mount_at("/data").source == "t"'
refused 'config.md, Mounts: destination is REQUIRED' '.mounts += [{type: "tmpfs", source: "t"}]' 'destination|mounts'
refused 'config.md, Mounts: an unknown file system type is an error' 'mounted("/data"; "nonefs"; "n"; [])' 'nonefs|no such device|/data'

# ---- bind mounts
on_machine='mkdir -p "$bundle/dir/sub"; echo from-dir >"$bundle/dir/file"; echo from-file >"$bundle/file"; mkfifo "$bundle/fifo"'
prepared() { # CONFIG EXPECTATION...: with files beside the root to bind
        eval "$on_machine"
        check_holds "$@"
}
binds() { story "$1" prepared "${@:2}"; }
binds 'config.md, Mounts: bind: a directory' 'bound($bundle + "/dir"; "/data"; ["bind"]) | probe("read=/data/file")' \
        '.read["/data/file"].text == "from-dir\n"'
binds 'config.md, Mounts: bind: a file on a file that does not exist' \
        'bound($bundle + "/file"; "/etc/new/name"; ["bind", "ro"]) | probe("read=/etc/new/name", "open=/etc/new/name:w")' \
        '.read["/etc/new/name"].text == "from-file\n"' '.open["/etc/new/name:w"].error == "EROFS"'
binds 'config.md, Mounts: bind: a file on a file that exists' \
        'bound($bundle + "/file"; "/etc/passwd"; ["bind"]) | probe("read=/etc/passwd")' '.read["/etc/passwd"].text == "from-file\n"'
binds 'config.md, Mounts: bind: what is neither file nor directory' \
        'bound($bundle + "/fifo"; "/run/fifo"; ["bind"]) | probe("stat=/run/fifo")' '.stat["/run/fifo"].type == "p"'
binds 'config.md, Mounts: bind: the type is a dummy' 'mounted("/data"; "none"; $bundle + "/dir"; ["bind"]) | probe("list=/data")' \
        '.list["/data"].names | sort == ["file", "sub"]'
binds 'config.md, Mounts: bind: no type at all' '.mounts += [{destination: "/data", source: ($bundle + "/dir"), options: ["bind"]}] | probe("list=/data")' \
        '.list["/data"].names | sort == ["file", "sub"]'
binds 'config.md, Mounts: source may be relative to the bundle' 'bound("dir"; "/data"; ["bind"]) | probe("list=/data")' \
        '.list["/data"].names | sort == ["file", "sub"]'
binds 'config.md, Mounts: bind: what is written goes to the source' 'bound($bundle + "/dir"; "/data"; ["rbind", "rw"]) | probe("open=/data/x:wc")' \
        '.open["/data/x:wc"].error == null'
binds 'config.md, Mounts: bind: ro' 'bound($bundle + "/dir"; "/data"; ["bind", "ro"]) | probe("open=/data/file:w")' '.open["/data/file:w"].error == "EROFS"'
refused 'config.md, Mounts: bind: a source that does not exist is an error' 'bound($bundle + "/none"; "/data"; ["bind"])' 'none'
refused 'config.md, Mounts: bind: a source is needed' '.mounts += [{destination: "/data", options: ["bind"]}]' 'source|/data'
directory_on_file() { mkdir "$bundle/dir"; check_refused 'bound($bundle + "/dir"; "/etc/passwd"; ["bind"])' 'directory|/etc/passwd'; }
story 'config.md, Mounts: bind: a directory on a file is an error' directory_on_file
root_untouched() { # "runtime.md, Errors": as if never attempted is too much to ask of mount points, but not of contents
        eval "$on_machine"
        check_holds 'bound($bundle + "/dir"; "/etc"; ["bind"])'
        [[ -s $rootfs/etc/passwd && ! -e $rootfs/etc/file ]]
}
story 'config.md, Mounts: a mount covers and does not change what is below' root_untouched

# ---- symlinks in the root: the destination is what the container would find
symlinked() { # LINK TARGET DESTINATION FINAL
        ln -s "$2" "$rootfs$1"
        check_holds "mounted(\"$3\"; \"tmpfs\"; \"t\"; [])" "mount_at(\"$4\").source == \"t\""
}
story 'config.md, Mounts: an absolute symlink in the root is followed inside it' symlinked /link /data /link/here /data/here
story 'config.md, Mounts: a relative symlink that climbs stays inside the root' symlinked /link ../../../../tmp /link/here /tmp/here
story 'config.md, Mounts: a destination that is itself a symlink' symlinked /link /run /link /run
story 'config.md, Mounts: a symlink to what does not exist yet' symlinked /link /later/deep /link/here /later/deep/here

# ---- options: in mountinfo, a mount's own or its file system's
for pair in nosuid:nosuid nodev:nodev noexec:noexec ro:ro noatime:noatime nodiratime:nodiratime relatime:relatime nosymfollow:nosymfollow; do
        holds "config.md, Mounts: option ${pair%:*} (MUST)" "mounted(\"/data\"; \"tmpfs\"; \"t\"; [\"${pair%:*}\"])" "has_option(\"/data\"; \"${pair#*:}\")"
        binds "config.md, Mounts: option ${pair%:*} of a bind mount" "bound(\$bundle + \"/dir\"; \"/data\"; [\"bind\", \"${pair%:*}\"])" \
                "has_option(\"/data\"; \"${pair#*:}\")"
done
for pair in suid:nosuid dev:nodev exec:noexec rw:ro atime:noatime diratime:nodiratime symfollow:nosymfollow; do
        holds "config.md, Mounts: option ${pair%:*} (MUST) undoes ${pair#*:}" \
                "mounted(\"/data\"; \"tmpfs\"; \"t\"; [\"${pair#*:}\", \"${pair%:*}\"])" "has_option(\"/data\"; \"${pair#*:}\") | not"
done
holds 'config.md, Mounts: option strictatime (MUST)' 'mounted("/data"; "tmpfs"; "t"; ["strictatime"])' \
        'mount_at("/data").options | (index("relatime") // index("noatime")) == null'
holds 'config.md, Mounts: option norelatime (MUST)' 'mounted("/data"; "tmpfs"; "t"; ["norelatime"])'
holds 'config.md, Mounts: option nostrictatime (MUST)' 'mounted("/data"; "tmpfs"; "t"; ["strictatime", "nostrictatime"])' 'has_option("/data"; "relatime")'
for pair in sync:sync dirsync:dirsync lazytime:lazytime; do
        holds "config.md, Mounts: option ${pair%:*} (MUST)" "mounted(\"/data\"; \"tmpfs\"; \"t\"; [\"${pair%:*}\"])" \
                "mount_at(\"/data\").super | index(\"${pair#*:}\") != null"
done
for pair in async:sync nolazytime:lazytime; do
        holds "config.md, Mounts: option ${pair%:*} (MUST) undoes ${pair#*:}" \
                "mounted(\"/data\"; \"tmpfs\"; \"t\"; [\"${pair#*:}\", \"${pair%:*}\"])" "mount_at(\"/data\").super | index(\"${pair#*:}\") == null"
done
for option in defaults loud silent iversion noiversion; do
        holds "config.md, Mounts: option $option (MUST) is accepted" "mounted(\"/data\"; \"tmpfs\"; \"t\"; [\"$option\"])" \
                'mount_at("/data").type == "tmpfs"' "mount_at(\"/data\").super | index(\"$option\") == null"
done
for option in mand nomand; do # SHOULD; the kernel has forgotten mandatory locks, 5.15
        holds "config.md, Mounts: option $option (SHOULD) is accepted" "mounted(\"/data\"; \"tmpfs\"; \"t\"; [\"$option\"])" 'mount_at("/data").type == "tmpfs"'
done
holds 'config.md, Mounts: option remount (MUST): the mount that is there gets new options' \
        'mounted("/data"; "tmpfs"; "t"; ["rw"]) | mounted("/data"; "tmpfs"; "t"; ["remount", "ro"])' \
        'has_option("/data"; "ro")' '[.mounts[] | select(.target == "/data")] | length == 1'
holds 'config.md, Mounts: the last of two options that contradict wins' 'mounted("/data"; "tmpfs"; "t"; ["ro", "rw", "nosuid", "suid", "exec", "noexec"])' \
        'has_option("/data"; "rw")' 'has_option("/data"; "nosuid") | not' 'has_option("/data"; "noexec")'
holds 'config.md, Mounts: an unknown option SHOULD be the file system'"'"'s own' 'mounted("/data"; "tmpfs"; "t"; ["nr_inodes=123", "uid=7"])' \
        'mount_at("/data").super | index("nr_inodes=123") != null and index("uid=7") != null'
refused 'config.md, Mounts: an option that the file system does not know is an error' 'mounted("/data"; "tmpfs"; "t"; ["bogus=1"])' 'bogus|invalid argument|/data'

# ---- tmpcopyup
copy_up() { # TYPE-OF-ROOT-CONTENT
        mkdir -p "$rootfs/data/sub"
        echo kept >"$rootfs/data/sub/file"
        chmod 640 "$rootfs/data/sub/file"
        chown 10:20 "$rootfs/data/sub/file"
        ln -s sub/file "$rootfs/data/link"
        check_holds 'mounted("/data"; "tmpfs"; "t"; ["tmpcopyup"]) | probe("read=/data/sub/file", "stat=/data/sub/file", "read=/data/link", "open=/data/sub/new:wc")' \
                'mount_at("/data").type == "tmpfs"' '.read["/data/sub/file"].text == "kept\n"' '.read["/data/link"].text == "kept\n"' \
                '.stat["/data/sub/file"] | .mode == 416 and .uid == 10 and .gid == 20' '.open["/data/sub/new:wc"].error == null'
        [[ ! -e $rootfs/data/sub/new ]]
}
story 'config.md, Mounts: option tmpcopyup (MAY): the tmpfs starts with what it covers' copy_up

# ---- cgroup
cgroup_mount() { # OPTION EXPECTATION...: with a cgroup namespace, v1, v2 and hybrid alike
        config "namespace(\"cgroup\") | mounted(\"/sys\"; \"sysfs\"; \"sysfs\"; [\"ro\"]) | mounted(\"/sys/fs/cgroup\"; \"cgroup\"; \"cgroup\"; [\"$1\", \"nosuid\", \"noexec\", \"nodev\"])
                | probe(\"list=/sys/fs/cgroup\", \"open=/sys/fs/cgroup/cgroup.procs:w\", \"open=/sys/fs/cgroup/memory/cgroup.procs:w\")"
        run_probe
        shift
        expect '.exit == 0' 'mount_at("/sys/fs/cgroup") | .type == "cgroup2" or .type == "tmpfs"' '[.cgroups[].path] | unique == ["/"]' "$@"
        nothing_left
}
story 'config.md, Mounts: type cgroup, read-only' cgroup_mount ro \
        '[.mounts[] | select(.target | startswith("/sys/fs/cgroup"))] | length > 0 and all(.options + .super | index("ro") != null)' \
        '[.open[].error] - ["ENOENT"] == ["EROFS"]'
story 'config.md, Mounts: type cgroup, read-write' cgroup_mount rw '[.open[].error] | index(null) != null'
v1_hierarchies() {
        [[ $(stat -fc %T /sys/fs/cgroup) != cgroup2fs ]] || inapplicable 'cgroup v2 has one hierarchy'
        cgroup_mount ro '[.cgroups[] | select(.controllers != "") | .controllers | sub("^name="; "")] as $all
                | .list["/sys/fs/cgroup"].names as $names | $all | all(. as $c | $names | index($c) != null)' \
                '[.mounts[] | select(.type == "cgroup")] | length > 1 and all(.root == "/")'
}
story 'config.md, Mounts: type cgroup on v1: every hierarchy, by its name' v1_hierarchies
cgroup_without_namespace() { # the container's own cgroup is what it sees, not the machine's tree
        config 'mounted("/sys"; "sysfs"; "sysfs"; ["ro"]) | mounted("/sys/fs/cgroup"; "cgroup"; "cgroup"; ["ro"])
                | shell("find /sys/fs/cgroup | grep -c stint-test; probe only exit=0")'
        run_probe
        expect '.exit == 0' '.output == "0\n"'
}
story 'config.md, Mounts: type cgroup without a cgroup namespace shows no other container' cgroup_without_namespace

# ---- the machine
machine_is_unchanged() {
        mkdir "$bundle/shared"
        mount -t tmpfs shared "$bundle/shared"
        mount --make-shared "$bundle/shared"
        mkdir "$bundle/shared/root" && cp -a "$rootfs/." "$bundle/shared/root"
        config '.root.path = $bundle + "/shared/root" | mounted("/data"; "tmpfs"; "t"; []) | probe("hold")'
        rt create --bundle "$bundle" "$id" >"$bundle/out" 2>"$bundle/err"
        [[ $(grep -c "$bundle/shared" /proc/self/mountinfo) == 1 ]] || { echo 'a mount has reached the machine'; return 1; }
        rt delete --force "$id"
        [[ $(grep -c "$bundle/shared" /proc/self/mountinfo) == 1 ]] || { echo 'a mount of the machine is gone'; return 1; }
}
story 'config-linux.md, Namespaces: mount: the container'"'"'s mounts are not the machine'"'"'s, shared or not' machine_is_unchanged

done_testing
