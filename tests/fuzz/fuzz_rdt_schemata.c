/* What is wanted of resctrl, a NUL, and what a schemata file shows. */
#include "../../runtime/linux/rdt_schemata.h"
#include "target.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        char *wanted = malloc(size + 2);
        const char *existing;

        MUST(wanted);
        memcpy(wanted, data, size);
        memset(wanted + size, 0, 2);
        existing = wanted + strlen(wanted) + 1;
        if (existing > wanted + size)
                existing = "";
        if (!*wanted)
                MUST(rt_rdt_schemata_match(wanted, existing, 10));
        if (rt_rdt_schemata_match(wanted, existing, 1))
                MUST(strchr(existing, '=') || !strchr(wanted, '='));
        (void)rt_rdt_schemata_match(existing, wanted, 10); /* any answer: it must only come */
        free(wanted);
        return 0;
}
