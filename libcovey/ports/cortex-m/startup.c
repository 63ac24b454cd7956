/* From reset to main() on a bare Cortex-M: vectors, data, bss, FPU, stack paint. Any fault or return ends in a reset,
 * which QEMU's -no-reboot turns into its exit: no semihosting, so that the same image runs on a board. */
#include <stdint.h>

#include "board.h"
#include "startup.h"

/* Set by the linker script. */
extern uint32_t covey_data_load[], covey_data_start[], covey_data_end[], covey_bss_start[], covey_bss_end[];
extern uint32_t covey_paint_end[], covey_stack_top[];

int main(int argc, char **argv);
void port_interrupt_systick(void);
void port_fault(void);
void covey_reset(void);

static void unused_interrupt(void) {}

typedef union {
    uint32_t *stack;
    void (*handler)(void);
} vector;

__attribute__((section(".vectors"), used)) static const vector vectors[16] = {
    {.stack = covey_stack_top},    {.handler = covey_reset},      {.handler = port_fault},       {.handler = port_fault},
    {.handler = port_fault},       {.handler = port_fault},       {.handler = port_fault},       {.handler = 0},
    {.handler = 0},                {.handler = 0},                {.handler = 0},                {.handler = unused_interrupt},
    {.handler = unused_interrupt}, {.handler = 0},                {.handler = unused_interrupt}, {.handler = port_interrupt_systick},
};

static void copy_words(uint32_t *to, const uint32_t *from, const uint32_t *to_end)
{
    while (to < to_end) {
        *to++ = *from++;
    }
}

static void fill_words(uint32_t *to, const uint32_t *to_end, uint32_t word)
{
    while (to < to_end) {
        *to++ = word;
    }
}

void covey_reset(void)
{
    VECTOR_TABLE = (uint32_t)(uintptr_t)vectors;
#if defined(__ARM_FP)
    COPROCESSOR_ACCESS |= COPROCESSOR_FPU;
    __asm volatile("dsb\n\tisb");
#endif
    copy_words(covey_data_start, covey_data_load, covey_data_end);
    fill_words(covey_bss_start, covey_bss_end, 0);
    fill_words(covey_bss_end, covey_paint_end, STACK_PAINT);
    main(0, 0);
    covey_stop();
}

void covey_stop(void)
{
    RESET_CONTROL = RESET_REQUEST;
    for (;;) {
    }
}
