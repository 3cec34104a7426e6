/* residue: `residue plant WHAT` leaves something behind as a task may, `residue look WHAT` prints
 * "seen" or "clean", `residue deaf` waits for ever. In the container, static. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <mqueue.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { KEY = 4711, SESSION = -3, USER = -4, PORT = 4711, IOPRIO_BE_7 = 2 << 13 | 7 };

static void must(bool ok, const char *what) {
        if (ok)
                return;
        perror(what);
        exit(1);
}

/* ---- files ---- */

static void plant_file(const char *path) {
        int fd = open(path, O_CREAT | O_WRONLY | O_EXCL, 0600);

        if (fd < 0 && errno == EROFS)
                return; /* that is one way to leave nothing */
        must(fd >= 0 && write(fd, "x", 1) == 1, path);
}

static bool look_file(const char *path) {
        return access(path, F_OK) == 0;
}

static void plant_tree(void) {
        must(mkdir("/tmp/a", 0700) == 0 && mkdir("/tmp/a/b", 0700) == 0, "mkdir");
        plant_file("/tmp/a/b/c");
        must(symlink("/etc/passwd", "/tmp/a/link") == 0, "symlink");
        must(chmod("/tmp/a/b", 0) == 0, "chmod");
}

static bool look_mode(void) {
        struct stat st;

        return stat("/tmp", &st) < 0 || (st.st_mode & 07777) != 01777;
}

static void write_text(const char *path, const char *text) {
        int fd = open(path, O_WRONLY);

        must(fd >= 0 && write(fd, text, strlen(text)) > 0, path);
}

static bool reads(const char *path, const char *text) {
        char buf[256] = "";
        int fd = open(path, O_RDONLY);

        must(fd >= 0 && read(fd, buf, sizeof buf - 1) >= 0, path);
        (void)close(fd);
        return strstr(buf, text);
}

/* ---- IPC ---- */

static void plant_ipc(void) {
        must(shmget(KEY, 4096, IPC_CREAT | IPC_EXCL | 0600) >= 0, "shmget");
        must(semget(KEY, 1, IPC_CREAT | IPC_EXCL | 0600) >= 0, "semget");
        must(msgget(KEY, IPC_CREAT | IPC_EXCL | 0600) >= 0, "msgget");
        must(shmget(IPC_PRIVATE, 4096, 0600) >= 0 && shmget(IPC_PRIVATE, 4096, 0) >= 0, "shmget");
}

static bool look_ipc(void) {
        struct shm_info info;

        must(shmctl(0, SHM_INFO, (struct shmid_ds *)(void *)&info) >= 0, "SHM_INFO");
        return info.used_ids || shmget(KEY, 0, 0) >= 0 || semget(KEY, 0, 0) >= 0 ||
               msgget(KEY, 0) >= 0;
}

static void plant_mqueue(void) {
        must(mq_open("/residue", O_CREAT | O_EXCL | O_RDWR, 0600, NULL) != (mqd_t)-1, "mq_open");
}

static bool look_mqueue(void) {
        return mq_open("/residue", O_RDONLY) != (mqd_t)-1;
}

/* ---- processes, sockets ---- */

static struct sockaddr_un abstract_name(socklen_t *ret_length) {
        struct sockaddr_un name = {.sun_family = AF_UNIX};

        memcpy(name.sun_path + 1, "residue", 7);
        *ret_length = offsetof(struct sockaddr_un, sun_path) + 8;
        return name;
}

/* A daemon that listens on an abstract socket, and has let go of everything of the task's. */
static void plant_daemon(void) {
        int ready[2];
        char c;

        must(pipe(ready) == 0, "pipe");
        if (fork() == 0) {
                socklen_t length;
                struct sockaddr_un name = abstract_name(&length);
                int fd = socket(AF_UNIX, SOCK_STREAM, 0);

                (void)setsid();
                if (fork() != 0)
                        _exit(0);
                (void)signal(SIGTERM, SIG_IGN);
                must(bind(fd, (struct sockaddr *)&name, length) == 0 && listen(fd, 1) == 0, "bind");
                must(write(ready[1], "x", 1) == 1, "write");
                for (int i = 0; i < 3; i++)
                        (void)close(i);
                for (;;)
                        pause();
        }
        must(read(ready[0], &c, 1) == 1, "read");
}

static bool look_abstract(void) {
        socklen_t length;
        struct sockaddr_un name = abstract_name(&length);

        return connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&name, length) == 0;
}

static bool look_processes(void) {
        DIR *dir = opendir("/proc");
        const struct dirent *entry;
        bool others = false;

        while ((entry = readdir(dir))) {
                int pid = atoi(entry->d_name);
                others |= pid > 1 && pid != getpid();
        }
        return others;
}

/* The side that closes first stays in TIME_WAIT. */
static void plant_time_wait(void) {
        struct sockaddr_in address = {.sin_family = AF_INET,
                                      .sin_port = htons(PORT),
                                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
        int server;
        char c;

        must(bind(listener, (struct sockaddr *)&address, sizeof address) == 0, "bind");
        must(listen(listener, 1) == 0, "listen");
        must(connect(client, (struct sockaddr *)&address, sizeof address) == 0, "connect");
        server = accept(listener, NULL, NULL);
        must(shutdown(client, SHUT_WR) == 0 && read(server, &c, 1) == 0, "shutdown");
        must(shutdown(server, SHUT_WR) == 0 && read(client, &c, 1) == 0, "shutdown");
}

static bool look_time_wait(void) {
        FILE *f = fopen("/proc/net/tcp", "r");
        char line[256];
        bool seen = false;

        while (f && fgets(line, sizeof line, f))
                seen |= strstr(line, ":1267 ") && strstr(line, " 06 ");
        return seen;
}

static void plant_address(void) {
        struct ifreq request = {.ifr_name = "lo"};
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000909)};

        memcpy(&request.ifr_addr, &address, sizeof address);
        must(ioctl(socket(AF_INET, SOCK_DGRAM, 0), SIOCSIFADDR, &request) == 0, "SIOCSIFADDR");
}

static bool look_address(void) {
        struct ifreq request = {.ifr_name = "lo"};

        must(ioctl(socket(AF_INET, SOCK_DGRAM, 0), SIOCGIFADDR, &request) == 0, "SIOCGIFADDR");
        return ((struct sockaddr_in *)(void *)&request.ifr_addr)->sin_addr.s_addr ==
               htonl(0x7f000909);
}

/* ---- keys ---- */

static void plant_key(int ring) {
        must(syscall(SYS_add_key, "user", "residue", "x", 1, ring) > 0, "add_key");
}

/* And takes it away. */
static bool look_key(int ring) {
        long key = syscall(SYS_keyctl, KEYCTL_SEARCH, ring, "user", "residue", 0);

        if (key > 0)
                must(syscall(SYS_keyctl, KEYCTL_UNLINK, key, ring) == 0, "unlink");
        return key > 0;
}

/* ---- what pid 1 hands down ---- */

static void plant_rlimit(void) {
        struct rlimit limit = {.rlim_cur = 77, .rlim_max = 77};

        must(prlimit(1, RLIMIT_STACK, &limit, NULL) == 0 || errno == EPERM, "prlimit");
        must(setrlimit(RLIMIT_FSIZE, &limit) == 0, "setrlimit");
}

static bool look_rlimit(void) {
        struct rlimit stack, size;

        must(getrlimit(RLIMIT_STACK, &stack) == 0 && getrlimit(RLIMIT_FSIZE, &size) == 0,
             "getrlimit");
        return stack.rlim_cur == 77 || size.rlim_cur == 77;
}

/* Each is refused as long as pid 1 has more rights than we. */
static void plant_schedule(void) {
        cpu_set_t one;

        CPU_ZERO(&one);
        CPU_SET(0, &one);
        (void)setpriority(PRIO_PROCESS, 1, 19);
        (void)sched_setaffinity(1, sizeof one, &one);
        (void)syscall(SYS_ioprio_set, 1, 1, IOPRIO_BE_7);
        (void)sched_setscheduler(1, SCHED_BATCH, &(struct sched_param) {0});
        must(setpriority(PRIO_PROCESS, 0, 19) == 0, "setpriority");
        must(sched_setaffinity(0, sizeof one, &one) == 0, "sched_setaffinity");
}

static bool look_schedule(void) {
        cpu_set_t cpus;

        must(sched_getaffinity(0, sizeof cpus, &cpus) == 0, "sched_getaffinity");
        return getpriority(PRIO_PROCESS, 0) == 19 ||
               CPU_COUNT(&cpus) < (int)sysconf(_SC_NPROCESSORS_ONLN) ||
               syscall(SYS_ioprio_get, 1, 0) == IOPRIO_BE_7 || sched_getscheduler(0) == SCHED_BATCH;
}

static void plant_self(void) {
        struct itimerval timer = {.it_value.tv_sec = 1000};

        must(setitimer(ITIMER_REAL, &timer, NULL) == 0 && chdir("/tmp") == 0, "self");
        (void)umask(0);
        (void)setenv("RESIDUE", "x", 1);
        (void)signal(SIGUSR1, SIG_IGN);
        must(open("/", O_RDONLY) >= 0, "open");
}

static bool look_self(void) {
        struct itimerval timer;
        char cwd[256];

        must(getitimer(ITIMER_REAL, &timer) == 0 && getcwd(cwd, sizeof cwd), "self");
        return timer.it_value.tv_sec || strcmp(cwd, "/") || umask(0) != 022 || getenv("RESIDUE") ||
               signal(SIGUSR1, SIG_DFL) != SIG_DFL || fcntl(3, F_GETFD) >= 0 ||
               getsid(0) != getpid();
}

/* Tracing pid 1 would give its rights, and a way into the next task. */
static void plant_trace(void) {
        if (ptrace(PTRACE_SEIZE, 1, NULL, NULL) == 0)
                plant_file("/tmp/traced");
        must(open("/proc/1/mem", O_RDWR) < 0 && open("/proc/1/environ", O_RDONLY) < 0 &&
                     open("/proc/1/root/etc", O_RDONLY) < 0,
             "pid 1 is open");
        (void)kill(1, SIGKILL);
        (void)kill(1, SIGSTOP);
        (void)kill(1, SIGUSR2);
}

static bool look_command_line(void) {
        return reads("/proc/1/cmdline", "drive") || reads("/proc/1/cmdline", "residue") ||
               reads("/proc/1/comm", "drive");
}

static void plant_memory(void) {
        enum { BYTES = 24 << 20 };
        volatile char *p = malloc(BYTES);

        must(p, "malloc");
        for (size_t i = 0; i < BYTES; i += 1024)
                p[i] = 1;
        for (volatile long i = 0; i < 200000000; i++)
                ;
}

/* ---- the table ---- */

#define FILE_ROW(name, path)                                                                       \
        if (!strcmp(what, name))                                                                   \
        return plant ? (plant_file(path), false) : look_file(path)
#define ROW(name, planting, looking)                                                               \
        if (!strcmp(what, name))                                                                   \
        return plant ? ((planting), false) : (looking)

static bool act(bool plant, const char *what) {
        FILE_ROW("root", "/etc/residue");
        FILE_ROW("tmp", "/tmp/residue");
        FILE_ROW("shm", "/dev/shm/residue");
        FILE_ROW("dev", "/dev/residue");
        ROW("tree", plant_tree(), look_file("/tmp/a"));
        ROW("mode", must(chmod("/tmp", 0700) == 0, "chmod"), look_mode());
        ROW("ipc", plant_ipc(), look_ipc());
        ROW("mqueue", plant_mqueue(), look_mqueue());
        ROW("abstract", plant_daemon(), look_abstract());
        ROW("processes", plant_daemon(), look_processes());
        ROW("timewait", plant_time_wait(), look_time_wait());
        ROW("address", plant_address(), look_address());
        ROW("netsysctl", write_text("/proc/sys/net/ipv4/ip_default_ttl", "33"),
            reads("/proc/sys/net/ipv4/ip_default_ttl", "33"));
        ROW("ipcsysctl", write_text("/proc/sys/kernel/msgmni", "77"),
            reads("/proc/sys/kernel/msgmni", "77"));
        ROW("hostname", write_text("/proc/sys/kernel/hostname", "residue"),
            reads("/proc/sys/kernel/hostname", "residue"));
        ROW("session", plant_key(SESSION), look_key(SESSION));
        ROW("userkeys", plant_key(USER), look_key(USER));
        ROW("rlimits", plant_rlimit(), look_rlimit());
        ROW("schedule", plant_schedule(), look_schedule());
        ROW("oomscore", write_text("/proc/1/oom_score_adj", "500"),
            reads("/proc/self/oom_score_adj", "500"));
        ROW("coredump", write_text("/proc/1/coredump_filter", "0x1"),
            reads("/proc/self/coredump_filter", "00000001"));
        ROW("self", plant_self(), look_self());
        ROW("trace", plant_trace(), look_file("/tmp/traced"));
        ROW("cmdline", (void)0, look_command_line());
        ROW("pids", (void)0, getpid() > 2);
        ROW("memory", plant_memory(), false);
        fprintf(stderr, "residue: %s?\n", what);
        exit(2);
}

/* Lets go of its parent's death. */
static void be_deaf(void) {
        must(prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0) == 0, "prctl");
        must(write(1, "ready\n", 6) == 6, "write");
        for (;;)
                pause();
}

int main(int argc, char **argv) {
        if (argc == 2 && !strcmp(argv[1], "deaf"))
                be_deaf();
        if (argc != 3)
                return 2;
        if (!strcmp(argv[1], "plant"))
                (void)act(true, argv[2]);
        else
                puts(act(false, argv[2]) ? "seen" : "clean");
        return 0;
}
