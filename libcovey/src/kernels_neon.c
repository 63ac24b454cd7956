/* kernels_neon.c - the kernels for any aarch64: 32 registers of 4 floats. */
#include "canonical.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__aarch64__) && defined(__GNUC__)
#include <arm_neon.h>

static inline int32x4_t multiply_pairs(int16x8_t a, int16x8_t b)
{
    return vpaddq_s32(vmull_s16(vget_low_s16(a), vget_low_s16(b)), vmull_high_s16(a, b));
}

#define LANES 4
#define EDGE -1, -1, -1, -1
#define INDEX 0, 1, 2, 3
#define TILE 8
#define OUTER_TILE 8
#define WIDTH 2
#define MULTIPLY_PAIRS(a, b) ((vector_int)multiply_pairs((int16x8_t)(a), (int16x8_t)(b)))
#define WIDEN(at) vmovl_s8(vld1_s8(at))
#define KERNEL_NAME "neon"
#define KERNEL_TABLE covey_kernels_neon
#include "kernel_elements.h"

#endif
