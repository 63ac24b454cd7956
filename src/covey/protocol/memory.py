"""What a coordinator remembers between rounds; the phases read and change it, nobody else."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from covey.aggregation import ServerState
from covey.models import ModelVersion
from covey.protocol.arrays import Arrays
from covey.protocol.door import Counters
from covey.protocol.issues import Issues
from covey.protocol.settings import Settings
from covey.training import spread_steps


@dataclass(slots=True, eq=False)
class Memory:
    """The coordinator's state apart from the phase it is in."""

    counters: Counters
    issues: Issues
    is_equipped: NDArray[np.bool_]  # (population): sent an update of a round, so it has the encoding and all that stays
    round: int = 0
    version: ModelVersion | None = None
    server_state: ServerState = ()
    variate: NDArray[np.float32] | None = None  # the fleet's, where the trainer has variates
    step_scale: NDArray[np.float32] | None = None  # (rows of the spline layer), for the whole run
    fleet_weight: float = 0.0  # of all devices together, estimated from the statistics round
    most_rows: int = 1  # with which one device counts, whatever its updates say

    @property
    def current(self) -> ModelVersion:
        """The model, which is there once the statistics round is over."""
        if self.version is None:
            raise ValueError("there is no model before the statistics round is over")
        return self.version

    @property
    def steps(self) -> NDArray[np.float32] | None:
        """What multiplies the step of each parameter, (parameters), if anything does."""
        return None if self.step_scale is None else spread_steps(self.current.spec, self.step_scale)

    def arrays(self) -> Arrays:
        """For a snapshot."""
        arrays: Arrays = {
            "memory.round": np.array([self.round], np.uint32),
            "memory.fleet_weight": np.array([self.fleet_weight]),
            "memory.most_rows": np.array([self.most_rows], np.int64),
            "memory.counters": self.counters.last,
            "memory.is_equipped": self.is_equipped,
            **self.issues.arrays(),
        }
        if self.version is not None:
            arrays["memory.version"] = np.frombuffer(self.version.encode(), np.uint8)
        if self.variate is not None:
            arrays["memory.variate"] = self.variate
        if self.step_scale is not None:
            arrays["memory.step_scale"] = self.step_scale
        for place, moment in enumerate(self.server_state):
            arrays[f"memory.server.{place}"] = moment
        return arrays

    @classmethod
    def from_arrays(cls, settings: Settings, arrays: Arrays) -> "Memory":
        """From a snapshot."""
        version = arrays.get("memory.version")
        variate = arrays.get("memory.variate")
        step_scale = arrays.get("memory.step_scale")
        moments = sorted(name for name in arrays if name.startswith("memory.server."))
        return cls(
            counters=Counters(arrays["memory.counters"].astype(np.uint32)),
            issues=Issues.from_arrays(settings.staleness, arrays),
            is_equipped=arrays["memory.is_equipped"].astype(np.bool_),
            round=int(arrays["memory.round"][0]),
            version=None if version is None else ModelVersion.decode(version.tobytes()),
            server_state=tuple(arrays[name].astype(np.float64) for name in moments),
            variate=None if variate is None else variate.astype(np.float32),
            step_scale=None if step_scale is None else step_scale.astype(np.float32),
            fleet_weight=float(arrays["memory.fleet_weight"][0]),
            most_rows=int(arrays["memory.most_rows"][0]),
        )
