/* A whole config.json: refused with a message, or typed with every promise of spec.h kept. */
#include "target.h"

#include <string.h>

#include <stint/spec.h>

static void check_vector(char **vector, size_t n) {
        MUST(vector);
        for (size_t i = 0; i < n; i++)
                MUST(vector[i]);
        MUST(!vector[n]);
}

static void check_process(const struct st_process *process) {
        check_vector(process->env, process->n_env);
        if (process->args)
                check_vector(process->args, process->n_args);
        MUST(process->cwd[0] == '/');
        for (size_t i = 0; i < process->n_rlimits; i++)
                MUST(process->rlimits[i].resource >= 0 &&
                     process->rlimits[i].soft <= process->rlimits[i].hard);
}

static void check_linux(const struct st_linux *linux_) {
        MUST(linux_->masked_paths && linux_->readonly_paths);
        for (size_t i = 0; i < linux_->n_sysctl; i++)
                MUST(linux_->sysctl[i].key && linux_->sysctl[i].value);
        for (size_t i = 0; i < linux_->uid_mappings.n_items; i++)
                MUST(linux_->uid_mappings.items[i].size > 0);
        if (!linux_->seccomp)
                return;
        MUST(linux_->seccomp->default_action && linux_->seccomp->architectures &&
             linux_->seccomp->flags);
        for (size_t i = 0; i < linux_->seccomp->n_rules; i++)
                check_vector(linux_->seccomp->rules[i].names, linux_->seccomp->rules[i].n_names);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        st_cleanup(st_spec_freep) struct st_spec *spec = NULL;
        struct st_error err = {0};
        int r = st_spec_parse("fuzz", (const char *)data, size, &spec, &err);

        if (r < 0) {
                MUST(r == -EINVAL && !spec && err.kind == ST_CODE_CONFIG_INVALID &&
                     !strncmp(err.msg, "fuzz: ", 6));
                return 0;
        }
        MUST(!strncmp(spec->oci_version, "1.", 2) && *spec->root_path);
        for (size_t i = 0; i < spec->n_mounts; i++) {
                MUST(*spec->mounts[i].destination);
                check_vector(spec->mounts[i].options, spec->mounts[i].n_options);
        }
        for (int kind = 0; kind < _ST_HOOK_MAX; kind++)
                for (size_t i = 0; i < spec->hooks[kind].n_items; i++)
                        MUST(spec->hooks[kind].items[i].path[0] == '/' &&
                             spec->hooks[kind].items[i].env);
        if (spec->process)
                check_process(spec->process);
        check_linux(&spec->linux_);
        return 0;
}
