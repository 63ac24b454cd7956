/* train.h - training with a hint of what comes next, for the runner. */
#ifndef COVEY_TRAIN_H
#define COVEY_TRAIN_H

#include "covey.h"

/* covey_train, which meanwhile asks for `ahead_size` bytes from `ahead` (NULL: nothing): the inputs that this processor
 * will train on next. Results do not depend on it. */
int covey_train_ahead(const covey_model *model, const covey_training *training, const covey_rows *rows, float *parameters,
                      void *arena, size_t arena_size, covey_training_result *result, const void *ahead, size_t ahead_size);

#endif
