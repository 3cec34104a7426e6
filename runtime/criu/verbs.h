/* verbs.h: what the helper does. */
#pragma once
#include "request.h"

enum { CRIU_MINIMUM = 31600, CONSOLE_FD = 5 };

int checkpoint(const struct request *request, struct st_arena *arena,
               struct st_error *err) st_must_check;
int restore(const struct request *request, struct st_arena *arena,
            struct st_error *err) st_must_check;
