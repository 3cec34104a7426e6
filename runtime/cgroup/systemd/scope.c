#include "scope.h"

#include "property.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SERVICE "org.freedesktop.systemd1"
#define PATH "/org/freedesktop/systemd1"
#define MANAGER "org.freedesktop.systemd1.Manager"
#define JOB_TIMEOUT_USEC ((uint64_t)60 * 1000000)

static int say(char *why, size_t why_size, int r, const char *what, const sd_bus_error *error) {
        const char *text = error && error->message ? error->message : strerror(-r);

        (void)snprintf(why, why_size, "%s: %s", what, text);
        return r;
}

/* Root has systemd's own socket: no detour through the bus daemon, and it is always there. */
static int open_private(sd_bus **ret_bus) {
        sd_bus *bus = NULL;
        int r = sd_bus_new(&bus);

        if (r >= 0)
                r = sd_bus_set_address(bus, "unix:path=/run/systemd/private");
        if (r >= 0)
                r = sd_bus_start(bus);
        if (r < 0) {
                sd_bus_unref(bus);
                return r;
        }
        *ret_bus = bus;
        return 0;
}

int scope_connect(enum scope_bus which, sd_bus **ret_bus, char *why, size_t why_size) {
        int r;

        if (which == SCOPE_USER) {
                r = sd_bus_open_user(ret_bus);
        } else {
                r = geteuid() == 0 ? open_private(ret_bus) : -EPERM;
                if (r < 0)
                        r = sd_bus_open_system(ret_bus);
        }
        return r < 0 ? say(why, why_size, r,
                           which == SCOPE_USER ? "connect to the user's systemd"
                                               : "connect to systemd",
                           NULL)
                     : 0;
}

static unsigned version_of(sd_bus *bus) {
        char *text = NULL;
        unsigned version = 0;

        if (sd_bus_get_property_string(bus, SERVICE, PATH, MANAGER, "Version", NULL, &text) >= 0)
                version = (unsigned)strtoul(text + strcspn(text, "0123456789"), NULL, 10);
        free(text);
        return version;
}

static int append_properties(sd_bus *bus, sd_bus_message *m, char *const *properties, char *why,
                             size_t why_size) {
        unsigned wanted = 0, version = 0;
        int r = sd_bus_message_open_container(m, 'a', "(sv)");

        for (char *const *p = properties; *p; p++)
                if (property_version(*p) > wanted)
                        wanted = property_version(*p);
        if (wanted)
                version = version_of(bus);
        for (char *const *p = properties; *p && r >= 0; p++) {
                r = property_append(m, *p, version);
                if (r < 0)
                        return say(why, why_size, r, *p, NULL);
        }
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r < 0 ? say(why, why_size, r, "append the properties", NULL) : 0;
}

/* Waiting for systemd to have done a job. The match is made before the job, so that nothing is
 * missed. */
struct job {
        char *path;        /* known when the call has returned */
        char *removed[16]; /* jobs that were done before that */
        char *results[16];
        size_t n_removed;
};

static int on_job_removed(sd_bus_message *m, void *data, sd_bus_error *error) {
        struct job *job = data;
        const char *path, *unit, *result;
        uint32_t id;

        (void)error;
        if (sd_bus_message_read(m, "uoss", &id, &path, &unit, &result) < 0)
                return 0;
        if (job->path && strcmp(path, job->path) != 0)
                return 0;
        if (job->n_removed == sizeof job->removed / sizeof *job->removed) {
                free(job->removed[0]);
                free(job->results[0]);
                memmove(job->removed, job->removed + 1, sizeof job->removed - sizeof *job->removed);
                memmove(job->results, job->results + 1, sizeof job->results - sizeof *job->results);
                job->n_removed--;
        }
        job->removed[job->n_removed] = strdup(path);
        job->results[job->n_removed++] = strdup(result);
        return 0;
}

static const char *job_result(const struct job *job) {
        for (size_t i = 0; i < job->n_removed; i++)
                if (job->removed[i] && job->results[i] && !strcmp(job->removed[i], job->path))
                        return job->results[i];
        return NULL;
}

static void job_deinit(struct job *job) {
        free(job->path);
        for (size_t i = 0; i < job->n_removed; i++) {
                free(job->removed[i]);
                free(job->results[i]);
        }
}

static uint64_t now_usec(void) {
        struct timespec now;

        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static int job_wait(sd_bus *bus, struct job *job, const char **ret_result) {
        uint64_t end = now_usec() + JOB_TIMEOUT_USEC;

        while (!(*ret_result = job_result(job))) {
                uint64_t now = now_usec();
                int r = sd_bus_process(bus, NULL);
                if (r < 0)
                        return r;
                if (r > 0)
                        continue;
                if (now >= end)
                        return -ETIMEDOUT;
                r = sd_bus_wait(bus, end - now);
                if (r < 0 && r != -EINTR)
                        return r;
        }
        return 0;
}

/* On the bus daemon systemd sends signals only while somebody is subscribed. */
static int subscribe(sd_bus *bus, struct job *job, sd_bus_slot **ret_slot) {
        int r = sd_bus_match_signal(bus, ret_slot, NULL, PATH, MANAGER, "JobRemoved",
                                    on_job_removed, job);

        return r < 0 ? r
                     : sd_bus_call_method(bus, SERVICE, PATH, MANAGER, "Subscribe", NULL, NULL, "");
}

/* Make the call that starts a job and wait for its end. */
static int call_job(sd_bus *bus, struct job *job, sd_bus_message *call, const char *what, char *why,
                    size_t why_size) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *reply = NULL;
        const char *path, *result;
        int r = sd_bus_call(bus, call, 0, &error, &reply);

        if (r >= 0)
                r = sd_bus_message_read(reply, "o", &path);
        if (r >= 0)
                r = (job->path = strdup(path)) ? 0 : -ENOMEM;
        if (r >= 0)
                r = job_wait(bus, job, &result);
        if (r < 0)
                (void)say(why, why_size, r, what, &error);
        else if (strcmp(result, "done") != 0) {
                (void)snprintf(why, why_size, "%s: the job ended as \"%s\"", what, result);
                r = -EIO;
        }
        sd_bus_message_unref(reply);
        sd_bus_error_free(&error);
        return r;
}

static int run_job(sd_bus *bus, sd_bus_message *call, const char *what, char *why,
                   size_t why_size) {
        struct job job = {0};
        sd_bus_slot *slot = NULL;
        int r = subscribe(bus, &job, &slot);

        r = r < 0 ? say(why, why_size, r, "subscribe to systemd", NULL)
                  : call_job(bus, &job, call, what, why, why_size);
        sd_bus_slot_unref(slot);
        job_deinit(&job);
        return r;
}

static void reset_failed(sd_bus *bus, const char *unit) {
        /* there is nothing to reset in the usual case, and systemd says so */
        (void)sd_bus_call_method(bus, SERVICE, PATH, MANAGER, "ResetFailedUnit", NULL, NULL, "s",
                                 unit);
}

static int start_once(sd_bus *bus, const char *unit, char *const *properties, char *why,
                      size_t why_size) {
        sd_bus_message *m = NULL;
        int r = sd_bus_message_new_method_call(bus, &m, SERVICE, PATH, MANAGER,
                                               "StartTransientUnit");

        if (r >= 0)
                r = sd_bus_message_append(m, "ss", unit, "fail");
        if (r < 0)
                (void)say(why, why_size, r, "make the call", NULL);
        else
                r = append_properties(bus, m, properties, why, why_size);
        if (r >= 0) {
                r = sd_bus_message_append(m, "a(sa(sv))", 0);
                r = r < 0 ? say(why, why_size, r, "make the call", NULL)
                          : run_job(bus, m, "start the scope", why, why_size);
        }
        sd_bus_message_unref(m);
        return r;
}

static int cgroup_of(sd_bus *bus, const char *unit, char **ret_cgroup, char *why, size_t why_size) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        char *path = NULL;
        int r = sd_bus_path_encode(PATH "/unit", unit, &path);

        if (r >= 0)
                r = sd_bus_get_property_string(bus, SERVICE, path, SERVICE ".Scope", "ControlGroup",
                                               &error, ret_cgroup);
        if (r < 0)
                (void)say(why, why_size, r, "ask for the scope's cgroup", &error);
        sd_bus_error_free(&error);
        free(path);
        return r;
}

int scope_start(sd_bus *bus, const char *unit, char *const *properties, char **ret_cgroup,
                char *why, size_t why_size) {
        int r = start_once(bus, unit, properties, why, why_size);

        if (r == -EEXIST) { /* perhaps the remains of one that failed */
                reset_failed(bus, unit);
                r = start_once(bus, unit, properties, why, why_size);
        }
        return r < 0 ? r : cgroup_of(bus, unit, ret_cgroup, why, why_size);
}

int scope_set(sd_bus *bus, const char *unit, char *const *properties, char *why, size_t why_size) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *m = NULL;
        int r = sd_bus_message_new_method_call(bus, &m, SERVICE, PATH, MANAGER,
                                               "SetUnitProperties");

        if (r >= 0)
                r = sd_bus_message_append(m, "sb", unit, 1); /* runtime: not kept over a reboot */
        if (r < 0)
                (void)say(why, why_size, r, "make the call", NULL);
        else
                r = append_properties(bus, m, properties, why, why_size);
        if (r >= 0) {
                r = sd_bus_call(bus, m, 0, &error, NULL);
                if (r < 0)
                        (void)say(why, why_size, r, "set properties", &error);
        }
        sd_bus_error_free(&error);
        sd_bus_message_unref(m);
        return r;
}

int scope_stop(sd_bus *bus, const char *unit, char *why, size_t why_size) {
        sd_bus_message *m = NULL;
        int r = sd_bus_message_new_method_call(bus, &m, SERVICE, PATH, MANAGER, "StopUnit");

        if (r >= 0)
                r = sd_bus_message_append(m, "ss", unit, "replace");
        r = r < 0 ? say(why, why_size, r, "make the call", NULL)
                  : run_job(bus, m, "stop the scope", why, why_size);
        sd_bus_message_unref(m);
        reset_failed(bus, unit);
        return r == -ENOENT ? 0 : r; /* NoSuchUnit */
}
