#include "signal_names.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <strings.h>

#include <stint/parse.h>

static const struct {
        const char *name;
        int number;
} names[] = {
        {"ABRT", SIGABRT}, {"ALRM", SIGALRM}, {"BUS", SIGBUS},       {"CHLD", SIGCHLD},
        {"CLD", SIGCHLD},  {"CONT", SIGCONT}, {"FPE", SIGFPE},       {"HUP", SIGHUP},
        {"ILL", SIGILL},   {"INT", SIGINT},   {"IO", SIGIO},         {"IOT", SIGIOT},
        {"KILL", SIGKILL}, {"PIPE", SIGPIPE}, {"POLL", SIGPOLL},     {"PROF", SIGPROF},
        {"PWR", SIGPWR},   {"QUIT", SIGQUIT}, {"SEGV", SIGSEGV},     {"STKFLT", SIGSTKFLT},
        {"STOP", SIGSTOP}, {"SYS", SIGSYS},   {"TERM", SIGTERM},     {"TRAP", SIGTRAP},
        {"TSTP", SIGTSTP}, {"TTIN", SIGTTIN}, {"TTOU", SIGTTOU},     {"URG", SIGURG},
        {"USR1", SIGUSR1}, {"USR2", SIGUSR2}, {"VTALRM", SIGVTALRM}, {"WINCH", SIGWINCH},
        {"XCPU", SIGXCPU}, {"XFSZ", SIGXFSZ},
};

/* Callers count from glibc's SIGRTMIN, as kill(1) does; musl keeps one signal more for itself. */
enum { RTMIN = 34, RTMAX = 64 };

static int parse_real_time(const char *text, int *ret_signal) {
        int base, sign, offset = 0;

        if (!strncasecmp(text, "RTMIN", 5)) {
                base = RTMIN;
                sign = '+';
        } else if (!strncasecmp(text, "RTMAX", 5)) {
                base = RTMAX;
                sign = '-';
        } else {
                return -EINVAL;
        }
        if (text[5] && (text[5] != sign || text[6] == '-' || st_parse_int(text + 6, &offset) < 0))
                return -EINVAL;
        if (offset > RTMAX - RTMIN)
                return -EINVAL;
        *ret_signal = sign == '+' ? base + offset : base - offset;
        return 0;
}

int cli_signal_parse(const char *text, int *ret_signal) {
        int number;

        if (st_parse_int(text, &number) == 0) {
                if (number < 0 || number > RTMAX)
                        return -EINVAL;
                *ret_signal = number;
                return 0;
        }
        if (!strncasecmp(text, "SIG", 3))
                text += 3;
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
                if (!strcasecmp(text, names[i].name)) {
                        *ret_signal = names[i].number;
                        return 0;
                }
        }
        return parse_real_time(text, ret_signal);
}
