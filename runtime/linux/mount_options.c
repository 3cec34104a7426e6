/* Mount options as mount(8) and runc spell them, to attributes of the new mount API. */
#include <errno.h>
#include <linux/mount.h>
#include <string.h>
#include <sys/mount.h>

#include <stint/mounts.h>

#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000 /* Linux 5.14 */
#endif

enum effect { SET, CLEAR, ATIME, PROPAGATE, SWITCH, IGNORE, UNDO, DATA };

struct option {
        const char *name;
        enum effect effect;
        uint64_t bits; /* attribute, propagation type, or offset of a bool in struct
                          rt_mount_options */
        bool recursive;
};

#define BOTH(option_name, kind, value)                                                             \
        {option_name, kind, value, false}, {                                                       \
                "r" option_name, kind, value, true                                                 \
        }
#define FLAG(option_name, member)                                                                  \
        { option_name, SWITCH, offsetof(struct rt_mount_options, member), false }

/* Superblock options that every file system takes go to the file system as they are (DATA): they
 * are listed so that `features` can name them. */
static const struct option options[] = {
        BOTH("ro", SET, MOUNT_ATTR_RDONLY),
        BOTH("rw", CLEAR, MOUNT_ATTR_RDONLY),
        BOTH("nosuid", SET, MOUNT_ATTR_NOSUID),
        BOTH("suid", CLEAR, MOUNT_ATTR_NOSUID),
        BOTH("nodev", SET, MOUNT_ATTR_NODEV),
        BOTH("dev", CLEAR, MOUNT_ATTR_NODEV),
        BOTH("noexec", SET, MOUNT_ATTR_NOEXEC),
        BOTH("exec", CLEAR, MOUNT_ATTR_NOEXEC),
        BOTH("nosymfollow", SET, MOUNT_ATTR_NOSYMFOLLOW),
        BOTH("symfollow", CLEAR, MOUNT_ATTR_NOSYMFOLLOW),
        BOTH("nodiratime", SET, MOUNT_ATTR_NODIRATIME),
        BOTH("diratime", CLEAR, MOUNT_ATTR_NODIRATIME),
        BOTH("relatime", ATIME, MOUNT_ATTR_RELATIME),
        BOTH("norelatime", ATIME, MOUNT_ATTR_RELATIME),
        BOTH("noatime", ATIME, MOUNT_ATTR_NOATIME),
        BOTH("atime", ATIME, MOUNT_ATTR_RELATIME),
        BOTH("strictatime", ATIME, MOUNT_ATTR_STRICTATIME),
        BOTH("nostrictatime", ATIME, MOUNT_ATTR_RELATIME),
        {"shared", PROPAGATE, MS_SHARED, false},
        {"rshared", PROPAGATE, MS_SHARED, true},
        {"slave", PROPAGATE, MS_SLAVE, false},
        {"rslave", PROPAGATE, MS_SLAVE, true},
        {"private", PROPAGATE, MS_PRIVATE, false},
        {"rprivate", PROPAGATE, MS_PRIVATE, true},
        {"unbindable", PROPAGATE, MS_UNBINDABLE, false},
        {"runbindable", PROPAGATE, MS_UNBINDABLE, true},
        FLAG("bind", bind),
        FLAG("rbind", rbind),
        FLAG("remount", remount),
        FLAG("tmpcopyup", tmpcopyup),
        FLAG("idmap", idmap),
        FLAG("ridmap", ridmap),
        FLAG("src-nofollow", source_nofollow),
        {"defaults", IGNORE, 0, false},
        {"async", UNDO, 0, false},
        {"nomand", UNDO, 0, false},
        {"nolazytime", UNDO, 0, false},
        {"iversion", IGNORE, 0,
         false}, /* the file systems that count do so always, and the others refuse the word */
        {"loud", IGNORE, 0, false},
        {"silent", IGNORE, 0, false},
        {"noiversion", IGNORE, 0, false},
        {"sync", DATA, 0, false},
        {"dirsync", DATA, 0, false},
        {"mand", DATA, 0, false},
        {"lazytime", DATA, 0, false},
};

#define NAME(option_name) option_name, "r" option_name
const char *const rt_mount_option_names[] = {
        "async",
        NAME("atime"),
        "bind",
        "defaults",
        NAME("dev"),
        NAME("diratime"),
        "dirsync",
        NAME("exec"),
        "idmap",
        "iversion",
        "lazytime",
        "loud",
        "mand",
        NAME("noatime"),
        NAME("nodev"),
        NAME("nodiratime"),
        NAME("noexec"),
        "noiversion",
        "nolazytime",
        "nomand",
        NAME("norelatime"),
        NAME("nostrictatime"),
        NAME("nosuid"),
        NAME("nosymfollow"),
        "private",
        "rbind",
        NAME("relatime"),
        "remount",
        "ridmap",
        NAME("ro"),
        "rprivate",
        "rshared",
        "rslave",
        "runbindable",
        NAME("rw"),
        "shared",
        "silent",
        "slave",
        "src-nofollow",
        NAME("strictatime"),
        NAME("suid"),
        NAME("symfollow"),
        "sync",
        "tmpcopyup",
        "unbindable",
        NULL,
};

static const struct option *find(const char *name) {
        for (size_t i = 0; i < sizeof options / sizeof *options; i++)
                if (!strcmp(options[i].name, name))
                        return &options[i];
        return NULL;
}

/* A later option overrides an earlier one, as in mount(8). */
static void set_bits(uint64_t *set, uint64_t *clear, const struct option *option) {
        if (option->effect == SET) {
                *set |= option->bits;
                *clear &= ~option->bits;
        } else if (option->effect == CLEAR) {
                *clear |= option->bits;
                *set &= ~option->bits;
        } else {
                *set = (*set & ~(uint64_t)MOUNT_ATTR__ATIME) | option->bits;
                *clear |= MOUNT_ATTR__ATIME; /* mount_setattr(2): the whole field is cleared before
                                                one is set */
        }
}

/* "async" after "sync": the later one wins. */
static void undo(struct rt_mount_options *ret, const char *name) {
        size_t n = 0;

        for (size_t i = 0; i < ret->n_data; i++)
                if (strcmp(ret->data[i], name))
                        ret->data[n++] = ret->data[i];
        ret->n_data = n;
}

static void apply(struct rt_mount_options *ret, const struct option *option) {
        switch (option->effect) {
        case SET:
        case CLEAR:
        case ATIME:
                if (option->recursive)
                        set_bits(&ret->attr_set_rec, &ret->attr_clear_rec, option);
                else
                        set_bits(&ret->attr_set, &ret->attr_clear, option);
                break;
        case PROPAGATE:
                ret->propagation = option->bits;
                ret->propagation_rec = option->recursive;
                break;
        case SWITCH:
                *(bool *)((char *)ret + option->bits) = true;
                break;
        case UNDO:
                undo(ret, strcmp(option->name, "async") ? option->name + strlen("no") : "sync");
                break;
        case IGNORE:
        case DATA:
                break;
        }
}

int rt_mount_options_parse(struct st_arena *arena, const struct st_mount *mount,
                           struct rt_mount_options *ret, struct st_error *err) {
        memset(ret, 0, sizeof *ret);
        ret->data = st_arena_array(arena, mount->n_options + 1, sizeof *ret->data);
        if (!ret->data)
                return st_error_set(err, -ENOMEM, "plan the mounts");
        for (size_t i = 0; i < mount->n_options; i++) {
                const struct option *option = find(mount->options[i]);
                if (!option || option->effect == DATA)
                        ret->data[ret->n_data++] = mount->options[i];
                else
                        apply(ret, option);
        }
        if (mount->type && !strcmp(mount->type, "bind") && !ret->rbind)
                ret->bind = true; /* a type "bind" alone is a bind mount for every peer */
        if (ret->idmap && ret->ridmap)
                return st_error_kind(
                        err,
                        st_error_set(err, -EINVAL,
                                     "mount %s: options idmap and ridmap exclude each other",
                                     mount->destination),
                        ST_CODE_CONFIG_INVALID);
        return 0;
}
