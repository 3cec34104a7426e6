/* runtime/cgroup/unit_name.c: names of scopes and slices, and where systemd puts them. */
#include "unit.h"

#include <string.h>

static bool has_suffix(const char *text, const char *suffix) {
        size_t length = strlen(text), n = strlen(suffix);

        return length > n && !strcmp(text + length - n, suffix);
}

char *rt_slice_path(struct st_arena *arena, const char *slice) {
        size_t length = strlen(slice);
        char *path;

        if (!has_suffix(slice, ".slice") || strchr(slice, '/'))
                return NULL;
        length -= strlen(".slice");
        path = st_arena_strdup(arena, "");
        if (length == 1 && *slice == '-')
                return path;
        for (size_t i = 0; i <= length && path; i++) {
                if (i < length && slice[i] != '-')
                        continue;
                if (i == 0 || slice[i - 1] == '-')
                        return NULL; /* an empty part */
                path = st_arena_printf(arena, "%s/%.*s.slice", path, (int)i, slice);
        }
        return path;
}

static int bad_path(struct st_error *err, const char *cgroups_path, const char *why) {
        return rt_fail(err, ST_CODE_CONFIG_INVALID, -EINVAL,
                       "linux.cgroupsPath: expected cgroupsPath to be of format "
                       "\"slice:prefix:name\" for systemd cgroups, got \"%s\" instead: %s",
                       cgroups_path, why);
}

/* What systemd takes in the name of a unit. */
static bool is_unit_name(const char *unit) {
        static const char punctuation[] = ":-_.\\@";

        for (const char *at = unit; *at; at++)
                if (!strchr(punctuation, *at) && !(*at >= '0' && *at <= '9') &&
                    !(*at >= 'a' && *at <= 'z') && !(*at >= 'A' && *at <= 'Z'))
                        return false;
        return strlen(unit) < 256;
}

int rt_unit_name_parse(struct st_arena *arena, const char *cgroups_path, const char *id, bool user,
                       struct rt_unit_name *ret, struct st_error *err) {
        const char *path = cgroups_path && *cgroups_path ? cgroups_path : "::",
                   *colon = strchr(path, ':');
        const char *second = colon ? strchr(colon + 1, ':') : NULL, *name, *prefix;

        if (!second || strchr(second + 1, ':'))
                return bad_path(err, path, "it needs two colons");
        ret->slice = st_arena_strndup(arena, path, (size_t)(colon - path));
        prefix = st_arena_strndup(arena, colon + 1, (size_t)(second - colon - 1));
        name = second[1] ? second + 1 : id;
        if (!ret->slice || !prefix)
                return st_error_set(err, -ENOMEM, "plan the systemd unit");
        if (!*ret->slice)
                ret->slice = user ? "user.slice" : "system.slice";
        if (!cgroups_path || !*cgroups_path)
                prefix = "stint";
        if (!rt_slice_path(arena, ret->slice))
                return bad_path(err, path, "its first part is not the name of a slice");
        if (has_suffix(name, ".slice"))
                return bad_path(err, path, "a container is a scope, not a slice");
        ret->unit = st_arena_printf(arena, "%s%s%s.scope", prefix, *prefix ? "-" : "", name);
        if (!ret->unit)
                return st_error_set(err, -ENOMEM, "plan the systemd unit");
        if (!is_unit_name(ret->unit))
                return bad_path(err, path, "not the name of a unit");
        return 0;
}
