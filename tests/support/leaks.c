#include "leaks.h"

#include <stdlib.h>

/* There only in a build with AddressSanitizer. */
int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

void st_test_no_leaks(void) {
        if (__lsan_do_recoverable_leak_check && __lsan_do_recoverable_leak_check())
                abort();
}
