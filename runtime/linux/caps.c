#include <linux/capability.h>
#include <sys/prctl.h>

#include <stint/process.h>
#include <stint/syscall.h>

static uint64_t bit(int cap) {
        return UINT64_C(1) << cap;
}

static const char *name_of(int cap) {
        const char *name = st_capability_name(cap);

        return name ? name : "a capability newer than this build";
}

static bool exists(int cap) {
        return prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0;
}

int rt_caps_last(void) {
        int last = CAP_LAST_CAP; /* of the build: one or two steps from the kernel's */

        while (last > 0 && !exists(last))
                last--;
        while (last < 63 && exists(last + 1))
                last++;
        return last;
}

static int drop_bounding(int cap, struct st_error *err) {
        int r;

        if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0)
                return 0;
        r = -errno;
        if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 0)
                return 0; /* no CAP_SETPCAP, but it is out already */
        return st_error_code(err, r, "process.capabilities.bounding: drop %s", name_of(cap));
}

int rt_caps_drop_bounding(const struct st_capabilities *caps, int last_cap, struct st_error *err) {
        for (int cap = 0; cap <= last_cap; cap++) {
                int r;
                if (caps->bounding & bit(cap))
                        continue;
                r = drop_bounding(cap, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

static uint64_t known(int last_cap) {
        return last_cap >= 63 ? UINT64_MAX : bit(last_cap + 1) - 1;
}

static int set_three(const struct st_capabilities *caps, uint64_t mask, struct st_error *err) {
        struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
        struct __user_cap_data_struct data[2];

        for (int i = 0; i < 2; i++) {
                data[i].effective = (uint32_t)((caps->effective & mask) >> (32 * i));
                data[i].permitted = (uint32_t)((caps->permitted & mask) >> (32 * i));
                data[i].inheritable = (uint32_t)((caps->inheritable & mask) >> (32 * i));
        }
        if (syscall(SYS_capset, &header, data) < 0)
                return st_error_sys(err,
                                    "process.capabilities: capset effective %#llx, permitted "
                                    "%#llx, inheritable %#llx",
                                    (unsigned long long)caps->effective,
                                    (unsigned long long)caps->permitted,
                                    (unsigned long long)caps->inheritable);
        return 0;
}

uint64_t rt_caps_unraisable(const struct st_capabilities *caps) {
        return caps->ambient & ~(caps->permitted & caps->inheritable);
}

static int raise_ambient(const struct st_capabilities *caps, int last_cap, struct st_error *err) {
        uint64_t ambient = caps->ambient & ~rt_caps_unraisable(caps);

        if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
                return st_error_sys(err, "process.capabilities.ambient: clear");
        for (int cap = 0; cap <= last_cap; cap++)
                if (ambient & bit(cap) &&
                    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) < 0)
                        return st_error_sys(err, "process.capabilities.ambient: raise %s",
                                            name_of(cap));
        return 0;
}

int rt_caps_apply(const struct st_capabilities *caps, int last_cap, struct st_error *err) {
        int r = set_three(caps, known(last_cap), err);

        if (r < 0)
                return r;
        return raise_ambient(caps, last_cap, err);
}
