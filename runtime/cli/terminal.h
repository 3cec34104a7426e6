/* terminal.h: copy between our terminal and the master of a container's. Nothing here blocks. */
#pragma once
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <termios.h>

#include <stint/error.h>

struct cli_pump {           /* one direction: what was read and not written yet */
        int from_fd, to_fd; /* from_fd -1: ended */
        size_t begin, end;
        char buffer[4096]; /* PIPE_BUF: a pipe that polls writable takes this much without waiting
                            */
};

struct cli_terminal {
        int master_fd;        /* borrowed; -1: the process has no terminal */
        int tty_fd;           /* which of 0, 1, 2 is our terminal, or -1 */
        struct termios saved; /* of tty_fd */
        struct cli_pump in, out;
};
enum { CLI_TERMINAL_POLLFDS = 4 };

/* Take over: raw mode, and our size to the container. @master_fd -1: the other functions do nothing
 * then. */
int cli_terminal_init(struct cli_terminal *terminal, int master_fd,
                      struct st_error *err) st_must_check;
void cli_terminal_poll(const struct cli_terminal *terminal, struct pollfd *pollfds);
void cli_terminal_copy(struct cli_terminal *terminal, const struct pollfd *pollfds);
/* The size of our own terminal, if there is one. */
bool cli_terminal_size(struct winsize *ret_size);
void cli_terminal_resize(const struct cli_terminal *terminal);
/* The process has ended: write what it left in its terminal. */
void cli_terminal_drain(struct cli_terminal *terminal);
/* Give our terminal back as it was. */
void cli_terminal_deinit(struct cli_terminal *terminal);
