"""Which features made a row suspicious: each in turn is set to its usual value, and the score is taken again.

Usual is the middle of the bin of the model's encoding in which the median of the reference lies, or, before there is a
reference, the middle of the encoding. What a feature's value took from the score is its share; features that carry the
same news (the five windows of one statistic, say) hide each other, so shares do not add up to the score.

Source: occlusion as in Zeiler and Fergus, ECCV 2014, on features instead of pixels.
"""

from array import array

from covey.core import EncodingArguments, EncodingKind
from covey.errors import Code, CoreError
from covey.watching.detector import ROWS_A_CALL, Detector, float_memory
from covey.watching.drift import DriftMonitor

MOST_FEATURES = 5
EVEN_BINS, EVEN_LIMIT = 16, 8.0  # of covey_bins for encodings without knots


def top_features(detector: Detector, drift: DriftMonitor, row: bytes) -> list[tuple[str, float]]:
    """Up to MOST_FEATURES features of a raw row (d) float32 with what each adds to its score, greatest first.

    Features that add nothing are left out; of a row that drives the model out of the numbers nothing can be said.
    """
    try:
        return _top_features(detector, drift, row)
    except CoreError as error:
        if error.code is not Code.CORE_NONFINITE:
            raise
        return []


def _top_features(detector: Detector, drift: DriftMonitor, row: bytes) -> list[tuple[str, float]]:
    d = detector.n_features
    encoded = bytes(detector.encode(row, 1))
    whole = float_memory(1)
    detector.score_inputs(encoded, 1, whole)
    found: list[tuple[str, float]] = []
    for first in range(0, d, ROWS_A_CALL):
        n = min(d - first, ROWS_A_CALL)
        rows = array("f", encoded * n)
        for i in range(n):
            rows[i * d + first + i] = usual_input(detector.encoding, drift, first + i)
        scores = float_memory(n)
        detector.score_inputs(rows, n, scores)
        found += [(detector.feature_names[first + i], whole[0] - scores[i]) for i in range(n)]
    found.sort(key=lambda pair: -pair[1])
    return [(name, share) for name, share in found[:MOST_FEATURES] if share > 0]


def usual_input(encoding: EncodingArguments, drift: DriftMonitor, feature: int) -> float:
    """The usual value of one encoded feature."""
    usual = drift.usual_bin(feature)
    if encoding.kind is EncodingKind.KNOTS:
        offsets = memoryview(encoding.offset or b"").cast("B").cast("H")
        first, last = offsets[feature], offsets[feature + 1] - 1
        if usual is None:
            return (first + last) / 2
        return float(min(max(first + usual - 0.5, first), last))
    limit = encoding.limit if encoding.kind is not EncodingKind.IDENTITY and encoding.limit > 0 else EVEN_LIMIT
    return 0.0 if usual is None else (usual + 0.5) * 2 * limit / EVEN_BINS - limit
