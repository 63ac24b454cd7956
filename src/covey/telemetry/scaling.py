"""What a fleet agrees on from its merged sketch: knots for spline layers, centres and scales for dense ones."""

import numpy as np
from numpy.typing import NDArray

from covey.core import EncodingArguments, EncodingKind, encode
from covey.telemetry.dataset import Floats
from covey.telemetry.sketch import Doubles, FeatureSketch, lower_edges

MOST_KNOTS = 255  # a model stores the number of a feature's knots in one byte
#: A spread below this is a constant feature; its scale is 1, so that rounding errors are not blown up.
LEAST_SPREAD = 1e-6


def knots_from(merged: FeatureSketch, k: int) -> tuple[Floats, NDArray[np.uint16]]:
    """Knots of all features (n) and offsets (d + 1) from k quantiles at even shares, the least and greatest included.

    Knots are bfloat16 values, which a model stores in two bytes. Quantiles that fall together are one knot, so features
    with few values get few; a constant feature gets a second knot just above, as a spline needs two. ValueError unless
    2 <= k <= 255.
    """
    if not 2 <= k <= MOST_KNOTS:
        raise ValueError(f"k is {k}; it must be 2 to {MOST_KNOTS}")
    quantiles = nearest_bfloat16(merged.quantiles(np.linspace(0, 1, k)))
    knots = [np.unique(row) for row in quantiles]
    knots = [row if row.size > 1 else np.append(row, next_bfloat16(row[0])) for row in knots]
    offsets = np.cumsum([0, *(row.size for row in knots)])
    return np.concatenate(knots), offsets.astype(np.uint16)


def knot_share(merged: FeatureSketch, knots: Floats, offsets: NDArray[np.uint16]) -> Floats:
    """How much of each knot the merged rows activate on average, (n) in [0, 1]; a feature's knots add up to 1.

    A row between two knots activates both in part. Rows of a bucket count as if at its lower edge.
    """
    shares = np.zeros(knots.size)
    for feature in range(merged.n_features):
        first, last = int(offsets[feature]), int(offsets[feature + 1])
        buckets, counts = merged.entries(feature)
        places = np.empty(buckets.size, np.float32)
        own = EncodingArguments(
            EncodingKind.KNOTS, 1, knot=knots[first:last], offset=np.array([0, last - first], np.uint16)
        )
        encode(own, lower_edges(buckets, merged.bits), places, buckets.size)
        below = np.minimum(places.astype(np.int64), last - first - 2)
        upper = counts * (places - below)
        shares[first:last] += np.bincount(below, counts - upper, last - first)
        shares[first:last] += np.bincount(below + 1, upper, last - first)
    return (shares / merged.rows).astype(np.float32)


def standard_from(merged: FeatureSketch) -> tuple[Floats, Floats]:
    """Centre and scale (d) each, so that (x - centre) * scale has mean 0 and variance 1 over the merged rows."""
    return _moments(merged.sum_of("value"), merged.sum_of("square"), merged.rows)


def signed_log_from(merged: FeatureSketch) -> tuple[Floats, Floats]:
    """The same for the signed logarithms of the values."""
    return _moments(merged.sum_of("log"), merged.sum_of("log_square"), merged.rows)


def _moments(total: Doubles, square: Doubles, rows: int) -> tuple[Floats, Floats]:
    mean = total / rows
    spread = np.sqrt(np.maximum(square / rows - np.square(mean), 0))
    is_constant = spread <= LEAST_SPREAD * np.maximum(np.abs(mean), LEAST_SPREAD)
    scale = 1 / np.where(is_constant, 1, spread)
    return mean.astype(np.float32), scale.astype(np.float32)


def nearest_bfloat16(values: Floats) -> Floats:
    """Each finite value rounded to the nearest bfloat16, ties to even; as float32, 0 without sign."""
    pattern = (values + np.float32(0)).view(np.uint32).astype(np.uint64)
    rounded = (pattern + 0x7FFF + ((pattern >> np.uint64(16)) & np.uint64(1))) & np.uint64(0xFFFF0000)
    return rounded.astype(np.uint32).view(np.float32) + np.float32(0)


def next_bfloat16(value: np.float32) -> np.float32:
    """The next normal bfloat16 above one, 0 and its denormal neighbours counted as 0."""
    pattern = int(np.float32(value).view(np.uint32))
    if abs(float(value)) < float(np.finfo(np.float32).tiny):
        return np.finfo(np.float32).tiny
    return np.uint32(pattern + 0x10000 if value > 0 else pattern - 0x10000).view(np.float32)
