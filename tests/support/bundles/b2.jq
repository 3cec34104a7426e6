# b2.jq: what an ordinary container engine asks for, on top of B1.
# $allowed: text with one system call name a line.

def capabilities:
  ["AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD",
   "NET_BIND_SERVICE", "NET_RAW", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"]
  | map("CAP_" + .);

def char_device($major; $minor; $access):
  { allow: true, type: "c", access: $access }
  + (if $major then { major: $major } else {} end)
  + (if $minor != null then { minor: $minor } else {} end);

def device_rules:
  [ { allow: false, access: "rwm" },
    char_device(null; null; "m"),
    { allow: true, type: "b", access: "m" } ]
  + [ [1, 3], [1, 5], [1, 7], [1, 8], [1, 9], [5, 0], [5, 1], [5, 2]
      | char_device(.[0]; .[1]; "rwm") ]
  + [ char_device(136; null; "rwm") ];

def argument($index; $value; $op): { index: $index, value: $value, op: $op };
def allow_if($name; $argument):
  { names: [$name], action: "SCMP_ACT_ALLOW", args: [$argument] };

def seccomp:
  {
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: 1,
    architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
    syscalls: (
      [ { names: ($allowed | split("\n") | map(select(. != ""))),
          action: "SCMP_ACT_ALLOW" } ]
      # personality: Linux, Linux 32-bit, with and without the 2.6 version, and the query
      + [ 0, 8, 131072, 131080, 4294967295
          | allow_if("personality"; argument(0; .; "SCMP_CMP_EQ")) ]
      # every address family but AF_VSOCK
      + [ allow_if("socket"; argument(0; 40; "SCMP_CMP_NE")) ]
      # clone without a new namespace; clone3 hides its flags, so libc is sent back to clone
      + [ allow_if("clone"; argument(0; 2114060288; "SCMP_CMP_MASKED_EQ") + { valueTwo: 0 }) ]
      + [ { names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: 38 } ]
    )
  };

.process.capabilities |= with_entries(.value = capabilities)
| .root.readonly = false
| .linux.resources = {
    devices: device_rules,
    memory: { limit: 536870912 },
    cpu: { shares: 1024, quota: 200000, period: 100000 },
    pids: { limit: 1024 }
  }
| .linux.maskedPaths += ["/proc/interrupts"]
| .linux.seccomp = seccomp
