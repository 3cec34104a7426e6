/* What `events` reports of resctrl, with runc's names. A file that cannot be read is left out:
 * processors differ. */
#include <fcntl.h>
#include <string.h>

#include <stint/cleanup.h>
#include <stint/fs.h>
#include <stint/parse.h>
#include <stint/rdt.h>

enum { MAX_TEXT = 64 << 10 };

static int open_directory(int dir_fd, const char *path) {
        return openat(dir_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static char *read_text(int dir_fd, const char *path) {
        char *text;
        size_t length;

        if (st_read_file_at(dir_fd, path, MAX_TEXT, &text, &length, NULL) < 0)
                return NULL;
        while (length > 0 && text[length - 1] == '\n')
                text[--length] = 0;
        return text;
}

static void write_text(struct st_json_writer *w, const char *key, int dir_fd, const char *path) {
        st_autofree char *text = read_text(dir_fd, path);

        if (text)
                st_json_string(w, key, text);
}

static void write_number(struct st_json_writer *w, const char *key, int dir_fd, const char *path) {
        st_autofree char *text = read_text(dir_fd, path);
        uint64_t number;

        if (text && st_parse_u64(text, &number) == 0)
                st_json_uint(w, key, number);
}

static void write_l3_info(struct st_json_writer *w, int root_fd) {
        st_autoclose int fd = open_directory(root_fd, "info/L3");

        if (fd < 0)
                return;
        st_json_open_object(w, "l3_cache_info");
        write_text(w, "cbm_mask", fd, "cbm_mask");
        write_number(w, "min_cbm_bits", fd, "min_cbm_bits");
        write_number(w, "num_closids", fd, "num_closids");
        st_json_close_object(w);
}

static void write_bandwidth_info(struct st_json_writer *w, int root_fd) {
        st_autoclose int fd = open_directory(root_fd, "info/MB");

        if (fd < 0)
                return;
        st_json_open_object(w, "mem_bw_info");
        write_number(w, "bandwidth_gran", fd, "bandwidth_gran");
        write_number(w, "delay_linear", fd, "delay_linear");
        write_number(w, "min_bandwidth", fd, "min_bandwidth");
        write_number(w, "num_closids", fd, "num_closids");
        st_json_close_object(w);
}

/* The line of a resource, its blanks in front cut off. */
static void write_schema(struct st_json_writer *w, const char *key, int dir_fd,
                         const char *resource) {
        st_autofree char *text = read_text(dir_fd, "schemata");
        char *rest = text;

        for (char *line; (line = rest ? strsep(&rest, "\n") : NULL);) {
                line += strspn(line, " ");
                if (!strncmp(line, resource, strlen(resource))) {
                        st_json_string(w, key, line);
                        return; /* L3CODE is the first of two */
                }
        }
}

static void write_schemata(struct st_json_writer *w, int clos_fd) {
        st_autofree char *text = read_text(clos_fd, "schemata");
        char *rest = text;

        if (!text)
                return;
        st_json_open_array(w, "schemata");
        for (char *line; (line = strsep(&rest, "\n"));)
                st_json_string(w, NULL, line + strspn(line, " "));
        st_json_close_array(w);
}

static int is_l3_domain(const struct dirent *entry) {
        return !strncmp(entry->d_name, "mon_L3_", 7);
}

static void write_domain(struct st_json_writer *w, int domain_fd, bool bandwidth) {
        st_json_open_object(w, NULL);
        if (bandwidth) {
                write_number(w, "mbm_total_bytes", domain_fd, "mbm_total_bytes");
                write_number(w, "mbm_local_bytes", domain_fd, "mbm_local_bytes");
        } else {
                write_number(w, "llc_occupancy", domain_fd, "llc_occupancy");
        }
        st_json_close_object(w);
}

static void write_monitor(struct st_json_writer *w, const char *key, int group_fd,
                          const char *needed, bool bandwidth) {
        st_autoclose int fd = open_directory(group_fd, "mon_data");
        struct dirent **domains = NULL;
        char path[32];
        bool any = false;
        int n;

        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd); /* musl has no scandirat(3) */
        n = fd < 0 ? -1 : scandir(path, &domains, is_l3_domain, alphasort);
        for (int i = 0; i < n; i++) {
                st_autoclose int domain_fd = open_directory(fd, domains[i]->d_name);
                if (domain_fd >= 0 && faccessat(domain_fd, needed, F_OK, 0) == 0) {
                        if (!any)
                                st_json_open_array(w, key);
                        any = true;
                        write_domain(w, domain_fd, bandwidth);
                }
                free(domains[i]);
        }
        free(domains);
        if (any)
                st_json_close_array(w);
}

/* A class is a directory of resctrl's root, or that root itself, which alone has info/. */
static int open_root(int clos_fd) {
        return faccessat(clos_fd, "info", F_OK, 0) == 0 ? open_directory(clos_fd, ".")
                                                        : open_directory(clos_fd, "..");
}

void rt_rdt_write_stats(const struct rt_rdt *rdt, struct st_json_writer *w, const char *key) {
        st_autoclose int clos_fd = rdt->clos_path ? open_directory(AT_FDCWD, rdt->clos_path) : -1;
        st_autoclose int root_fd = clos_fd < 0 ? -1 : open_root(clos_fd);
        st_autoclose int group_fd = open_directory(AT_FDCWD, rdt->monitor_path ? rdt->monitor_path
                                                             : rdt->clos_path  ? rdt->clos_path
                                                                               : "");

        st_json_open_object(w, key);
        if (root_fd >= 0) {
                write_l3_info(w, root_fd);
                write_schema(w, "l3_cache_schema_root", root_fd, "L3");
                write_schema(w, "l3_cache_schema", clos_fd, "L3");
                write_bandwidth_info(w, root_fd);
                write_schema(w, "mem_bw_schema_root", root_fd, "MB");
                write_schema(w, "mem_bw_schema", clos_fd, "MB");
                write_schemata(w, clos_fd);
        }
        if (group_fd >= 0) {
                write_monitor(w, "mbm_stats", group_fd, "mbm_total_bytes", true);
                write_monitor(w, "cmt_stats", group_fd, "llc_occupancy", false);
        }
        st_json_close_object(w);
}
