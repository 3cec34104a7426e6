# Sourced by start and own-mounts: mount the cgroup hierarchies where programs look for them.

# The options of a v2 mount are the whole machine's, and a mount without them takes them away.
mount_cgroup_v2() { # DIR OPTIONS
  mount -t cgroup2 -o "$2" cgroup2 "$1"
}

mount_cgroup_v1() { # HIERARCHY...: as in /proc/self/cgroup: "memory", "cpu,cpuacct", "name=systemd"
  local hierarchy options dir
  mount -t tmpfs -o mode=755 cgroup /sys/fs/cgroup
  for hierarchy; do
    options=$hierarchy
    [[ $hierarchy != name=* ]] || options=none,$hierarchy
    dir=/sys/fs/cgroup/${hierarchy#name=}
    mkdir "$dir"
    mount -t cgroup -o "$options" cgroup "$dir"
  done
}

mount_cgroup_unified() { # OPTIONS: the v2 part of a hybrid layout
  mkdir /sys/fs/cgroup/unified
  mount_cgroup_v2 /sys/fs/cgroup/unified "$1"
}
