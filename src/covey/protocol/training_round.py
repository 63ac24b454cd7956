"""A training round under way: updates in, judged and added up as they come, nothing kept of a single one."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from covey.aggregation import Aggregator, RunningAggregate, ordered_sum
from covey.core import UPDATE_HEADER_FIELDS, Codec, Recipe, Status, read_updates, square_updates
from covey.protocol.arrays import Arrays, below
from covey.protocol.blocks import MessageBlock
from covey.protocol.door import judge_updates
from covey.protocol.effects import SendReceipts
from covey.protocol.memory import Memory
from covey.protocol.settings import Settings
from covey.protocol.tally import Tally
from covey.training import VariateSum
from covey.wire import Verdict

HEADER = np.dtype(UPDATE_HEADER_FIELDS)

#: Where a payload says how it is packed: the codec, and the block of int8 (docs/SPEC.md).
PACKING = np.array([0, 5, 6], np.uint64)

#: An update from a model s rounds old weighs 1 / sqrt(1 + s): Xie et al. 2019 and Nguyen et al. 2022 (FedBuff) use it.
STALENESS_POWER = -0.5


@dataclass(slots=True, eq=False)
class TrainingRound:
    """Waiting for updates."""

    target: int  # accepted updates that end the round
    tally: Tally
    deadline_ms: int
    aggregate: RunningAggregate
    variates: VariateSum | None

    def room(self) -> int:
        """Updates that may be judged before the round could be over."""
        return max(0, self.target - self.tally.accepted)

    def receive(self, block: MessageBlock, settings: Settings, memory: Memory) -> SendReceipts:
        """Judge updates, add the accepted ones and answer all."""
        n_parameters = memory.current.spec.n_parameters
        headers = read_headers(block, n_parameters, settings.recipe)
        too_long = too_long_for(settings.recipe, block, headers, n_parameters)
        verdicts = judge_updates(block.devices, headers, too_long, memory.issues, memory.counters, is_open=True)
        accepted = verdicts == Verdict.ACCEPTED
        if accepted.any():
            self._add(block, headers, accepted, settings, memory)
        receipts = SendReceipts(block.devices, headers["round"].copy(), headers["counter"].copy(), verdicts)
        self.tally.count(receipts, block.sizes)
        return receipts

    def _add(
        self,
        block: MessageBlock,
        headers: NDArray[np.void],
        accepted: NDArray[np.bool_],
        settings: Settings,
        memory: Memory,
    ) -> None:
        memory.is_equipped[block.devices[accepted]] = True
        examples = np.minimum(headers["num_examples"], memory.most_rows).astype(np.uint32)
        weights = np.where(accepted, settings.aggregator.weights(examples), 0.0)
        rounds_late = memory.round - headers["round"][accepted].astype(np.int64)
        discounted = weights.copy()
        if rounds_late.any():
            discounted[accepted] *= (1.0 + rounds_late) ** STALENESS_POWER
        self.aggregate.add(block.content, block.offsets, headers, discounted, settings.threads)
        self.tally.examples += int(examples[accepted].sum(dtype=np.int64))
        self.tally.loss = ordered_sum(
            self.tally.loss, headers["loss"][accepted].astype(np.float64) * examples[accepted].astype(np.float64)
        )
        if self.variates is not None:
            reach = variate_reach(settings, headers, [issue.round for issue in memory.issues.recent])
            self.variates.add(
                block.content, block.offsets, headers, weights / memory.fleet_weight, reach, settings.threads
            )

    def is_over(self, now_ms: int) -> bool:
        """Enough have answered, or the time is up."""
        return self.room() == 0 or now_ms >= self.deadline_ms

    def has_quorum(self, settings: Settings) -> bool:
        """Enough for the round to count."""
        return self.tally.accepted >= settings.needed(self.target)

    def arrays(self) -> Arrays:
        """For a snapshot."""
        arrays: Arrays = {
            "round.times": np.array([self.target, self.deadline_ms], np.int64),
            **{f"round.aggregate.{name}": array for name, array in self.aggregate.arrays().items()},
            **self.tally.arrays(),
        }
        if self.variates is not None:
            arrays["round.variates"] = self.variates.scaled
            arrays["round.variates.rounds"] = np.array(list(self.variates.shares), np.uint32)
            arrays["round.variates.shares"] = np.array(list(self.variates.shares.values()))
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Arrays, aggregator: Aggregator) -> "TrainingRound":
        """From a snapshot."""
        target, deadline_ms = arrays["round.times"].tolist()
        variates = None
        if "round.variates" in arrays:
            shares = dict(
                zip(arrays["round.variates.rounds"].tolist(), arrays["round.variates.shares"].tolist(), strict=True)
            )
            variates = VariateSum(arrays["round.variates"].astype(np.float64), shares)
        aggregate = aggregator.restore(below("round.aggregate.", arrays))
        return cls(target, Tally.from_arrays(arrays), deadline_ms, aggregate, variates)


def read_headers(block: MessageBlock, n_parameters: int, recipe: Recipe) -> NDArray[np.void]:
    """Headers (n) of a block's updates, each with a status of its own: FORMAT where it is not packed by `recipe`."""
    headers = np.zeros(block.n_messages, HEADER)
    read_updates(block.content, block.offsets, block.sizes, n_parameters, headers)
    sound = np.flatnonzero(headers["status"] == Status.OK)
    begin = block.offsets[sound] + headers["payload_offset"][sound]
    heads = block.content[begin[:, np.newaxis] + PACKING]  # the first 7 bytes, of which there are 9 at least
    packed = heads[:, 0] == recipe.codec
    if recipe.codec is Codec.INT8:
        packed &= heads[:, 1] + np.uint16(256) * heads[:, 2] == recipe.block
    headers["status"][sound[~packed]] = Status.FORMAT
    return headers


def too_long_for(
    recipe: Recipe, block: MessageBlock, headers: NDArray[np.void], n_parameters: int
) -> NDArray[np.bool_]:
    """Which of n updates are longer than the recipe's clip allows, (n)."""
    squares = np.zeros(headers.size)
    if recipe.clip_norm > 0.0:
        square_updates(block.content, block.offsets, headers, n_parameters, squares)
    return squares > recipe.longest_norm**2


def variate_reach(settings: Settings, headers: NDArray[np.void], rounds: list[int]) -> NDArray[np.float64]:
    """How far a unit gradient moved the devices behind n updates of `rounds`, (n), each by its round's rate."""
    reach = np.ones(headers.size)
    for number in rounds:
        mine = headers["round"] == number
        reach[mine] = settings.trainer.reach(number, settings.rounds, headers["num_examples"][mine])
    return np.where(reach > 0.0, reach, 1.0)
