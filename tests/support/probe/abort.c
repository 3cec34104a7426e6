/* abort [SIGNAL]: ends by abort(3), which signals itself, restores the default and signals again;
 * or by the signal. */
#include <signal.h>
#include <stdlib.h>

int main(int argc, char **argv) {
        if (argc > 1)
                (void)raise(atoi(argv[1]));
        abort();
}
