/* signal_names.h: signals as people and callers of runc write them. */
#pragma once

/* "TERM", "SIGTERM", "sigterm", "15", "RTMIN+2", "RTMAX-1". -EINVAL. */
int cli_signal_parse(const char *text, int *ret_signal);
