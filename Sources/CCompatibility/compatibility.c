#include "compatibility.h"

#if defined(__linux__)
#include <math.h>

/* Swift's Glibc module refers to hypotf, which nobody here calls. Its version of glibc 2.35 would be the only reason why
 * the library does not load where glibc is 2.34. Squares of floats fit in a double. */
float hypotf(float x, float y) {
  if (isinf(x) || isinf(y)) return INFINITY;
  return (float)sqrt((double)x * x + (double)y * y);
}
#endif
