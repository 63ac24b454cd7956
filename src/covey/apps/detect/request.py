"""What was asked for, checked before anything is read."""

import math
from dataclasses import dataclass, replace
from pathlib import Path

from covey.apps.detect.options import Values
from covey.errors import Code, EnvironmentFault, ModelError
from covey.sensing.store import StoreLimits
from covey.watching import LARGEST_SCORE, Mode
from covey.wire import DetectionSettings

STATE_FILE, OLD_STATE_FILE = "watch.state", "watch.state.old"


@dataclass(frozen=True, slots=True)
class Overrides:
    """Settings of detection that stand instead of the model's; None keeps the model's."""

    alarms_per_hour: float | None = None
    window_s: float | None = None
    order: int | None = None
    votes: int | None = None
    of: int | None = None
    hysteresis: float | None = None
    quiet_s: float | None = None
    warm_up_s: float | None = None

    def applied_to(self, settings: DetectionSettings) -> DetectionSettings:
        """The settings to watch with; EnvironmentFault (usage) if they do not go together."""
        given = {name: value for name in self.__slots__ if (value := getattr(self, name)) is not None}
        if "votes" in given and "of" not in given:
            given["of"] = max(settings.of, int(given["votes"]))
        if "of" in given and "votes" not in given:
            given["votes"] = min(settings.votes, int(given["of"]))
        try:
            return replace(settings, **given)
        except ModelError as error:
            raise wrong_usage(error.cause) from error


@dataclass(frozen=True, slots=True)
class Request:
    """One run of `covey detect`."""

    model: Path
    source: str
    follow: bool = False
    mode: Mode = Mode.INFERENCE
    calibrate: tuple[str, ...] = ()
    truth: Path | None = None
    session: str | None = None
    role: str | None = None
    device: str | None = None
    alerts: str | None = None
    overrides: Overrides = Overrides()
    threshold: float | None = None
    learn_windows: int = 360
    streams: int = 1024
    store: Path | None = None
    store_mb: float | None = None
    store_days: float | None = None
    spool: Path | None = None
    stats_s: float = 60.0
    fail_on_alert: bool = False
    as_json: bool = False
    quiet: bool = False

    @classmethod
    def of(cls, model: str, source: str, values: Values) -> "Request":
        """A request from the values of options.DETECT; EnvironmentFault (usage) where they contradict each other."""
        names = set(Overrides.__slots__)
        own = {name: value for name, value in values.items() if name not in names}
        for name in ("truth", "store", "spool"):
            own[name] = Path(str(own[name])) if own.get(name) else None
        own["mode"] = Mode(str(own["mode"]))
        own["calibrate"] = tuple(own["calibrate"] or ())
        overrides = Overrides(**{name: values[name] for name in names})
        request = cls(model=Path(model), source=source, overrides=overrides, **own)
        request.check()
        return request

    def store_limits(self) -> StoreLimits:
        """What the store may hold; EnvironmentFault (usage) for a size or an age that is out of range."""
        usual = StoreLimits()
        size_bytes = usual.size_bytes if self.store_mb is None else self.store_mb * 1_000_000
        age_s = usual.age_s if self.store_days is None else self.store_days * 86_400
        try:
            return replace(usual, size_bytes=int(size_bytes), age_s=age_s)
        except (ValueError, OverflowError) as error:
            raise wrong_usage(f"--store-mb or --store-days: {error}") from error

    def check(self) -> None:
        """EnvironmentFault (usage) where options contradict each other or are out of range."""
        is_federated = self.mode is Mode.FEDERATED
        faults = (
            (self.as_json and self.alerts == "-", "--json and --alerts - would both write to standard output"),
            ((self.session or self.role) and not self.truth, "--session and --role say which part of --truth is meant"),
            (is_federated and not (self.store and self.spool), "--mode federated needs --store DIR and --spool DIR"),
            (self.spool and not is_federated, "--spool is for --mode federated"),
            (
                not self.store and (self.store_mb is not None or self.store_days is not None),
                "--store-mb and --store-days are about --store DIR",
            ),
            (self.follow and self.source == "-", "standard input is followed anyway: leave --follow out"),
            (
                self.threshold is not None and self.mode is Mode.ADAPT,
                "--threshold is given, but --mode adapt finds its own",
            ),
            (self.threshold is not None and bool(self.calibrate), "--threshold and --calibrate exclude each other"),
            (
                self.threshold is not None and self.overrides.alarms_per_hour is not None,
                "--threshold and --alarms-per-hour exclude each other: a budget is what a threshold is set by",
            ),
            (
                self.threshold is not None and not abs(self.threshold) <= LARGEST_SCORE,
                f"--threshold is {self.threshold}; it is a finite number, of 3.4e38 at most",
            ),
            (self.learn_windows < 1, f"--learn-windows is {self.learn_windows}; it is 1 or more"),
            (not 1 <= self.streams <= 65_535, f"--streams is {self.streams}; it is from 1 to 65,535"),
            (not (math.isfinite(self.stats_s) and self.stats_s > 0), f"--stats-s is {self.stats_s}; it is more than 0"),
        )
        for is_fault, text in faults:
            if is_fault:
                raise wrong_usage(text)
        self.store_limits()


def wrong_usage(text: str) -> EnvironmentFault:
    """The error of a command that was called wrongly."""
    return EnvironmentFault(Code.USAGE, text, "covey detect --help")
