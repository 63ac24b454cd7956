"""Between two rounds: a candidate is made, judged by the gate, and published or dropped."""

from dataclasses import dataclass

import numpy as np

from covey.aggregation import ServerState
from covey.models import ModelVersion
from covey.protocol.blocks import MessageBlock
from covey.protocol.door import judge_updates
from covey.protocol.effects import SendReceipts
from covey.protocol.memory import Arrays, Memory
from covey.protocol.settings import Settings
from covey.protocol.tally import Tally
from covey.protocol.training_round import TrainingRound, read_headers


@dataclass(slots=True, eq=False)
class Publishing:
    """Waiting for the gate's answer; updates that come meanwhile belong to no round."""

    candidate: ModelVersion
    server_state: ServerState
    variate: np.ndarray[tuple[int], np.dtype[np.float32]] | None
    tally: Tally

    def receive(self, block: MessageBlock, memory: Memory) -> SendReceipts:
        """Refuse updates and answer all; copies of accepted ones are durable."""
        receipts = refuse_updates(block, memory)
        self.tally.count(receipts, block.sizes)
        return receipts

    def accept(self, memory: Memory) -> None:
        """The candidate is the fleet's model from now on."""
        memory.version = self.candidate
        memory.server_state = self.server_state
        memory.variate = self.variate

    def arrays(self) -> Arrays:
        """For a snapshot."""
        arrays: Arrays = {"candidate": np.frombuffer(self.candidate.encode(), np.uint8), **self.tally.arrays()}
        for place, moment in enumerate(self.server_state):
            arrays[f"candidate.server.{place}"] = moment
        if self.variate is not None:
            arrays["candidate.variate"] = self.variate
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> "Publishing":
        """From a snapshot."""
        moments = sorted(name for name in arrays if name.startswith("candidate.server."))
        variate = arrays.get("candidate.variate")
        return cls(
            candidate=ModelVersion.decode(arrays["candidate"].tobytes()),
            server_state=tuple(arrays[name].astype(np.float64) for name in moments),
            variate=None if variate is None else variate.astype(np.float32),
            tally=Tally.from_arrays(arrays),
        )


def refuse_updates(block: MessageBlock, memory: Memory) -> SendReceipts:
    """Answer updates while no round is open: whatever they are, they are not accepted now."""
    n_parameters = memory.version.spec.n_parameters if memory.version else 0
    headers = read_headers(block, n_parameters)
    verdicts = judge_updates(block.devices, headers, memory.issues, memory.counters, is_open=False)
    return SendReceipts(block.devices, headers["round"].copy(), headers["counter"].copy(), verdicts)


def candidate_of(done: TrainingRound, settings: Settings, memory: Memory) -> Publishing | None:
    """The next model from a round that has its quorum; None where its parameters are not finite."""
    current = memory.current
    change = done.aggregate.change()
    parameters, server_state = settings.server.step(current.parameters, change, memory.server_state)
    if not np.isfinite(parameters).all():
        return None
    variate = memory.variate
    if done.variates is not None and variate is not None:
        variate = done.variates.applied(variate, memory.issues.variates(), memory.step_scale)
    return Publishing(current.successor(parameters), server_state, variate, done.tally)
