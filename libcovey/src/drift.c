/* drift.c - in which bins of the model's own encoding rows fall: a histogram per feature, counted on encoded inputs. */
#include "canonical.h"

#include "covey_watch.h"

#include "encoding.h"

#define EVEN_BINS 16u
#define EVEN_LIMIT 8.0f

uint32_t covey_bins(const covey_encoding *encoding, uint32_t feature)
{
    if (!encoding || feature >= encoding->inputs)
        return 0;
    if (encoding->kind != COVEY_ENCODE_KNOTS)
        return encoding->kind <= COVEY_ENCODE_KNOTS ? EVEN_BINS : 0;
    if (!encoding->offset || encoding->offset[feature + 1] < encoding->offset[feature] + 2)
        return 0;
    return encoding->offset[feature + 1] - encoding->offset[feature] + 1u;
}

/* Bin 0: at the first knot or below; the last: at the last knot or above; NaN counts as below. */
static uint32_t knot_bin(float position, uint32_t first, uint32_t end)
{
    if (!(position > (float)first))
        return 0;
    return position >= (float)(end - 1) ? end - first : (uint32_t)position - first + 1;
}

static uint32_t even_bin(float x, float limit)
{
    float at = (x + limit) * ((float)(EVEN_BINS / 2) / limit);
    if (!(at > 0))
        return 0;
    return at < (float)EVEN_BINS ? (uint32_t)at : EVEN_BINS - 1;
}

int covey_bins_count(const covey_encoding *encoding, const float *inputs, size_t n_rows, size_t stride, uint32_t *counts)
{
    int status = covey_encoding_check(encoding);
    if (status != COVEY_OK)
        return status;
    if (!counts || stride == 0 || (n_rows > 0 && !inputs))
        return COVEY_E_ARGUMENT;
    int has_limit = encoding->kind != COVEY_ENCODE_IDENTITY && encoding->limit > 0;
    float limit = has_limit ? encoding->limit : EVEN_LIMIT;
    for (size_t r = 0; r < n_rows; r += stride) {
        const float *row = inputs + r * encoding->inputs;
        uint32_t *of_feature = counts;
        for (uint32_t j = 0; j < encoding->inputs; j++) {
            uint32_t bin = encoding->kind == COVEY_ENCODE_KNOTS
                               ? knot_bin(row[j], encoding->offset[j], encoding->offset[j + 1])
                               : even_bin(row[j], limit);
            of_feature[bin] += of_feature[bin] != UINT32_MAX;
            of_feature += covey_bins(encoding, j);
        }
        if (stride >= n_rows - r)
            break;
    }
    return COVEY_OK;
}
