#include <errno.h>
#include <string.h>

#include <stint/pool.h>

static const char *const names[] = {
        [RT_GRADE_FRESH] = "fresh",
        [RT_GRADE_SCRUBBED] = "scrubbed",
        [RT_GRADE_SAME_JOB] = "same-job",
};

const char *rt_grade_name(enum rt_grade grade) {
        return names[grade];
}

int rt_grade_parse(const char *name, enum rt_grade *ret_grade) {
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
                if (!strcmp(name, names[i])) {
                        *ret_grade = (enum rt_grade)i;
                        return 0;
                }
        return -EINVAL;
}
