/* A list of CPUs: what is accepted is printed as the kernel would, and reads back as the same set.
 */
#include "target.h"

#include <string.h>

#include <stint/placement.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        char *text = malloc(size + 1), printed[16384], small[24];
        struct rt_cpus set, again;

        MUST(text);
        memcpy(text, data, size);
        text[size] = 0;
        if (rt_cpus_parse(text, &set) == 0) {
                rt_cpus_print(&set, printed, sizeof printed);
                MUST(rt_cpus_parse(printed, &again) == 0);
                MUST(rt_cpus_equal(&set, &again));
                rt_cpus_print(&set, small, sizeof small);
                MUST(strlen(small) < sizeof small);
        }
        free(text);
        return 0;
}
