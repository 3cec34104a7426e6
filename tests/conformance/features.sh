#!/bin/bash
# features.md, features-linux.md: what `features` prints, and that it is true.
# shellcheck source-path=SCRIPTDIR source=../support/probe/harness.sh
. "$(dirname "$(readlink -f "$0")")/../support/probe/harness.sh"

features() { "$STINT" features >"$bundle/features"; }
check_features() { features; expect_in "$bundle/features" "$@"; }
says() { story "$1" check_features "${@:2}"; }

says 'features.md: one JSON object' 'type == "object"'
says 'features.md: ociVersionMin is REQUIRED, a version' '.ociVersionMin | test("^[0-9]+\\.[0-9]+\\.[0-9]+")'
says 'features.md: ociVersionMax is 1.3.0, and not less than the minimum' '.ociVersionMax | startswith("1.3.0")'
says 'features.md: hooks: all six' '.hooks | sort == ["createContainer", "createRuntime", "poststart", "poststop", "prestart", "startContainer"]'
says 'features.md: mountOptions: all that MUST be implemented' \
        '["async", "atime", "bind", "defaults", "dev", "diratime", "dirsync", "exec", "iversion", "lazytime", "loud", "noatime", "nodev",
          "nodiratime", "noexec", "noiversion", "nolazytime", "norelatime", "nostrictatime", "nosuid", "private", "rbind", "relatime",
          "remount", "ro", "rprivate", "rshared", "rslave", "runbindable", "rw", "shared", "silent", "slave", "strictatime", "suid",
          "sync", "unbindable"] - .mountOptions == []'
says 'features.md: mountOptions: all that SHOULD or MAY be implemented' \
        '["idmap", "ridmap", "mand", "nomand", "nosymfollow", "symfollow", "ratime", "rdev", "rdiratime", "rexec", "rnoatime", "rnodev",
          "rnodiratime", "rnoexec", "rnosuid", "rnosymfollow", "rrelatime", "rro", "rrw", "rstrictatime", "rsuid", "rsymfollow", "tmpcopyup"]
         - .mountOptions == []'
says 'features.md: no list has an entry twice' '[.. | arrays | length == (unique | length)] | all'
says 'features-linux.md: namespaces: all eight' '.linux.namespaces | sort == ["cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"]'
says 'features-linux.md: capabilities' '.linux.capabilities | length >= 41 and all(startswith("CAP_"))'
says 'features-linux.md: cgroup' '.linux.cgroup | .v1 == true and .v2 == true and (.systemd | type == "boolean") and .rdma == true'
says 'features-linux.md: seccomp: actions' \
        '["SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_LOG",
          "SCMP_ACT_NOTIFY", "SCMP_ACT_TRACE", "SCMP_ACT_TRAP"] - .linux.seccomp.actions == []' '.linux.seccomp.enabled'
says 'features-linux.md: seccomp: operators' \
        '.linux.seccomp.operators | sort == ["SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_LE", "SCMP_CMP_LT", "SCMP_CMP_MASKED_EQ", "SCMP_CMP_NE"]'
says 'features-linux.md: seccomp: archs' '.linux.seccomp.archs | index("SCMP_ARCH_X86_64") != null and index("SCMP_ARCH_AARCH64") != null'
says 'features-linux.md: seccomp: knownFlags has supportedFlags' \
        '.linux.seccomp | .supportedFlags - .knownFlags == [] and (.knownFlags | index("SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV") != null)'
says 'features-linux.md: apparmor, selinux: recognized' '.linux.apparmor.enabled | type == "boolean"' '.linux.selinux.enabled | type == "boolean"'
says 'features-linux.md: intelRdt, with schemata and monitoring' '.linux.intelRdt | .enabled and .schemata and .monitoring'
says 'features-linux.md: memoryPolicy' \
        '.linux.memoryPolicy.modes | sort == ["MPOL_BIND", "MPOL_DEFAULT", "MPOL_INTERLEAVE", "MPOL_LOCAL", "MPOL_PREFERRED", "MPOL_PREFERRED_MANY", "MPOL_WEIGHTED_INTERLEAVE"]' \
        '.linux.memoryPolicy.flags | sort == ["MPOL_F_NUMA_BALANCING", "MPOL_F_RELATIVE_NODES", "MPOL_F_STATIC_NODES"]'
says 'features-linux.md: mountExtensions.idmap' '.linux.mountExtensions.idmap.enabled == true'
says 'features-linux.md: netDevices' '.linux.netDevices.enabled == true'
says 'features.md: potentiallyUnsafeConfigAnnotations, annotations' '(.potentiallyUnsafeConfigAnnotations // []) | type == "array"' '(.annotations // {}) | type == "object"'

# ---- that it is true
versions() { # MUST accept both as ociVersion
        features
        local version
        for version in $(jq -r '.ociVersionMin, .ociVersionMax' "$bundle/features"); do
                config ".ociVersion = \"$version\""
                run_probe
                expect '.exit == 0'
        done
}
story 'features.md: ociVersionMin and ociVersionMax MUST be accepted' versions
every_mount_option() { # MUST be recognized: none reaches the file system as its own
        features
        local option
        for option in $(jq -r '.mountOptions[]' "$bundle/features"); do
                case $option in remount | bind | rbind | idmap | ridmap) continue;; esac
                config "mounted(\"/data\"; \"tmpfs\"; \"t\"; [\"$option\"])"
                run_probe
                expect '.exit == 0' "mount_at(\"/data\").super - [\"ro\", \"rw\", \"sync\", \"dirsync\", \"lazytime\", \"mand\"] | index(\"$option\") == null" ||
                        { echo "option $option"; return 1; }
        done
}
story 'features.md: every one of mountOptions MUST be recognized' every_mount_option
every_capability() {
        features
        config ".process.capabilities.bounding = $(jq -c .linux.capabilities "$bundle/features")"
        run_probe
        expect '.exit == 0'
        ! cat "$bundle/err" "$bundle/log.json" | grep -i unknown
}
story 'features-linux.md: every one of capabilities MUST be recognized' every_capability
every_seccomp_word() {
        features
        config ".linux.seccomp = {defaultAction: \"SCMP_ACT_ALLOW\", architectures: $(jq -c .linux.seccomp.archs "$bundle/features"),
                flags: $(jq -c '.linux.seccomp.supportedFlags - ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"]' "$bundle/features"), syscalls: [
                $(jq -r '.linux.seccomp | [(.actions - ["SCMP_ACT_NOTIFY"])[] | {names: ["chroot"], action: .}] + [.operators[] |
                        {names: ["fchdir"], action: "SCMP_ACT_ERRNO", args: [{index: 0, value: 5, op: .}]}] | map(tojson) | join(",")' "$bundle/features")]}"
        jq '.linux.seccomp.syscalls |= unique_by(.action + (.args | tojson))' "$bundle/config.json" >"$bundle/new.json"
        # one action a system call: a filter with two answers to the same call is refused by libseccomp
        jq '.linux.seccomp.syscalls |= [to_entries[] | .value.names = (if .value.args then ["fchdir"] else [["chroot", "swapon", "swapoff", "acct", "reboot",
                "quotactl", "vhangup", "iopl", "ioperm"][.key % 9]] end) | .value]' "$bundle/new.json" >"$bundle/config.json"
        run_probe
        expect '.exit == 0' '.status.Seccomp | is_set("2")'
}
story 'features-linux.md: every seccomp action, operator, architecture and flag MUST be recognized' every_seccomp_word

done_testing
