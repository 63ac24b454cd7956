/* encoding.h - what else than covey_encode looks into an encoding. */
#ifndef COVEY_ENCODING_H
#define COVEY_ENCODING_H

#include "covey.h"

/* COVEY_OK if every part that its kind needs is there, finite and in order. */
int covey_encoding_check(const covey_encoding *encoding);

/* Features `from` to `to` of rows, by the plain loops that say what an encoding is; the encoding has been checked. */
void covey_encode_columns(const covey_encoding *encoding, const float *raw, float *out, uint32_t from, uint32_t to,
                          size_t n_rows);

#endif
