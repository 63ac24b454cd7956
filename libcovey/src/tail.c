/* tail.c - the threshold at a budget of false alarms, from the highest scores and their number.
 *
 * Ranks. Of N scores drawn alike, the next is above the j-th highest with probability j / (N + 1). So the threshold at a
 * share `rate` is the score of rank r = rate * (N + 1): between the ranks j and j + 1 on the line between their scores.
 *
 * Beyond the data, r < 1. Excesses over u, the score of rank k + 1, are taken as exponential (Siffer et al., KDD 2017, with
 * shape 0). Their mean m is known from k of them only; with that uncertainty counted, the next score is above u + c * m
 * with probability (k + 1) / (N + 1) * (1 + c / k)^-k, the mean over all m. That is `rate` for
 * c = k * (((k + 1) / r)^(1 / k) - 1), which is log((k + 1) / r) where k is large. Never below the highest score seen.
 *
 * Forgetting keeps every second score, those of even rank: the j-th of N / 2 stands where the 2j-th of N stood. Invariant:
 * all that was dropped is not above the lowest that is kept. So where something was dropped (count > n_scores), a score
 * below the lowest kept is counted only, though there be room. Where hardly any are left, as scores have sunk since, what
 * was dropped is given up: the kept ones then count as all, which errs towards higher thresholds until they are forgotten. */
#include "canonical.h"

#include "covey_watch.h"

#include <string.h>

#include "bytes.h"

enum { FEWEST = 8 }; /* kept scores that are still of use, and peaks that a tail is fitted to */

void covey_tail_init(covey_tail *tail)
{
    memset(tail, 0, sizeof *tail);
}

static int is_sound(const covey_tail *tail)
{
    if (!tail || tail->n_scores > COVEY_TAIL_SCORES || !(tail->count >= tail->n_scores) || tail->count > 1e300 ||
        !covey_all_finite(tail->scores, tail->n_scores))
        return 0;
    for (uint32_t i = 1; i < tail->n_scores; i++)
        if (tail->scores[i] > tail->scores[i - 1])
            return 0;
    return 1;
}

static void add(covey_tail *tail, float score)
{
    uint32_t n = tail->n_scores, at = n;
    int is_complete = tail->count <= n;
    tail->count += 1;
    if (n > 0 && (n == COVEY_TAIL_SCORES || !is_complete) && score <= tail->scores[n - 1])
        return;
    if (n < COVEY_TAIL_SCORES)
        tail->n_scores = n + 1;
    else
        at = n - 1;
    for (; at > 0 && score > tail->scores[at - 1]; at--)
        tail->scores[at] = tail->scores[at - 1];
    tail->scores[at] = score;
}

int covey_tail_add(covey_tail *tail, const float *scores, size_t n)
{
    if (!is_sound(tail) || (n > 0 && !scores))
        return COVEY_E_ARGUMENT;
    if (!covey_all_finite(scores, n))
        return COVEY_E_NONFINITE;
    for (size_t i = 0; i < n; i++)
        add(tail, scores[i]);
    return COVEY_OK;
}

void covey_tail_forget(covey_tail *tail)
{
    if (!is_sound(tail))
        return;
    uint32_t kept = tail->n_scores / 2;
    for (uint32_t i = 0; i < kept; i++)
        tail->scores[i] = tail->scores[2 * i + 1];
    for (uint32_t i = kept; i < tail->n_scores; i++)
        tail->scores[i] = 0;
    tail->n_scores = kept;
    tail->count *= 0.5;
    if (kept < FEWEST)
        tail->count = kept;
}

/* The score at a rank from 1 to n_scores. */
static double at_rank(const covey_tail *tail, double rank)
{
    uint32_t j = (uint32_t)rank;
    double high = tail->scores[j - 1], low = j < tail->n_scores ? tail->scores[j] : high;
    return high + (low - high) * (rank - j);
}

static double beyond(const covey_tail *tail, double rank)
{
    uint32_t k = tail->count < 8 * FEWEST ? FEWEST : tail->count < 8 * COVEY_TAIL_SCORES ? (uint32_t)(tail->count / 8)
                                                                                         : COVEY_TAIL_SCORES;
    k = k < tail->n_scores ? k : tail->n_scores - 1;
    if (k == 0)
        return tail->scores[0];
    double u = tail->scores[k], sum = 0, ratio = (k + 1) / rank;
    for (uint32_t i = 0; i < k; i++)
        sum += tail->scores[i] - u;
    float growth = covey_expf(covey_logf(ratio < FLT_MAX ? (float)ratio : FLT_MAX) / (float)k);
    double threshold = u + sum * ((double)growth - 1);
    return threshold > tail->scores[0] ? threshold : tail->scores[0];
}

int covey_tail_threshold(const covey_tail *tail, double rate, float *threshold)
{
    if (!is_sound(tail) || !threshold || !(rate > 0 && rate < 1) || tail->n_scores == 0)
        return COVEY_E_ARGUMENT;
    double rank = rate * (tail->count + 1), score;
    if (rank >= tail->n_scores)
        score = tail->scores[tail->n_scores - 1];
    else
        score = rank < 1 ? beyond(tail, rank) : at_rank(tail, rank);
    *threshold = score > FLT_MAX ? FLT_MAX : (float)score;
    return COVEY_OK;
}
