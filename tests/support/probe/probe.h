/* tests/support/probe/probe.h: what the probe's files offer its main.c. Each prints lines of JSON.
 */
#pragma once

/* who it is: identity.c */
void report_identity(void);
void report_capabilities(void);
void report_security(void);
/* what it may use: schedule.c */
void report_limits(void);
void report_scheduling(void);
/* where it is: place.c */
void report_namespaces(void);
void report_mounts(void);
void report_cgroups(void);
void report_host(void);
void report_network(void);
/* what it holds: holdings.c */
void report_arguments(char **argv);
void report_descriptors(void);
void report_terminal(void);
void report_devices(void);
/* what it is asked to try: requests.c. 1: @request was one and is answered; 0: unknown. */
int answer_request(const char *request);
/* Wait, print each signal that arrives, leave on SIGTERM. */
int hold(void);
