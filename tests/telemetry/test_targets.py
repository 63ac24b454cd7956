"""What a model learns, from the names in the data."""

from dataclasses import replace

import numpy as np
import pytest

from covey.errors import Code, DataError
from covey.telemetry import Dataset, Task, targets


def dataset(attacks: list[str], is_train: list[bool] | None = None, label: list[int] | None = None) -> Dataset:
    names, codes = np.unique(attacks, return_inverse=True)
    n = len(attacks)
    return Dataset(
        ("a",),
        ("x",),
        np.zeros((n, 1), np.float32),
        np.array([0, n]),
        np.array(is_train or [True] * n),
        np.array(label or [int(name != "benign") for name in attacks], np.int32),
        codes.astype(np.int32),
        tuple(names.tolist()),
        codes.astype(np.int32),
        tuple(names.tolist()),
    )


ROWS = dataset(["scan", "benign", "flood_tcp", "flood_udp", "benign"])


def test_a_binary_task_tells_benign_from_attack() -> None:
    found = targets(ROWS, Task.BINARY)
    assert found.class_names == ("benign", "attack")
    assert found.y.tolist() == [1, 0, 1, 1, 0]


def test_classes_have_the_benign_one_first_and_the_others_by_name() -> None:
    found = targets(ROWS, Task.CLASSES)
    assert found.class_names == ("benign", "flood_tcp", "flood_udp", "scan")
    assert found.y.tolist() == [3, 0, 1, 2, 0]


def test_attacks_that_are_one_are_merged() -> None:
    found = targets(ROWS, Task.CLASSES, {"flood_tcp": "flood", "flood_udp": "flood"})
    assert found.class_names == ("benign", "flood", "scan")
    assert found.y.tolist() == [2, 0, 1, 1, 0]


def test_merging_an_attack_that_no_device_has_is_an_error() -> None:
    with pytest.raises(DataError) as caught:
        targets(ROWS, Task.CLASSES, {"flod_tcp": "flood"})
    assert caught.value.code is Code.DATA_UNKNOWN_CLASS
    assert "flood_tcp" in str(caught.value.hint)


def test_merging_an_attack_into_the_benign_class_is_an_error() -> None:
    with pytest.raises(DataError) as caught:
        targets(ROWS, Task.CLASSES, {"scan": "benign"})
    assert caught.value.code is Code.DATA_BAD_LABEL


def test_two_names_for_benign_rows_are_an_error_until_they_are_merged() -> None:
    rows = dataset(["idle", "benign", "scan"], label=[0, 0, 1])
    with pytest.raises(DataError) as caught:
        targets(rows, Task.CLASSES)
    assert caught.value.code is Code.DATA_UNKNOWN_CLASS
    assert targets(rows, Task.CLASSES, {"idle": "benign"}).class_names == ("benign", "scan")


@pytest.mark.parametrize("task", [Task.BINARY, Task.CLASSES])
def test_training_rows_of_one_class_are_an_error(task: Task) -> None:
    rows = dataset(["benign", "benign", "scan"], is_train=[True, True, False])
    with pytest.raises(DataError) as caught:
        targets(rows, task)
    assert caught.value.code is Code.DATA_ONE_CLASS
    assert "anomaly" in str(caught.value.hint)
    assert targets(rows, Task.ANOMALY).class_names == ("benign", "attack")


def test_an_anomaly_detector_needs_benign_rows() -> None:
    rows = replace(ROWS, is_train=ROWS.label == 1)
    with pytest.raises(DataError) as caught:
        targets(rows, Task.ANOMALY)
    assert caught.value.code is Code.DATA_ONE_CLASS


def test_a_class_that_only_test_rows_have_is_refused_until_it_is_merged() -> None:
    rows = dataset(["benign", "scan", "flood"], is_train=[True, True, False])
    with pytest.raises(DataError) as caught:
        targets(rows, Task.CLASSES)
    assert caught.value.code is Code.DATA_UNKNOWN_CLASS
    assert "'flood'" in caught.value.cause
    assert caught.value.hint
    assert targets(rows, Task.CLASSES, {"flood": "scan"}).class_names == ("benign", "scan")
    assert targets(rows, Task.BINARY).y.tolist() == [0, 1, 1]
