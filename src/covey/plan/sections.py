"""The plain sections of a Plan: settings that choose no strategy. Keys, types, ranges, defaults and reasons."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from covey.models import DeviceClass

Share = Annotated[float, Field(ge=0.0, le=1.0)]
PositiveShare = Annotated[float, Field(gt=0.0, le=1.0)]
Probability = Annotated[float, Field(ge=0.0, lt=1.0)]
#: Bytes or rows a second: from a byte in a quarter of an hour to beyond any machine.
Rate = Annotated[float, Field(ge=1e-3, le=1e12)]


class Section(BaseModel):
    """A table of the Plan: no unknown keys, no silent conversion, no NaN, no change after loading."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        allow_inf_nan=False,
        validate_default=True,
        arbitrary_types_allowed=True,
    )


class JudgedOn(StrEnum):
    """Whose test rows a device's scores are about."""

    OWN = "own"
    ALL = "all"


class Rounds(Section):
    """How many rounds, and when one is over."""

    count: int = Field(ge=1, le=100_000)
    #: Share of the cohort whose updates must be in, or the round changes nothing. Half keeps a round worth its bytes.
    quorum: PositiveShare = 0.5
    #: Virtual seconds a round may take. Ten minutes is generous for a device that wakes up every few minutes.
    deadline_s: Annotated[float, Field(gt=0.0, le=2_592_000.0)] = 600.0  # 30 days: a Task can say 49
    #: An update counts when it starts from a model at most so many rounds old. 0: only from the current one.
    staleness: int = Field(default=1, ge=0, le=100)


class Profile(Section):
    """A kind of device: how fast it trains, how it is linked, how often it is awake, what feeds it."""

    name: str = Field(default="mains", min_length=1, max_length=64)
    #: Weight of this profile among all profiles; they need not add up to 1.
    share: Annotated[float, Field(gt=0.0, le=1e6)] = 1.0
    #: Rows a second in training. 5,000 is what a Cortex-M7 class chip does with the default model.
    rows_per_s: Rate = 5_000.0
    uplink_bytes_per_s: Rate = 12_500.0
    downlink_bytes_per_s: Rate = 12_500.0
    latency_s: Annotated[float, Field(ge=0.0, le=86_400.0)] = 0.05
    #: Share of the time in which the device can be reached.
    duty_cycle: PositiveShare = 1.0
    #: The link costs by the byte.
    metered: bool = False
    #: Mean charge of a device on battery; none: on mains.
    battery: Share | None = None
    #: Chance that a device on battery is charging when a round begins.
    charging: Share = 0.0


class Fleet(Section):
    """What the devices are; how many there are is the partition's matter."""

    #: The smallest class of devices that must hold the model; none: no limit.
    device_class: DeviceClass | None = None
    profiles: tuple[Profile, ...] = Field(default=(Profile(),), min_length=1)


class Faults(Section):
    """What goes wrong, each with a chance by device and round (messages: by message); all of it drawn from the seed."""

    dropout: Probability = 0.0
    straggler: Probability = 0.0
    #: A straggler takes so many times as long.
    straggler_factor: Annotated[float, Field(ge=1.0, le=1_000.0)] = 10.0
    lost: Probability = 0.0
    duplicated: Probability = 0.0
    crash: Probability = 0.0


class Judging(Section):
    """How the result is judged, and against what. All baselines have the same budget of steps."""

    #: Rounds between two looks at the test rows (the last round is always judged).
    every: int = Field(default=1, ge=1, le=100_000)
    #: A device's scores are about its own test rows, or about those of all devices (what it will meet elsewhere).
    rows: JudgedOn = JudgedOn.OWN
    #: Each device alone with its own rows.
    local: bool = True
    #: All rows in one place: what federated learning is compared with, not what it may do.
    central: bool = True
    #: Plain federated averaging of a dense network, for comparison.
    plain_fedavg: bool = False
