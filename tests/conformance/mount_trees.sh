#!/bin/bash
# config.md, "Mounts": what concerns a mount and those below it: propagation, recursive attributes, id mappings.
# config-linux.md, "Rootfs Mount Propagation".
# shellcheck source-path=SCRIPTDIR source=../support/probe/harness.sh
. "$(dirname "$(readlink -f "$0")")/../support/probe/harness.sh"

# $bundle/tree is a mount with another, $bundle/tree/below, on it; files there belong to user 1000.
on_disk='' # not empty: of the file system that bundles lie on
mount_new() { # NAME
        mkdir "$bundle/$1"
        if [[ $on_disk ]]; then
                mkdir -p "$bundle/disk/$1"
                mount --bind "$bundle/disk/$1" "$bundle/$1"
        else
                mount -t tmpfs "${1##*/}" "$bundle/$1"
        fi
}
make_tree() { # [PROPAGATION]
        mount_new tree
        mount_new tree/below
        touch "$bundle/tree/file" "$bundle/tree/below/file"
        chown 1000:1000 "$bundle/tree/file" "$bundle/tree/below/file"
        mount "--make-r${1:-private}" "$bundle/tree"
}
on_tree() { make_tree; check_holds "$@"; }
trees() { story "$1" on_tree "${@:2}"; }
refused_on_tree() { make_tree; check_refused "$@"; }
tree() { # OPTIONS: a CONFIG that binds it on /data
        echo "bound(\$bundle + \"/tree\"; \"/data\"; [\"${1//,/\", \"}\"])"
}

# ---- bind and rbind
trees 'config.md, Mounts: option bind (MUST): without the mounts below' "$(tree bind)" 'at("/data/below") == null' 'mount_at("/data").source == "tree"'
trees 'config.md, Mounts: option rbind (MUST): with the mounts below' "$(tree rbind)" 'mount_at("/data/below").source == "below"'

# ---- propagation options; the source is in a peer group, the root takes part in propagation
in_peer_group() { # ROOT-PROPAGATION CONFIG EXPECTATION...
        make_tree shared
        check_holds ".linux.rootfsPropagation = \"$1\" | $2" "${@:3}"
}
for pair in private:private:0 slave:slave:master shared:shared:shared unbindable:private:unbindable; do
        IFS=: read -r kind root word <<<"$pair"
        is="index(\"$word\") != null"
        [[ $kind != private ]] || is='length == 0'
        story "config.md, Mounts: option $kind (MUST)" in_peer_group "$root" "$(tree "rbind,$kind")" "propagation(\"/data\") | $is"
        story "config.md, Mounts: option r$kind (MUST): of the mount and those below" in_peer_group "$root" "$(tree "rbind,r$kind")" \
                "propagation(\"/data\") | $is" "propagation(\"/data/below\") | $is"
done
propagated_mount() { # OPTION ROOT-PROPAGATION EXPECTED: does a mount that the machine makes after create appear inside?
        make_tree shared
        config "$(tree "rbind,$1") | .linux.rootfsPropagation = \"$2\"
                | shell(\"until test -e /tmp/go; do sleep 0.02; done; exec probe\")"
        rt create --bundle "$bundle" "$id" >"$bundle/out" 2>"$bundle/err"
        rt start "$id"
        mkdir "$bundle/tree/late"
        mount -t tmpfs late "$bundle/tree/late"
        touch "$rootfs/tmp/go"
        eventually is_stopped
        make_report 0
        expect "(at(\"/data/late\") != null) == $3"
}
story 'config.md, Mounts: rslave: what the machine mounts later is seen inside' propagated_mount rslave slave true
story 'config.md, Mounts: rshared: what the machine mounts later is seen inside' propagated_mount rshared shared true
story 'config.md, Mounts: rprivate: what the machine mounts later is not seen inside' propagated_mount rprivate slave false
reaches_the_machine() { # OPTION ROOT-PROPAGATION EXPECTED
        local reached=false
        make_tree shared
        config "$(tree "rbind,$1") | .linux.rootfsPropagation = \"$2\" | shell(\"mkdir /data/inside && mount -t tmpfs t /data/inside\")"
        run_probe
        expect '.exit == 0'
        ! grep -q "$bundle/tree/inside" /proc/self/mountinfo || reached=true
        [[ $reached == "$3" ]] || { echo "reached the machine: $reached"; return 1; }
}
story 'config.md, Mounts: rshared: what the container mounts is seen by the machine' reaches_the_machine rshared shared true
story 'config.md, Mounts: rslave: what the container mounts is not seen by the machine' reaches_the_machine rslave slave false

# ---- recursive attributes (SHOULD), mount_setattr
for pair in rro:ro rnosuid:nosuid rnodev:nodev rnoexec:noexec rnoatime:noatime rnodiratime:nodiratime rrelatime:relatime rnosymfollow:nosymfollow; do
        trees "config.md, Mounts: option ${pair%:*} (SHOULD): of the mount and those below" "$(tree "rbind,${pair%:*}")" \
                "has_option(\"/data\"; \"${pair#*:}\")" "has_option(\"/data/below\"; \"${pair#*:}\")"
done
cleared() { # OPTION SET-BEFORE
        make_tree
        mount -o "remount,bind,$2" "$bundle/tree/below"
        check_holds "$(tree "rbind,$1")" "has_option(\"/data/below\"; \"$2\") | not"
}
for pair in rrw:ro rsuid:nosuid rdev:nodev rexec:noexec ratime:noatime rdiratime:nodiratime rsymfollow:nosymfollow; do
        story "config.md, Mounts: option ${pair%:*} (SHOULD): clears ${pair#*:} below" cleared "${pair%:*}" "${pair#*:}"
done
trees 'config.md, Mounts: option rstrictatime (SHOULD)' "$(tree rbind,rstrictatime)" \
        'mount_at("/data/below").options | (index("relatime") // index("noatime")) == null'
trees 'config.md, Mounts: ro is of the mount only, rro of those below too' "$(tree rbind,ro)" 'has_option("/data"; "ro")' 'has_option("/data/below"; "ro") | not'
trees 'config.md, Mounts: rro with its exception written after it' "$(tree rbind,rro,rnoexec)" 'has_option("/data/below"; "ro")' 'has_option("/data/below"; "noexec")'

# ---- id mappings
on_disk=yes # before Linux 6.3 a tmpfs has none
mappings='.uidMappings = [{containerID: 1000, hostID: 3000, size: 1}] | .gidMappings = .uidMappings'
stats='probe("stat=/data/file", "stat=/data/below/file")'
trees 'config.md, Mounts: idmap with mappings of the mount' "$(tree bind,idmap) | .mounts[-1] |= ($mappings) | $stats" \
        '.stat["/data/file"] | .uid == 3000 and .gid == 3000'
trees 'config.md, Mounts: idmap is of the mount only' "$(tree rbind,idmap) | .mounts[-1] |= ($mappings) | $stats" \
        '.stat["/data/file"].uid == 3000' '.stat["/data/below/file"].uid == 1000'
trees 'config.md, Mounts: ridmap applies the mapping to those below' "$(tree rbind,ridmap) | .mounts[-1] |= ($mappings) | $stats" \
        '.stat["/data/file"].uid == 3000' '.stat["/data/below/file"].uid == 3000'
trees 'config.md, Mounts: mappings without the option: not ignored' "$(tree bind) | .mounts[-1] |= ($mappings) | $stats" \
        '.stat["/data/file"].uid == 3000'
trees 'config.md, Mounts: a mapping of several ranges' \
        "$(tree bind,idmap) | .mounts[-1].uidMappings = [{containerID: 0, hostID: 5, size: 10}, {containerID: 1000, hostID: 2000, size: 10}]
         | .mounts[-1].gidMappings = .mounts[-1].uidMappings | $stats" '.stat["/data/file"].uid == 2000'
with_user_namespace() { # CONFIG EXPECTATION...
        make_tree
        mkdir "$rootfs/data" # user 0 of the namespace may not
        check_holds "mapped(100000; 65536) | $1" "${@:2}"
}
story 'config.md, Mounts: idmap without mappings of its own uses those of the user namespace' with_user_namespace \
        "$(tree rbind,ridmap) | $stats" '.stat["/data/file"].uid == 1000' 
story 'config.md, Mounts: without idmap a user namespace sees the machine'"'"'s ids, unmapped' with_user_namespace \
        "$(tree rbind) | $stats" '.stat["/data/file"].uid == 65534'
story 'config.md, Mounts: mappings of the mount are used in a user namespace too' with_user_namespace \
        "$(tree rbind,ridmap) | .mounts[-1].uidMappings = [{containerID: 1000, hostID: 100007, size: 1}]
         | .mounts[-1].gidMappings = .mounts[-1].uidMappings | $stats" '.stat["/data/file"].uid == 7'
story 'config.md, Mounts: idmap without mappings and without a user namespace MUST be an error' refused_on_tree "$(tree bind,idmap)" 'idmap|mapping'
story 'config.md, Mounts: uidMappings MUST be with gidMappings' refused_on_tree \
        "$(tree bind,idmap) | .mounts[-1].uidMappings = [{containerID: 0, hostID: 1, size: 1}]" 'mapping|gid'
story 'config.md, Mounts: gidMappings MUST be with uidMappings' refused_on_tree \
        "$(tree bind,idmap) | .mounts[-1].gidMappings = [{containerID: 0, hostID: 1, size: 1}]" 'mapping|uid'
unmappable() { # a file system that cannot be mapped: /proc
        check_refused "bound(\"/proc/self\"; \"/data\"; [\"bind\", \"idmap\"]) | .mounts[-1] |= ($mappings)" 'idmap|map|/data|invalid'
}
story 'config.md, Mounts: idmap MUST have been applied: a file system that cannot is an error' unmappable
source_is_not_mapped() {
        make_tree
        check_holds "$(tree bind,idmap) | .mounts[-1] |= ($mappings) | probe(\"open=/data/new:wc\")"
        [[ $(stat -c %u "$bundle/tree/file") == 1000 ]]
}
story 'config-linux.md, User namespace mappings: SHOULD NOT change ownership of the source' source_is_not_mapped

# ---- rootfsPropagation
shared_root() { # makes the root a directory of a shared mount
        mkdir "$bundle/shared"
        mount -t tmpfs shared "$bundle/shared"
        mount --make-shared "$bundle/shared"
        cp -a "$rootfs" "$bundle/shared/root"
}
in_shared_root() { # VALUE EXPECTATION
        shared_root
        check_holds ".root.path = \$bundle + \"/shared/root\" | .linux.rootfsPropagation = \"$1\"" "$2"
}
story 'config-linux.md, rootfsPropagation: shared: of a peer group' in_shared_root shared 'propagation("/") | index("shared") != null'
story 'config-linux.md, rootfsPropagation: private: of none' in_shared_root private 'propagation("/") == []'
story 'config-linux.md, rootfsPropagation: unbindable' in_shared_root unbindable 'propagation("/") == ["unbindable"]'
refused 'config-linux.md, rootfsPropagation: another value is an error' '.linux.rootfsPropagation = "sideways"' 'propagation'
seen_in_the_root() { # VALUE EXPECTED: does what the machine mounts in the root's directory appear inside?
        shared_root
        config ".root.path = \$bundle + \"/shared/root\" | .linux.rootfsPropagation = \"$1\"
                | shell(\"until test -e /tmp/go; do sleep 0.02; done; exec probe\")"
        rt create --bundle "$bundle" "$id" >"$bundle/out" 2>"$bundle/err"
        rt start "$id"
        mount -t tmpfs late "$bundle/shared/root/mnt"
        touch "$bundle/shared/root/tmp/go"
        eventually is_stopped
        make_report 0
        expect "(at(\"/mnt\") != null) == $2"
}
story 'config-linux.md, rootfsPropagation: slave: what is mounted on the host also appears in the container' seen_in_the_root slave true
story 'config-linux.md, rootfsPropagation: private: what is mounted on the host does not appear in the container' seen_in_the_root private false
root_mount_stays_inside() { # VALUE
        shared_root
        config ".root.path = \$bundle + \"/shared/root\" | .linux.rootfsPropagation = \"$1\" | shell(\"mount -t tmpfs leaked /mnt; probe only exit=0\")"
        run_probe
        expect '.exit == 0'
        ! grep -q leaked /proc/self/mountinfo || { echo 'the mount has reached the machine'; return 1; }
}
story 'config-linux.md, rootfsPropagation: shared does not mean shared with the machine' root_mount_stays_inside shared
story 'config-linux.md, rootfsPropagation: slave: not the other way around' root_mount_stays_inside slave

done_testing
