"""What was asked in the rounds whose updates may still count."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Issue:
    """One round's request, and who has answered it: each device is heard once."""

    round: int
    digest: bytes  # of the model its updates start from, as updates name it
    devices: NDArray[np.uint32]  # (n) asked, ascending
    answered: NDArray[np.bool_]  # (n): an answer of that device was accepted
    variate: NDArray[np.float32] | None = None  # (parameters), as the devices were told

    @classmethod
    def to(
        cls, devices: NDArray[np.uint32], round_number: int, digest: bytes, variate: NDArray[np.float32] | None = None
    ) -> "Issue":
        """A request that nobody has answered yet, to `devices` (n), ascending."""
        return cls(round_number, digest, devices, np.zeros(devices.size, np.bool_), variate)

    def asked(self, devices: NDArray[np.uint32]) -> NDArray[np.bool_]:
        """Which of `devices` (n) were asked, (n)."""
        if self.devices.size == 0:
            return np.zeros(devices.size, np.bool_)
        place = np.searchsorted(self.devices, devices).clip(max=self.devices.size - 1)
        found: NDArray[np.bool_] = self.devices[place] == devices
        return found

    def answer(self, devices: NDArray[np.uint32]) -> NDArray[np.bool_]:
        """Take down that different `devices` (n), all of them asked, answer; which do so for the first time, (n)."""
        places = np.searchsorted(self.devices, devices)
        is_first: NDArray[np.bool_] = ~self.answered[places]
        self.answered[places] = True
        return is_first

    def unanswered(self) -> NDArray[np.uint32]:
        """Devices that still owe an answer, ascending."""
        owing: NDArray[np.uint32] = self.devices[~self.answered]
        return owing


@dataclass(frozen=True, slots=True, eq=False)
class Issues:
    """The current round's request and those before it that staleness still admits, oldest first."""

    staleness: int
    recent: tuple[Issue, ...] = ()

    @property
    def current(self) -> Issue:
        """The round that is under way or was last."""
        return self.recent[-1]

    def opened(self, issue: Issue) -> "Issues":
        """With a new round; the one that is now too old drops out."""
        return Issues(self.staleness, (*self.recent, issue)[-(self.staleness + 1) :])

    def variates(self) -> dict[int, NDArray[np.float32]]:
        """The control variates told, by round."""
        return {issue.round: issue.variate for issue in self.recent if issue.variate is not None}

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """For a snapshot."""
        arrays: dict[str, NDArray[np.generic]] = {
            "issues.rounds": np.array([issue.round for issue in self.recent], np.uint32),
            "issues.digests": np.frombuffer(b"".join(issue.digest for issue in self.recent), np.uint8),
        }
        for issue in self.recent:
            arrays[f"issues.{issue.round}.devices"] = issue.devices
            arrays[f"issues.{issue.round}.answered"] = issue.answered.copy()
            if issue.variate is not None:
                arrays[f"issues.{issue.round}.variate"] = issue.variate
        return arrays

    @classmethod
    def from_arrays(cls, staleness: int, arrays: dict[str, NDArray[np.generic]]) -> "Issues":
        """From a snapshot."""
        rounds = arrays["issues.rounds"].tolist()
        digests = arrays["issues.digests"].tobytes()
        width = len(digests) // max(1, len(rounds))
        return cls(
            staleness,
            tuple(
                Issue(
                    number,
                    digests[place * width : (place + 1) * width],
                    arrays[f"issues.{number}.devices"].astype(np.uint32),
                    arrays[f"issues.{number}.answered"].astype(np.bool_),
                    variate.astype(np.float32)
                    if (variate := arrays.get(f"issues.{number}.variate")) is not None
                    else None,
                )
                for place, number in enumerate(rounds)
            ),
        )
