/* kernels_neon.c - the kernels for any aarch64: 32 registers of 4 floats. */
#include "canonical.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__aarch64__) && defined(__GNUC__)

#define LANES 4
#define EDGE -1, -1, -1, -1
#define INDEX 0, 1, 2, 3
#define TILE 8
#define OUTER_TILE 8
#define WIDTH 2
#define KERNEL_NAME "neon"
#define KERNEL_TABLE covey_kernels_neon
#include "kernel_elements.h"

#endif
