/* config.json: the bundle's, and the copy that the state directory keeps (bundles change and go
 * away under callers' hands). */
#include "runtime.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include <stint/cleanup.h>
#include <stint/fs.h>
#include <stint/json.h>

int rt_config_read(const char *bundle, const char *config, struct st_spec **ret_spec,
                   char **ret_text, size_t *ret_length, struct st_error *err) {
        st_autofree char *path = NULL, *text = NULL;
        size_t length;
        int r;

        if (asprintf(&path, "%s/config.json", bundle) < 0)
                return st_error_set(err, -ENOMEM, "read the config");
        r = st_read_file_at(AT_FDCWD, config ? config : path, ST_JSON_MAX_SIZE, &text, &length,
                            err);
        if (r < 0)
                return st_error_kind(err, r, ST_CODE_CONFIG_INVALID);
        r = st_spec_parse(config ? config : "config.json", text, length, ret_spec, err);
        if (r < 0)
                return r;
        *ret_text = st_take(text);
        *ret_length = length;
        return 0;
}

int rt_config_saved(struct rt_container *container, struct st_error *err) {
        st_autofree char *text = NULL;
        size_t length;
        int r;

        if (container->spec)
                return 0;
        r = st_read_file_at(container->dir_fd, "config.json", ST_JSON_MAX_SIZE, &text, &length,
                            err);
        return r < 0 ? r : st_spec_parse("config.json", text, length, &container->spec, err);
}
