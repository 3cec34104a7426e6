/* exchange A B: swap two names for as long as it is let, as fast as the kernel does it. What an
 * attacker with access to a volume does while the runtime works on a path in it. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static volatile sig_atomic_t stop;

static void on_signal(int signal_number) {
        (void)signal_number;
        stop = 1;
}

int main(int argc, char **argv) {
        unsigned long n = 0;

        if (argc != 3) {
                fprintf(stderr, "usage: exchange A B\n");
                return 2;
        }
        signal(SIGTERM, on_signal);
        while (!stop) {
                if (renameat2(AT_FDCWD, argv[1], AT_FDCWD, argv[2], RENAME_EXCHANGE) == 0)
                        n++;
                else if (errno != ENOENT &&
                         errno != EBUSY) { /* the runtime may have made one a mount point */
                        perror("exchange");
                        return 1;
                }
        }
        if (n % 2)
                (void)renameat2(AT_FDCWD, argv[1], AT_FDCWD, argv[2],
                                RENAME_EXCHANGE); /* as it was, if it can be */
        printf("%lu\n", n);
        return 0;
}
