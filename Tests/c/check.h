/* check.h: counts what holds and what does not. */
#ifndef CHECK_H
#define CHECK_H

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "swiftvis.h"

static int passed_count, failed_count;

static void check_that(int holds, const char *text, int line, const sv_error *error) {
  if (holds) {
    passed_count++;
  } else {
    failed_count++;
    printf("line %d: %s\n", line, text);
    if (error != NULL && error->status != SV_OK) printf("  last error: %d %s\n", error->status, error->message);
  }
}

#define CHECK(condition) check_that((condition) ? 1 : 0, #condition, __LINE__, NULL)

/* The call succeeds, and says so in the error too. */
#define CHECK_OK(call) check_that((call) == SV_OK && error.status == SV_OK && error.message[0] == 0, #call, __LINE__, &error)

/* The call fails with this status and a message that contains this text. */
#define CHECK_FAILS(expected, text, call)                                                                              \
  check_that((call) == (expected) && error.status == (expected) && strstr(error.message, (text)) != NULL,              \
             #call " fails with " #expected " and \"" text "\"", __LINE__, &error)

static inline int all_close(const float *a, const float *b, size_t count, double tolerance) {
  for (size_t i = 0; i < count; i++)
    if (!(fabs((double)a[i] - (double)b[i]) <= tolerance)) return 0;
  return 1;
}

#endif
