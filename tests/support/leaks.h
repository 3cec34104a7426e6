/* leaks.h: fail a Criterion test that leaks memory: TestSuite(x, .fini = st_test_no_leaks). */
#pragma once

/* Ends the test with SIGABRT when LeakSanitizer finds a leak; without it (no -Db_sanitize=address),
 * nothing. */
void st_test_no_leaks(void);
