"""How good a model is on test rows that no training, statistic or threshold has seen, device by device.

A device is judged on its own test rows and on those of all devices, with thresholds from the scores of its own benign
training rows. A device that takes part in no training (it is left out) sets its thresholds by its benign training rows
too: it has seen what is usual for it before the detector came.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from covey.core import Loss, int8_predict, predict, quantise
from covey.detection import OwnQuantile, answers, attack_scores, confusion, macro_f1
from covey.detection import accuracy as share_right
from covey.detection.metrics import Labels
from covey.models import Encoding, ModelSpec
from covey.simulation.scores import FALSE_ALARM_SHARES, Tally, known, tally
from covey.telemetry import Dataset, Population, Targets

Floats: TypeAlias = NDArray[np.float32]
Predict: TypeAlias = Callable[[Floats], Floats]
#: All devices' rows are judged with each device's detector only up to so many answers in all.
MOST_CROSS_ANSWERS = 50_000_000


@dataclass(frozen=True, slots=True)
class Look:
    """A glance at the test rows after a round: pooled, and the device with the lowest accuracy on its own."""

    loss: float | None  # None where no row says anything about it, or where it is beyond all numbers
    accuracy: float | None
    macro_f1: float | None
    worst_device: str
    worst_accuracy: float


@dataclass(frozen=True, slots=True, eq=False)
class Judgement:
    """One kind of detector on every judging device: tallies on its own test rows and on all, and the attack scores."""

    device_ids: tuple[str, ...]
    own: tuple[Tally, ...]
    everywhere: tuple[Tally, ...]  # empty where there are too many
    scores: Floats  # (n) of all test rows, each by its own device's detector
    is_attack: NDArray[np.bool_]  # (n)


@dataclass(frozen=True, slots=True, eq=False)
class _View:
    """What one detector makes of one device's test rows, and of all."""

    own: Tally
    everywhere: Tally | None
    scores: NDArray[np.float64]  # of the device's own test rows


@dataclass(frozen=True, slots=True, eq=False)
class Judge:
    """Test rows and benign training rows of the judging devices, encoded once for a model."""

    spec: ModelSpec
    n_classes: int
    device_ids: tuple[str, ...]
    test: Floats  # (n, d) encoded, device by device
    truth: Labels  # (n)
    first: NDArray[np.int64]  # (devices + 1) into test
    benign: Floats  # (m, d) encoded benign training rows, device by device
    first_benign: NDArray[np.int64]  # (devices + 1) into benign
    threads: int = 1

    @classmethod
    def of(
        cls,
        dataset: Dataset,
        targets: Targets,
        population: Population,
        *,
        spec: ModelSpec,
        encoding: Encoding,
        threads: int = 1,
    ) -> Self:
        """The judging devices of a federation, for models of one spec and encoding."""
        tests = [dataset.test_rows(device) for device in population.judges]
        benign = [_benign_rows(dataset, population, device) for device in population.judges]
        rows = np.concatenate(tests)
        return cls(
            spec=spec,
            n_classes=targets.n_classes,
            device_ids=tuple(dataset.device_ids[device] for device in population.judges),
            test=encoding.encode(dataset.x[rows]),
            truth=targets.y[rows],
            first=_bounds(tests),
            benign=encoding.encode(dataset.x[np.concatenate(benign)]),
            first_benign=_bounds(benign),
            threads=threads,
        )

    @property
    def n_devices(self) -> int:
        """Number of judging devices."""
        return len(self.device_ids)

    @property
    def is_crossed(self) -> bool:
        """Whether every detector is judged on all devices' rows too."""
        return self.n_devices * self.truth.size <= MOST_CROSS_ANSWERS

    def look(self, parameters: Floats) -> Look:
        """A quick look at a model after a round."""
        detector = self.in_float32(parameters)
        outputs = detector(self.test)
        if self.spec.loss is Loss.MSE:
            parts = [
                self._answers(outputs[rows], rows, self._thresholds(detector, device)) for device, rows in self._parts()
            ]
            answered = np.concatenate(parts)
        else:
            answered = answers(outputs, self.spec.loss)
        right = np.concatenate(([0], np.cumsum(answered == self.truth)))
        n_rows = np.diff(self.first)
        # A device without test rows tells nothing, so it is not the worst.
        accuracy = np.where(n_rows > 0, np.diff(right[self.first]) / np.maximum(n_rows, 1), np.inf)
        worst = int(accuracy.argmin())
        counts = confusion(self.truth, answered, self.n_classes)
        return Look(
            self._loss(outputs),
            known(share_right(counts)),
            known(macro_f1(counts)),
            self.device_ids[worst],
            float(accuracy[worst]),
        )

    def judge(self, detector: Predict) -> Judgement:
        """The same detector on every device, each with its own thresholds."""
        return self._judgement(self._views(detector, range(self.n_devices)))

    def judge_each(self, detectors: Sequence[Predict]) -> Judgement:
        """Each device's own detector, in the order of the devices."""
        return self._judgement(
            [
                view
                for device, detector in enumerate(detectors)
                for view in self._views(detector, range(device, device + 1))
            ]
        )

    def in_float32(self, parameters: Floats) -> Predict:
        """The detector as it is trained."""

        def detect(inputs: Floats) -> Floats:
            outputs = np.empty((inputs.shape[0], self.spec.n_outputs), np.float32)
            predict(self.spec.core, parameters, inputs, inputs.shape[0], outputs, n_threads=self.threads)
            return outputs

        return detect

    def in_int8(self, parameters: Floats) -> Predict:
        """The detector as it runs on a device."""
        stored = np.empty(self.spec.core.int8_size, np.uint8)
        quantise(self.spec.core, parameters, stored)

        def detect(inputs: Floats) -> Floats:
            outputs = np.empty((inputs.shape[0], self.spec.n_outputs), np.float32)
            if inputs.size:
                int8_predict(self.spec.core, stored, inputs, inputs.shape[0], outputs)
            return outputs

        return detect

    def _parts(self) -> list[tuple[int, slice]]:
        """The devices with their test rows."""
        return [
            (device, slice(int(self.first[device]), int(self.first[device + 1]))) for device in range(self.n_devices)
        ]

    def _views(self, detector: Predict, devices: range) -> list[_View]:
        """What a detector makes of these devices: of several that share it, or of one that has it alone."""
        parts = self._parts()
        seen = slice(0, self.truth.size) if self.is_crossed or len(devices) > 1 else parts[devices[0]][1]
        outputs = detector(self.test[seen])
        views = []
        for device in devices:
            thresholds = self._thresholds(detector, device)
            rows = parts[device][1]
            mine = outputs[rows.start - seen.start : rows.stop - seen.start]
            everywhere = self._tally(outputs, seen, thresholds) if self.is_crossed else None
            scores = attack_scores(mine, self.spec.loss, self.test[rows])
            views.append(_View(self._tally(mine, rows, thresholds), everywhere, scores))
        return views

    def _thresholds(self, detector: Predict, device: int) -> tuple[float, ...]:
        """A device's thresholds for FALSE_ALARM_SHARES."""
        inputs = self.benign[self.first_benign[device] : self.first_benign[device + 1]]
        scores = attack_scores(detector(inputs), self.spec.loss, inputs)
        return tuple(OwnQuantile(share)(scores) for share in FALSE_ALARM_SHARES)

    def _answers(self, outputs: Floats, rows: slice, thresholds: tuple[float, ...]) -> Labels:
        """Answers to test rows; an anomaly detector answers by its device's first threshold."""
        if self.spec.loss is Loss.MSE:
            scores = attack_scores(outputs, self.spec.loss, self.test[rows])
            return np.asarray(scores > thresholds[0], np.int32)
        return answers(outputs, self.spec.loss)

    def _tally(self, outputs: Floats, rows: slice, thresholds: tuple[float, ...]) -> Tally:
        scores = attack_scores(outputs, self.spec.loss, self.test[rows])
        return tally(self.truth[rows], self._answers(outputs, rows, thresholds), scores, thresholds, self.n_classes)

    def _judgement(self, views: Sequence[_View]) -> Judgement:
        return Judgement(
            device_ids=self.device_ids,
            own=tuple(view.own for view in views),
            everywhere=tuple(view.everywhere for view in views if view.everywhere is not None),
            scores=np.concatenate([view.scores for view in views]).astype(np.float32),
            is_attack=self.truth != 0,
        )

    def _loss(self, outputs: Floats) -> float | None:
        """Mean loss of the test rows; of the benign ones alone for a reconstruction, None where there are none."""
        losses = self._losses(outputs)
        return known(float(losses.mean())) if losses.size else None

    def _losses(self, outputs: Floats) -> NDArray[np.float64]:
        values = outputs.astype(np.float64)
        if self.spec.loss is Loss.SOFTMAX_CE:
            top = values.max(axis=1)
            spread = np.log(np.exp(values - top[:, np.newaxis]).sum(axis=1))
            return np.asarray(top + spread - values[np.arange(values.shape[0]), self.truth])
        if self.spec.loss is Loss.BCE:
            logits = values[:, 0]
            return np.asarray(np.logaddexp(0, logits) - logits * self.truth)
        return np.asarray(np.square(values - self.test)[self.truth == 0])


def _benign_rows(dataset: Dataset, population: Population, device: int) -> NDArray[np.int64]:
    """Benign training rows of a device: those its client trains on, or all if it is no client."""
    clients = np.flatnonzero(population.home == device) if population.one_per_device else np.zeros(0, np.int64)
    rows = population.client_rows(int(clients[0])) if clients.size else dataset.train_rows(device)
    return np.asarray(rows[dataset.label[rows] == 0])


def _bounds(parts: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    return np.cumsum([0, *(part.size for part in parts)], dtype=np.int64)
