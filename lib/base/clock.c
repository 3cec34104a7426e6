#include <stdio.h>

#include <stint/clock.h>

enum {
        DAY = 24 * 60 * 60,
        DAYS_IN_4_YEARS = 4 * 365 + 1,
        DAYS_IN_400_YEARS = 100 * DAYS_IN_4_YEARS - 3
};

struct date {
        unsigned year, month, day;
};

/* Years that begin in March end with the leap day, and their months have 30.6 days each. */
static struct date date_of(unsigned long days) {
        unsigned long since_march_0 =
                days + 719468; /* 1970-01-01 is so many days after 0000-03-01 */
        unsigned long era = since_march_0 / DAYS_IN_400_YEARS,
                      day = since_march_0 % DAYS_IN_400_YEARS;
        unsigned long year =
                (day - day / (DAYS_IN_4_YEARS - 1) + day / 36524 - day / (DAYS_IN_400_YEARS - 1)) /
                365;
        unsigned long day_of_year = day - (365 * year + year / 4 - year / 100);
        unsigned long month = (5 * day_of_year + 2) / 153; /* 0: March */

        return (struct date) {
                .year = (unsigned)(400 * era + year + (month >= 10)),
                .month = (unsigned)(month < 10 ? month + 3 : month - 9),
                .day = (unsigned)(day_of_year - (153 * month + 2) / 5 + 1),
        };
}

char *st_format_rfc3339(const struct timespec *time, bool fraction,
                        char buf[static ST_RFC3339_ROOM]) {
        unsigned long seconds = (unsigned long)time->tv_sec;
        struct date date = date_of(seconds / DAY);
        int n = snprintf(buf, ST_RFC3339_ROOM, "%04u-%02u-%02uT%02lu:%02lu:%02lu", date.year,
                         date.month, date.day, seconds % DAY / 3600, seconds % 3600 / 60,
                         seconds % 60);

        if (fraction)
                (void)snprintf(buf + n, ST_RFC3339_ROOM - (size_t)n, ".%09ldZ", time->tv_nsec);
        else
                (void)snprintf(buf + n, ST_RFC3339_ROOM - (size_t)n, "Z");
        return buf;
}
