/* place.h: what `place --explain` is asked. */
#pragma once
#include "options.h"

#include <stint/ledger.h>

struct place_question {
        struct rt_request request;
        struct cli_list taken;             /* LIST[:TENANT[:TIER]] */
        const struct rt_ledger_view *view; /* what the node's ledger has; NULL: another machine */
        const char *svg_path;
        bool as_json;
};

/* `place --list` and `--repack`. */
int cli_place_list(struct rt_ledger *ledger, const char *svg_path, bool as_json,
                   struct st_error *err) st_must_check;
int cli_place_repack(struct rt_ledger *ledger, bool as_json, struct st_error *err) st_must_check;
int cli_place_write_svg(const struct rt_topology *topology, const struct rt_cpus *taken,
                        const struct rt_cpus *chosen, const char *path,
                        struct st_error *err) st_must_check;

int cli_place_explain(const struct rt_topology *topology, const struct place_question *question,
                      struct st_error *err) st_must_check;
