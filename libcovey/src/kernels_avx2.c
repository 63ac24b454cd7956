/* kernels_avx2.c - the kernels for x86-64 with AVX2: 16 registers of 8 floats. FMA is left out: it would fuse. */
#include "canonical.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

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
#define MULTIPLY_PAIRS(a, b) ((vector_int)_mm256_madd_epi16((__m256i)(a), (__m256i)(b)))
#define WIDEN(at) _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)(at)))
#define CHOOSE(mask, yes, no) ((vector_int)_mm256_blendv_epi8((__m256i)(no), (__m256i)(yes), (__m256i)(mask)))
#define KERNEL_NAME "avx2"
#define KERNEL_TABLE covey_kernels_avx2
#include "kernel_elements.h"

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#endif
