/* encoding.h - what else than covey_encode looks into an encoding. */
#ifndef COVEY_ENCODING_H
#define COVEY_ENCODING_H

#include "covey.h"

/* COVEY_OK if every part that its kind needs is there, finite and in order. */
int covey_encoding_check(const covey_encoding *encoding);

#endif
