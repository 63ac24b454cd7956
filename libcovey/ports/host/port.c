/* The port of a process: standard output, no counters. */
#include "port.h"

#include <stdio.h>

#include "covey.h"

int port_start(int argc, char **argv)
{
    return argc > 1 ? covey_kernel_select(argv[1]) : 0;
}

void port_write(const char *text) { fputs(text, stdout); }

uint64_t port_instructions(void) { return 0; }
uint32_t port_stack_bytes(void) { return 0; }
uint32_t port_static_bytes(void) { return 0; }
