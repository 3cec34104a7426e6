/* policy.h: a decision on its way: what is free, which domains, which CPUs of them. */
#pragma once
#include <stint/placement.h>

struct choice {
        const struct rt_topology *t;
        const struct rt_request *request;
        struct rt_cpus free;           /* what may be taken */
        struct rt_cpus job;            /* what the same job has */
        uint16_t n_free[RT_MAX_CPUS];  /* by domain */
        uint16_t size[RT_MAX_CPUS];    /* likewise: all its CPUs */
        uint16_t load[RT_MAX_CPUS];    /* tasks on a CPU, for the tiers that share */
        unsigned domains[RT_MAX_CPUS]; /* the answer, fullest first */
        unsigned n_domains;
        unsigned n_words; /* of the sets, that can hold a CPU here */
};

/* The size of each domain; returns the fewest that hold the request on an empty machine, or 0. */
unsigned measure_domains(struct choice *c);
/* Count what is free, and choose @n_domains for the request. False: they do not hold it. */
bool choose_domains(struct choice *c, unsigned n_domains);
/* The fewest domains whose free CPUs suffice; 0: all together do not. */
unsigned fewest_domains(const struct choice *c);
void count_free(struct choice *c);
/* Take the request's CPUs out of the domains chosen. */
void pick_cpus(const struct choice *c, struct rt_cpus *ret_cpus);
void explain_choice(const struct choice *c, struct rt_decision *decision);
