"""Between two rounds: a candidate is made, judged by the gate, and published or dropped."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from covey.aggregation import ServerState
from covey.models import ModelVersion
from covey.protocol.arrays import Arrays
from covey.protocol.blocks import MessageBlock
from covey.protocol.door import judge_updates
from covey.protocol.effects import SendReceipts
from covey.protocol.memory import Memory
from covey.protocol.settings import Settings
from covey.protocol.tally import Tally
from covey.protocol.training_round import TrainingRound, read_headers

#: A mean gradient, and a moment (the square of one), beyond which nothing sound has led.
LARGEST_VARIATE = 1e6
LARGEST_MOMENT = LARGEST_VARIATE**2


@dataclass(slots=True, eq=False)
class Publishing:
    """Waiting for the gate's answer; updates that come meanwhile belong to no round."""

    candidate: ModelVersion
    server_state: ServerState
    tally: Tally

    def receive(self, block: MessageBlock, settings: Settings, memory: Memory) -> SendReceipts:
        """Refuse updates and answer all; copies of accepted ones are durable."""
        receipts = refuse_updates(block, settings, memory)
        self.tally.count(receipts, block.sizes)
        return receipts

    def accept(self, memory: Memory) -> None:
        """The candidate is the fleet's model from now on."""
        memory.version = self.candidate
        memory.server_state = self.server_state

    def arrays(self) -> Arrays:
        """For a snapshot."""
        arrays: Arrays = {"candidate": np.frombuffer(self.candidate.encode(), np.uint8), **self.tally.arrays()}
        for place, moment in enumerate(self.server_state):
            arrays[f"candidate.server.{place}"] = moment
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> "Publishing":
        """From a snapshot."""
        moments = sorted(name for name in arrays if name.startswith("candidate.server."))
        return cls(
            candidate=ModelVersion.decode(arrays["candidate"].tobytes()),
            server_state=tuple(arrays[name].astype(np.float64) for name in moments),
            tally=Tally.from_arrays(arrays),
        )


def refuse_updates(block: MessageBlock, settings: Settings, memory: Memory) -> SendReceipts:
    """Answer updates while no round is open: whatever they are, they are not accepted now."""
    n_parameters = memory.version.spec.n_parameters if memory.version else 0
    headers = read_headers(block, n_parameters, settings.recipe)
    unmeasured = np.zeros(headers.size, np.bool_)
    verdicts = judge_updates(block.devices, headers, unmeasured, memory.issues, memory.counters, is_open=False)
    return SendReceipts(block.devices, headers["round"].copy(), headers["counter"].copy(), verdicts)


def candidate_of(done: TrainingRound, settings: Settings, memory: Memory) -> Publishing | None:
    """The next model from a round that has its quorum; None where it or the server's moments ran away."""
    current = memory.current
    change = done.aggregate.change()
    parameters, server_state = settings.server.step(current.parameters, change, memory.server_state)
    if not np.isfinite(parameters).all() or not all(_within(moment, LARGEST_MOMENT) for moment in server_state):
        return None
    return Publishing(current.successor(parameters), server_state, done.tally)


def move_variate(done: TrainingRound, memory: Memory) -> bool:
    """Let the fleet's variate follow those of the devices whose updates were accepted, whatever becomes of the round.

    Their receipts are durable, so they move theirs. False where the variate would run away: it stays as it is.
    """
    if done.variates is None or memory.variate is None:
        return True
    with np.errstate(over="ignore", invalid="ignore"):
        moved = done.variates.applied(memory.variate, memory.issues.variates(), memory.steps)
    if not _within(moved, LARGEST_VARIATE):
        return False
    memory.variate = moved
    return True


def _within(values: NDArray[np.floating], bound: float) -> bool:
    """Whether all are finite and at most `bound` in magnitude."""
    return bool((np.abs(values) <= bound).all())
