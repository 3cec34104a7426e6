/* Arguments of stint-systemd to D-Bus and, read back, to text. */
#include "leaks.h"
#include "property.h"
#include "variant.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static sd_bus *bus;
static sd_bus_message *m;
static char text[4096];

/* A message needs a bus that has been started: one on a socket that nobody reads. */
static void set_up(void) {
        int fds[2];

        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        cr_assert_geq(sd_bus_new(&bus), 0);
        cr_assert_geq(sd_bus_set_fd(bus, fds[0], fds[0]), 0);
        cr_assert_geq(sd_bus_start(bus), 0);
        cr_assert_geq(sd_bus_message_new_method_call(bus, &m, "a.b", "/", "a.b", "C"), 0);
        text[0] = 0;
}

static void tear_down(void) {
        m = sd_bus_message_unref(m);
        bus = sd_bus_close_unref(bus);
        st_test_no_leaks();
}

TestSuite(property, .init = set_up, .fini = tear_down);

static void add(const char *more) {
        cr_assert_lt(strlen(text) + strlen(more), sizeof text);
        (void)strcat(text, more);
}

static void print_next(void);

static void print_container(char type, const char *contents) {
        cr_assert_gt(sd_bus_message_enter_container(m, type, contents), 0);
        add(type == 'a' ? "[" : type == 'v' ? "<" : "(");
        while (!sd_bus_message_at_end(m, 0)) {
                print_next();
                add(" ");
        }
        add(type == 'a' ? "]" : type == 'v' ? ">" : ")");
        cr_assert_geq(sd_bus_message_exit_container(m), 0);
}

static void print_next(void) {
        char type, one[256];
        const char *contents;
        union {
                const char *s;
                uint8_t y;
                uint16_t q;
                uint32_t u;
                uint64_t t;
                double d;
        } value = {0};

        cr_assert_gt(sd_bus_message_peek_type(m, &type, &contents), 0);
        if (type == 'a' || type == 'v' || type == 'r') {
                print_container(type, contents);
                return;
        }
        cr_assert_gt(sd_bus_message_read_basic(m, type, &value), 0);
        if (strchr("sog", type))
                (void)snprintf(one, sizeof one, "%c:%s", type, value.s);
        else if (type == 'd')
                (void)snprintf(one, sizeof one, "d:%g", value.d);
        else
                (void)snprintf(one, sizeof one, "%c:%lld", type,
                               type == 'y'           ? (long long)value.y
                               : strchr("nq", type)  ? (long long)(int16_t)value.q
                               : strchr("iub", type) ? (long long)(int32_t)value.u
                                                     : (long long)value.t);
        add(one);
}

static const char *read_back(void) {
        cr_assert_geq(sd_bus_message_seal(m, 1, 0), 0);
        cr_assert_geq(sd_bus_message_rewind(m, 1), 0);
        while (!sd_bus_message_at_end(m, 1))
                print_next();
        return text;
}

static const struct {
        const char *argument, *expected; /* NULL: refused */
} table[] = {
        {"Slice=s:a-b.slice", "(s:Slice <s:a-b.slice > )"},
        {"Description=s:x=y:z", "(s:Description <s:x=y:z > )"},
        {"Delegate=b:true", "(s:Delegate <b:1 > )"},
        {"DefaultDependencies=b:false", "(s:DefaultDependencies <b:0 > )"},
        {"TasksMax=t:64", "(s:TasksMax <t:64 > )"},
        {"MemoryMax=t:18446744073709551615", "(s:MemoryMax <t:-1 > )"},
        {"MemoryMax=t:18446744073709551616", NULL},
        {"MemoryMax=t:-5", NULL},
        {"MemoryMax=t:", NULL},
        {"PIDs=au:5,4294967295", "(s:PIDs <[u:5 u:-1 ] > )"},
        {"PIDs=au:5;6", NULL},
        {"AllowedCPUs=list:0,3-4", "(s:AllowedCPUs <[y:25 ] > )"},
        {"AllowedCPUs=list:8-9,0", "(s:AllowedCPUs <[y:1 y:3 ] > )"},
        {"AllowedCPUs=list:4-3", NULL},
        {"AllowedCPUs=list:99999", NULL},
        {"DeviceAllow=a(ss):", "(s:DeviceAllow <[] > )"},
        {"DeviceAllow=a(ss):/dev/char/1:3 rwm;char-* m",
         "(s:DeviceAllow <[(s:/dev/char/1:3 s:rwm ) (s:char-* s:m ) ] > )"},
        {"DeviceAllow=a(ss):/dev/null", NULL},
        {"252+CPUWeight=t:0", "(s:CPUWeight <t:0 > )"},
        {"253+CPUWeight=t:0", ""},
        {"TimeoutStopSec=v:5", "(s:TimeoutStopUSec <t:5000000 > )"},
        {"TimeoutStopSec=v:uint64 2", "(s:TimeoutStopUSec <t:2000000 > )"},
        {"RuntimeMaxSec=v:2.5", "(s:RuntimeMaxUSec <t:2500000 > )"},
        {"TimeoutStopSec=v:soon", NULL},
        {"RuntimeMaxUSec=v:uint64 7", "(s:RuntimeMaxUSec <t:7 > )"},
        {"CPUQuotaPERSec=v:5", "(s:CPUQuotaPERSec <i:5 > )"},
        {"X=q:5", NULL},
        {"=s:x", NULL},
        {"X", NULL},
        {"X=s", NULL},
        {"X-Y=s:z", NULL},
        /* GVariant text */
        {"X=v:true", "(s:X <b:1 > )"},
        {"X=v:'it\\'s'", "(s:X <s:it's > )"},
        {"X=v:\"a b\"", "(s:X <s:a b > )"},
        {"X=v:5", "(s:X <i:5 > )"},
        {"X=v:-5", "(s:X <i:-5 > )"},
        {"X=v:0x10", "(s:X <i:16 > )"},
        {"X=v:1.5", "(s:X <d:1.5 > )"},
        {"X=v:5000000000", NULL},
        {"X=v:int64 5000000000", "(s:X <x:5000000000 > )"},
        {"X=v:byte 255", "(s:X <y:255 > )"},
        {"X=v:byte 256", NULL},
        {"X=v:uint16 -1", NULL},
        {"X=v:@t 7", "(s:X <t:7 > )"},
        {"X=v:objectpath '/a'", "(s:X <o:/a > )"},
        {"X=v:['a', \"b\"]", "(s:X <[s:a s:b ] > )"},
        {"X=v:['a',]", "(s:X <[s:a ] > )"},
        {"X=v:@as []", "(s:X <[] > )"},
        {"X=v:@at [1, 2]", "(s:X <[t:1 t:2 ] > )"},
        {"X=v:[('/dev/null', 'rw')]", "(s:X <[(s:/dev/null s:rw ) ] > )"},
        {"X=v:('a', uint64 3)", "(s:X <(s:a t:3 ) > )"},
        {"X=v:[]", NULL},
        {"X=v:['a', 5]", NULL},
        {"X=v:['a'", NULL},
        {"X=v:'a", NULL},
        {"X=v:", NULL},
        {"X=v:1 2", NULL},
        {"X=v:word", NULL},
        {"X=v:((((((((((((1))))))))))))", NULL},
};

Test(property, each_of_the_table) {
        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                int r;
                if (i > 0)
                        set_up();
                r = property_append(m, table[i].argument, 252);
                if (!table[i].expected)
                        cr_expect_lt(r, 0, "%s", table[i].argument);
                else if (r < 0)
                        cr_expect_geq(r, 0, "%s: %s", table[i].argument, strerror(-r));
                else
                        cr_expect_str_eq(read_back(), table[i].expected, "%s: %s",
                                         table[i].argument, text);
                if (i + 1 < sizeof table / sizeof *table) {
                        m = sd_bus_message_unref(m);
                        bus = sd_bus_close_unref(bus);
                }
        }
}

Test(property, every_prefix_of_a_value_is_refused_or_read) {
        static const char whole[] = "X=v:[('/dev/null', 'rw'), (\"a\\\"b\", @s 'c')]";

        for (size_t n = 0; n < sizeof whole; n++) {
                char cut[sizeof whole];
                int r;
                (void)snprintf(cut, n + 1, "%s", whole);
                m = sd_bus_message_unref(m);
                cr_assert_geq(sd_bus_message_new_method_call(bus, &m, "a.b", "/", "a.b", "C"), 0);
                r = property_append(m, cut, 252);
                cr_expect_eq(r >= 0, n == sizeof whole - 1, "%zu: %s", n, cut);
        }
}
