#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "platform.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

int platform_supports_kernels(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c") &&
         __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
#else
  return 1;
#endif
}

int platform_processor_count(void) {
#if defined(__linux__)
  /* The kernel refuses a set smaller than its own; a machine may have more than the 1024 processors of cpu_set_t. */
  for (size_t processors = 1024; processors <= (1u << 20); processors *= 2) {
    cpu_set_t *set = CPU_ALLOC(processors);
    if (set == NULL) break;
    const size_t size = CPU_ALLOC_SIZE(processors);
    const int status = sched_getaffinity(0, size, set);
    const int refused = status != 0 && errno == EINVAL;
    const int count = status == 0 ? CPU_COUNT_S(size, set) : 0;
    CPU_FREE(set);
    if (count > 0) return count;
    if (!refused) break;
  }
#endif
  const long online = sysconf(_SC_NPROCESSORS_ONLN);
  return online > 0 ? (int)online : 1;
}
