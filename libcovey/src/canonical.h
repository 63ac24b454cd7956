/* canonical.h - what makes the bits of float32 results the same everywhere. Included first by every file that computes.
 *
 * Each operation is rounded to float32 by itself: no wider intermediates and no fused multiply-add, even where the
 * compiler was not told so on its command line. Nor are subnormal numbers flushed to zero, which Armv8.1-M's vector
 * instructions (MVE, Cortex-M55) always do: there, loops must not become vector code. */
#ifndef COVEY_CANONICAL_H
#define COVEY_CANONICAL_H

#include <float.h>

#if defined(FLT_EVAL_METHOD) && FLT_EVAL_METHOD != 0
#error "float arithmetic must be done in float32: on 32-bit x86 compile with -msse2 -mfpmath=sse"
#endif
#if defined(__FAST_MATH__)
#error "libcovey must not be compiled with -ffast-math or -Ofast: its results are promised to the bit"
#endif

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#endif

#if defined(__ARM_FEATURE_MVE) && defined(__clang__)
#if __ARM_FEATURE_MVE & 2
#error "clang makes float vectors of loops, and MVE flushes subnormals: compile with +nomve.fp"
#endif
#elif defined(__ARM_FEATURE_MVE)
#pragma GCC optimize("no-tree-vectorize", "no-tree-slp-vectorize")
#endif

#endif
