/* startup.h - what the start-up code shares with the port. */
#ifndef COVEY_STARTUP_H
#define COVEY_STARTUP_H

#define STACK_PAINT 0xC07E7C07u /* a stack word that still holds this was never reached */

void covey_stop(void) __attribute__((noreturn));

#endif
