/* kernels_sse2.c - the kernels for any x86-64: 16 registers of 4 floats. */
#include "canonical.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)

#define LANES 4
#define EDGE -1, -1, -1, -1
#define INDEX 0, 1, 2, 3
#define TILE 4
#define OUTER_TILE 4
#define WIDTH 2
#define KERNEL_NAME "sse2"
#define KERNEL_TABLE covey_kernels_sse2
#include "kernel_elements.h"

#endif
