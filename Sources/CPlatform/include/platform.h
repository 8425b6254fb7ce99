/* platform.h: what Swift cannot say about the processor. Private to this package; no part of the ABI. */
#ifndef SWIFTVIS_PLATFORM_H
#define SWIFTVIS_PLATFORM_H

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* The hint that a thread is spinning: leaves the core's resources to its hyperthread. */
static inline void platform_pause(void) {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  __asm__ __volatile__("yield");
#endif
}

/* The hint that the cache line at p, which need not be mapped, will soon be read: into the second-level cache. */
static inline void platform_prefetch(const void *p) { __builtin_prefetch(p, 0, 2); }

/* Whether this processor has the instructions that the kernels are compiled for (x86-64-v3: AVX2, FMA, F16C, BMI). */
int platform_supports_kernels(void);

/* The processors that affinity leaves this process; at least 1. */
int platform_processor_count(void);

#endif
