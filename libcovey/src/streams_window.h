/* streams_window.h - the arithmetic of one packet on damped windows: weight, mean and variance, and what two directions of
 * a channel have in common. Included twice by streams.c: once for four windows in a vector and once for a single float,
 * so that both are the same operations and give the same bits. The includer defines
 *
 *   T           vector or float                    NAME(x)    x with a suffix of its own
 *   BITS, FLOAT between T and its bits, unsigned   GET, PUT   a T from and to memory
 *   ROOT        square root
 *   PICK(c, a, b)  a where the comparison c holds, else b
 *
 * Nothing here is subnormal: decay is at least 2^-60 or 0, means, variances and sums too (NEGLIGIBLE). A product of two
 * of them may be, but only where it then vanishes in a sum or becomes 0 itself, flushed or not. */

/* 0 for what is too small to matter: it would be a subnormal number a few packets later. */
INLINE T NAME(tidy)(T x)
{
    T magnitude = FLOAT(BITS(x) & 0x7fffffffu);
    return PICK(magnitude < NEGLIGIBLE, x - x, x);
}

/* 2^-(lambda * seconds), within 2 units of the last place; 1 for 0 seconds, 0 below 2^-60. The polynomial is a minimax fit
 * of 2^r on [-1/2, 1/2] whose constant is 1. */
INLINE T NAME(decay)(T lambda, float seconds)
{
    const float magic = 12582912.0f; /* 1.5 * 2^23: adding it rounds to an integer in the low bits */
    T age = lambda * seconds;
    T shifted = magic - age;
    T r = (magic - shifted) - age;
    T p = r * 1.535337360e-04f + 1.339887851e-03f;
    p = p * r + 9.618436918e-03f;
    p = p * r + 5.550332367e-02f;
    p = p * r + 2.402264774e-01f;
    p = p * r + 6.931471825e-01f;
    p = p * r + 1.0f;
    T power = FLOAT(BITS(p) + (BITS(shifted) << 23));
    return PICK(age < OLDEST, power, age - age);
}

/* Adds a value to windows at `at` (weight, mean and variance, WINDOWS each), `kept` of whose weight is left, and writes them
 * to `out` too: reading them back in other pieces than they were stored in would wait for the stores. The recurrence is West's
 * (1979) in a form without negative terms, and so that nothing is left of the past where its weight is 0. */
INLINE void NAME(add)(float *at, T kept, float value, float *out)
{
    T weight = GET(at), mean = GET(at + WINDOWS), variance = GET(at + 2 * WINDOWS);
    T past = weight * kept;
    weight = past + 1.0f;
    T share = 1.0f / weight, off = value - mean;
    T past_share = past * share;
    mean = NAME(tidy)(PICK(past < 1.0f, value - off * past_share, mean + off * share));
    variance = NAME(tidy)(past_share * (variance + off * off * share));
    PUT(at, weight);
    PUT(at + WINDOWS, mean);
    PUT(at + 2 * WINDOWS, variance);
    PUT(out, weight);
    PUT(out + WINDOWS, mean);
    PUT(out + 2 * WINDOWS, variance);
}

/* After add() of this direction: `sum` of products of residuals gains one, and out (5, WINDOWS) becomes standard deviation,
 * magnitude, radius, covariance and correlation. `kept`, of the other direction's last packet, and `sum_kept`: decay. */
INLINE void NAME(relate)(const float *own, const float *peer, float *sum, T kept, T sum_kept, float value, float peer_value,
                         float *out)
{
    T mean = GET(own + WINDOWS), variance = GET(own + 2 * WINDOWS);
    T peer_mean = GET(peer + WINDOWS), peer_variance = GET(peer + 2 * WINDOWS);
    T product = (value - mean) * ((peer_value - peer_mean) * kept);
    T total = NAME(tidy)(GET(sum) * sum_kept + product);
    T covariance = total / (GET(own) + GET(peer) * kept);
    T scale = ROOT(variance * peer_variance);
    T pcc = covariance / PICK(scale > 0.0f, scale, scale + 1.0f);
    pcc = PICK(scale > 0.0f, pcc, scale);
    pcc = PICK(pcc < 1.0f, pcc, (pcc - pcc) + 1.0f);
    pcc = PICK(pcc > -1.0f, pcc, (pcc - pcc) - 1.0f);
    PUT(sum, total);
    PUT(out, ROOT(variance));
    PUT(out + WINDOWS, ROOT(mean * mean + peer_mean * peer_mean));
    PUT(out + 2 * WINDOWS, ROOT(variance * variance + peer_variance * peer_variance));
    PUT(out + 3 * WINDOWS, covariance);
    PUT(out + 4 * WINDOWS, pcc);
}

#undef T
#undef NAME
#undef GET
#undef PUT
#undef BITS
#undef FLOAT
#undef ROOT
#undef PICK
