#!/bin/bash
# config-linux.md, "Masked Paths", "Readonly Paths", "Mount Label".
# shellcheck source-path=SCRIPTDIR source=../support/probe/harness.sh
. "$(dirname "$(readlink -f "$0")")/../support/probe/harness.sh"

# ---- maskedPaths
with_secrets() { # CONFIG EXPECTATION...
        mkdir -p "$rootfs/secret/sub"
        echo password >"$rootfs/secret/file"
        echo password >"$rootfs/etc/shadow"
        ln -s /etc/shadow "$rootfs/link"
        check_holds "$@"
}
masked() { story "config-linux.md, maskedPaths: $1" with_secrets "${@:2}"; }
masked 'a file cannot be read' '.linux.maskedPaths = ["/etc/shadow"] | probe("read=/etc/shadow")' '.read["/etc/shadow"].text == ""'
masked 'a directory shows nothing' '.linux.maskedPaths = ["/secret"] | probe("list=/secret", "read=/secret/file", "open=/secret/new:wc")' \
        '.list["/secret"].names == []' '.read["/secret/file"].error == "ENOENT"' '.open["/secret/new:wc"].error == "EROFS"'
masked 'what does not exist is no error' '.linux.maskedPaths = ["/none", "/none/below"]'
masked 'a path in a file system of the container: /proc/kcore' '.linux.maskedPaths = ["/proc/kcore", "/proc/acpi", "/proc/timer_list"] | probe("read=/proc/kcore", "read=/proc/timer_list")' \
        '[.read[] | .text // ""] | unique == [""]'
masked 'many directories' '.linux.maskedPaths = ["/secret", "/secret/sub", "/proc/irq", "/proc/fs", "/tmp"] | probe("list=/proc/irq", "list=/tmp")' \
        '.list["/proc/irq"].names == []' '.list["/tmp"].names == []'
masked 'the mask can be written to no more than the machine allows' '.linux.maskedPaths = ["/etc/shadow"] | probe("write=/etc/shadow:x", "stat=/etc/shadow")'
masked 'what is reached by a symlink of the root is what the container would find' \
        '.linux.maskedPaths = ["/link"] | probe("read=/link")' '.read["/link"].text == ""'
file_on_machine_stays() {
        with_secrets '.linux.maskedPaths = ["/etc/shadow", "/secret"]'
        [[ $(<"$rootfs/etc/shadow") == password && -e $rootfs/secret/file ]]
}
story 'config-linux.md, maskedPaths: inside the container only' file_on_machine_stays
refused 'config-linux.md, maskedPaths: the values MUST be absolute' '.linux.maskedPaths = ["etc/shadow"]' 'maskedPaths|absolute|etc/shadow'

# ---- readonlyPaths
masked_or_not() { story "config-linux.md, readonlyPaths: $1" with_secrets "${@:2}"; }
masked_or_not 'a directory and what is in it' '.linux.readonlyPaths = ["/secret"] | probe("open=/secret/file:w", "open=/secret/new:wc", "read=/secret/file")' \
        '.open["/secret/file:w"].error == "EROFS"' '.open["/secret/new:wc"].error == "EROFS"' '.read["/secret/file"].text == "password\n"'
masked_or_not 'a file' '.linux.readonlyPaths = ["/etc/shadow"] | probe("open=/etc/shadow:w", "open=/etc/other:wc")' \
        '.open["/etc/shadow:w"].error == "EROFS"' '.open["/etc/other:wc"].error == null'
masked_or_not '/proc/sys' '.linux.readonlyPaths = ["/proc/sys", "/proc/bus"] | probe("open=/proc/sys/kernel/hostname:w")' \
        '.open["/proc/sys/kernel/hostname:w"].error == "EROFS"' 'has_option("/proc/sys"; "ro")'
masked_or_not 'what does not exist is no error' '.linux.readonlyPaths = ["/none", "/none/below"]'
masked_or_not 'flags that the mount has are kept' 'mounted("/run"; "tmpfs"; "t"; ["nosuid", "nodev", "noexec"]) | .linux.readonlyPaths = ["/run"]' \
        'mount_at("/run").options | (index("ro") and index("nosuid") and index("nodev") and index("noexec")) != false' 'has_option("/run"; "noexec")' 'has_option("/run"; "nosuid")'
masked_or_not 'masked and read-only together' '.linux.readonlyPaths = ["/secret"] | .linux.maskedPaths = ["/secret/file"] | probe("read=/secret/file", "list=/secret")' \
        '.read["/secret/file"].text == ""' '.list["/secret"].names | sort == ["file", "sub"]'
below_a_mount() { # what is mounted below stays reachable
        mkdir "$bundle/dir"
        with_secrets 'bound($bundle + "/dir"; "/secret/sub"; ["bind"]) | .linux.readonlyPaths = ["/secret"] | probe("open=/secret/file:w")' \
                '.open["/secret/file:w"].error == "EROFS"' 'at("/secret/sub") != null'
}
story 'config-linux.md, readonlyPaths: a directory with a mount in it' below_a_mount
refused 'config-linux.md, readonlyPaths: the values MUST be absolute' '.linux.readonlyPaths = ["etc"]' 'readonlyPaths|absolute|etc'

# ---- mountLabel
labels() {
        [[ ! -e /sys/fs/selinux/enforce ]] || inapplicable 'SELinux is enabled here; its policy is not the suite'"'"'s to know'
        check_refused '.linux.mountLabel = "system_u:object_r:none_t:s0"' 'mountLabel|selinux|label'
}
story 'config-linux.md, mountLabel: without SELinux it cannot be applied: an error' labels

done_testing
