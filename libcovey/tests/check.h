/* check.h - what a test needs: CHECK says where it failed and goes on; end main with `return check_done();`. */
#ifndef COVEY_CHECK_H
#define COVEY_CHECK_H

#include <stdio.h>

static int check_count, check_failures;

static inline void check_that(int holds, const char *text, const char *file, int line)
{
    check_count++;
    if (!holds && ++check_failures <= 20)
        printf("%s:%d: %s\n", file, line, text);
}

#define CHECK(condition) check_that((condition) != 0, #condition, __FILE__, __LINE__)

static inline int check_done(void)
{
    printf("%d checks, %d failed\n", check_count, check_failures);
    return check_failures != 0;
}

#endif
