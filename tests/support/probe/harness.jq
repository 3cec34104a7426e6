# Filters for the tests' configurations and expectations; see harness.sh.

# ---- changing a config.json
def args(list): .process.args = list;
def probe(requests): .process.args = ["/bin/probe", requests];
def shell(script): .process.args = ["/bin/sh", "-c", script];
def without_namespace(type): .linux.namespaces |= map(select(.type != type));
def namespace(type): without_namespace(type) | .linux.namespaces += [{type: type}];
def namespace(type; path): without_namespace(type) | .linux.namespaces += [{type: type, path: path}];
def mounted(destination; type; source; options):
  .mounts += [{destination: destination, type: type, source: source, options: options}];
def bound(source; destination; options): mounted(destination; "bind"; source; options);
def mapped(first; size): # a user namespace whose id 0 is the machine's @first
  namespace("user")
  | .linux.uidMappings = [{containerID: 0, hostID: first, size: size}]
  | .linux.gidMappings = .linux.uidMappings;
def seccomp(names; action): .linux.seccomp =
  {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: names, action: action}]};
def hook(script): {path: "/bin/sh", args: ["sh", "-c", script]};

# ---- looking at the probe's report
def at(path): [.mounts[] | select(.target == path)] | last;
def mount_at(path): at(path) // error("nothing is mounted on \(path)");
def has_option(path; name): mount_at(path).options | index(name) != null;
def propagation(path): mount_at(path).propagation | map(split(":")[0]) | sort;
def is_set(mask): ltrimstr("\t") | test(mask);
