/* tests/unit/linux/filters.h: seccomp specs written short. */
#pragma once
#include <stint/seccomp.h>

#define WORDS(...) ((char **)(const char *[]) {__VA_ARGS__, NULL})
#define NO_WORDS ((char **)(const char *[]) {NULL})
#define NAMES(...)                                                                                 \
        .names = WORDS(__VA_ARGS__),                                                               \
        .n_names = sizeof((const char *[]) {__VA_ARGS__}) / sizeof(char *)
#define ARGS(...)                                                                                  \
        .args = (struct st_seccomp_arg[]) {__VA_ARGS__},                                           \
        .n_args = sizeof((struct st_seccomp_arg[]) {__VA_ARGS__}) / sizeof(struct st_seccomp_arg)
#define RULES(...)                                                                                 \
        .rules = (struct st_seccomp_rule[]) {__VA_ARGS__},                                         \
        .n_rules =                                                                                 \
                sizeof((struct st_seccomp_rule[]) {__VA_ARGS__}) / sizeof(struct st_seccomp_rule)

/* In a child: @name answers @errno_ret from now on, as a kernel without it or a filter around us
 * would. */
static inline int block_call(const char *name, uint32_t errno_ret) {
        struct st_seccomp spec = {
                .default_action = "SCMP_ACT_ALLOW",
                .architectures = NO_WORDS,
                .flags = NO_WORDS,
                RULES({NAMES(name), .action = "SCMP_ACT_ERRNO", .errno_ret = errno_ret,
                       .has_errno_ret = true}),
        };
        struct rt_seccomp *filter;
        int r = rt_seccomp_prepare(&spec, -1, &filter, NULL);

        if (r < 0)
                return r;
        r = rt_seccomp_load(filter, NULL);
        rt_seccomp_free(filter);
        return r;
}
