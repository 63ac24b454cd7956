/* kernels_avx2.c - the kernels for x86-64 with AVX2: 16 registers of 8 floats. FMA is left out: it would fuse. */
#include "canonical.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2")
#endif

#define LANES 8
#define EDGE -1, -1, -1, -1, -1, -1, -1, -1
#define INDEX 0, 1, 2, 3, 4, 5, 6, 7
#define TILE 4
#define OUTER_TILE 6
#define WIDTH 2
#define KERNEL_NAME "avx2"
#define KERNEL_TABLE covey_kernels_avx2
#include "kernel_elements.h"

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#endif
