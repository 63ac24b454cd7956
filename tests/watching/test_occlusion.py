"""The features that made a row suspicious are those that made it suspicious."""

import numpy as np
import pytest
from small_models import arguments_of, knots_encoding, standard_encoding, trained

from covey.core import EncodingKind
from covey.watching import Detector, DriftMonitor, top_features
from covey.watching.occlusion import usual_input

NAMES = tuple("abcdefgh")


@pytest.mark.parametrize("kind", ["knots", "standard", "signed log"])
def test_the_feature_that_tells_attacks_is_on_top(kind: str) -> None:
    rng = np.random.default_rng(1)
    rows = rng.lognormal(2, 0.5, (4000, 8)).astype(np.float32)
    labels = (np.arange(4000) % 2).astype(np.int32)
    rows[labels == 1, 2] *= 40  # only c differs
    fields = {
        "knots": knots_encoding(rows),
        "standard": standard_encoding(rows),
        "signed log": standard_encoding(rows, EncodingKind.SIGNED_LOG),
    }[kind]
    detector = Detector(trained(rows, labels, NAMES, encoding=fields, steps=600))
    drift = DriftMonitor(detector.encoding, NAMES)
    for _ in range(2):  # without a reference, and with one
        found = top_features(detector, drift, rows[1].tobytes())
        assert found[0][0] == "c"
        assert all(share > 0 for _, share in found)
        assert len(found) <= 5
        benign = rows[labels == 0]
        inputs = bytes(detector.encode(benign[:1000].tobytes(), 1000))
        drift.add(inputs, 1000, 0.0, is_above=False)
        drift.take_reference()


def test_usual_values_lie_in_the_middle_of_their_bins() -> None:
    rows = np.repeat(np.float32([[1], [2], [4], [8]]), 25, axis=0)
    encoding = arguments_of(knots_encoding(rows, 4))
    drift = DriftMonitor(encoding, ("x",))
    assert usual_input(encoding, drift, 0) == 1.5  # between the first knot, 0, and the last, 3
    drift.add(np.float32([0.4, 0.4, 2.2]), 3, 0.0, is_above=False)
    drift.take_reference()
    assert usual_input(encoding, drift, 0) == 0.5  # the interval from knot 0 to knot 1
