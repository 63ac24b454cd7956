/* dispatch.c - which kernels run: the widest this processor and its operating system have, or the one a test selects. */
#include "covey.h"

#include <string.h>

#include "kernels.h"

#if (defined(__unix__) || defined(__APPLE__)) && defined(__GNUC__)
#define HOSTED 1
#else
#define HOSTED 0
#endif

#if defined(__x86_64__) && defined(__GNUC__)
static const covey_kernels *available(uint32_t i)
{
    __builtin_cpu_init();
    /* __builtin_cpu_supports asks the operating system's state too (XGETBV): registers it does not save do not count. */
    int avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                 __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw");
    const covey_kernels *kernels[] = {
        avx512 ? &covey_kernels_avx512 : 0,
        __builtin_cpu_supports("avx2") ? &covey_kernels_avx2 : 0,
        &covey_kernels_sse2,
        &covey_kernels_portable,
    };
    while (i < 4 && !kernels[i])
        i++;
    return i < 4 ? kernels[i] : 0;
}
#else
static const covey_kernels *available(uint32_t i)
{
#if defined(__aarch64__) && defined(__GNUC__)
    const covey_kernels *kernels[] = {&covey_kernels_neon, &covey_kernels_portable};
#else
    const covey_kernels *kernels[] = {&covey_kernels_portable};
#endif
    return i < sizeof kernels / sizeof kernels[0] ? kernels[i] : 0;
}
#endif

#if HOSTED
/* The one global that changes: what covey_kernel_select chose, or the first look at the processor found. */
static const covey_kernels *chosen;

const covey_kernels *covey_kernels_active(void)
{
    const covey_kernels *kernels = __atomic_load_n(&chosen, __ATOMIC_RELAXED);
    if (!kernels) {
        kernels = available(0);
        __atomic_store_n(&chosen, kernels, __ATOMIC_RELAXED);
    }
    return kernels;
}

int covey_kernel_select(const char *name)
{
    if (!name)
        return COVEY_E_ARGUMENT;
    for (uint32_t i = 0; i < 8; i++) {
        const covey_kernels *kernels = available(i);
        if (kernels && strcmp(kernels->name, name) == 0) {
            __atomic_store_n(&chosen, kernels, __ATOMIC_RELAXED);
            return COVEY_OK;
        }
    }
    return COVEY_E_ARGUMENT;
}
#else
const covey_kernels *covey_kernels_active(void)
{
    return available(0);
}

int covey_kernel_select(const char *name)
{
    return name && strcmp(name, covey_kernels_active()->name) == 0 ? COVEY_OK : COVEY_E_ARGUMENT;
}
#endif

const char *covey_kernel_name(void)
{
    return covey_kernels_active()->name;
}
