"""The control variates that devices keep for themselves (SCAFFOLD), for all devices that ever took part."""

import numpy as np
from numpy.typing import NDArray

Devices = NDArray[np.uint32]
Vectors = NDArray[np.float32]


class DeviceVariates:
    """A table that grows with the devices that have a variate, not with the population; the others' are zero."""

    def __init__(self) -> None:
        self._place: dict[int, int] = {}
        self._table: Vectors = np.zeros((0, 0), np.float32)

    def of(self, devices: Devices, n_parameters: int) -> Vectors:
        """The variates of devices (n): (n, n_parameters)."""
        vectors = np.zeros((devices.size, n_parameters), np.float32)
        places = np.array([self._place.get(device, -1) for device in devices.tolist()], np.int64)
        if self._place:
            vectors[places >= 0] = self._table[places[places >= 0]]
        return vectors

    def keep(self, devices: Devices, vectors: Vectors) -> None:
        """Keep new variates (n, n_parameters) of different devices (n)."""
        for device in devices.tolist():
            self._place.setdefault(device, len(self._place))
        if len(self._place) > self._table.shape[0]:
            grown = np.zeros((2 * len(self._place), vectors.shape[1]), np.float32)
            grown[: self._table.shape[0], : self._table.shape[1]] = self._table
            self._table = grown
        self._table[[self._place[device] for device in devices.tolist()]] = vectors

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """For a checkpoint."""
        devices = np.array(list(self._place), np.uint32)
        return {"variates.devices": devices, "variates.table": self._table[: devices.size]}

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[np.generic]]) -> "DeviceVariates":
        """From a checkpoint."""
        kept = cls()
        kept._place = {device: place for place, device in enumerate(arrays["variates.devices"].tolist())}
        kept._table = arrays["variates.table"].astype(np.float32)
        return kept
