#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <stint/cleanup.h>
#include <stint/exit_record.h>
#include <stint/parse.h>

static const char *const end_names[RT_N_ENDS] = {
        [RT_END_EXITED] = "exited",
        [RT_END_SIGNALED] = "signaled",
        [RT_END_OOM] = "oom",
        [RT_END_TIMEOUT] = "timeout",
        [RT_END_CANCELLED] = "cancelled",
        [RT_END_PREEMPTED] = "preempted",
        [RT_END_START_FAILED] = "start-failed",
        [RT_END_LOST] = "lost",
        [RT_END_UNOBSERVED] = "unobserved",
};

const char *rt_end_name(enum rt_end end) {
        return end_names[end];
}

int rt_end_parse(const char *name, enum rt_end *ret_end) {
        for (unsigned i = 0; i < RT_N_ENDS; i++)
                if (!strcmp(name, end_names[i])) {
                        *ret_end = (enum rt_end)i;
                        return 0;
                }
        return -EINVAL;
}

bool rt_record_is_success(enum rt_end end, int exit_code) {
        return end == RT_END_EXITED && exit_code == 0;
}

/* ---- writing ---- */

static void put_count(struct st_json_writer *w, const char *key, int64_t value) {
        if (value < 0)
                st_json_null(w, key);
        else
                st_json_int(w, key, value);
}

static void put_time(struct st_json_writer *w, const char *key, uint64_t nsec) {
        if (nsec)
                st_json_uint(w, key, nsec);
        else
                st_json_null(w, key);
}

static void put_signal(struct st_json_writer *w, int signal) {
        put_count(w, "signal", signal > 0 ? signal : -1);
}

static void put_pairs(struct st_json_writer *w, const char *key, const struct st_string_pair *pairs,
                      size_t n) {
        st_json_open_object(w, key);
        for (size_t i = 0; i < n; i++)
                st_json_string(w, pairs[i].key, pairs[i].value);
        st_json_close_object(w);
}

static void put_rusage(struct st_json_writer *w, const struct rt_record_rusage *rusage) {
        if (!rusage) {
                st_json_null(w, "rusage");
                return;
        }
        st_json_open_object(w, "rusage");
        st_json_uint(w, "user_usec", rusage->user_usec);
        st_json_uint(w, "system_usec", rusage->system_usec);
        st_json_uint(w, "max_rss_bytes", rusage->max_rss_bytes);
        st_json_uint(w, "minor_faults", rusage->minor_faults);
        st_json_uint(w, "major_faults", rusage->major_faults);
        st_json_uint(w, "in_blocks", rusage->in_blocks);
        st_json_uint(w, "out_blocks", rusage->out_blocks);
        st_json_uint(w, "voluntary_switches", rusage->voluntary_switches);
        st_json_uint(w, "involuntary_switches", rusage->involuntary_switches);
        st_json_close_object(w);
}

static void put_cgroup(struct st_json_writer *w, const struct rt_record_cgroup *cgroup) {
        if (!cgroup) {
                st_json_null(w, "cgroup");
                return;
        }
        st_json_open_object(w, "cgroup");
        put_count(w, "cpu_usec", cgroup->cpu_usec);
        put_count(w, "user_usec", cgroup->user_usec);
        put_count(w, "system_usec", cgroup->system_usec);
        put_count(w, "throttled_periods", cgroup->throttled_periods);
        put_count(w, "throttled_usec", cgroup->throttled_usec);
        put_count(w, "memory_peak_bytes", cgroup->memory_peak_bytes);
        put_count(w, "oom_kills", cgroup->oom_kills);
        put_count(w, "read_bytes", cgroup->read_bytes);
        put_count(w, "write_bytes", cgroup->write_bytes);
        put_count(w, "cpu_pressure_usec", cgroup->cpu_pressure_usec);
        put_count(w, "memory_pressure_usec", cgroup->memory_pressure_usec);
        put_count(w, "io_pressure_usec", cgroup->io_pressure_usec);
        st_json_close_object(w);
}

static void put_steps(struct st_json_writer *w, const struct rt_exit_record *record) {
        st_json_open_array(w, "hooks");
        for (size_t i = 0; i < record->n_steps; i++) {
                const struct rt_record_step *step = &record->steps[i];

                st_json_open_object(w, NULL);
                st_json_string(w, "name", step->name);
                put_count(w, "exit_code", step->exit_code);
                put_signal(w, step->signal);
                st_json_uint(w, "duration_ns", step->duration_nsec);
                st_json_close_object(w);
        }
        st_json_close_array(w);
}

static void put_resources(struct st_json_writer *w, const struct rt_exit_record *record) {
        st_json_open_object(w, "resources");
        for (size_t i = 0; i < record->n_resources; i++) {
                const struct rt_record_resource *resource = &record->resources[i];

                st_json_open_array(w, resource->name);
                for (size_t k = 0; k < resource->n_instances; k++)
                        st_json_uint(w, NULL, resource->instances[k]);
                st_json_close_array(w);
        }
        st_json_close_object(w);
        st_json_open_array(w, "devices");
        for (const char *const *device = record->devices; device && *device; device++)
                st_json_string(w, NULL, *device);
        st_json_close_array(w);
}

static void put_outcome(struct st_json_writer *w, const struct rt_exit_record *record) {
        st_json_string(w, "end", rt_end_name(record->end));
        put_count(w, "exit_code", record->exit_code);
        put_signal(w, record->signal);
        st_json_string(w, "error", record->error);
        put_time(w, "created_ns", record->created_nsec);
        put_time(w, "started_ns", record->started_nsec);
        put_time(w, "first_instruction_ns", record->first_instruction_nsec);
        put_time(w, "exited_ns", record->exited_nsec);
}

static void put_record(struct st_json_writer *w, const struct rt_exit_record *record) {
        st_json_open_object(w, NULL);
        st_json_string(w, "id", record->id);
        st_json_uint(w, "attempt", record->attempt);
        put_pairs(w, "labels", record->labels, record->n_labels);
        put_outcome(w, record);
        st_json_string(w, "grade", record->grade);
        put_rusage(w, record->rusage);
        put_cgroup(w, record->cgroup);
        st_json_string(w, "cpus", record->cpus);
        st_json_string(w, "l3", record->l3);
        st_json_open_object(w, "log");
        st_json_string(w, "stdout", record->stdout_path);
        st_json_string(w, "stderr", record->stderr_path);
        st_json_close_object(w);
        put_steps(w, record);
        put_resources(w, record);
        put_pairs(w, "outputs", record->outputs, record->n_outputs);
        st_json_close_object(w);
}

int rt_exit_record_render(const struct rt_exit_record *record, char **ret_line, size_t *ret_length,
                          struct st_error *err) {
        st_cleanup(st_json_writer_freep) struct st_json_writer *w =
                st_json_writer_new(ST_JSON_COMPACT);
        const char *text;
        size_t length;
        char *line;
        int r;

        if (!w)
                return st_error_set(err, -ENOMEM, "write the record of %s", record->id);
        put_record(w, record);
        r = st_json_writer_finish(w, &text, &length, err);
        if (r < 0)
                return st_error_prefix(err, r, "write the record of %s", record->id);
        if (asprintf(&line, "%s\n", text) < 0)
                return st_error_set(err, -ENOMEM, "write the record of %s", record->id);
        *ret_line = line;
        *ret_length = length + 1;
        return 0;
}

/* ---- reading ---- */

static int wrong(const char *name, const char *key, struct st_error *err) {
        return st_error_set(err, -EINVAL, "%s: %s: not as in an exit record", name, key);
}

static int read_members(const struct st_json *root, const char *name,
                        struct rt_record_summary *summary, struct st_error *err) {
        const struct st_json *id = st_json_get(root, "id"), *end = st_json_get(root, "end");
        const struct st_json *attempt = st_json_get(root, "attempt");
        const struct st_json *code = st_json_get(root, "exit_code");
        uint32_t number;

        if (!id || id->type != ST_JSON_STRING)
                return wrong(name, "id", err);
        if (!attempt || attempt->type != ST_JSON_NUMBER ||
            st_parse_u32(attempt->text, &number) < 0 || number == 0)
                return wrong(name, "attempt", err);
        if (!end || end->type != ST_JSON_STRING || rt_end_parse(end->text, &summary->end) < 0)
                return wrong(name, "end", err);
        summary->exit_code = -1;
        if (code && code->type == ST_JSON_NUMBER &&
            st_parse_int(code->text, &summary->exit_code) < 0)
                return wrong(name, "exit_code", err);
        summary->id = id->text;
        summary->attempt = number;
        return 0;
}

int rt_exit_record_read(struct st_arena *arena, const char *name, const char *text, size_t length,
                        struct rt_record_summary *ret_summary, struct st_error *err) {
        struct rt_record_summary summary = {0};
        const struct st_json *root;
        int r = st_json_parse(arena, name, text, length, &root, err);

        if (r == 0)
                r = read_members(root, name, &summary, err);
        if (r == 0)
                *ret_summary = summary;
        return r;
}
