/* A file of the seccomp cache: taken for an entry only with its key in it; and, as code that no
 * check has passed, evaluated without leaving its bounds. */
#include "../../runtime/linux/seccomp_private.h"
#include "target.h"

#include <string.h>

enum { HEADER = 40 };

static const unsigned char key_bytes[] = "a key of 24 bytes, no NUL";

static void evaluate(const struct sock_filter *code, size_t n_code) {
        const struct rt_seccomp filter = {.code = (struct sock_filter *)code, .n_code = n_code};
        struct seccomp_data data = {.arch = AUDIT_ARCH_X86_64};

        for (data.nr = -2; data.nr < 500; data.nr += 67)
                (void)rt_seccomp_evaluate(&filter, &data); /* any answer: it must only come */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const struct rt_seccomp_key key = {.bytes = (unsigned char *)key_bytes, .length = 24};
        size_t aligned = size & ~(size_t)7;
        void *entry = aligned_alloc(8, aligned + 8); /* as a mapping is */

        MUST(entry);
        memcpy(entry, data, aligned);
        if (rt_seccomp_entry_fits(entry, aligned, &key))
                MUST(aligned > HEADER + 24 && !memcmp((char *)entry + HEADER, key_bytes, 24));
        evaluate(entry, aligned / sizeof(struct sock_filter));
        free(entry);
        return 0;
}
