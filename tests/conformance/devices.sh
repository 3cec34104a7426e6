#!/bin/bash
# config-linux.md, "Devices", "Default Devices"; runtime-linux.md, "Dev symbolic links", "File descriptors".
# shellcheck source-path=SCRIPTDIR source=../support/probe/harness.sh
. "$(dirname "$(readlink -f "$0")")/../support/probe/harness.sh"

# ---- default devices
default() { # NAME MAJOR MINOR
        holds "config-linux.md, Default devices: /dev/$1 MUST be supplied" "probe(\"open=/dev/$1:rw\")" \
                ".devices[\"$1\"] | .type == \"c\" and .major == $2 and .minor == $3 and .mode == 438" \
                ".open[\"/dev/$1:rw\"].error == (if \"$1\" == \"tty\" then \"ENXIO\" else null end)"
}
default null 1 3
default zero 1 5
default full 1 7
default random 1 8
default urandom 1 9
default tty 5 0
holds 'config-linux.md, Default devices: /dev/ptmx is the container'"'"'s own' 'probe("open=/dev/ptmx:rw", "stat=/dev/ptmx")' \
        '.open["/dev/ptmx:rw"].error == null' '.stat["/dev/ptmx"] | .target == "pts/ptmx" or .target == "/dev/pts/ptmx" or .type == "c"'
another_terminal() { # opening ptmx makes a terminal in the container's devpts, not in the machine's
        config 'shell("exec 3<>/dev/ptmx; probe only list=/dev/pts")'
        run_probe
        expect '.exit == 0' '.list["/dev/pts"].names | sort == ["0", "ptmx"]'
}
story 'config-linux.md, Default devices: /dev/ptmx makes terminals in the container'"'"'s devpts' another_terminal
holds 'config-linux.md, Default devices: no other device is there' . \
        '[.devices | to_entries[] | select(.value.type == "c" or .value.type == "b") | .key]
         - ["null", "zero", "full", "random", "urandom", "tty", "ptmx"] == []'
no_tmpfs_on_dev() { # the root's own /dev
        check_holds '.mounts |= map(select(.destination | startswith("/dev") | not))' '.devices.null.major == 1' '.devices.tty.major == 5'
}
story 'config-linux.md, Default devices: without a mount on /dev too' no_tmpfs_on_dev

# ---- runtime-linux.md, "Dev symbolic links"
for pair in fd:/proc/self/fd stdin:/proc/self/fd/0 stdout:/proc/self/fd/1 stderr:/proc/self/fd/2; do
        holds "runtime-linux.md, Dev symbolic links: /dev/${pair%%:*} MUST be created" . ".devices[\"${pair%%:*}\"] | .type == \"l\" and .target == \"${pair#*:}\""
done
holds 'runtime-linux.md, Dev symbolic links: made if the source exists: without /proc it need not be an error' \
        '.mounts |= map(select(.destination != "/proc")) | args(["/bin/busybox", "true"])'

# ---- devices of the configuration
device='{type: "c", path: "/dev/mine", major: 10, minor: 229, fileMode: 432, uid: 10, gid: 20}'
holds 'config-linux.md, Devices: a character device with its numbers, mode and owner' ".linux.devices = [$device]" \
        '.devices.mine | .type == "c" and .major == 10 and .minor == 229 and .mode == 432 and .uid == 10 and .gid == 20'
holds 'config-linux.md, Devices: fileMode is not changed by the umask' ".linux.devices = [$device | .fileMode = 438] | .process.user.umask = 63" '.devices.mine.mode == 438'
holds 'config-linux.md, Devices: a block device' '.linux.devices = [{type: "b", path: "/dev/blk", major: 7, minor: 200}]' \
        '.devices.blk | .type == "b" and .major == 7 and .minor == 200'
holds 'config-linux.md, Devices: type u is an unbuffered character device' '.linux.devices = [{type: "u", path: "/dev/mine", major: 10, minor: 229}]' '.devices.mine.type == "c"'
holds 'config-linux.md, Devices: a fifo has no numbers' '.linux.devices = [{type: "p", path: "/dev/pipe", fileMode: 438}]' '.devices.pipe | .type == "p" and .mode == 438'
holds 'config-linux.md, Devices: anywhere in the container, notably outside of /dev' \
        ".linux.devices = [$device | .path = \"/srv/deep/mine\"] | probe(\"stat=/srv/deep/mine\")" '.stat["/srv/deep/mine"] | .type == "c" and .minor == 229'
existing_device() {
        mknod "$rootfs/same" c 10 229
        check_holds ".linux.devices = [$device | .path = \"/same\"] | probe(\"stat=/same\")" '.stat["/same"] | .major == 10 and .minor == 229'
}
story 'config-linux.md, Devices: one that is there already and is the same is no error' existing_device
existing_file() {
        echo content >"$rootfs/taken"
        check_refused ".linux.devices = [$device | .path = \"/taken\"]" 'taken|exist|device'
        [[ $(<"$rootfs/taken") == content ]]
}
story 'config-linux.md, Devices: a file that exists and does not match MUST be an error' existing_file
other_device() {
        mknod "$rootfs/taken" c 1 3
        check_refused ".linux.devices = [$device | .path = \"/taken\"]" 'taken|exist|device'
}
story 'config-linux.md, Devices: a device that exists with other numbers MUST be an error' other_device
refused 'config-linux.md, Devices: path is REQUIRED' ".linux.devices = [$device | del(.path)]" 'path|devices'
refused 'config-linux.md, Devices: major and minor are REQUIRED but for a fifo' ".linux.devices = [$device | del(.major, .minor)]" 'major|devices'
refused 'config.md, Valid values: an unknown device type MUST be an error' ".linux.devices = [$device | .type = \"x\"]" 'type|devices'

# ---- user namespaces cannot make devices
holds 'config-linux.md, Default devices: in a user namespace too' \
        'mapped(100000; 65536) | probe("open=/dev/null:rw", "open=/dev/tty:rw")' '.devices.null.major == 1' '.open["/dev/null:rw"].error == null'
# Nobody in there may make nodes: those of the machine are bound, others are made by the runtime for it.
holds 'config-linux.md, Devices: in a user namespace, one that the machine has not' \
        'mapped(100000; 65536) | .linux.devices = [{type: "c", path: "/dev/mine", major: 1, minor: 5, fileMode: 416, uid: 3, gid: 4}]
        | .linux.resources.devices = [{allow: true, access: "rwm"}] | probe("open=/dev/mine:r")' \
        '.devices.mine | .major == 1 and .minor == 5 and .mode == 416 and .uid == 3 and .gid == 4' '.open["/dev/mine:r"].error == null'
holds 'config-linux.md, Devices: in a user namespace, one whose name is another device of the machine' \
        'mapped(100000; 65536) | .linux.devices = [{type: "c", path: "/dev/zero", major: 1, minor: 7}] | .linux.resources.devices = [{allow: true, access: "rwm"}]' \
        '.devices.zero.minor == 7'
holds 'config-linux.md, Devices: in a user namespace, several, elsewhere than in /dev, and a fifo' \
        'mapped(100000; 65536) | .linux.devices = [{type: "c", path: "/tmp/mine", major: 1, minor: 3}, {type: "p", path: "/tmp/pipe", fileMode: 384}, {type: "c", path: "/dev/null", major: 1, minor: 3}]
        | .linux.resources.devices = [{allow: true, access: "rwm"}] | shell("[ -c /tmp/mine ] && [ -p /tmp/pipe ] && echo x >/tmp/mine && exec probe only")'

# ---- runtime-linux.md, "File descriptors"
holds 'runtime-linux.md, File descriptors: only the standard streams are open' . '[.fds[].fd] == [0, 1, 2]'
extra_descriptors() { # COUNT EXPECTED: descriptors 3 to 6 are open in the caller, COUNT of them are to be kept
        config .
        touch "$bundle/kept"
        local status=0
        rt run --bundle "$bundle" --preserve-fds "$1" "$id" >"$bundle/out" 2>"$bundle/err" 3<"$bundle/kept" 4<"$bundle/kept" 5<"$bundle/kept" 6<"$bundle/kept" || status=$?
        make_report $status
        expect '.exit == 0' "[.fds[].fd] == $2"
}
story 'runtime-linux.md, File descriptors: those of the caller are closed' extra_descriptors 0 '[0, 1, 2]'
story 'runtime-linux.md, File descriptors: --preserve-fds keeps as many as it says' extra_descriptors 2 '[0, 1, 2, 3, 4]'
listen_descriptors() {
        config .
        touch "$bundle/kept"
        local status=0
        # shellcheck disable=SC2016 # the inner shell's
        wrapper+=(sh -c 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"' sh)
        rt run --bundle "$bundle" "$id" >"$bundle/out" 2>"$bundle/err" 3<"$bundle/kept" 4<"$bundle/kept" || status=$?
        make_report $status
        expect '.exit == 0' '[.fds[].fd] == [0, 1, 2, 3]' '.env | index("LISTEN_FDS=1") != null and index("LISTEN_PID=1") != null'
}
story 'runtime-linux.md, File descriptors: socket activation: LISTEN_FDS are kept and named' listen_descriptors

done_testing
