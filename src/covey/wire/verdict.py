"""What became of a message: accepted, or the one reason why not. Faults of remote parties are these values."""

from enum import IntEnum


class Verdict(IntEnum):
    """The answer to a message, as a Receipt carries it (docs/SPEC.md). A number never changes its meaning."""

    ACCEPTED = 0
    MALFORMED = 1  # not the message of docs/SPEC.md, or not packed as the task asks
    TOO_LARGE = 2  # beyond a limit on size, depth or number of items, or longer than the clip that was asked for
    WRONG_VERSION = 3  # of a protocol this side does not speak
    NONFINITE = 4  # NaN or infinity
    UNKNOWN_DEVICE = 5
    COUNTER_REPLAY = 6  # a counter that is not above the last one
    DUPLICATE = 7  # the device's answer to this round was accepted before: durable, and not counted again
    LATE = 8  # the round is over
    WRONG_ROUND = 9  # a round that nobody was asked in
    WRONG_MODEL = 10  # made from another model version than the round's
    NOT_SELECTED = 11
    NO_EXAMPLES = 12  # stands for no rows
    ROUND_FULL = 13  # the round has all it waits for

    @property
    def durable(self) -> bool:
        """Whether the device is done with the update because it is kept for good."""
        return self in {Verdict.ACCEPTED, Verdict.DUPLICATE}

    @property
    def label(self) -> str:
        """The name that records and reports use: "wrong_model"."""
        return self.name.lower()
