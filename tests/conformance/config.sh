#!/bin/bash
# The top of config.json: version, root, names, annotations, and what is unknown or wrong.
# shellcheck source-path=SCRIPTDIR source=../support/probe/harness.sh
. "$(dirname "$(readlink -f "$0")")/../support/probe/harness.sh"

# ---- config.md, "Specification version"
for version in 1.0.0 1.0.2-dev 1.2.1 1.3.0; do
        holds "config.md, Specification version: ociVersion $version is accepted" \
                ".ociVersion = \"$version\""
done
refused 'config.md, Specification version: ociVersion is REQUIRED' 'del(.ociVersion)' 'ociVersion|version'
refused 'config.md, Specification version: ociVersion MUST be in SemVer format' '.ociVersion = "one"' 'ociVersion|version'
refused 'config.md, Valid values: an unsupported version MUST be an error' '.ociVersion = "2.0.0"' 'ociVersion|version'

# ---- config.md, "Root"
refused 'config.md, Root: root is REQUIRED' 'del(.root)' root
refused 'config.md, Root: path is REQUIRED' 'del(.root.path)' 'root|path'
refused 'config.md, Root: a directory MUST exist at path' '.root.path = "nowhere"' 'nowhere|rootfs|root'
refused 'config.md, Root: what exists at path MUST be a directory' '.root.path = "config.json"' 'directory|root'
holds 'config.md, Root: path may be relative to the bundle' '.root.path = "./rootfs"'
holds 'config.md, Root: path may be absolute' '.root.path = $rootfs'
holds 'config.md, Root: the root is writable by default' 'probe("open=/new:wc")' \
        '.open["/new:wc"].error == null'
holds 'config.md, Root: readonly makes the root read-only inside the container' \
        '.root.readonly = true | probe("open=/new:wc", "open=/tmp/new:wc")' \
        '.open["/new:wc"].error == "EROFS"' '.open["/tmp/new:wc"].error == "EROFS"' 'has_option("/"; "ro")'
readonly_mounts_stay_writable() {
        config '.root.readonly = true | probe("open=/dev/new:wc") | mounted("/tmp"; "tmpfs"; "tmpfs"; [])
                | .process.args += ["open=/tmp/new:wc"]'
        run_probe
        expect '.open["/dev/new:wc"].error == null' '.open["/tmp/new:wc"].error == null'
}
story 'config.md, Root: readonly is of the root filesystem, not of the mounts on it' readonly_mounts_stay_writable
the_bundle_stays_writable() {
        config '.root.readonly = true'
        run_probe
        expect '.exit == 0'
        touch "$rootfs/writable"
}
story 'config.md, Root: readonly is seen inside the container, not on the machine' the_bundle_stays_writable
holds 'glossary: the root is the top of what the container sees' 'probe("list=/..", "stat=/..")' \
        '.list["/.."].names | index("bin") != null' '.stat["/.."].inode == .root_inode' \
        '[.mounts[] | select(.target == "/")] | length == 1'

# ---- config.md, "Hostname", "Domainname"
holds 'config.md, Hostname: as seen by processes inside the container' \
        '.hostname = "inside.example"' '.hostname == "inside.example"'
holds 'config.md, Domainname: as seen by processes inside the container' \
        '.domainname = "example.org"' '.domainname == "example.org"'
holds 'config.md, Hostname: not set, it is the namespace'"'"'s own' '.' ".hostname == \"$(uname -n)\""

# ---- config.md, "Extensibility", "Valid values"
holds 'config.md, Extensibility: an unknown property MUST be ignored' \
        '.unknown = {a: [1]} | .process.unknown = 1 | .linux.unknown = [] | .root.unknown = null
         | .mounts[0].unknown = "x" | .linux.resources.unknown = {} | .linux.namespaces[0].unknown = 1'
holds 'config.md, Annotations: an unknown key is ignored' '.annotations = {"org.example.x": "", "unknown": "1"}'
refused 'config.md, Annotations: values MUST be strings' '.annotations = {"org.example.x": 1}' 'annotations|json|type'
refused 'config.md, Annotations: MUST be a map' '.annotations = ["org.example.x"]' 'annotations|json|type'
refused 'config.md, Annotations: keys MUST NOT be an empty string' '.annotations = {"": "x"}' annotation
refused 'config.md, Valid values: a property of the wrong type MUST be an error' '.process.cwd = 1' 'cwd|json|type'
refused 'config.md, Valid values: a negative uid MUST be an error' '.process.user.uid = -1' 'uid|json|range'
refused 'config.md, Valid values: a uid above 32 bits MUST be an error' '.process.user.uid = 4294967296' 'uid|json|range'
refused 'config.md, Valid values: a namespace list of the wrong type MUST be an error' \
        '.linux.namespaces = "pid"' 'namespaces|json|type'

# ---- bundle.md, "config.json"
malformed() { # TEXT
        printf '%s' "$1" >"$bundle/config.json"
        must_fail 'config|json' rt run --bundle "$bundle" "$id"
        nothing_left
}
no_config() { must_fail 'config.json' rt run --bundle "$bundle" "$id"; nothing_left; }
no_bundle() { must_fail 'nowhere|config.json|no such' rt run --bundle "$work/nowhere" "$id"; nothing_left; }
story 'bundle.md: config.json MUST be in the bundle directory' no_config
story 'bundle.md: an empty config.json is an error' malformed ''
story 'bundle.md: a truncated config.json is an error' malformed '{"ociVersion": "1.3.0", "root": {'
story 'bundle.md: a config.json that is no object is an error' malformed '["ociVersion"]'
story 'runtime.md, Create: a bundle path that does not exist MUST be an error' no_bundle

done_testing
