/* The port of a bare Cortex-M: text over the UART, instructions by SysTick, the stack's depth by its paint.
 *
 * QEMU's `-icount shift=3` makes each instruction last 2^3 ns of virtual time, so a tick of SysTick at 25 MHz, 40 ns, is 5
 * instructions. The count is exact to those 5 and the same in every run. It is a measure of work, not of time: a real M4F
 * needs more than one cycle for some instructions, and waits for its flash. */
#include "port.h"

#include "board.h"
#include "startup.h"

#define INSTRUCTIONS_PER_SECOND (1000000000u / 8u)

extern uint32_t covey_ram_start[], covey_bss_end[], covey_stack_top[];

static volatile uint32_t systick_wraps;

void port_interrupt_systick(void);
void port_interrupt_systick(void) { systick_wraps++; }

void port_fault(void);
void port_fault(void)
{
    port_write("fault\n");
    covey_stop();
}

int port_start(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    UART_DIVIDER = 16;
    UART_CONTROL = UART_CONTROL_TRANSMIT;
    SYSTICK_RELOAD = SYSTICK_LONGEST;
    SYSTICK_CURRENT = 0;
    SYSTICK_CONTROL = SYSTICK_RUN;
    return 0;
}

void port_write(const char *text)
{
    for (; *text != '\0'; text++) {
        while (UART_STATE & UART_STATE_FULL) {
        }
        UART_DATA = (uint8_t)*text;
    }
}

uint64_t port_instructions(void)
{
    uint32_t wraps, left;
    do {
        wraps = systick_wraps;
        left = SYSTICK_CURRENT;
    } while (wraps != systick_wraps);
    uint64_t ticks = (uint64_t)wraps * (SYSTICK_LONGEST + 1u) + (SYSTICK_LONGEST - left);
    return ticks * INSTRUCTIONS_PER_SECOND / COVEY_CLOCK_HZ;
}

uint32_t port_stack_bytes(void)
{
    const uint32_t *word = covey_bss_end;
    while (word < covey_stack_top && *word == STACK_PAINT) {
        word++;
    }
    return (uint32_t)((uintptr_t)covey_stack_top - (uintptr_t)word);
}

uint32_t port_static_bytes(void) { return (uint32_t)((uintptr_t)covey_bss_end - (uintptr_t)covey_ram_start); }
