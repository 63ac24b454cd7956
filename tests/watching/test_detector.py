"""A model in use: the core's own scores whatever the size of a block, and rows that nobody can hide behind."""

from array import array

import numpy as np
import pytest
from sensor_traffic import NAMES, small_file
from small_models import arguments_of, knots_encoding, standard_encoding, trained

from covey.core import EncodingKind, Loss, Model, Packet, encode, int8_predict, quantise, scores
from covey.errors import CoreError
from covey.watching import LARGEST_SCORE, Detector, DriftMonitor, Stage, Watcher, top_features
from covey.wire import DetectionSettings, EncodingFields, ModelDesign, ModelFile
from covey.wire.fields import packed


def made_up_rows(n: int, seed: int, width: int = 6) -> np.ndarray:
    return np.random.default_rng(seed).lognormal(3, 2, (n, width)).astype(np.float32)


def by_the_core(file: ModelFile, rows: np.ndarray) -> np.ndarray:
    model = Model(file.design.layers, file.design.loss)
    weights = bytearray(model.int8_size)
    quantise(model, array("f", file.parameters), weights)
    inputs = np.zeros_like(rows)
    encode(arguments_of(file.design.encoding), rows, inputs, len(rows))
    outputs = np.zeros((len(rows), model.n_outputs), np.float32)
    int8_predict(model, weights, inputs, len(rows), outputs)
    found = np.zeros(len(rows), np.float32)
    scores(model, outputs, inputs, len(rows), found)
    return found


@pytest.mark.parametrize("kind", ["knots", "standard", "signed log"])
@pytest.mark.parametrize("loss", [Loss.BCE, Loss.SOFTMAX_CE, Loss.MSE], ids=lambda loss: loss.name)
def test_scores_are_the_cores_however_rows_are_split_into_blocks(kind: str, loss: Loss) -> None:
    rows = made_up_rows(2500, 1)
    labels = (rows[:, 0] > 40).astype(np.int32)
    encoding = {
        "knots": knots_encoding(rows),
        "standard": standard_encoding(rows),
        "signed log": standard_encoding(rows, EncodingKind.SIGNED_LOG),
    }[kind]
    if loss is Loss.MSE and kind == "knots":
        pytest.skip("positions between knots are not something to rebuild")
    classes = ("benign", "a", "b") if loss is Loss.SOFTMAX_CE else ("benign", "a")
    file = trained(rows, labels, tuple("abcdef"), classes, encoding=encoding, loss=loss, steps=50)
    wanted = by_the_core(file, rows)
    detector = Detector(file)
    assert np.array_equal(np.array(detector.score(rows, 2500)), wanted)
    split = [float(s) for a, b in ((0, 1), (1, 1500), (1500, 2500)) for s in detector.score(rows[a:b].copy(), b - a)]
    assert np.array_equal(np.float32(split), wanted)
    assert detector.unscorable == 0


def test_a_row_that_drives_the_model_out_of_the_numbers_is_the_most_suspicious_and_hides_no_other() -> None:
    # Two layers of weight 3e38 and 1e5: an input of 2 overflows, one of 0 does not.
    layers = ((1, 0, 1, 1, 0, 0, 0, 0), (1, 0, 1, 1, 0, 0, 0, 0))
    parameters = packed(array("f", [3e38, 0.0, 1e5, 0.5]))
    design = ModelDesign(layers, int(Loss.BCE), EncodingFields(0, 1), ("x",), ("benign", "attack"))
    detector = Detector(ModelFile.of(sequence=1, parent=b"", design=design, parameters=parameters))
    rows = array("f", [0.0, 2.0, 0.0])
    assert list(detector.score(rows, 3)) == [0.5, np.float32(LARGEST_SCORE), 0.5]
    assert detector.unscorable == 1
    assert top_features(detector, DriftMonitor(detector.encoding, ("x",)), bytes(array("f", [2.0]))) == []


def test_rows_without_a_score_do_not_make_the_threshold_infinite() -> None:
    design = ModelDesign(
        ((1, 0, 1, 1, 0, 0, 0, 0), (1, 0, 1, 1, 0, 0, 0, 0)),
        int(Loss.BCE),
        EncodingFields(0, 1),
        ("x",),
        ("benign", "attack"),
        detection=DetectionSettings(order=1, alarms_per_hour=1.0),
    )
    parameters = packed(array("f", [3e38, 0.0, 1e5, 0.5]))
    file = ModelFile.of(sequence=1, parent=b"", design=design, parameters=parameters)
    watcher = Watcher(Detector(file), design.detection, learn_windows=50)
    packets = b"".join(Packet(second * 10**9, 60).pack() for second in range(0, 1000, 10))
    rows = array("f", [2.0 if i % 5 == 0 else 0.0 for i in range(100)])
    watcher.take(packets, rows, 100, watcher.score(rows, 100))
    assert watcher.stage is Stage.WATCHING
    assert watcher.threshold.value == 0.5


def test_a_model_whose_parameters_do_not_fit_its_layers_is_refused() -> None:
    file = small_file()
    short = ModelFile.of(sequence=1, parent=b"", design=file.design, parameters=file.parameters[:-4])
    with pytest.raises(CoreError, match="parameters"):
        Detector(short)


def test_the_likeliest_class_is_named_with_its_log_odds_over_the_first() -> None:
    rows = np.repeat(np.float32([[0], [10], [20]]), 50, axis=0)
    labels = np.repeat(np.int32([0, 1, 2]), 50)
    file = trained(rows, labels, ("x",), ("benign", "scan", "flood"), encoding=standard_encoding(rows), steps=400)
    detector = Detector(file)
    named = detector.class_of(np.float32([20]))
    assert named is not None
    assert named[0] == "flood"
    assert named[1] > 0
    benign = detector.class_of(np.float32([0]))
    assert benign is not None
    assert benign[1] < 0
    assert Detector(small_file()).class_of(bytes(4 * len(NAMES))) is None
