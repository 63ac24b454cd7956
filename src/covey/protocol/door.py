"""The door: a verdict for every message, in named gates, for a whole block at once.

Order of the gates: who sent it, is it sound, was it here before, which round, which model, was it asked for, does it
stand for rows, has this device answered this round already. A replay is told before the round is looked at, so that the
copy of an accepted update is answered "durable" however late it comes. Only an accepted update moves a device's
counter. A device has one accepted update a round: another one, under a new counter, is a duplicate too.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from covey.core import Status
from covey.protocol.issues import Issue, Issues
from covey.wire import Verdict

Verdicts = NDArray[np.uint8]


class Counters:
    """The counter of each device's last accepted message, 4 bytes a device; 0: none yet."""

    __slots__ = ("last",)

    def __init__(self, last: NDArray[np.uint32]) -> None:
        self.last = last

    @property
    def size(self) -> int:
        """Devices of the population."""
        return self.last.size


def judge_updates(
    devices: NDArray[np.uint32],
    headers: NDArray[np.void],
    too_long: NDArray[np.bool_],
    issues: Issues,
    counters: Counters,
    *,
    is_open: bool,
) -> Verdicts:
    """Verdicts of n updates in their order, (n); the counters of the accepted ones are taken over.

    `too_long`: whose norm is more than the clip that was asked for allows, (n).
    `is_open` is false between rounds: what would be accepted is too late for the last and too early for the next.
    """
    verdicts = _first_refusal(
        headers.size,
        (
            (_unsound(headers["status"]), Verdict.MALFORMED),
            (headers["status"] == Status.NONFINITE, Verdict.NONFINITE),
            (too_long, Verdict.TOO_LARGE),
            *_round_and_model(devices, headers, issues),
            (headers["num_examples"] == 0, Verdict.NO_EXAMPLES),
        ),
    )
    if not is_open:
        verdicts[verdicts == Verdict.ACCEPTED] = Verdict.ROUND_FULL
    readable = headers["status"] == Status.OK
    claims = Claims(devices, headers["round"], headers["counter"], readable)
    return pass_once(claims, verdicts, counters, issues.recent)


@dataclass(frozen=True, slots=True, eq=False)
class Claims:
    """What n messages say of themselves."""

    devices: NDArray[np.uint32]
    rounds: NDArray[np.uint32]
    numbers: NDArray[np.uint32]  # counters
    readable: NDArray[np.bool_]  # whether there is a counter to look at


def pass_once(claims: Claims, verdicts: Verdicts, counters: Counters, issues: tuple[Issue, ...]) -> Verdicts:
    """Tell duplicates and replays, and take over the counters and answers of what is accepted, as if one by one."""
    devices, numbers = claims.devices, claims.numbers
    known = devices < counters.size
    verdicts[~known] = Verdict.UNKNOWN_DEVICE
    rows = np.flatnonzero(known & claims.readable)
    while rows.size:
        senders = devices[rows]
        order = np.argsort(senders, kind="stable")
        ordered = senders[order]
        again = order[1:][ordered[1:] == ordered[:-1]]
        now = rows if again.size == 0 else np.delete(rows, again)
        last = counters.last[devices[now]]
        number = numbers[now]
        verdict = verdicts[now]
        verdict[number <= last] = Verdict.COUNTER_REPLAY
        verdict[(number == last) & (last > 0)] = Verdict.DUPLICATE
        verdict[number == 0] = Verdict.COUNTER_REPLAY
        for issue in issues:
            mine = np.flatnonzero((verdict == Verdict.ACCEPTED) & (claims.rounds[now] == issue.round))
            verdict[mine[~issue.answer(devices[now[mine]])]] = Verdict.DUPLICATE
        taken = verdict == Verdict.ACCEPTED
        counters.last[devices[now[taken]]] = number[taken]
        verdicts[now] = verdict
        rows = rows[np.sort(again)]
    return verdicts


def _round_and_model(
    devices: NDArray[np.uint32], headers: NDArray[np.void], issues: Issues
) -> list[tuple[NDArray[np.bool_], Verdict]]:
    """The gates that compare an update with what was asked in its round."""
    rounds = headers["round"]
    digests = np.ascontiguousarray(headers["digest"]).view(np.uint64).reshape(-1, 2)
    other_model = np.zeros(rounds.size, np.bool_)
    uninvited = np.zeros(rounds.size, np.bool_)
    issued = np.zeros(rounds.size, np.bool_)
    for issue in issues.recent:
        mine = rounds == issue.round
        if mine.any():
            issued |= mine
            other_model |= mine & (digests != np.frombuffer(issue.digest, np.uint64)).any(axis=1)
            uninvited |= mine & ~issue.asked(devices)
    oldest = issues.recent[0].round if issues.recent else 0
    return [
        (rounds < oldest, Verdict.LATE),
        (~issued, Verdict.WRONG_ROUND),
        (other_model, Verdict.WRONG_MODEL),
        (uninvited, Verdict.NOT_SELECTED),
    ]


def _unsound(status: NDArray[np.int32]) -> NDArray[np.bool_]:
    return np.not_equal(status, Status.OK) & np.not_equal(status, Status.NONFINITE)


def _first_refusal(n: int, gates: tuple[tuple[NDArray[np.bool_], Verdict], ...]) -> Verdicts:
    """The verdict of the first gate that refuses each message, (n)."""
    verdicts = np.full(n, Verdict.ACCEPTED, np.uint8)
    for refused, verdict in reversed(gates):
        verdicts[refused] = verdict
    return verdicts
