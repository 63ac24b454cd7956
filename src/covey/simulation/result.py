"""The result of a run as one tree of plain values: docs/RESULT.md says what each key means."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from covey.models import MODELS, ModelVersion
from covey.protocol import RoundRecord
from covey.simulation.comparison import Comparison
from covey.simulation.federation import Scene
from covey.simulation.reports import RoundReport
from covey.simulation.scores import share
from covey.telemetry import Population

Tree: TypeAlias = dict[str, object]


@dataclass(frozen=True, slots=True, eq=False)
class FederationResult:
    """One federation that is over."""

    name: str
    n_clients: int
    first: ModelVersion
    last: ModelVersion
    virtual_s: float
    step_scale: NDArray[np.float32] | None  # (parameters), that all its devices trained with

    def trained(self, reports: Sequence[RoundReport]) -> list[RoundReport]:
        """Its training rounds among all reports."""
        return [report for report in reports if report.federation == self.name and report.round > 0]

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """For a checkpoint."""
        scale = {} if self.step_scale is None else {"step_scale": self.step_scale}
        return {
            **scale,
            "name": np.frombuffer(self.name.encode(), np.uint8),
            "first": np.frombuffer(self.first.encode(), np.uint8),
            "last": np.frombuffer(self.last.encode(), np.uint8),
            "figures": np.array([self.n_clients, self.virtual_s]),
        }

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[np.generic]]) -> Self:
        """From a checkpoint."""
        n_clients, virtual_s = arrays["figures"].tolist()
        return cls(
            arrays["name"].tobytes().decode(),
            int(n_clients),
            ModelVersion.decode(arrays["first"].tobytes()),
            ModelVersion.decode(arrays["last"].tobytes()),
            virtual_s,
            arrays["step_scale"].astype(np.float32) if "step_scale" in arrays else None,
        )


@dataclass(frozen=True, slots=True, eq=False)
class SimulationResult:
    """A run that is complete, with its judgement."""

    scene: Scene
    populations: tuple[Population, ...]
    federations: tuple[FederationResult, ...]
    reports: tuple[RoundReport, ...]
    comparison: Comparison

    def as_json(self) -> Tree:
        """The tree of result.json but for what only the command knows (version, Plan, seeds, source of the data)."""
        rounds = [report for report in self.reports if report.round > 0]
        return {
            "data": self._data(),
            "model": self._model(),
            **self._judged(),
            "rounds": [_round(report) for report in rounds],
            "verdicts": _totals(report.record for report in self.reports),
            "traffic": self._traffic(rounds),
            "speed": self._speed(rounds),
        }

    def _data(self) -> Tree:
        dataset = self.scene.dataset
        return {
            "devices": dataset.n_devices,
            "clients": self.populations[0].n_clients,
            "train_rows": int(dataset.is_train.sum()),
            "test_rows": int((~dataset.is_train).sum()),
            "features": len(dataset.feature_names),
            "task": self.scene.plan.data.task.value,
            "classes": list(self.scene.targets.class_names),
        }

    def _model(self) -> Tree:
        last = self.federations[0].last
        kinds = {config: kind for kind, config in MODELS.items()}
        return {
            "kind": kinds[type(self.scene.plan.model)],
            "parameters": last.spec.n_parameters,
            "float32_bytes": last.spec.float32_bytes,
            "int8_bytes": last.int8_bytes,
            "encoding_bytes": last.encoding.size_bytes,
            "digest": last.digest.hex(),
        }

    def _judged(self) -> Tree:
        tree = self.comparison.tree()
        devices = tree["devices"]
        dataset = self.scene.dataset
        if isinstance(devices, dict):
            for device, name in enumerate(dataset.device_ids):
                if name in devices:
                    devices[name] |= {
                        "train_rows": int(dataset.train_rows(device).size),
                        "test_rows": int(dataset.test_rows(device).size),
                    }
        return tree

    def _traffic(self, rounds: list[RoundReport]) -> Tree:
        records = [report.record for report in self.reports]
        sketches = [record for record in records if record.round == 0]
        arrived = sum(sum(report.record.verdicts) for report in rounds)
        asked = sum(report.record.selected for report in rounds)
        up = sum(record.up_bytes for record in records)
        n_clients = sum(done.n_clients for done in self.federations)
        return {
            "up_bytes_per_update": share(sum(report.up_bytes for report in rounds), arrived),
            "down_bytes_per_update": share(sum(report.down_bytes for report in rounds), asked),
            "up_bytes": up,
            "down_bytes": sum(record.down_bytes for record in records),
            "statistics_up_bytes_per_device": share(
                sum(record.up_bytes for record in sketches), sum(sum(record.verdicts) for record in sketches)
            ),
            "per_device_bytes": share(up, n_clients),
        }

    def _speed(self, rounds: list[RoundReport]) -> Tree:
        seconds = sum(report.pace.seconds for report in rounds)
        return {
            "device_rounds_per_s": share(sum(report.record.accepted for report in rounds), seconds),
            "seconds": seconds,
            "training_seconds": sum(report.pace.training_seconds for report in rounds),
            "virtual_seconds": sum(done.virtual_s for done in self.federations),
        }


def _round(report: RoundReport) -> Tree:
    return {
        "federation": report.federation,
        "round": report.round,
        "outcome": report.outcome.value,
        "cohort": report.cohort,
        "verdicts": dict(report.verdicts),
        "loss": report.loss,
        "accuracy": report.accuracy,
        "macro_f1": report.macro_f1,
        "worst_device": report.worst_device,
        "worst_accuracy": report.worst_accuracy,
        "up_bytes": report.up_bytes,
        "down_bytes": report.down_bytes,
        "device_rounds_per_s": report.device_rounds_per_s,
    }


def _totals(records: Iterable[RoundRecord]) -> dict[str, int]:
    totals: Counter[str] = Counter()
    for record in records:
        totals.update(record.named_verdicts())
    return dict(totals)
