/* port.h - the little that a program needs from the place it runs on: text out, a clock of instructions, memory used.
 *
 * ports/host is a process, ports/cortex-m a bare-metal image. tests/bits.c is the same source on both. */
#ifndef COVEY_PORT_H
#define COVEY_PORT_H

#include <stdint.h>

/* Before anything else. On a host, the first argument names the kernel to run. Nonzero: it is not available here. */
int port_start(int argc, char **argv);
void port_write(const char *text);
/* Instructions executed so far, or 0 where the port cannot count them. */
uint64_t port_instructions(void);
/* Deepest stack so far and all statically allocated RAM, in bytes; 0 where the port cannot tell. */
uint32_t port_stack_bytes(void);
uint32_t port_static_bytes(void);

#endif
