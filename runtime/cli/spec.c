/* spec.c: a config.json to begin with. */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <stint/cleanup.h>
#include <stint/fs.h>

static const char *bundle;
static bool rootless;

static const struct cli_option options[] = {
        {"bundle", 'b', CLI_TEXT(&bundle), "DIR",
         "write it there (default: the current directory)"},
        {"rootless", 0, CLI_FLAG(&rootless), "for an ordinary user"},
        {0},
};

struct mount_template {
        const char *destination, *type, *source;
        const char *options[8];
};

static const struct mount_template mounts[] = {
        {"/proc", "proc", "proc", {NULL}},
        {"/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}},
        {"/dev/pts",
         "devpts",
         "devpts",
         {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}},
        {"/dev/shm", "tmpfs", "shm", {"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"}},
        {"/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}},
        {"/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"}},
        {"/sys/fs/cgroup", "cgroup", "cgroup", {"nosuid", "noexec", "nodev", "relatime", "ro"}},
};

/* sysfs cannot be mounted without owning the network namespace, and gid 5 is not mapped. */
static const struct mount_template rootless_pts = {
        "/dev/pts",
        "devpts",
        "devpts",
        {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"}};
static const struct mount_template rootless_sys = {
        "/sys", "none", "/sys", {"rbind", "nosuid", "noexec", "nodev", "ro"}};

static void write_strings(struct st_json_writer *w, const char *key, const char *const *items) {
        st_json_open_array(w, key);
        for (; *items; items++)
                st_json_string(w, NULL, *items);
        st_json_close_array(w);
}

static void write_capabilities(struct st_json_writer *w) {
        static const char *const sets[] = {"bounding", "effective", "permitted"};
        static const char *const names[] = {"CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE",
                                            NULL};

        st_json_open_object(w, "capabilities");
        for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
                write_strings(w, sets[i], names);
        st_json_close_object(w);
}

static void write_rlimits(struct st_json_writer *w) {
        st_json_open_array(w, "rlimits");
        st_json_open_object(w, NULL);
        st_json_string(w, "type", "RLIMIT_NOFILE");
        st_json_int(w, "hard", 1024);
        st_json_int(w, "soft", 1024);
        st_json_close_object(w);
        st_json_close_array(w);
}

static void write_process(struct st_json_writer *w) {
        static const char *const env[] = {
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm",
                NULL};
        static const char *const args[] = {"sh", NULL};

        st_json_open_object(w, "process");
        st_json_bool(w, "terminal", true);
        st_json_open_object(w, "user");
        st_json_int(w, "uid", 0);
        st_json_int(w, "gid", 0);
        st_json_close_object(w);
        write_strings(w, "args", args);
        write_strings(w, "env", env);
        st_json_string(w, "cwd", "/");
        write_capabilities(w);
        write_rlimits(w);
        st_json_bool(w, "noNewPrivileges", true);
        st_json_close_object(w);
}

static void write_mount(struct st_json_writer *w, const struct mount_template *mount) {
        st_json_open_object(w, NULL);
        st_json_string(w, "destination", mount->destination);
        st_json_string(w, "type", mount->type);
        st_json_string(w, "source", mount->source);
        if (mount->options[0])
                write_strings(w, "options", mount->options);
        st_json_close_object(w);
}

static void write_mounts(struct st_json_writer *w) {
        st_json_open_array(w, "mounts");
        for (size_t i = 0; i < sizeof mounts / sizeof *mounts; i++) {
                const struct mount_template *mount = &mounts[i];

                if (rootless && !strcmp(mount->destination, "/dev/pts"))
                        mount = &rootless_pts;
                else if (rootless && !strcmp(mount->destination, "/sys"))
                        mount = &rootless_sys;
                else if (rootless && !strcmp(mount->type, "cgroup"))
                        continue; /* comes with /sys */
                write_mount(w, mount);
        }
        st_json_close_array(w);
}

static void write_namespaces(struct st_json_writer *w) {
        static const char *const names[] = {"pid", "ipc", "uts", "mount", "cgroup", NULL};

        st_json_open_array(w, "namespaces");
        for (size_t i = 0; names[i]; i++) {
                st_json_open_object(w, NULL);
                st_json_string(w, "type", names[i]);
                st_json_close_object(w);
        }
        st_json_open_object(
                w,
                NULL); /* an ordinary user keeps the host's network: theirs would have no device */
        st_json_string(w, "type", rootless ? "user" : "network");
        st_json_close_object(w);
        st_json_close_array(w);
}

static void write_mapping(struct st_json_writer *w, const char *key, int64_t host_id) {
        st_json_open_array(w, key);
        st_json_open_object(w, NULL);
        st_json_int(w, "containerID", 0);
        st_json_int(w, "hostID", host_id);
        st_json_int(w, "size", 1);
        st_json_close_object(w);
        st_json_close_array(w);
}

static void write_resources(struct st_json_writer *w) {
        st_json_open_object(w, "resources");
        st_json_open_array(w, "devices");
        st_json_open_object(w, NULL);
        st_json_bool(w, "allow", false);
        st_json_string(w, "access", "rwm");
        st_json_close_object(w);
        st_json_close_array(w);
        st_json_close_object(w);
}

static void write_linux(struct st_json_writer *w) {
        static const char *const masked[] = {"/proc/acpi",
                                             "/proc/asound",
                                             "/proc/interrupts",
                                             "/proc/kcore",
                                             "/proc/keys",
                                             "/proc/latency_stats",
                                             "/proc/sched_debug",
                                             "/proc/scsi",
                                             "/proc/timer_list",
                                             "/proc/timer_stats",
                                             "/sys/devices/virtual/powercap",
                                             "/sys/firmware",
                                             NULL};
        static const char *const readonly[] = {
                "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger", NULL};

        st_json_open_object(w, "linux");
        if (rootless) {
                write_mapping(w, "uidMappings", geteuid());
                write_mapping(w, "gidMappings", getegid());
        } else {
                write_resources(w);
        }
        write_namespaces(w);
        write_strings(w, "maskedPaths", masked);
        write_strings(w, "readonlyPaths", readonly);
        st_json_close_object(w);
}

static void write_config(struct st_json_writer *w) {
        st_json_open_object(w, NULL);
        st_json_string(w, "ociVersion", CLI_SPEC_VERSION);
        write_process(w);
        st_json_open_object(w, "root");
        st_json_string(w, "path", "rootfs");
        st_json_bool(w, "readonly", true);
        st_json_close_object(w);
        st_json_string(w, "hostname", "stint");
        write_mounts(w);
        write_linux(w);
        st_json_close_object(w);
}

/* O_EXCL: a config that is there took somebody's work. */
static int save(const char *text, size_t length, struct st_error *err) {
        const char *dir = bundle ? bundle : ".";
        st_autoclose int dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
        st_autoclose int fd = -1;
        int r;

        if (dir_fd < 0)
                return st_error_sys(err, "open bundle %s", dir);
        fd = openat(dir_fd, "config.json", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd < 0 && errno == EEXIST)
                return st_error_set(err, -EEXIST, "File config.json exists. Remove it first");
        if (fd < 0)
                return st_error_sys(err, "create %s/config.json", dir);
        r = st_write_all(fd, text, length);
        if (r == 0)
                r = st_write_all(fd, "\n", 1);
        if (r < 0)
                (void)unlinkat(dir_fd, "config.json", 0); /* ours, and half written */
        return r < 0 ? st_error_code(err, r, "write %s/config.json", dir) : 0;
}

static int run(struct cli *cli, const char *const *operands, struct st_error *err) {
        st_cleanup(st_json_writer_freep) struct st_json_writer *w =
                st_json_writer_new(ST_JSON_PRETTY);
        const char *text;
        size_t length;
        int r;

        (void)cli, (void)operands; /* needs neither */
        if (!w)
                return st_error_set(err, -ENOMEM, "allocate the config");
        write_config(w);
        r = st_json_writer_finish(w, &text, &length, err);
        return r < 0 ? r : save(text, length, err);
}

const struct cli_verb cli_spec = {
        .name = "spec",
        .operands = "",
        .summary = "write a starter config.json",
        .options = options,
        .run = run,
};
