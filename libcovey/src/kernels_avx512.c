/* kernels_avx512.c - the kernels for x86-64 with AVX-512 (F, VL, DQ, BW): 32 registers of 16 floats. */
#include "canonical.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

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
#define MULTIPLY_PAIRS(a, b) ((vector_int)_mm512_madd_epi16((__m512i)(a), (__m512i)(b)))
#define WIDEN(at) _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)(const void *)(at)))
#define MASK __mmask16
#define IS_LESS(a, b) _mm512_cmplt_epi32_mask((__m512i)(a), (__m512i)(b))
#define CHOOSE(mask, yes, no) ((vector_int)_mm512_mask_blend_epi32(mask, (__m512i)(no), (__m512i)(yes)))
#define LESS_ONE_WHERE(mask, index) \
    ((vector_int)_mm512_mask_sub_epi32((__m512i)(index), mask, (__m512i)(index), _mm512_set1_epi32(1)))
#define KERNEL_NAME "avx512"
#define KERNEL_TABLE covey_kernels_avx512
#include "kernel_elements.h"

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#endif
