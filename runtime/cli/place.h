/* place.h: what `place --explain` is asked. */
#pragma once
#include "options.h"

#include <stint/placement.h>

struct place_question {
        struct rt_request request;
        struct cli_list taken; /* LIST[:TENANT[:TIER]] */
        const char *svg_path;
        bool as_json;
};

int cli_place_explain(const struct rt_topology *topology, const struct place_question *question,
                      struct st_error *err) st_must_check;
