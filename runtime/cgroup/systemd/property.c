#include "property.h"

#include "variant.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_SIZE = 128, CPUS_MAX = 8192 };

static int parse_u64(const char *text, uint64_t *ret) {
        char *end;

        errno = 0;
        *ret = strtoull(text, &end, 10);
        return errno || end == text || *end || !isdigit((unsigned char)*text) ? -EINVAL : 0;
}

static int append_numbers(sd_bus_message *m, const char *text) {
        int r = sd_bus_message_open_container(m, 'v', "au");

        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "u");
        while (r >= 0 && *text) {
                char *end;
                unsigned long n = strtoul(text, &end, 10);
                if (end == text || n > UINT32_MAX || (*end && *end != ','))
                        return -EINVAL;
                r = sd_bus_message_append(m, "u", (uint32_t)n);
                text = end + (*end == ',');
        }
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

/* AllowedCPUs and AllowedMemoryNodes are bit masks, lowest byte first. */
static int append_list(sd_bus_message *m, const char *text) {
        uint8_t mask[CPUS_MAX / 8] = {0};
        size_t used = 0;
        int r;

        while (*text) {
                char *end;
                unsigned long first = strtoul(text, &end, 10), last = first;
                if (end == text)
                        return -EINVAL;
                if (*end == '-')
                        last = strtoul(end + 1, &end, 10);
                if (last < first || last >= CPUS_MAX || (*end && *end != ',' && *end != '\n'))
                        return -EINVAL;
                for (unsigned long i = first; i <= last; i++)
                        mask[i / 8] |= (uint8_t)(1u << (i % 8));
                if (last / 8 + 1 > used)
                        used = last / 8 + 1;
                text = end + (*end != 0);
        }
        r = sd_bus_message_open_container(m, 'v', "ay");
        if (r >= 0)
                r = sd_bus_message_append_array(m, 'y', mask, used);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_pairs(sd_bus_message *m, const char *text) {
        int r = sd_bus_message_open_container(m, 'v', "a(ss)");

        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "(ss)");
        while (r >= 0 && *text) {
                size_t length = strcspn(text, ";"), first = strcspn(text, " ");
                char path[256], mode[8];
                if (first >= length || first >= sizeof path || length - first - 1 >= sizeof mode)
                        return -EINVAL;
                (void)snprintf(path, sizeof path, "%.*s", (int)first, text);
                (void)snprintf(mode, sizeof mode, "%.*s", (int)(length - first - 1),
                               text + first + 1);
                r = sd_bus_message_append(m, "(ss)", path, mode);
                text += length + (text[length] == ';');
        }
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_typed(sd_bus_message *m, const char *type, const char *value) {
        uint64_t n;

        if (!strcmp(type, "s"))
                return sd_bus_message_append(m, "v", "s", value);
        if (!strcmp(type, "b"))
                return sd_bus_message_append(m, "v", "b", !strcmp(value, "true"));
        if (!strcmp(type, "t"))
                return parse_u64(value, &n) < 0 ? -EINVAL : sd_bus_message_append(m, "v", "t", n);
        if (!strcmp(type, "au"))
                return append_numbers(m, value);
        if (!strcmp(type, "list"))
                return append_list(m, value);
        if (!strcmp(type, "a(ss)"))
                return append_pairs(m, value);
        if (!strcmp(type, "v"))
                return variant_append(m, value);
        return -EINVAL;
}

/* runc's callers write "TimeoutStopSec": on the bus systemd knows it as TimeoutStopUSec. */
static bool is_seconds(const char *name, const char *type) {
        size_t length = strlen(name);

        return !strcmp(type, "v") && length > 3 && !strcmp(name + length - 3, "Sec") &&
               islower((unsigned char)name[length - 4]);
}

unsigned property_version(const char *argument) {
        char *end;
        unsigned long version = strtoul(argument, &end, 10);

        return end != argument && *end == '+' ? (unsigned)version : 0;
}

/* "[VERSION+]Name=type:value" into its parts; the value, or NULL. */
static const char *split(const char *argument, char *name, char *type) {
        const char *start = property_version(argument) ? strchr(argument, '+') + 1 : argument;
        const char *equals = strchr(start, '='), *colon = equals ? strchr(equals, ':') : NULL;

        if (!colon || equals == start || equals - start >= NAME_SIZE - 1 || colon - equals > 8)
                return NULL;
        for (const char *at = start; at < equals; at++)
                if (!isalnum((unsigned char)*at))
                        return NULL;
        (void)snprintf(name, NAME_SIZE, "%.*s", (int)(equals - start), start);
        (void)snprintf(type, 8, "%.*s", (int)(colon - equals - 1), equals + 1);
        return colon + 1;
}

int property_append(sd_bus_message *m, const char *argument, unsigned version) {
        char name[NAME_SIZE], type[8];
        const char *value = split(argument, name, type);
        bool seconds;
        int r;

        if (!value)
                return -EINVAL;
        if (property_version(argument) > version)
                return 0;
        seconds = is_seconds(name, type);
        if (seconds)
                memcpy(name + strlen(name) - 3, "USec", sizeof "USec");
        r = sd_bus_message_open_container(m, 'r', "sv");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", name);
        if (r >= 0)
                r = seconds ? variant_append_usec(m, value) : append_typed(m, type, value);
        return r < 0 ? r : sd_bus_message_close_container(m);
}
