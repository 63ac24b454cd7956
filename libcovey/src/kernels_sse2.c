/* kernels_sse2.c - the kernels for any x86-64: 16 registers of 4 floats. */
#include "canonical.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)
#include <emmintrin.h>

static inline __m128i widened(__m128i bytes)
{
    return _mm_srai_epi16(_mm_unpacklo_epi8(bytes, bytes), 8);
}

#define LANES 4
#define EDGE -1, -1, -1, -1
#define INDEX 0, 1, 2, 3
#define TILE 4
#define OUTER_TILE 4
#define WIDTH 2
#define MULTIPLY_PAIRS(a, b) ((vector_int)_mm_madd_epi16((__m128i)(a), (__m128i)(b)))
#define WIDEN(at) widened(_mm_loadl_epi64((const __m128i *)(const void *)(at)))
#define KERNEL_NAME "sse2"
#define KERNEL_TABLE covey_kernels_sse2
#include "kernel_elements.h"

#endif
