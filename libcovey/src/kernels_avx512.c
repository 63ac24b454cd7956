/* kernels_avx512.c - the kernels for x86-64 with AVX-512 (F, VL, DQ, BW): 32 registers of 16 floats. */
#include "canonical.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512vl,avx512dq,avx512bw"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512vl,avx512dq,avx512bw,prefer-vector-width=512")
#endif

#define LANES 16
#define EDGE -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1
#define INDEX 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
#define TILE 16
#define OUTER_TILE 16
#define WIDTH 1
#define KERNEL_NAME "avx512"
#define KERNEL_TABLE covey_kernels_avx512
#include "kernel_elements.h"

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#endif
