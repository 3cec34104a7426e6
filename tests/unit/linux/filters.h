/* tests/unit/linux/filters.h: seccomp specs written short. */
#pragma once
#include <stint/seccomp.h>

#define WORDS(...) ((char **)(const char *[]){__VA_ARGS__, NULL})
#define NO_WORDS ((char **)(const char *[]){NULL})
#define NAMES(...) .names = WORDS(__VA_ARGS__), .n_names = sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)
#define ARGS(...)                                                                                  \
        .args = (struct st_seccomp_arg[]){__VA_ARGS__},                                            \
        .n_args = sizeof((struct st_seccomp_arg[]){__VA_ARGS__}) / sizeof(struct st_seccomp_arg)
#define RULES(...)                                                                                 \
        .rules = (struct st_seccomp_rule[]){__VA_ARGS__},                                          \
        .n_rules = sizeof((struct st_seccomp_rule[]){__VA_ARGS__}) / sizeof(struct st_seccomp_rule)
