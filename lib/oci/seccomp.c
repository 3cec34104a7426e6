#include "sections.h"

#include <string.h>
#include <sys/un.h>

/* The filter's return data has 16 bits. */
enum { MAX_ARG = 5, MAX_ERRNO_RET = UINT16_MAX };

static void need_words(struct st_reader *r, const struct st_json *object, const char *key) {
        ST_JSON_FOREACH (element, st_reader_array(r, object, key))
                if (!*st_reader_text(r, element))
                        st_reader_reject(r, element, "is empty");
}

static void read_arg(struct st_reader *r, const struct st_json *node, struct st_seccomp_arg *arg) {
        if (!st_reader_is_object(r, node))
                return;
        arg->index = (uint32_t)st_reader_need_uint(r, node, "index", MAX_ARG);
        arg->value = st_reader_need_uint(r, node, "value", UINT64_MAX);
        arg->value_two = st_reader_uint(r, node, "valueTwo", UINT64_MAX).value;
        arg->op = st_reader_need_string(r, node, "op");
}

static void read_args(struct st_reader *r, const struct st_json *node,
                      struct st_seccomp_rule *rule) {
        const struct st_json *list = st_reader_array(r, node, "args");

        if (!list)
                return;
        rule->args = st_reader_alloc(r, list->n_children, sizeof *rule->args);
        if (!rule->args)
                return;
        ST_JSON_FOREACH (entry, list)
                read_arg(r, entry, &rule->args[rule->n_args++]);
}

static void read_rule(struct st_reader *r, const struct st_json *node,
                      struct st_seccomp_rule *rule) {
        struct st_optional_u64 errno_ret;

        if (!st_reader_is_object(r, node))
                return;
        need_words(r, node, "names");
        rule->names = st_reader_strings(r, node, "names", &rule->n_names);
        if (rule->n_names == 0)
                st_reader_missing(r, node, "names", "at least one system call");
        rule->action = st_reader_need_string(r, node, "action");
        errno_ret = st_reader_uint(r, node, "errnoRet", MAX_ERRNO_RET);
        rule->errno_ret = (uint32_t)errno_ret.value;
        rule->has_errno_ret = errno_ret.has;
        read_args(r, node, rule);
}

static void read_rules(struct st_reader *r, const struct st_json *node,
                       struct st_seccomp *seccomp) {
        const struct st_json *list = st_reader_array(r, node, "syscalls");

        if (!list)
                return;
        seccomp->rules = st_reader_alloc(r, list->n_children, sizeof *seccomp->rules);
        if (!seccomp->rules)
                return;
        ST_JSON_FOREACH (entry, list)
                read_rule(r, entry, &seccomp->rules[seccomp->n_rules++]);
}

static void read_listener(struct st_reader *r, const struct st_json *node,
                          struct st_seccomp *seccomp) {
        const struct sockaddr_un *address;

        seccomp->listener_path = st_reader_string(r, node, "listenerPath");
        seccomp->listener_metadata = st_reader_string(r, node, "listenerMetadata");
        if (seccomp->listener_path && strlen(seccomp->listener_path) >= sizeof address->sun_path)
                st_reader_reject(r, st_json_get(node, "listenerPath"),
                                 "is longer than a socket's name can be, %zu bytes",
                                 sizeof address->sun_path - 1);
        if (seccomp->listener_metadata && !seccomp->listener_path)
                st_reader_missing(r, node, "listenerPath", "a socket for listenerMetadata");
}

void st_read_seccomp(struct st_reader *r, const struct st_json *node, struct st_linux *linux_) {
        const struct st_json *section = st_reader_object(r, node, "seccomp");
        struct st_optional_u64 errno_ret;
        struct st_seccomp *seccomp;

        if (!section)
                return;
        seccomp = st_reader_alloc(r, 1, sizeof *seccomp);
        if (!seccomp)
                return;
        linux_->seccomp = seccomp;
        seccomp->default_action = st_reader_need_string(r, section, "defaultAction");
        errno_ret = st_reader_uint(r, section, "defaultErrnoRet", MAX_ERRNO_RET);
        seccomp->default_errno_ret = (uint32_t)errno_ret.value;
        seccomp->has_default_errno_ret = errno_ret.has;
        need_words(r, section, "architectures");
        need_words(r, section, "flags");
        seccomp->architectures = st_reader_strings_or_empty(r, section, "architectures", NULL);
        seccomp->flags = st_reader_strings_or_empty(r, section, "flags", NULL);
        read_listener(r, section, seccomp);
        read_rules(r, section, seccomp);
}
