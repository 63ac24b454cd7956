"""Strategies that deal training rows to clients; test rows are never touched.

Each is a frozen dataclass called with the data set and a generator, and returns one federation or, where a Plan means
several (each device left out in turn), one for each. The generator's draws are the only randomness.
"""

from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np

from covey.errors import Code, DataError, did_you_mean
from covey.telemetry.dataset import Dataset, Indices, Task
from covey.telemetry.population import Population, many_clients, one_client_per_device

EVERY_TASK = frozenset(Task)
#: More clients than any machine simulates; their columns alone take hundreds of megabytes.
MOST_CLIENTS = 10_000_000


class Partition(Protocol):
    """Deals training rows to clients."""

    #: What can be learnt from the rows that it deals.
    tasks: ClassVar[frozenset[Task]]

    def __call__(self, dataset: Dataset, rng: np.random.Generator) -> tuple[Population, ...]:
        """The federations; DataError where the rows do not allow them."""
        ...


@dataclass(frozen=True, slots=True)
class Natural:
    """Each device trains on all of its training rows: one file, one client."""

    tasks: ClassVar = EVERY_TASK

    def __call__(self, dataset: Dataset, rng: np.random.Generator) -> tuple[Population, ...]:  # noqa: ARG002
        """One federation of all devices."""
        return one_client_per_device(dataset, [dataset.train_rows(device) for device in range(dataset.n_devices)])


@dataclass(frozen=True, slots=True)
class LabelSkew:
    """Each device trains on its benign rows and `attacks_per_device` kinds of attack only.

    The kinds are dealt from `order` as from a stack of cards: a device takes the first ones that it has, and they go to
    the bottom. So the deal is round robin, and a kind that one device lacks is the first that the next is offered.
    """

    tasks: ClassVar = EVERY_TASK
    order: tuple[str, ...]
    attacks_per_device: int = 2

    def __post_init__(self) -> None:
        """ValueError for a deal that makes no sense."""
        if self.attacks_per_device < 1:
            raise ValueError(f"attacks_per_device is {self.attacks_per_device}; it must be at least 1")
        if len(set(self.order)) != len(self.order) or not self.order:
            raise ValueError("order must name each attack once, and at least one")

    def __call__(self, dataset: Dataset, rng: np.random.Generator) -> tuple[Population, ...]:  # noqa: ARG002
        """One federation of all devices; the deal depends on the data alone."""
        held = []
        for device, dealt in enumerate(self.deal(dataset)):
            rows = dataset.train_rows(device)
            codes = [dataset.attack_names.index(name) for name in dealt]
            held.append(rows[(dataset.label[rows] == 0) | np.isin(dataset.attack[rows], codes)])
        return one_client_per_device(dataset, held)

    def deal(self, dataset: Dataset) -> list[tuple[str, ...]]:
        """The attacks of each device; DataError where the order names an attack that no device has."""
        for name in self.order:
            if name not in dataset.attack_names:
                near = did_you_mean(name, dataset.attack_names)
                raise DataError(
                    Code.DATA_UNKNOWN_CLASS,
                    f"the partition deals the attack {name!r}, which no device has",
                    f"did you mean {near!r}?" if near else f"the data has: {', '.join(dataset.attack_names)}",
                )
        stack = list(self.order)
        deals = []
        for device in range(dataset.n_devices):
            held = set(dataset.attack[dataset.train_rows(device)].tolist())
            dealt = [name for name in stack if dataset.attack_names.index(name) in held][: self.attacks_per_device]
            stack = [name for name in stack if name not in dealt] + dealt
            deals.append(tuple(dealt))
        return deals


@dataclass(frozen=True, slots=True)
class LeaveOneOut:
    """Each device in turn stays out of the training and judges what the others learnt; `devices` limits the turns."""

    tasks: ClassVar = EVERY_TASK
    devices: tuple[str, ...] = ()

    def __call__(self, dataset: Dataset, rng: np.random.Generator) -> tuple[Population, ...]:  # noqa: ARG002
        """One federation for each device left out."""
        if dataset.n_devices < 2:
            raise DataError(Code.DATA_TOO_FEW_ROWS, "leaving one device out needs at least two devices")
        for name in self.devices:
            if name not in dataset.device_ids:
                near = did_you_mean(name, dataset.device_ids)
                raise DataError(
                    Code.DATA_NO_DEVICES,
                    f"the partition leaves out {name!r}, which is not a device of the data",
                    f"did you mean {near!r}?" if near else f"the devices are: {', '.join(dataset.device_ids)}",
                )
        held = [dataset.train_rows(device) for device in range(dataset.n_devices)]
        everyone = range(dataset.n_devices)
        return tuple(
            one_client_per_device(
                dataset, held, [device for device in everyone if device != out], (out,), f"without {name}"
            )[0]
            for out, name in enumerate(dataset.device_ids)
            if not self.devices or name in self.devices
        )


@dataclass(frozen=True, slots=True)
class FewRows:
    """Each device trains on `rows` rows only, drawn in proportion to its kinds of rows, each at least once."""

    tasks: ClassVar = EVERY_TASK
    rows: int = 20

    def __post_init__(self) -> None:
        """ValueError for no rows."""
        if self.rows < 1:
            raise ValueError(f"rows is {self.rows}; it must be at least 1")

    def __call__(self, dataset: Dataset, rng: np.random.Generator) -> tuple[Population, ...]:
        """One federation of all devices; DataError where a device has fewer rows than asked for."""
        held = []
        for device, name in enumerate(dataset.device_ids):
            rows = dataset.train_rows(device)
            if rows.size < self.rows:
                raise DataError(
                    Code.DATA_TOO_FEW_ROWS,
                    f"the device {name!r} has {rows.size} training rows, not {self.rows}",
                )
            held.append(np.sort(_draw_by_kind(rows, dataset, self.rows, rng)))
        return one_client_per_device(dataset, held)


def _draw_by_kind(rows: Indices, dataset: Dataset, n: int, rng: np.random.Generator) -> Indices:
    """As many of `rows`: seats for each kind of row by the highest-averages rule, beginning with one each."""
    shuffled = rng.permutation(rows)
    kinds = dataset.attack[shuffled]
    place = np.zeros(rows.size)
    for kind in np.unique(kinds):
        members = np.flatnonzero(kinds == kind)
        # D'Hondt: the k-th row of a kind is worth size / k; the first of each kind comes before all second ones.
        place[members] = members.size / np.arange(1, members.size + 1)
        place[members[0]] += rows.size
    return shuffled[np.argsort(-place, kind="stable")[:n]]


@dataclass(frozen=True, slots=True)
class BenignOnly:
    """Each device trains on its benign rows alone, as an anomaly detector does."""

    tasks: ClassVar = frozenset({Task.ANOMALY})

    def __call__(self, dataset: Dataset, rng: np.random.Generator) -> tuple[Population, ...]:  # noqa: ARG002
        """One federation of all devices."""
        rows = [dataset.train_rows(device) for device in range(dataset.n_devices)]
        return one_client_per_device(dataset, [part[dataset.label[part] == 0] for part in rows])


@dataclass(frozen=True, slots=True)
class Iid:
    """All training rows, shuffled and dealt evenly to `clients` clients."""

    tasks: ClassVar = EVERY_TASK
    clients: int = 1000

    def __post_init__(self) -> None:
        """ValueError for no clients, or too many."""
        _check_clients(self.clients)

    def __call__(self, dataset: Dataset, rng: np.random.Generator) -> tuple[Population, ...]:
        """One federation of `clients` clients; DataError where there are fewer rows."""
        n_rows = int(dataset.is_train.sum())
        if n_rows < self.clients:
            raise _too_few_rows(n_rows, self.clients, 1)
        shuffled = rng.permutation(np.flatnonzero(dataset.is_train))
        return many_clients(dataset, [np.sort(part) for part in np.array_split(shuffled, self.clients)])


@dataclass(frozen=True, slots=True)
class Dirichlet:
    """Each kind of row goes to `clients` clients in shares drawn from Dirichlet(alpha): the smaller, the more skewed.

    Hsu, Qi and Brown 2019. A client that would have fewer than `least_rows` rows takes them from the largest client.
    """

    tasks: ClassVar = EVERY_TASK
    clients: int = 100
    alpha: float = 0.5
    least_rows: int = 8

    def __post_init__(self) -> None:
        """ValueError for values out of range."""
        _check_clients(self.clients)
        if self.least_rows < 1:
            raise ValueError(f"least_rows is {self.least_rows}; it must be at least 1")
        if not 0 < self.alpha < float("inf"):
            raise ValueError(f"alpha is {self.alpha}; it must be a positive number")

    def __call__(self, dataset: Dataset, rng: np.random.Generator) -> tuple[Population, ...]:
        """One federation of `clients` clients; DataError where the rows do not go round."""
        rows = np.flatnonzero(dataset.is_train)
        if rows.size < self.clients * self.least_rows:
            raise _too_few_rows(rows.size, self.clients, self.least_rows)
        groups: list[list[int]] = [[] for _ in range(self.clients)]
        for kind in np.unique(dataset.attack[rows]):
            shuffled = rng.permutation(rows[dataset.attack[rows] == kind])
            shares = rng.dirichlet(np.full(self.clients, self.alpha))
            cuts = np.round(np.cumsum(shares)[:-1] * shuffled.size).astype(np.int64)
            for group, part in zip(groups, np.split(shuffled, cuts), strict=True):
                group.extend(part.tolist())
        self._even_out(groups)
        return many_clients(dataset, [np.sort(np.array(group, np.int64)) for group in groups])

    def _even_out(self, groups: list[list[int]]) -> None:
        for group in groups:
            while len(group) < self.least_rows:
                group.append(max(groups, key=len).pop())


@dataclass(frozen=True, slots=True)
class Repeat:
    """A population of any size for benchmarks: client i reads a window of `rows` rows of device i mod devices.

    No row is copied, so a million clients need no more than their index arrays. What they learn means nothing.
    """

    tasks: ClassVar = EVERY_TASK
    clients: int = 1_000_000
    rows: int = 200

    def __post_init__(self) -> None:
        """ValueError for no clients or no rows, or too many."""
        _check_clients(self.clients)
        if not 1 <= self.rows <= MOST_CLIENTS:
            raise ValueError(f"rows is {self.rows}; it must be 1 to {MOST_CLIENTS:,}")

    def __call__(self, dataset: Dataset, rng: np.random.Generator) -> tuple[Population, ...]:  # noqa: ARG002
        """One federation of `clients` clients."""
        parts = [dataset.train_rows(device) for device in range(dataset.n_devices)]
        sizes = np.array([part.size for part in parts], np.int64)
        client = np.arange(self.clients, dtype=np.int64)
        home = client % dataset.n_devices
        n_rows = np.minimum(self.rows, sizes)[home]
        start = (client // dataset.n_devices * self.rows) % (sizes[home] - n_rows + 1)
        return (
            Population(
                rows=np.concatenate(parts),
                first_row=(np.cumsum(sizes) - sizes)[home] + start,
                n_rows=n_rows,
                home=home.astype(np.int32),
                judges=tuple(range(dataset.n_devices)),
                one_per_device=False,
            ),
        )


def _check_clients(clients: int) -> None:
    if not 1 <= clients <= MOST_CLIENTS:
        raise ValueError(f"clients is {clients}; it must be 1 to {MOST_CLIENTS:,}")


def _too_few_rows(n_rows: int, clients: int, each: int) -> DataError:
    return DataError(
        Code.DATA_TOO_FEW_ROWS,
        f"{n_rows:,} training rows do not give {clients:,} clients {each:,} {'row' if each == 1 else 'rows'} each",
        "ask for fewer clients",
    )


PARTITIONS: dict[str, type[Natural | LabelSkew | LeaveOneOut | FewRows | BenignOnly | Iid | Dirichlet | Repeat]] = {
    "natural": Natural,
    "label_skew": LabelSkew,
    "leave_one_out": LeaveOneOut,
    "few_rows": FewRows,
    "benign_only": BenignOnly,
    "iid": Iid,
    "dirichlet": Dirichlet,
    "repeat": Repeat,
}
