#include "cli.h"
#include "stint-config.h"

#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <unistd.h>

#include <stint/cleanup.h>
#include <stint/mounts.h>
#include <stint/rdt.h>
#include <stint/seccomp.h>

static void write_strings(struct st_json_writer *w, const char *key, const char *const *items) {
        st_json_open_array(w, key);
        for (; *items; items++)
                st_json_string(w, NULL, *items);
        st_json_close_array(w);
}

static void write_hooks(struct st_json_writer *w) {
        st_json_open_array(w, "hooks");
        for (int kind = 0; kind < _ST_HOOK_MAX; kind++)
                st_json_string(w, NULL, st_hook_name((enum st_hook_kind)kind));
        st_json_close_array(w);
}

static void write_namespaces(struct st_json_writer *w) {
        st_json_open_array(w, "namespaces");
        for (int kind = 0; kind < _ST_NS_MAX; kind++)
                st_json_string(w, NULL, st_namespace_name((enum st_namespace_kind)kind));
        st_json_close_array(w);
}

static void write_capabilities(struct st_json_writer *w) {
        const char *name;

        st_json_open_array(w, "capabilities");
        for (int number = 0; (name = st_capability_name(number)); number++)
                st_json_string(w, NULL, name);
        st_json_close_array(w);
}

static void write_enabled(struct st_json_writer *w, const char *key, bool enabled) {
        st_json_open_object(w, key);
        st_json_bool(w, "enabled", enabled);
        st_json_close_object(w);
}

/* The helpers are separate programs, so that they can be left out of an installation. */
static bool have_helper(const char *path) {
        return access(path, X_OK) == 0;
}

static void write_cgroup(struct st_json_writer *w) {
        bool systemd = have_helper(ST_LIBEXEC_DIR "/stint-systemd");

        st_json_open_object(w, "cgroup");
        st_json_bool(w, "v1", true);
        st_json_bool(w, "v2", true);
        st_json_bool(w, "systemd", systemd);
        st_json_bool(w, "systemdUser", systemd);
        st_json_bool(w, "rdma", true);
        st_json_close_object(w);
}

/* set_mempolicy(2), as the spec writes it. */
static void write_memory_policy(struct st_json_writer *w) {
        static const char *const modes[] = {"MPOL_DEFAULT",    "MPOL_BIND",
                                            "MPOL_INTERLEAVE", "MPOL_WEIGHTED_INTERLEAVE",
                                            "MPOL_PREFERRED",  "MPOL_PREFERRED_MANY",
                                            "MPOL_LOCAL",      NULL};
        static const char *const flags[] = {"MPOL_F_NUMA_BALANCING", "MPOL_F_RELATIVE_NODES",
                                            "MPOL_F_STATIC_NODES", NULL};

        st_json_open_object(w, "memoryPolicy");
        write_strings(w, "modes", modes);
        write_strings(w, "flags", flags);
        st_json_close_object(w);
}

static void write_linux(struct st_json_writer *w) {
        st_json_open_object(w, "linux");
        write_namespaces(w);
        write_capabilities(w);
        write_cgroup(w);
        rt_seccomp_write_features(w, "seccomp");
        write_enabled(w, "apparmor", true);
        write_enabled(w, "selinux", true);
        rt_rdt_write_features(w, "intelRdt");
        write_memory_policy(w);
        st_json_open_object(w, "mountExtensions");
        write_enabled(w, "idmap", true);
        st_json_close_object(w);
        write_enabled(w, "netDevices", true);
        st_json_close_object(w);
}

static void write_annotations(struct st_json_writer *w) {
        const struct scmp_version *seccomp = seccomp_version();
        char version[48];

        (void)snprintf(version, sizeof version, "%u.%u.%u", seccomp->major, seccomp->minor,
                       seccomp->micro); /* fits */
        st_json_open_object(w, "annotations");
        st_json_string(w, "io.github.seccomp.libseccomp.version", version);
        st_json_string(w, "io.stint.version", ST_VERSION);
        st_json_string(w, "io.stint.commit", ST_COMMIT);
        st_json_string(w, "org.opencontainers.runc.checkpoint.enabled",
                       have_helper(ST_LIBEXEC_DIR "/stint-criu") ? "true" : "false");
        st_json_close_object(w);
}

static int run(struct cli *cli, const char *const *operands, struct st_error *err) {
        static const char *const unsafe_annotations[] = {"org.systemd.property.", "io.stint.",
                                                         NULL};
        st_cleanup(st_json_writer_freep) struct st_json_writer *w =
                st_json_writer_new(ST_JSON_PRETTY);

        (void)cli, (void)operands; /* the same for every container */
        if (!w)
                return st_error_set(err, -ENOMEM, "allocate the features");
        st_json_open_object(w, NULL);
        st_json_string(w, "ociVersionMin", "1.0.0");
        st_json_string(w, "ociVersionMax", CLI_SPEC_VERSION);
        write_hooks(w);
        write_strings(w, "mountOptions", rt_mount_option_names);
        write_linux(w);
        write_annotations(w);
        write_strings(w, "potentiallyUnsafeConfigAnnotations", unsafe_annotations);
        st_json_close_object(w);
        return cli_print_json(w, err);
}

const struct cli_verb cli_features = {
        .name = "features",
        .operands = "",
        .summary = "print what stint can do",
        .run = run,
};
