/* bits_run.h - what the same-bits programs have in common: a pool of memory, a hash, numbers, and the run over all cases.
 *
 * The same source is a process on a host and an image on a bare Cortex-M (ports/). Prints one line a case,
 * `case <name> <hash> <instructions> <pool bytes>`, then `ram <static> <pool> <stack>` in bytes (0 where the port cannot
 * tell) and `total <hash>`. Two builds agree when the hashes do. All memory comes from one pool, emptied before each case. */
#ifndef COVEY_BITS_RUN_H
#define COVEY_BITS_RUN_H

#include <stdint.h>
#include <string.h>

#include "covey.h"
#include "port.h"

/* A device's build says how much it can spare; vector kernels pad and double the weights, so a host needs more. */
#ifndef COVEY_POOL_BYTES
#define COVEY_POOL_BYTES (1u << 20)
#endif
#define LENGTH(array) ((uint32_t)(sizeof(array) / sizeof((array)[0])))

typedef struct {
    const char *name;
    int (*run)(void);
} bits_case;

/* ---------------------------------------------------------------- hash, memory, numbers */

static uint64_t hash; /* FNV-1a, 64 bits */

static void mix(const void *bytes, size_t size)
{
    const uint8_t *byte = bytes;
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ byte[i]) * 0x100000001B3u;
    }
}

static void mix_floats(const float *values, size_t n) { mix(values, n * sizeof(float)); }

static void mix_float(float value) { mix_floats(&value, 1); }

static uint64_t pool[COVEY_POOL_BYTES / 8];
static size_t pool_used, pool_deepest;

/* Memory until the next case, 8-byte aligned. Ending the program beats a hash over someone else's bytes. */
static void *take(size_t size)
{
    size_t words = (size + 7) / 8;
    if (words > LENGTH(pool) - pool_used) {
        return NULL;
    }
    void *bytes = pool + pool_used;
    pool_used += words;
    if (pool_used > pool_deepest) {
        pool_deepest = pool_used;
    }
    return bytes;
}

static float *take_floats(size_t n) { return take(n * sizeof(float)); }

/* In [-1, 1), a multiple of 2^-23. */
static float uniform(uint64_t seed, uint64_t index)
{
    return (float)((int32_t)(covey_random_u64(seed, index) >> 40) - (1 << 23)) * (1.0f / (1 << 23));
}

/* `n` values in [-reach, reach), from the pool. */
static float *numbers(uint32_t n, uint64_t seed, float reach)
{
    float *values = take_floats(n);
    for (uint32_t i = 0; values != NULL && i < n; i++) {
        values[i] = uniform(seed, i) * reach;
    }
    return values;
}

/* ---------------------------------------------------------------- the run */

static void write_hex(uint64_t value)
{
    char text[17];
    for (int i = 15; i >= 0; i--) {
        text[i] = "0123456789abcdef"[value & 15];
        value >>= 4;
    }
    text[16] = '\0';
    port_write(text);
}

static void write_number(uint64_t value)
{
    char text[21];
    char *digit = text + sizeof text - 1;
    *digit = '\0';
    do {
        *--digit = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    port_write(digit);
}

static int run_cases(const bits_case *cases, uint32_t n_cases, int argc, char **argv)
{
    if (port_start(argc, argv) != 0) {
        port_write("unavailable\n");
        return 2;
    }
    uint64_t total = 0xCBF29CE484222325u;
    int failures = 0;
    for (uint32_t i = 0; i < n_cases; i++) {
        hash = 0xCBF29CE484222325u;
        pool_used = pool_deepest = 0;
        uint64_t before = port_instructions();
        int status = cases[i].run();
        uint64_t instructions = port_instructions() - before;
        port_write(status < 0 ? "failed " : "case ");
        port_write(cases[i].name);
        port_write(" ");
        write_hex(status < 0 ? (uint64_t)-status : hash);
        port_write(" ");
        write_number(instructions);
        port_write(" ");
        write_number(pool_deepest * 8);
        port_write("\n");
        failures += status < 0;
        uint64_t of_case = hash;
        hash = total;
        mix(&of_case, sizeof of_case);
        total = hash;
    }
    port_write("ram ");
    write_number(port_static_bytes());
    port_write(" ");
    write_number(sizeof pool);
    port_write(" ");
    write_number(port_stack_bytes());
    port_write("\n");
    port_write(failures == 0 ? "total " : "failed total ");
    write_hex(total);
    port_write("\n");
    return failures != 0;
}

#endif
