#!/bin/bash
# config-linux.md, "Network Devices". The devices are one end of a veth pair in a network namespace of the script's own.
if [[ ! ${STINT_TEST_NETWORK-} && $EUID == 0 ]]; then STINT_TEST_NETWORK=1 exec unshare --net -- "$0" "$@"; fi
# shellcheck source-path=SCRIPTDIR source=../support/probe/harness.sh
. "$(dirname "$(readlink -f "$0")")/../support/probe/harness.sh"

device() { # NAME: made, with addresses, down
        ip link add "$1" type veth peer name "$1-peer" 2>/dev/null || skip 'no veth devices here'
        ip address add 192.0.2.7/24 dev "$1"
        ip -6 address add 2001:db8::7/64 dev "$1" nodad
}
gone() { ip link del "$1-peer" 2>/dev/null || true; }
moved() { # CONFIG EXPECTATION...
        device dev0
        check_holds "$@"
        ! ip link show dev0 >/dev/null 2>&1 || { echo 'dev0 is still on the machine'; return 1; }
}
with_device() { story "config-linux.md, netDevices: $1" moved "${@:2}"; gone dev0; }
refused_with_device() { story "config-linux.md, netDevices: $1" device_stays "${@:2}"; gone dev0; }
device_stays() { # CONFIG TEXT
        device dev0
        check_refused "$@"
        ip link show dev0 >/dev/null || { echo 'dev0 is gone'; return 1; }
}

with_device 'MUST be made available, with its own name' '.linux.netDevices = {dev0: {}}' '.interfaces | has("dev0")'
with_device 'name is the name inside' '.linux.netDevices = {dev0: {name: "inside0"}}' '.interfaces | has("inside0") and (has("dev0") | not)'
with_device 'MUST be set up' '.linux.netDevices = {dev0: {}}' '.interfaces.dev0'
with_device 'MUST preserve global addresses of any family' '.linux.netDevices = {dev0: {name: "inside0"}}' \
        '[.addresses[] | select(.interface == "inside0") | .address] | index("192.0.2.7") != null and index("2001:db8::7") != null'
with_device 'a template with %d is filled in by the kernel' '.linux.netDevices = {dev0: {name: "in%d"}}' '.interfaces | has("in0")'
two_devices() {
        device dev0
        ip link add dev1 type veth peer name dev1-peer
        check_holds '.linux.netDevices = {dev0: {name: "in%d"}, dev1: {name: "in%d"}}' '.interfaces | has("in0") and has("in1")'
}
story 'config-linux.md, netDevices: a template for several' two_devices
gone dev0; gone dev1
mtu_and_address() {
        device dev0
        ip link set dev0 mtu 1234 address 02:00:00:00:00:07
        check_holds '.linux.netDevices = {dev0: {name: "inside0"}} | mounted("/sys"; "sysfs"; "sysfs"; ["ro"])
                | probe("read=/sys/class/net/inside0/mtu", "read=/sys/class/net/inside0/address")' \
                '.read["/sys/class/net/inside0/mtu"].text == "1234\n"' '.read["/sys/class/net/inside0/address"].text == "02:00:00:00:00:07\n"'
}
story 'config-linux.md, netDevices: MUST preserve existing attributes' mtu_and_address
gone dev0
refused_with_device 'a name that is taken in the container MUST be an error' '.linux.netDevices = {dev0: {name: "lo"}}' 'lo|dev0|exist'
refused 'config-linux.md, netDevices: a device that is not there MUST be an error' '.linux.netDevices = {none0: {}}' 'none0'
refused_with_device 'without a network namespace of its own nothing can be moved: an error' 'without_namespace("network") | .linux.netDevices = {dev0: {}}' 'net'
refused_with_device 'a name that the kernel cannot have is an error' '.linux.netDevices = {dev0: {name: "a/b"}}' 'name|a/b|dev0|net'
refused_with_device 'a name longer than 15 characters is an error' '.linux.netDevices = {dev0: {name: "abcdefghijklmnop"}}' 'name|abcdefgh|dev0|net'
joined_namespace() { # a namespace that stays: the runtime MUST NOT move the device out again
        device dev0
        touch "$bundle/netns"
        unshare --net="$bundle/netns" true
        check_holds 'namespace("network"; $bundle + "/netns") | .linux.netDevices = {dev0: {}}' '.interfaces | has("dev0")'
        nsenter --net="$bundle/netns" ip link show dev0 >/dev/null || { echo 'dev0 was moved out'; return 1; }
}
story 'config-linux.md, netDevices: MUST NOT be moved out before deletion' joined_namespace
gone dev0
failure_after_move() { # "runtime.md, Errors": as if the operation was never attempted
        device dev0
        config '.linux.netDevices = {dev0: {name: "inside0"}} | .hooks.createRuntime = [hook("exit 3")]'
        must_fail hook rt create --bundle "$bundle" "$id"
        nothing_left
}
story 'runtime.md, Create: a failure after a device was moved leaves no container' failure_after_move
gone dev0

done_testing
