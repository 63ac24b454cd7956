"""Several seeds as one result."""

from copy import deepcopy
from math import sqrt
from typing import Any

import pytest
from result_tree import result_tree

from covey.apps.cli.seeds import merged
from covey.apps.report import Result


def trees(*accuracies: float) -> list[dict[str, Any]]:
    made = []
    for accuracy in accuracies:
        tree = deepcopy(result_tree())
        for key in ("seeds", "by_seed", "confidence"):
            del tree[key]
        tree["pooled"]["federated"]["accuracy"] = accuracy
        tree["devices"]["danmini-doorbell"]["federated"]["accuracy"] = accuracy - 0.1
        tree["worst_device"]["federated"]["accuracy"] = accuracy - 0.1
        made.append(tree)
    return made


def test_one_seed_stays_as_it_is() -> None:
    (tree,) = trees(0.9)
    result = merged([tree], [5])
    assert {key: value for key, value in result.items() if key not in {"seeds", "by_seed"}} == tree
    assert result["seeds"] == [5]
    assert "confidence" not in result


def test_scores_are_means_over_the_seeds() -> None:
    result = merged(trees(0.90, 0.92, 0.97), [1, 2, 3])
    assert result["pooled"]["federated"]["accuracy"] == pytest.approx(0.93)
    assert result["devices"]["danmini-doorbell"]["federated"]["accuracy"] == pytest.approx(0.83)
    assert result["worst_device"]["federated"]["accuracy"] == pytest.approx(0.83)
    assert result["rounds"] == trees(0.90)[0]["rounds"]


def test_each_seed_is_kept() -> None:
    result = merged(trees(0.90, 0.92), [1, 8])
    assert [entry["seed"] for entry in result["by_seed"]] == [1, 8]
    assert [entry["federated"]["accuracy"] for entry in result["by_seed"]] == [0.90, 0.92]


def test_the_interval_is_students() -> None:
    interval = merged(trees(0.60, 0.62, 0.67), [1, 2, 3])["confidence"]["pooled.federated.accuracy"]
    sd = sqrt((0.03**2 + 0.01**2 + 0.04**2) / 2)
    assert interval["sd"] == pytest.approx(sd)
    assert interval["high"] - interval["mean"] == pytest.approx(4.303 * sd / sqrt(3))
    assert interval["mean"] - interval["low"] == pytest.approx(interval["high"] - interval["mean"])


def test_the_interval_of_a_share_ends_at_one() -> None:
    assert merged(trees(0.98, 1.0), [1, 2])["confidence"]["pooled.federated.accuracy"]["high"] == 1.0


def test_a_figure_that_one_seed_lacks_has_no_interval_and_no_mean() -> None:
    several = trees(0.90, 0.92)
    several[1]["pooled"]["central"]["macro_f1"] = None
    result = merged(several, [1, 2])
    assert "pooled.central.macro_f1" not in result["confidence"]
    assert "pooled.local.macro_f1" in result["confidence"]


def test_a_merged_tree_is_a_result_the_inputs_are_untouched() -> None:
    several = trees(0.90, 0.92)
    before = deepcopy(several)
    Result.model_validate(merged(several, [1, 2]))
    assert several == before
