"""Several seeds as one result: means of the scores, an interval for what is claimed, the curves of the first seed."""

from collections.abc import Sequence
from math import sqrt
from statistics import mean, stdev
from typing import Any

Tree = dict[str, Any]

#: Student's t, two-sided 95 %, by degrees of freedom 1 to 30; beyond that the normal value is near enough.
# fmt: off
_T = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)
# fmt: on
MEANS_OF = frozenset({"windows", "devices", "pooled", "hold_out", "hold_out_mean", "worst_device", "gap_closed"})
CLAIMS = (
    ("pooled", "federated", "accuracy"),
    ("pooled", "federated", "macro_f1"),
    ("pooled", "federated", "tpr_at_fpr_1pct"),
    ("pooled", "federated", "tpr_at_fpr_0p1pct"),
    ("pooled", "int8", "macro_f1"),
    ("pooled", "local", "macro_f1"),
    ("pooled", "central", "macro_f1"),
    ("pooled", "plain_fedavg", "macro_f1"),
    ("worst_device", "federated", "accuracy"),
    ("hold_out_mean", "accuracy"),
    ("gap_closed",),
    ("windows", "pooled", "int8", "tpr"),
    ("windows", "worst", "int8", "tpr"),
)


def merged(trees: Sequence[Tree], seeds: Sequence[int]) -> Tree:
    """The tree of docs/RESULT.md for all seeds, from one tree for each."""
    result = {**trees[0], "seeds": list(seeds), "by_seed": [_of_seed(*pair) for pair in zip(trees, seeds, strict=True)]}
    if len(trees) > 1:
        for key in MEANS_OF & trees[0].keys():
            result[key] = _mean([tree.get(key) for tree in trees])
        if result.get("windows"):
            result["windows"]["timelines"] = trees[0]["windows"]["timelines"]
        result["confidence"] = {
            ".".join(path): _interval(values, most=None if path == ("gap_closed",) else 1.0)
            for path in CLAIMS
            if len(values := _values(trees, path)) == len(trees)
        }
    return result


def _of_seed(tree: Tree, seed: int) -> Tree:
    pooled = tree["pooled"]
    worst = (tree.get("worst_device") or {}).get("federated") or {}
    return {
        "seed": seed,
        "federated": pooled["federated"],
        "local": pooled.get("local"),
        "central": pooled.get("central"),
        "worst_accuracy": worst.get("accuracy"),
    }


def _mean(values: Sequence[Any]) -> Any:
    """The mean, leaf by leaf; what is no number, or is missing for a seed, is that of the first."""
    first = values[0]
    if isinstance(first, dict) and all(isinstance(value, dict) for value in values):
        return {key: _mean([value.get(key) for value in values]) for key in first}
    if all(isinstance(value, float) for value in values):
        return mean(values)
    return first


def _values(trees: Sequence[Tree], path: Sequence[str]) -> list[float]:
    values = []
    for tree in trees:
        value: Any = tree
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        if isinstance(value, float):
            values.append(value)
    return values


def _interval(values: Sequence[float], *, most: float | None) -> Tree:
    """Mean, spread and interval; the interval of a share ends at 0 and at `most`."""
    centre, spread = mean(values), stdev(values)
    t = _T[len(values) - 2] if len(values) - 2 < len(_T) else 1.96
    reach = t * spread / sqrt(len(values))
    low, high = centre - reach, centre + reach
    if most is not None:
        low, high = max(low, 0.0), min(high, most)
    return {"mean": centre, "sd": spread, "low": low, "high": high}
