/* Where the process is: namespaces, mounts, cgroups, names, network. */
#include "json.h"
#include "probe.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

void report_namespaces(void) {
        static const char *const names[] = {"cgroup", "ipc",  "mnt",  "net",
                                            "pid",    "time", "user", "uts"};
        char path[64];
        struct stat st;

        json_open(NULL, '{');
        json_open("namespaces", '{');
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
                snprintf(path, sizeof path, "/proc/self/ns/%s", names[i]);
                if (stat(path, &st) == 0)
                        json_unsigned(names[i], st.st_ino);
        }
        json_close('}');
        json_close('}');
}

/* "a,b,c" as an array. */
static void list(const char *key, char *text, const char *separator) {
        char *save = NULL;

        json_open(key, '[');
        for (char *p = strtok_r(text, separator, &save); p; p = strtok_r(NULL, separator, &save))
                json_string(NULL, p);
        json_close(']');
}

/* A line of mountinfo: six fields, optional fields up to "-", then type, source, options. */
static void mount(char *line) {
        char *save = NULL, *field[6], *optional[16], *type, *source, *options;
        size_t n_optional = 0;

        for (int i = 0; i < 6; i++)
                if (!(field[i] = strtok_r(i ? NULL : line, " \n", &save)))
                        return;
        for (char *p; (p = strtok_r(NULL, " \n", &save)) && strcmp(p, "-") != 0;)
                if (n_optional < 16)
                        optional[n_optional++] = p;
        type = strtok_r(NULL, " \n", &save);
        source = strtok_r(NULL, " \n", &save);
        options = strtok_r(NULL, " \n", &save);
        if (!type || !source || !options)
                return;
        json_open(NULL, '{');
        json_string("target", field[4]);
        json_string("id", field[0]);
        json_string("parent", field[1]);
        json_string("device", field[2]);
        json_string("root", field[3]);
        list("options", field[5], ",");
        json_open("propagation", '[');
        for (size_t i = 0; i < n_optional; i++)
                json_string(NULL, optional[i]);
        json_close(']');
        json_string("type", type);
        json_string("source", source);
        list("super", options, ",");
        json_close('}');
}

void report_mounts(void) {
        char *line = NULL;
        size_t size = 0;
        FILE *f = fopen("/proc/self/mountinfo", "re");

        json_open(NULL, '{');
        json_open("mounts", '[');
        while (f && getline(&line, &size, f) > 0)
                mount(line);
        json_close(']');
        json_close('}');
        free(line);
        if (f)
                fclose(f);
}

void report_cgroups(void) {
        char line[4096], id[16], controllers[256], path[3072];
        FILE *f = fopen("/proc/self/cgroup", "re");

        json_open(NULL, '{');
        json_open("cgroups", '[');
        while (f && fgets(line, sizeof line, f)) {
                controllers[0] = '\0';
                if (sscanf(line, "%15[0-9]::%3071[^\n]", id, path) != 2 &&
                    sscanf(line, "%15[0-9]:%255[^:]:%3071[^\n]", id, controllers, path) != 3)
                        continue;
                json_open(NULL, '{');
                json_string("id", id);
                json_string("controllers", controllers);
                json_string("path", path);
                json_close('}');
        }
        json_close(']');
        json_close('}');
        if (f)
                fclose(f);
}

void report_host(void) {
        struct utsname names;
        struct timespec monotonic, boot;
        struct stat root;

        uname(&names);
        clock_gettime(CLOCK_MONOTONIC, &monotonic);
        clock_gettime(CLOCK_BOOTTIME, &boot);
        json_open(NULL, '{');
        json_string("hostname", names.nodename);
        json_string("domainname", names.domainname);
        json_string("machine", names.machine);
        json_number("monotonic", monotonic.tv_sec);
        json_number("boottime", boot.tv_sec);
        if (stat("/", &root) == 0)
                json_unsigned("root_inode", root.st_ino);
        json_close('}');
}

static void address(const struct ifaddrs *a) {
        char host[INET6_ADDRSTRLEN] = "";

        if (a->ifa_addr->sa_family == AF_INET)
                inet_ntop(AF_INET, &((struct sockaddr_in *)a->ifa_addr)->sin_addr, host,
                          sizeof host);
        else
                inet_ntop(AF_INET6, &((struct sockaddr_in6 *)a->ifa_addr)->sin6_addr, host,
                          sizeof host);
        json_open(NULL, '{');
        json_string("interface", a->ifa_name);
        json_string("address", host);
        json_close('}');
}

void report_network(void) {
        struct ifaddrs *all = NULL;

        json_open(NULL, '{');
        json_open("interfaces", '{');
        if (getifaddrs(&all) < 0)
                all = NULL;
        for (struct ifaddrs *a = all; a; a = a->ifa_next)
                if (!a->ifa_addr || a->ifa_addr->sa_family == AF_PACKET)
                        json_bool(a->ifa_name, a->ifa_flags & IFF_UP);
        json_close('}');
        json_open("addresses", '[');
        for (struct ifaddrs *a = all; a; a = a->ifa_next)
                if (a->ifa_addr &&
                    (a->ifa_addr->sa_family == AF_INET || a->ifa_addr->sa_family == AF_INET6))
                        address(a);
        json_close(']');
        json_close('}');
        freeifaddrs(all);
}
