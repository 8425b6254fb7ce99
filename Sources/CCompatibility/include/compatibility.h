/* compatibility.h: nothing to call. What compatibility.c defines stands in for newer symbols of the C library. */
