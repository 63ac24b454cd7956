/* board.h - registers of Armv7-M and Armv8-M cores and of Arm's MPS2 and MPS3 boards, as far as the port uses them.
 *
 * The board comes from the compiler's command line: COVEY_UART is the address of a CMSDK UART, COVEY_CLOCK_HZ the
 * frequency at which SysTick counts. */
#ifndef COVEY_BOARD_H
#define COVEY_BOARD_H

#include <stdint.h>

#ifndef COVEY_UART
#define COVEY_UART 0x40004000u
#endif
#ifndef COVEY_CLOCK_HZ
#define COVEY_CLOCK_HZ 25000000u
#endif

#define REGISTER(address) (*(volatile uint32_t *)(uintptr_t)(address))

#define UART_DATA REGISTER(COVEY_UART + 0x0)
#define UART_STATE REGISTER(COVEY_UART + 0x4)
#define UART_CONTROL REGISTER(COVEY_UART + 0x8)
#define UART_DIVIDER REGISTER(COVEY_UART + 0x10)
#define UART_STATE_FULL 1u
#define UART_CONTROL_TRANSMIT 1u

#define SYSTICK_CONTROL REGISTER(0xE000E010u)
#define SYSTICK_RELOAD REGISTER(0xE000E014u)
#define SYSTICK_CURRENT REGISTER(0xE000E018u)
#define SYSTICK_RUN 7u          /* enabled, interrupt at zero, processor clock */
#define SYSTICK_LONGEST 0xFFFFFFu

#define VECTOR_TABLE REGISTER(0xE000ED08u)
#define RESET_CONTROL REGISTER(0xE000ED0Cu)
#define RESET_REQUEST (0x05FA0000u | 4u)
#define COPROCESSOR_ACCESS REGISTER(0xE000ED88u)
#define COPROCESSOR_FPU (0xFu << 20)

#endif
