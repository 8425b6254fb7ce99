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

/* The hint that the cache line at p will soon be written. */
static inline void platform_prefetch_write(const void *p) {
#if defined(__x86_64__)
  __asm__ __volatile__("prefetchw %0" : : "m"(*(const char *)p)); /* __builtin_prefetch needs a flag for it */
#else
  __builtin_prefetch(p, 1, 3);
#endif
}

/* Eight floats at any address. In C, since the compiler must inline them whatever the size of the caller. */
typedef float platform_float8 __attribute__((ext_vector_type(8)));
typedef platform_float8 platform_unaligned_float8 __attribute__((aligned(4)));
static inline __attribute__((always_inline)) platform_float8 platform_load8(const float *p) {
  return *(const platform_unaligned_float8 *)p;
}
static inline __attribute__((always_inline)) void platform_store8(float *p, platform_float8 v) {
  *(platform_unaligned_float8 *)p = v;
}

/* The first `count` (0 to 8) of eight floats, the rest zero, and a store of so many: what lies behind them is not touched. */
static inline __attribute__((always_inline)) platform_float8 platform_load8_part(const float *p, long count) {
  if (count == 8) return platform_load8(p);
#if defined(__AVX2__)
  static const int mask[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
  return (platform_float8)_mm256_maskload_ps(p, _mm256_loadu_si256((const __m256i *)(mask + 8 - count)));
#else
  platform_float8 v = 0;
  for (int i = 0; i < 8; i++) {
    if (i < count) v[i] = p[i];
  }
  return v;
#endif
}
static inline __attribute__((always_inline)) void platform_store8_part(float *p, platform_float8 v, long count) {
  typedef float float4 __attribute__((ext_vector_type(4)));
  typedef float float2 __attribute__((ext_vector_type(2)));
  if (count == 8) return platform_store8(p, v);
  float4 four = v.lo;
  if (count & 4) {
    __builtin_memcpy(p, &four, sizeof four);
    four = v.hi;
    p += 4;
  }
  float2 two = four.lo;
  if (count & 2) {
    __builtin_memcpy(p, &two, sizeof two);
    two = four.hi;
    p += 2;
  }
  if (count & 1) *p = two.x;
}

/* In C for the same reason: Swift's own conversion goes lane by lane. */
typedef float platform_float4 __attribute__((ext_vector_type(4)));
typedef double platform_double4 __attribute__((ext_vector_type(4)));
static inline __attribute__((always_inline)) platform_double4 platform_widen4(platform_float4 v) {
  return __builtin_convertvector(v, platform_double4);
}

/* An 8 x 8 matrix turned, whose rows begin `from_stride` and `to_stride` floats apart. */
static inline __attribute__((always_inline)) void platform_transpose8(
    const float *from, long from_stride, float *to, long to_stride) {
  platform_float8 rows[8], pairs[8], fours[8];
  for (int i = 0; i < 8; i++) rows[i] = platform_load8(from + i * from_stride);
  for (int i = 0; i < 4; i++) {
    pairs[2 * i] = __builtin_shufflevector(rows[2 * i], rows[2 * i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
    pairs[2 * i + 1] = __builtin_shufflevector(rows[2 * i], rows[2 * i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
  }
  for (int i = 0; i < 2; i++) {
    for (int j = 0; j < 2; j++) {
      platform_float8 a = pairs[4 * i + j], b = pairs[4 * i + j + 2];
      fours[4 * i + 2 * j] = __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13);
      fours[4 * i + 2 * j + 1] = __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15);
    }
  }
  for (int i = 0; i < 4; i++) {
    platform_store8(to + i * to_stride, __builtin_shufflevector(fours[i], fours[i + 4], 0, 1, 2, 3, 8, 9, 10, 11));
    platform_store8(to + (i + 4) * to_stride, __builtin_shufflevector(fours[i], fours[i + 4], 4, 5, 6, 7, 12, 13, 14, 15));
  }
}

/* Whether this processor has the instructions that the kernels are compiled for (x86-64-v3: AVX2, FMA, F16C, BMI). */
int platform_supports_kernels(void);

/* The processors that affinity leaves this process; at least 1. */
int platform_processor_count(void);

#endif
