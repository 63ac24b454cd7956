"""A result tree as docs/RESULT.md describes it, with made-up figures, for tests of the report."""

import math
from typing import Any

CLASSES = [
    "benign",
    "gafgyt_combo",
    "gafgyt_flood",
    "gafgyt_junk",
    "gafgyt_scan",
    "mirai_ack",
    "mirai_scan",
    "mirai_syn",
]
DEVICES = ["danmini-doorbell", "ecobee-thermostat", "ennio-doorbell", "philips-baby-monitor", "samsung-webcam"]


def score(accuracy: float) -> dict[str, float]:
    return {
        "accuracy": accuracy,
        "macro_f1": accuracy - 0.004,
        "tpr_at_fpr_1pct": accuracy - 0.001,
        "tpr_at_fpr_0p1pct": accuracy - 0.01,
        "fpr_at_1pct": 0.0098,
        "fpr_at_0p1pct": 0.0012,
    }


def round_entry(number: int, start: float = 0.6, end: float = 0.995) -> dict[str, Any]:
    reached = end - (end - start) * math.exp(-number / 6)
    return {
        "round": number,
        "outcome": "published",
        "cohort": len(DEVICES),
        "verdicts": {"accepted": len(DEVICES)},
        "loss": 1.4 * math.exp(-number / 5) + 0.01,
        "accuracy": reached,
        "macro_f1": reached - 0.004,
        "worst_device": DEVICES[number % 5],
        "worst_accuracy": reached - 0.02,
        "up_bytes": 9 * 9_400,
        "down_bytes": 9 * 11_100,
        "device_rounds_per_s": 412.0,
    }


def roc(power: float) -> dict[str, list[float]]:
    fpr = [10 ** (-4 + 4 * step / 60) for step in range(61)]
    return {"fpr": fpr, "tpr": [1 - (1 - rate) * math.exp(-power * rate**0.25) for rate in fpr]}


def result_tree() -> dict[str, Any]:
    """One run with everything in it."""
    local, federated, central = 0.71, 0.9962, 0.9989
    size = len(CLASSES)
    return {
        "format": "covey.result",
        "version": 1,
        "covey": "0.1.0",
        "outcome": "complete",
        "plan": {
            "name": "nbaiot-attacks",
            "title": "Ten attack classes on nine real devices",
            "notes": ["The HH_jit columns of N-BaIoT tell the day of capture, so no model here sees them."],
            "digest": "ab" * 32,
            "source": 'name = "nbaiot-attacks"\nseed = 1\n\n[rounds]\ncount = 30\n',
        },
        "seeds": [1, 2, 3],
        "data": {
            "source": "data set",
            "folder": "nbaiot",
            "devices": len(DEVICES),
            "train_rows": 55_643,
            "test_rows": 23_847,
            "features": 85,
            "task": "classes",
            "classes": CLASSES,
        },
        "model": {
            "kind": "spline_mlp",
            "parameters": 8_234,
            "float32_bytes": 32_936,
            "int8_bytes": 9_387,
            "encoding_bytes": 1_020,
            "digest": "cd" * 32,
        },
        "devices": {
            name: {
                "train_rows": 6_000 + 700 * index,
                "test_rows": 2_500 + 300 * index,
                "federated": score(federated - 0.0004 * index),
                "local": score(local + 0.05 * index),
                "central": score(central),
                "gap_closed": 0.98,
            }
            for index, name in enumerate(DEVICES)
        },
        "pooled": {
            "federated": score(federated),
            "local": score(local),
            "central": score(central),
            "plain_fedavg": score(0.83),
            "int8": score(federated - 0.0003),
        },
        "worst_device": {"federated": {"device": DEVICES[4], "accuracy": 0.9946}},
        "gap_closed": 0.9902,
        "confusion": {
            "classes": CLASSES,
            "federated": [
                [2_400 if row == column else 7 if abs(row - column) == 1 else 0 for column in range(size)]
                for row in range(size)
            ],
        },
        "roc": {"federated": roc(9.0), "local": roc(3.0), "central": roc(12.0), "plain_fedavg": roc(5.0)},
        "by_seed": [
            {
                "seed": seed,
                "federated": score(federated + 0.0002 * seed),
                "local": score(local),
                "worst_accuracy": 0.994,
            }
            for seed in (1, 2, 3)
        ],
        "confidence": {
            "pooled.federated.macro_f1": {"mean": 0.9922, "sd": 0.0004, "low": 0.9912, "high": 0.9932},
            "worst_device.federated.accuracy": {"mean": 0.9946, "sd": 0.0009, "low": 0.9924, "high": 0.9968},
        },
        "rounds": [round_entry(number) for number in range(1, 31)],
        "plain_fedavg_rounds": [
            {key: entry[key] for key in ("round", "macro_f1", "accuracy", "up_bytes", "down_bytes")}
            for entry in (round_entry(number, 0.4, 0.84) for number in range(1, 31))
        ],
        "verdicts": {"accepted": 148, "late": 1, "duplicate": 1},
        "traffic": {
            "up_bytes_per_update": 9_391.0,
            "down_bytes_per_update": 11_108.0,
            "up_bytes": 30 * 9 * 9_400,
            "down_bytes": 30 * 9 * 11_100,
            "statistics_up_bytes_per_device": 21_350.0,
            "per_device_bytes": 303_000.0,
        },
        "speed": {"device_rounds_per_s": 412.0, "seconds": 0.66, "training_seconds": 0.61, "virtual_seconds": 14_400.0},
    }
