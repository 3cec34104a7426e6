/* sections.h: one function for each section of config.json; failures stay in the reader. */
#pragma once
#include "reader.h"

void st_read_process(struct st_reader *r, const struct st_json *node, struct st_process *process);
void st_read_capabilities(struct st_reader *r, const struct st_json *process,
                          struct st_capabilities *caps);
void st_read_scheduling(struct st_reader *r, const struct st_json *node,
                        struct st_process *process);
/* An environment: every element is NAME=VALUE. Never NULL unless memory is out. */
char **st_read_env(struct st_reader *r, const struct st_json *object, size_t *ret_n);

void st_read_mounts(struct st_reader *r, const struct st_json *config, struct st_spec *spec);
void st_read_hooks(struct st_reader *r, const struct st_json *config, struct st_spec *spec);

void st_read_linux(struct st_reader *r, const struct st_json *node, struct st_linux *linux_);
void st_read_namespaces(struct st_reader *r, const struct st_json *node, struct st_linux *linux_);
struct st_id_mappings st_read_id_mappings(struct st_reader *r, const struct st_json *object,
                                          const char *key);
void st_read_devices(struct st_reader *r, const struct st_json *node, struct st_linux *linux_);
void st_read_net_devices(struct st_reader *r, const struct st_json *node, struct st_linux *linux_);
/* NULL and no failure when @name could be a network interface, else what is wrong with it. */
const char *st_interface_name_fault(const char *name);
void st_read_sysctl(struct st_reader *r, const struct st_json *node, struct st_linux *linux_);
void st_read_rdt(struct st_reader *r, const struct st_json *node, struct st_linux *linux_);
void st_read_memory_policy(struct st_reader *r, const struct st_json *node,
                           struct st_linux *linux_);
void st_read_seccomp(struct st_reader *r, const struct st_json *node, struct st_linux *linux_);

void st_read_resources(struct st_reader *r, const struct st_json *node,
                       struct st_resources *resources);
void st_read_block_io(struct st_reader *r, const struct st_json *resources_node,
                      struct st_resources *resources);

/* What no single section can tell: members that need another one, a namespace above all. */
void st_check_consistency(struct st_reader *r, const struct st_json *config,
                          const struct st_spec *spec);
