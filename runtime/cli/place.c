#include "place.h"

#include "cli.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <stint/cleanup.h>
#include <stint/node_config.h>

static const char *trace_path, *topology_dir, *policy, *allowed, *smt, *tier;
static bool as_json, explain, list, repack;
static struct place_question question;

static const struct cli_option options[] = {
        {"explain", 0, CLI_FLAG(&explain), "say where a task would go, and why"},
        {"list", 0, CLI_FLAG(&list), "who has which CPUs of this node"},
        {"repack", 0, CLI_FLAG(&repack), "move tasks together, and give back what was taken"},
        {"cpus", 0, CLI_UNSIGNED(&question.request.n_cpus), "N", "it wants N logical CPUs"},
        {"tier", 0, CLI_TEXT(&tier), "NAME", "exclusive (default), shared or best-effort"},
        {"smt", 0, CLI_TEXT(&smt), "WORD", "exclusive: cores of its own"},
        {"tenant", 0, CLI_TEXT(&question.request.tenant), "NAME", "whose task it is"},
        {"job", 0, CLI_TEXT(&question.request.job), "NAME", "the job that it belongs to"},
        {"strict", 0, CLI_FLAG(&question.request.strict), "refuse rather than spread"},
        {"taken", 0, CLI_LIST(&question.taken), "TASK", "a task that runs: LIST[:TENANT[:TIER]]"},
        {"svg", 0, CLI_TEXT(&question.svg_path), "FILE", "write the picture to FILE"},
        {"simulate", 0, CLI_TEXT(&trace_path), "FILE", "run the trace in FILE through a policy"},
        {"topology", 0, CLI_TEXT(&topology_dir), "DIR", "the machine whose sysfs is in DIR"},
        {"policy", 0, CLI_TEXT(&policy), "NAME", "whose choices (default: stint; all: each one)"},
        {"cpuset", 0, CLI_TEXT(&allowed), "LIST", "as if only these CPUs were allowed"},
        {"json", 0, CLI_FLAG(&as_json), "JSON, for programs"},
        {0},
};

/* ---- simulation ---- */

struct outcome {
        const char *policy;
        bool known; /* the optimum of a large trace is not */
        struct rt_simulation s;
};

static double ratio(double a, double b) {
        return b > 0 ? a / b : 1;
}

static void write_outcome(struct st_json_writer *w, const struct outcome *o) {
        unsigned n_placed = o->s.n_starts - o->s.n_refused;

        st_json_open_object(w, NULL);
        st_json_string(w, "policy", o->policy);
        st_json_uint(w, "starts", o->s.n_starts);
        st_json_uint(w, "refused", o->s.n_refused);
        st_json_double(w, "aligned", ratio(o->s.n_aligned, n_placed));
        if (o->s.n_min_domains) { /* unknown for the optimum */
                st_json_double(w, "spread", ratio(o->s.n_domains, o->s.n_min_domains));
                st_json_double(w, "numa_spread", ratio(o->s.n_nodes, o->s.n_min_nodes));
                st_json_double(w, "stranded", ratio((double)o->s.n_stranded, o->s.n_starts));
                st_json_uint(w, "mixed", o->s.n_mixed);
                st_json_uint(w, "moves", o->s.n_moves);
                st_json_uint(w, "decision_ns", o->s.nsec / (o->s.n_starts ? o->s.n_starts : 1));
        }
        st_json_close_object(w);
}

static int print_outcomes_json(const struct outcome *outcomes, size_t n, struct st_error *err) {
        st_cleanup(st_json_writer_freep) struct st_json_writer *w =
                st_json_writer_new(ST_JSON_COMPACT);

        if (!w)
                return st_error_set(err, -ENOMEM, "allocate the figures");
        st_json_open_array(w, NULL);
        for (size_t i = 0; i < n; i++) {
                if (outcomes[i].known)
                        write_outcome(w, &outcomes[i]);
        }
        st_json_close_array(w);
        return cli_print_json(w, err);
}

static void print_outcome(FILE *out, const struct outcome *o) {
        unsigned n_placed = o->s.n_starts - o->s.n_refused;

        if (!o->known) {
                fprintf(out, "%-15s too many to try\n", o->policy);
                return;
        }
        fprintf(out, "%-15s %7u %8u %7.2f%%", o->policy, o->s.n_starts, o->s.n_refused,
                100 * ratio(o->s.n_aligned, n_placed));
        if (o->s.n_min_domains)
                fprintf(out, " %7.3f %7.3f %9.1f %6u %6u %9lu",
                        ratio(o->s.n_domains, o->s.n_min_domains),
                        ratio(o->s.n_nodes, o->s.n_min_nodes),
                        ratio((double)o->s.n_stranded, o->s.n_starts), o->s.n_mixed, o->s.n_moves,
                        (unsigned long)(o->s.nsec / (o->s.n_starts ? o->s.n_starts : 1)));
        fputc('\n', out);
}

static int print_outcomes(const struct outcome *outcomes, size_t n, struct st_error *err) {
        st_autofree char *text = NULL;
        size_t length = 0;
        FILE *out;

        if (as_json)
                return print_outcomes_json(outcomes, n, err);
        out = open_memstream(&text, &length);
        if (!out)
                return st_error_set(err, -ENOMEM, "allocate the figures");
        fprintf(out, "%-15s %7s %8s %8s %7s %7s %9s %6s %6s %9s\n", "POLICY", "STARTS", "REFUSED",
                "ALIGNED", "SPREAD", "NUMA", "STRANDED", "MIXED", "MOVES", "NS");
        for (size_t i = 0; i < n; i++)
                print_outcome(out, &outcomes[i]);
        if (fclose(out) != 0)
                return st_error_set(err, -ENOMEM, "allocate the figures");
        return cli_print(text, length, err);
}

static int run_policy(const struct rt_topology *topology, const struct rt_trace *trace,
                      const char *name, bool may_fail, struct outcome *ret, struct st_error *err) {
        struct st_error failure = {0};
        int r = rt_simulate(topology, trace, name, &ret->s, &failure);

        ret->policy = name;
        ret->known = r == 0;
        if (r == 0 || (r == -E2BIG && may_fail))
                return 0;
        *err = failure;
        return r;
}

static int simulate(const struct rt_topology *topology, struct st_error *err) {
        st_cleanup(rt_trace_freep) struct rt_trace *trace = NULL;
        st_autofree char *text = NULL;
        struct outcome outcomes[16];
        size_t length, n = 0;
        int r = cli_read_input(trace_path, &text, &length, err);

        if (r == 0)
                r = rt_trace_parse(strcmp(trace_path, "-") ? trace_path : "standard input", text,
                                   length, &trace, err);
        if (r < 0)
                return r;
        if (policy && !strcmp(policy, "all")) {
                for (const char *const *name = rt_policies(); *name && r == 0; name++, n++)
                        r = run_policy(topology, trace, *name, true, &outcomes[n], err);
        } else {
                r = run_policy(topology, trace, policy ? policy : "stint", false, &outcomes[n++],
                               err);
        }
        return r < 0 ? r : print_outcomes(outcomes, n, err);
}

/* ---- the verb ---- */

/* The CPUs that we may use ourselves: a cpuset or an affinity that somebody gave us. */
static int inherited(struct rt_cpus *ret_set, struct st_error *err) {
        struct rt_cpus set = {0};

        if (sched_getaffinity(0, sizeof set.words, (cpu_set_t *)set.words) < 0)
                return st_error_sys(err, "ask which CPUs we may use");
        *ret_set = set;
        return 0;
}

static int read_topology(struct rt_topology **ret_topology, struct st_error *err) {
        st_cleanup(rt_topology_freep) struct rt_topology *topology = NULL;
        struct rt_cpus set;
        int r;

        if (allowed && rt_cpus_parse(allowed, &set) < 0)
                return cli_usage_error(err, "invalid list of CPUs: %.100s", allowed);
        r = rt_topology_read(topology_dir ? topology_dir : "/sys", &topology, err);
        if (r == 0 && !allowed && !topology_dir)
                r = inherited(&set, err);
        if (r == 0 && (allowed || !topology_dir))
                r = rt_topology_restrict(topology, &set, err);
        if (r < 0)
                return r;
        *ret_topology = st_take(topology);
        return 0;
}

static int complete_question(struct st_error *err) {
        struct rt_request *request = &question.request;

        if (request->n_cpus == 0)
                return cli_usage_error(err, "--explain wants --cpus");
        if (tier && rt_tier_parse(tier, &request->tier) < 0)
                return cli_usage_error(err, "invalid tier: %s", tier);
        if (smt && strcmp(smt, "exclusive") && strcmp(smt, "shared"))
                return cli_usage_error(err, "invalid value for smt: %s", smt);
        request->whole_cores = smt && !strcmp(smt, "exclusive");
        if (!request->tenant)
                request->tenant = "";
        question.as_json = as_json;
        return 0;
}

/* ---- this node ---- */

static int open_ledger(const struct cli *cli, struct rt_node_config *config,
                       struct rt_ledger **ret_ledger, struct st_error *err) {
        const char *path = cli->runtime_options.placement_config;
        struct rt_ledger_options ledger_options;
        int r = rt_node_config_read(path ? path : "/etc/stint/placement.conf", config, err);

        if (r < 0)
                return r;
        ledger_options = (struct rt_ledger_options) {
                .path = config->ledger,
                .sysfs = config->sysfs,
                .cgroup_root = config->cgroup_root,
                .cpus = config->has_cpus ? &config->cpus : NULL,
                .ignored = config->ignored,
        };
        *ret_ledger = rt_ledger_new(&ledger_options);
        return *ret_ledger ? 0 : st_error_set(err, -ENOMEM, "open the ledger of CPUs");
}

static int act_on_ledger(struct rt_ledger *ledger, struct st_error *err) {
        return list ? cli_place_list(ledger, question.svg_path, as_json, err)
                    : cli_place_repack(ledger, as_json, err);
}

static void warn_unknown(struct cli *cli, const struct st_error *why) {
        char text[sizeof why->msg + 80];

        (void)snprintf(text, sizeof text, "place: only what --taken says is known to be taken: %s",
                       why->msg);
        cli_warn(cli, text);
}

/* With what the ledger knows, unless it is somebody else's to read. */
static int explain_here(struct cli *cli, struct rt_ledger *ledger, struct st_error *err) {
        st_cleanup(rt_topology_freep) struct rt_topology *topology = NULL;
        struct rt_ledger_view view = {0};
        struct st_error why = {0};
        int r = complete_question(err);

        if (r == 0)
                r = read_topology(&topology, err);
        if (r < 0)
                return r;
        r = rt_ledger_look(ledger, &view, &why);
        if (r == 0)
                question.view = &view;
        else
                warn_unknown(cli, &why);
        r = cli_place_explain(topology, &question, err);
        rt_ledger_view_deinit(&view);
        return r;
}

static int on_this_node(struct cli *cli, struct st_error *err) {
        __attribute__((cleanup(rt_node_config_deinit))) struct rt_node_config config =
                RT_NODE_CONFIG_INIT;
        st_cleanup(rt_ledger_freep) struct rt_ledger *ledger = NULL;
        int r = open_ledger(cli, &config, &ledger, err);

        if (r < 0)
                return r;
        return explain ? explain_here(cli, ledger, err) : act_on_ledger(ledger, err);
}

static int on_another(struct st_error *err) {
        st_cleanup(rt_topology_freep) struct rt_topology *topology = NULL;
        int r = explain ? complete_question(err) : 0;

        if (r == 0)
                r = read_topology(&topology, err);
        if (r < 0)
                return r;
        return explain ? cli_place_explain(topology, &question, err) : simulate(topology, err);
}

static int run(struct cli *cli, const char *const *operands, struct st_error *err) {
        (void)operands; /* it has none */
        if (explain + list + repack + (trace_path != NULL) != 1)
                return cli_usage_error(
                        err, "place wants one of --explain, --list, --repack and --simulate");
        if (list || repack || (explain && !topology_dir))
                return on_this_node(cli, err);
        return on_another(err);
}

const struct cli_verb cli_place = {
        .name = "place",
        .operands = "",
        .summary = "explain or try placement",
        .options = options,
        .run = run,
};
