#include "terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { DRAIN_MSEC = 100 };

static int find_tty(void) {
        for (int fd = 0; fd <= 2; fd++) {
                if (isatty(fd))
                        return fd;
        }
        return -1;
}

int cli_terminal_init(struct cli_terminal *terminal, int master_fd, struct st_error *err) {
        struct termios raw;
        int flags;

        terminal->master_fd = master_fd;
        terminal->tty_fd = -1;
        if (master_fd < 0)
                return 0;
        flags = fcntl(master_fd, F_GETFL);
        if (flags < 0 || fcntl(master_fd, F_SETFL, flags | O_NONBLOCK) < 0)
                return st_error_sys(err, "make the terminal's master not block");
        terminal->in = (struct cli_pump) {.from_fd = STDIN_FILENO, .to_fd = master_fd};
        terminal->out = (struct cli_pump) {.from_fd = master_fd, .to_fd = STDOUT_FILENO};
        terminal->tty_fd = find_tty();
        if (terminal->tty_fd < 0)
                return 0;
        cli_terminal_resize(terminal);
        if (tcgetattr(terminal->tty_fd, &terminal->saved) < 0)
                return st_error_sys(err, "read the terminal's settings");
        raw = terminal->saved;
        cfmakeraw(&raw);
        if (tcsetattr(terminal->tty_fd, TCSANOW, &raw) < 0)
                return st_error_sys(err, "set the terminal to raw mode");
        return 0;
}

bool cli_terminal_size(struct winsize *ret_size) {
        int tty_fd = find_tty();

        return tty_fd >= 0 && ioctl(tty_fd, TIOCGWINSZ, ret_size) == 0 && ret_size->ws_row > 0;
}

void cli_terminal_resize(const struct cli_terminal *terminal) {
        struct winsize size;

        /* without a size of ours the container keeps its own; a wrong one is no reason to stop */
        if (terminal->master_fd >= 0 && cli_terminal_size(&size))
                (void)ioctl(terminal->master_fd, TIOCSWINSZ, &size);
}

static void poll_pump(const struct cli_pump *pump, struct pollfd *pollfds) {
        bool empty = pump->begin == pump->end;

        pollfds[0] = (struct pollfd) {.fd = empty ? pump->from_fd : -1, .events = POLLIN};
        pollfds[1] = (struct pollfd) {.fd = empty ? -1 : pump->to_fd, .events = POLLOUT};
}

void cli_terminal_poll(const struct cli_terminal *terminal, struct pollfd *pollfds) {
        for (int i = 0; i < CLI_TERMINAL_POLLFDS; i++)
                pollfds[i] = (struct pollfd) {.fd = -1};
        if (terminal->master_fd < 0)
                return;
        poll_pump(&terminal->in, pollfds);
        poll_pump(&terminal->out, pollfds + 2);
}

/* The end of a file, and of a terminal whose other side is closed (EIO), end the pump. */
static void fill(struct cli_pump *pump) {
        ssize_t n = read(pump->from_fd, pump->buffer, sizeof pump->buffer);

        if (n > 0) {
                pump->begin = 0;
                pump->end = (size_t)n;
        } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
                pump->from_fd = -1;
        }
}

static void empty(struct cli_pump *pump) {
        ssize_t n = write(pump->to_fd, pump->buffer + pump->begin, pump->end - pump->begin);

        if (n >= 0)
                pump->begin += (size_t)n;
        else if (errno != EAGAIN && errno != EINTR)
                pump->begin = pump->end; /* nobody reads: the process must not be held up by that */
}

static void copy(struct cli_pump *pump, const struct pollfd *pollfds) {
        if (pollfds[0].revents)
                fill(pump);
        if (pollfds[1].revents)
                empty(pump);
}

void cli_terminal_copy(struct cli_terminal *terminal, const struct pollfd *pollfds) {
        copy(&terminal->in, pollfds);
        copy(&terminal->out, pollfds + 2);
}

/* A terminal that is closed everywhere answers EIO after its last byte, and that ends the pump. The
 * time limit is for one that a process outside the container's pid namespace still holds. */
void cli_terminal_drain(struct cli_terminal *terminal) {
        struct cli_pump *out = &terminal->out;

        if (terminal->master_fd < 0)
                return;
        for (;;) {
                struct pollfd pollfds[2];
                int n;

                poll_pump(out, pollfds);
                if (pollfds[0].fd < 0 && pollfds[1].fd < 0)
                        return;
                n = poll(pollfds, 2, pollfds[1].fd < 0 ? DRAIN_MSEC : -1);
                if (n == 0 || (n < 0 && errno != EINTR))
                        return;
                if (n > 0)
                        copy(out, pollfds);
        }
}

void cli_terminal_deinit(struct cli_terminal *terminal) {
        if (terminal->tty_fd >= 0)
                (void)tcsetattr(terminal->tty_fd, TCSADRAIN,
                                &terminal->saved); /* the terminal may be gone */
        terminal->tty_fd = -1;
}
