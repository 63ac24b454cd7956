"""Who trains on which rows: the clients of a federation, as index arrays.

Clients are numbers, not objects, so that a million of them cost a few megabytes. Client i trains on
`rows[first_row[i] : first_row[i] + n_rows[i]]`; clients may share rows (a synthetic population does), and a client need
not be one of the data's devices.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from covey.errors import Code, DataError
from covey.telemetry.dataset import Dataset, Floats, Indices, Labels

NOBODY = -1  # the home of a client that is no device of the data set


@dataclass(frozen=True, slots=True, eq=False)
class Population:
    """The clients of one federation (n of them) and the devices that judge what they learn."""

    rows: Indices  # (m): training rows of the data set, client by client
    first_row: Indices  # (n): into `rows`
    n_rows: Indices  # (n)
    home: Labels  # (n): the device a client is or takes its rows from, or NOBODY
    judges: tuple[int, ...]  # devices whose test rows count
    one_per_device: bool  # every client is one device: client ids are device ids
    name: str = ""  # tells the federations of one Plan apart, such as "without danmini-doorbell"

    @property
    def n_clients(self) -> int:
        """Number of clients."""
        return self.first_row.size

    def client_rows(self, client: int) -> Indices:
        """The data set's rows a client trains on."""
        return self.rows[self.first_row[client] : self.first_row[client] + self.n_rows[client]]

    def gather(self, x: Floats) -> Floats:
        """Copy of `x[rows]`, which the core's jobs index; `x` has the data set's rows, encoded or not."""
        return np.ascontiguousarray(x[self.rows])


def one_client_per_device(
    dataset: Dataset,
    held: Sequence[Indices],
    devices: Iterable[int] | None = None,
    judges: Iterable[int] | None = None,
    name: str = "",
) -> tuple[Population]:
    """A federation in which each of `devices` (default all) is one client with the rows `held[device]`."""
    chosen = list(range(dataset.n_devices)) if devices is None else list(devices)
    for device in chosen:
        if held[device].size == 0:
            raise DataError(
                Code.DATA_EMPTY_DEVICE,
                f"the device {dataset.device_ids[device]!r} has no training rows under the Plan's partition",
                "choose another partition, or leave the device out",
            )
    counts = np.array([held[device].size for device in chosen], np.int64)
    return (
        Population(
            rows=np.concatenate([held[device] for device in chosen]),
            first_row=np.cumsum(counts) - counts,
            n_rows=counts,
            home=np.array(chosen, np.int32),
            judges=tuple(range(dataset.n_devices) if judges is None else judges),
            one_per_device=True,
            name=name,
        ),
    )


def many_clients(dataset: Dataset, groups: Sequence[Indices]) -> tuple[Population]:
    """A federation of clients that are no devices, client i with the rows `groups[i]`; all devices judge."""
    counts = np.array([group.size for group in groups], np.int64)
    if counts.min() == 0:
        raise DataError(
            Code.DATA_TOO_FEW_ROWS,
            f"{int((counts == 0).sum())} of {counts.size} clients would have no training rows",
            "ask for fewer clients",
        )
    return (
        Population(
            rows=np.concatenate(groups),
            first_row=np.cumsum(counts) - counts,
            n_rows=counts,
            home=np.full(counts.size, NOBODY, np.int32),
            judges=tuple(range(dataset.n_devices)),
            one_per_device=False,
        ),
    )
